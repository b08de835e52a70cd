/** What hosts learnt of questions: link-layer addresses of next hops, until the next packet that somebody sends. */
import { none } from '../core/skb';
import { Link } from '../layout/link';

@unmanaged
class Learnt {
  hi: u64;
  lo: u64;
  mac: u64;
  link: Link;
  /** Who has `mac`; 0: whoever it belongs to. */
  owner: Link;
  family: u32;
  pad: u32;
}

/** More than a conversation has hops; the oldest make room. */
const CAPACITY: u32 = 1024;
const LIST: usize = memory.data(1024 * 40, 16);

let count: u32 = 0;

export let learntMac: u64 = 0;
export let learntOwner: Link = none<Link>();

export function learntClear(): void {
  count = 0;
}

@inline
function at(i: u32): Learnt {
  return changetype<Learnt>(LIST + <usize>(i % CAPACITY) * offsetof<Learnt>());
}

function find(link: Link, family: u32, hi: u64, lo: u64): Learnt {
  for (let i: u32 = 0; i < min(count, CAPACITY); i++) {
    const known = at(i);
    if (known.link == link && known.lo == lo && known.hi == hi && known.family == family) return known;
  }
  return none<Learnt>();
}

/** Finds `learntMac` and `learntOwner`; false where nothing was learnt. */
export function recall(link: Link, family: u32, hi: u64, lo: u64): bool {
  const known = find(link, family, hi, lo);
  if (changetype<usize>(known) == 0) return false;
  learntMac = known.mac;
  learntOwner = known.owner;
  return true;
}

export function learn(link: Link, family: u32, hi: u64, lo: u64, mac: u64, owner: Link): void {
  let known = find(link, family, hi, lo);
  if (changetype<usize>(known) == 0) {
    known = at(count);
    count++;
  }
  known.link = link;
  known.family = family;
  known.hi = hi;
  known.lo = lo;
  known.mac = mac;
  known.owner = owner;
}
