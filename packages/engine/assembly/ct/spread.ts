/** Spreads connections over a range of addresses by a hash of both ends (nf_nat_core.c:find_best_ips_proto(), linux/jhash.h:jhash2()). */
import { NatFlag } from '../../src/codes';
import { jhash, scale } from '../core/jhash';
import { Tuple } from '../layout/flow';
import { NatRange } from './unique';

/** An address as the kernel's four words see it on a little-endian machine. */
const SOURCE: usize = memory.data(16, 4);
const TARGET: usize = memory.data(16, 4);
const LOW: usize = memory.data(16, 4);
const HIGH: usize = memory.data(16, 4);
/** The words of SOURCE in network byte order, with the zeros that jhash() wants behind them. */
const KEY: usize = memory.data(24, 4);
const KEY_BYTES: u32 = 16;

@inline
function word(base: usize, i: u32): u32 {
  return load<u32>(base + (<usize>i << 2));
}

/** Host-order words, most significant first; IPv4 in the first, the others 0. */
function spell(base: usize, family: u32, hi: u64, lo: u64): void {
  if (family == 4) {
    store<u32>(base, <u32>lo);
    store<u64>(base, 0, 4);
    store<u32>(base, 0, 12);
    return;
  }
  store<u32>(base, <u32>(hi >> 32));
  store<u32>(base, <u32>hi, 4);
  store<u32>(base, <u32>(lo >> 32), 8);
  store<u32>(base, <u32>lo, 12);
}

/** jhash2() over the four words of SOURCE: jhash() of their bytes. */
function hash(seed: u32): u32 {
  for (let i: u32 = 0; i < 4; i++) store<u32>(KEY + (<usize>i << 2), bswap<u32>(word(SOURCE, i)));
  return jhash(KEY, KEY_BYTES, seed);
}

/** Puts an address of the range into the source or the destination of the tuple. */
export function spread(tuple: Tuple, range: NatRange, zone: u32, source: bool): void {
  const family = <u32>tuple.family;
  const last: u32 = family == 4 ? 0 : 3;
  spell(SOURCE, family, tuple.saddrHi, tuple.saddrLo);
  spell(TARGET, family, tuple.daddrHi, tuple.daddrLo);
  spell(LOW, family, range.fromHi, range.fromLo);
  spell(HIGH, family, range.toHi, range.toLo);
  const persistent = (range.flags & NatFlag.PERSISTENT) != 0;
  let j = hash(persistent ? 0 : bswap<u32>(word(TARGET, last)) ^ zone);
  let full = false;
  const chosen = source ? SOURCE : TARGET;
  for (let i: u32 = 0; i <= last; i++) {
    const lowest = full ? 0 : word(LOW, i);
    const distance = full ? 0xffffffff : word(HIGH, i) - lowest + 1;
    const part = lowest + scale(j, distance);
    store<u32>(chosen + (<usize>i << 2), part);
    if (part != word(HIGH, i)) full = true;
    // The destination may be the one being written: its words change as they are.
    if (!persistent) j ^= bswap<u32>(word(TARGET, i));
  }
  let hi: u64 = 0;
  let lo: u64 = <u64>word(chosen, 0);
  if (family == 6) {
    hi = (<u64>word(chosen, 0) << 32) | word(chosen, 1);
    lo = (<u64>word(chosen, 2) << 32) | word(chosen, 3);
  }
  if (source) {
    tuple.saddrHi = hi;
    tuple.saddrLo = lo;
  } else {
    tuple.daddrHi = hi;
    tuple.daddrLo = lo;
  }
}
