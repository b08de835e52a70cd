/** ((value & mask) ^ xor), then shifted (nft_bitwise.c). */
import { Selector } from '../../layout/nft';
import { give, giveNumber, valueHi, valueLo } from './value';

const WORD: u64 = 0xffffffff;

/** Applies what the selector does to its value, to the value given last. Shifts stay within 32 bits, of wide values within 128. */
export function transform(selector: Selector): bool {
  const hi = (valueHi & selector.maskHi) ^ selector.xorHi;
  const lo = (valueLo & selector.maskLo) ^ selector.xorLo;
  const shift = <i32>selector.shift;
  if (shift == 0) return give(hi, lo);
  if (hi == 0 && selector.family != 6) {
    return giveNumber(shift > 0 ? lo >> <u64>shift : lo > WORD ? lo << <u64>-shift : (lo << <u64>-shift) & WORD);
  }
  const by = <u64>(shift > 0 ? shift : -shift);
  if (by >= 64) return shift > 0 ? give(0, hi >> (by - 64)) : give(lo << (by - 64), 0);
  if (shift > 0) return give(hi >> by, (lo >> by) | (hi << (64 - by)));
  return give((hi << by) | (lo >> (64 - by)), lo << by);
}
