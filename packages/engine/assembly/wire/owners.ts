/** Who has an address or a link-layer address, anywhere in the network: `ownersBuild`, `ownersOf`, `macOwner`. */
import { allocate } from '../core/memory';
import { fold, mix, roundUp } from '../core/hash';
import { none, some } from '../core/skb';
import { InterfaceAddress } from '../layout/address';
import { Link } from '../layout/link';

let addresses: usize = 0;
let addressMask: u32 = 0;
let macs: usize = 0;
let macMask: u32 = 0;

@inline
function hashAddress(family: u32, hi: u64, lo: u64): u32 {
  return fold(mix(lo ^ (<u64>family << 56), hi));
}

@inline
function hashMac(mac: u64): u32 {
  return fold(mix(mac, 0));
}

function slotOf(family: u32, hi: u64, lo: u64): usize {
  let at = hashAddress(family, hi, lo) & addressMask;
  while (true) {
    const slot = addresses + (<usize>at << 2);
    const first = changetype<InterfaceAddress>(<usize>load<u32>(slot));
    if (!some(first) || (first.lo == lo && first.hi == hi && first.family == family)) return slot;
    at = (at + 1) & addressMask;
  }
}

/** The first interface address of the network that is the given one; others follow by `next`, in the order of the network. */
export function ownersOf(family: u32, hi: u64, lo: u64): InterfaceAddress {
  if (addresses == 0) return none<InterfaceAddress>();
  return changetype<InterfaceAddress>(<usize>load<u32>(slotOf(family, hi, lo)));
}

/** The first link of the domain with the link-layer address. */
export function macOwner(domain: u32, mac: u64): Link {
  if (macs == 0) return none<Link>();
  let at = hashMac(mac) & macMask;
  while (true) {
    const link = changetype<Link>(<usize>load<u32>(macs + (<usize>at << 2)));
    if (!some(link)) return link;
    if (link.mac == mac && link.domain == domain) return link;
    at = (at + 1) & macMask;
  }
}

/** `first` and `count`: all interface addresses of the network, by namespace and link. */
export function ownersBuild(first: usize, count: u32, links: usize, linkCount: u32): void {
  addresses = 0;
  macs = 0;
  const size = roundUp(count * 2);
  addresses = allocate(<usize>size << 2);
  if (addresses == 0) return;
  addressMask = size - 1;
  // From the last to the first, each in front of those behind it.
  for (let i = <i32>count - 1; i >= 0; i--) {
    const address = changetype<InterfaceAddress>(first + <usize>i * offsetof<InterfaceAddress>());
    const slot = slotOf(address.family, address.hi, address.lo);
    address.next = changetype<InterfaceAddress>(<usize>load<u32>(slot));
    store<u32>(slot, <u32>changetype<usize>(address));
  }
  const macSize = roundUp(linkCount * 2);
  macs = allocate(<usize>macSize << 2);
  if (macs == 0) return;
  macMask = macSize - 1;
  for (let i: u32 = 0; i < linkCount; i++) {
    const link = changetype<Link>(links + <usize>i * offsetof<Link>());
    let at = hashMac(link.mac) & macMask;
    while (load<u32>(macs + (<usize>at << 2)) != 0) at = (at + 1) & macMask;
    store<u32>(macs + (<usize>at << 2), <u32>changetype<usize>(link));
  }
}
