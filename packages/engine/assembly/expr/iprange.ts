/** iprange_mt4, iprange_mt6 (xt_iprange.c). */
import { RangeTest } from '../../src/match-codes';
import { packet } from '../core/skb';
import { AddressPair, Statement } from '../layout/statement';

@inline
function atLeast(hi: u64, lo: u64, hi2: u64, lo2: u64): bool {
  return hi != hi2 ? hi > hi2 : lo >= lo2;
}

function inside(at: usize, hi: u64, lo: u64): bool {
  const pair = changetype<AddressPair>(at);
  return atLeast(hi, lo, pair.hi, pair.lo) && atLeast(pair.hi2, pair.lo2, hi, lo);
}

export function matchRange(at: usize): bool {
  const parts = changetype<Statement>(at).argument;
  const p = packet();
  const source = at + offsetof<Statement>();
  if ((parts & RangeTest.SRC) != 0) {
    if (inside(source, p.saddrHi, p.saddrLo) == ((parts & (RangeTest.SRC << 4)) != 0)) return false;
  }
  if ((parts & RangeTest.DST) != 0) {
    const destination = source + offsetof<AddressPair>();
    if (inside(destination, p.daddrHi, p.daddrLo) == ((parts & (RangeTest.DST << 4)) != 0)) return false;
  }
  return true;
}
