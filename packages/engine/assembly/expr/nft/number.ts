/** Numbers: counters and hashes (nft_numgen.c, nft_hash.c). What nobody can know is drawn in `chance.ts`. */
import { Field, SelectorFlag } from '../../../src/nft-codes';
import { jhash, scale } from '../../core/jhash';
import { skb, some } from '../../core/skb';
import { Key, Selector, Value } from '../../layout/nft';
import { nameHigh, nameLow } from '../../core/names';
import { counterOf, isNthChosen } from '../statistic';
import { evaluateKey, Known, MOST, selectorAt } from './key';
import { giveNumber } from './value';

/** Keys of hashes; a hash of a hash needs one more. */
const LEVELS: u32 = 4;
const KEYS: usize = memory.data(4 * 8 * 16, 8);
const BYTES: usize = memory.data(144, 8);
/** Sizes of names and IPv6 addresses. */
const WIDE: u32 = 16;

let level: u32 = 0;

/** True for numbers that a choice has to say. */
export function isChance(selector: Selector): bool {
  switch (<i32>selector.field) {
    case <i32>Field.NUMGEN_INC:
      return isNthChosen();
    case <i32>Field.JHASH:
      return (selector.flags & <u8>SelectorFlag.SEEDED) == 0;
    case <i32>Field.NUMGEN_RANDOM:
    case <i32>Field.SYMHASH:
      return true;
    default:
      return false;
  }
}

/** Values of the hash's key that was evaluated last. */
@inline
export function hashedValues(): usize {
  return KEYS + <usize>(level * MOST) * offsetof<Value>();
}

/** Evaluates what a jhash is about; its values stand at `hashedValues()`. */
export function evaluateHashed(selector: Selector): Known {
  assert(level < LEVELS, 'hashes of hashes');
  const values = hashedValues();
  level++;
  const known = evaluateKey(selector.key, values);
  level--;
  return known;
}

/** One component as the kernel's registers hold it. */
function spell(selector: Selector, at: usize, value: Value, size: u32): void {
  const ordered = (selector.flags & <u8>SelectorFlag.NETWORK_ORDER) != 0;
  if (size == WIDE && !ordered) {
    store<u64>(at, nameLow(<u32>value.lo));
    store<u64>(at, nameHigh(<u32>value.lo), 8);
    return;
  }
  for (let i: u32 = 0; i < size; i++) {
    const fromEnd = ordered ? size - 1 - i : i;
    const word = fromEnd < 8 ? value.lo : value.hi;
    store<u8>(at + i, <u8>(word >> (<u64>(fromEnd & 7) << 3)));
  }
}

/** Bytes of a component: addresses of connections are as long as their family has them. */
function sizeOf(selector: Selector): u32 {
  const field = <u32>selector.field;
  if (field >= <u32>Field.FIB_TYPE && field <= <u32>Field.FIB_OIFNAME) return field == Field.FIB_OIFNAME ? WIDE : 4;
  if (selector.bytes != 0) return selector.bytes;
  const flow = skb().flow;
  return selector.family == 6 || (some(flow) && flow.oFamily == 6) ? WIDE : 4;
}

/** A key of one component is hashed as long as it is; of several each takes whole registers of 4 bytes. */
function hash(key: Key, values: usize, seed: u32): u32 {
  memory.fill(BYTES, 0, 144);
  let length: u32 = 0;
  for (let i: u32 = 0; i < key.count; i++) {
    const selector = selectorAt(key, i);
    const value = changetype<Value>(values + <usize>i * offsetof<Value>());
    const size = sizeOf(selector);
    spell(selector, BYTES + length, value, size);
    length += key.count == 1 ? size : (size + 3) & ~3;
  }
  return jhash(BYTES, length, seed);
}

/** A counter, or a hash with a seed. */
export function knownNumber(selector: Selector): Known {
  if (selector.field == <u8>Field.NUMGEN_INC) {
    // It starts with the last number, so that 0 comes first.
    const counter = counterOf(changetype<usize>(selector), selector.mod - 1);
    if (changetype<usize>(counter) == 0) return Known.NONE;
    counter.count = counter.count + 1 < selector.mod ? counter.count + 1 : 0;
    giveNumber(<u64>counter.count + selector.offset);
    return Known.YES;
  }
  const known = evaluateHashed(selector);
  if (known != Known.YES) return known;
  giveNumber(<u64>(scale(hash(selector.key, hashedValues(), selector.seed), selector.mod) + selector.offset));
  return Known.YES;
}
