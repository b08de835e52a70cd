/** DNAT, SNAT (xt_nat.c), MASQUERADE (nf_nat_masquerade.c), REDIRECT (nf_nat_redirect.c). */
import { AddressFlag, NatFlag, ScopeId } from '../../src/codes';
import { Hook, Reason, Verdict } from '../../src/terms';
import { none, packet, skb, some } from '../core/skb';
import { bind, newRange, rewritesSource } from '../ct/nat';
import { NatRange } from '../ct/unique';
import { isLinkLocal6 } from '../fib/kinds';
import { hasGateway } from '../fib/result';
import { addressAt, selectSource4, selectSource6 } from '../fib/source';
import { InterfaceAddress } from '../layout/address';
import { Link } from '../layout/link';
import { NatStatement, Statement } from '../layout/statement';

/** Why the statement dropped the packet; NONE: by its verdict alone. */
export let natReason: u32 = Reason.NONE;

export function natClear(): void {
  natReason = Reason.NONE;
}

function rangeOf(at: usize): NatRange {
  const statement = changetype<NatStatement>(at);
  const range = newRange();
  range.flags = changetype<Statement>(at).argument;
  range.fromHi = statement.fromHi;
  range.fromLo = statement.fromLo;
  range.toHi = statement.toHi;
  range.toLo = statement.toLo;
  range.portFrom = statement.portFrom;
  range.portTo = statement.portTo;
  return range;
}

/** A statement for the other family lets its packets pass (nft_nat_inet_eval()). */
@inline
export function passesBy(flags: u32): bool {
  return (flags & (packet().family == 4 ? NatFlag.ONLY_6 : NatFlag.ONLY_4)) != 0;
}

/** One network for another: the packet keeps the bits that the range leaves open (nft_nat.c:nft_nat_setup_netmap(), xt_NETMAP.c). */
function mapNetwork(range: NatRange, source: bool): void {
  const p = packet();
  const openHi = range.fromHi ^ range.toHi;
  const openLo = range.fromLo ^ range.toLo;
  range.fromHi = ((source ? p.saddrHi : p.daddrHi) & openHi) | (range.fromHi & ~openHi);
  range.fromLo = ((source ? p.saddrLo : p.daddrLo) & openLo) | (range.fromLo & ~openLo);
  range.toHi = range.fromHi;
  range.toLo = range.fromLo;
}

/** A NAT verdict accepts; without a connection to bind it does nothing else. */
export function bindTo(range: NatRange): Verdict {
  const s = skb();
  if ((range.flags & NatFlag.NETMAP) != 0) mapNetwork(range, rewritesSource(s.hook));
  if (some(s.flow)) bind(s.flow, range, rewritesSource(s.hook), true);
  return Verdict.ACCEPT;
}

function bindToAddress(range: NatRange, address: InterfaceAddress): Verdict {
  if (!some(address)) {
    natReason = Reason.NO_SOURCE_ADDRESS;
    return Verdict.DROP;
  }
  return bindToOne(range, address.hi, address.lo);
}

function bindToOne(range: NatRange, hi: u64, lo: u64): Verdict {
  range.flags |= NatFlag.ADDRESSES;
  range.fromHi = hi;
  range.fromLo = lo;
  range.toHi = hi;
  range.toLo = lo;
  return bindTo(range);
}

export function translateTo(at: usize): Verdict {
  if (passesBy(changetype<Statement>(at).argument)) return Verdict.CONTINUE;
  return bindTo(rangeOf(at));
}

export function masquerade(at: usize): Verdict {
  return masqueradeTo(rangeOf(at));
}

export function masqueradeTo(range: NatRange): Verdict {
  const s = skb();
  const p = packet();
  if (!some(s.flow) || !some(s.oif)) return Verdict.ACCEPT;
  // A source of all zeros is probably not to be masqueraded.
  if (p.family == 4 && s.flow.oSaddrLo == 0) return Verdict.ACCEPT;
  let address = none<InterfaceAddress>();
  if (p.family == 6) address = selectSource6(s.netns, s.oif, p.daddrHi, p.daddrLo);
  else address = selectSource4(s.netns, s.oif, hasGateway() && s.gatewayFamily == 4 ? s.gatewayLo : p.daddrLo, ScopeId.UNIVERSE);
  return bindToAddress(range, address);
}

/** The first address of the link that will do; an IPv6 destination of link scope wants one of link scope. */
function redirectAddress(link: Link): InterfaceAddress {
  const p = packet();
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family != p.family) continue;
    if (p.family == 4) {
      if ((address.flags & <u8>AddressFlag.SECONDARY) == 0) return address;
      continue;
    }
    if (isLinkLocal6(p.daddrHi) && !isLinkLocal6(address.hi)) continue;
    if (address.hi == 0 && address.lo >> 32 == 0xffff) continue;
    return address;
  }
  return none<InterfaceAddress>();
}

export function redirect(at: usize): Verdict {
  return redirectTo(rangeOf(at));
}

export function redirectTo(range: NatRange): Verdict {
  const s = skb();
  if (s.hook == Hook.OUTPUT) return bindToOne(range, 0, packet().family == 4 ? 0x7f000001 : 1);
  return bindToAddress(range, some(s.iif) ? redirectAddress(s.iif) : none<InterfaceAddress>());
}
