/** Relations: selectors against values (nft_cmp.c, nft_range.c). */
import { CompareCode } from '../../../src/nft-codes';
import { ChoiceKind } from '../../../src/terms';
import { choose } from '../../core/choice';
import { CompareTest, Value } from '../../layout/nft';
import { Statement } from '../../layout/statement';
import { atMost, nameFits, valueAt } from '../../set/nft-element';
import { drawCompared } from './chance';
import { evaluateKey, Known, MOST, selectorAt, unknownSelector } from './key';
import { isChance } from './number';

const VALUES: usize = memory.data(8 * 16, 8);

@inline
function fromAt(at: usize, i: u32): Value {
  return valueAt(at + offsetof<CompareTest>(), 2 * i);
}

function isWithin(at: usize, i: u32, value: Value): bool {
  const from = fromAt(at, i);
  const to = valueAt(at + offsetof<CompareTest>(), 2 * i + 1);
  if ((changetype<CompareTest>(at).wild & (1 << i)) != 0) return nameFits(value.lo, from, to);
  return atMost(from, value) && atMost(value, to);
}

/** Does the relation hold for the values? */
export function compares(at: usize, values: usize, count: u32): bool {
  const code = changetype<Statement>(at).argument;
  if (code <= <u32>CompareCode.NE) {
    for (let i: u32 = 0; i < count; i++) if (!isWithin(at, i, valueAt(values, i))) return code == CompareCode.NE;
    return code == CompareCode.EQ;
  }
  const value = valueAt(values, 0);
  const other = fromAt(at, 0);
  switch (<i32>code) {
    case <i32>CompareCode.LT:
      return !atMost(other, value);
    case <i32>CompareCode.LE:
      return atMost(value, other);
    case <i32>CompareCode.GT:
      return !atMost(value, other);
    default:
      return atMost(other, value);
  }
}

export function matchCompare(at: usize): bool {
  const key = changetype<CompareTest>(at).key;
  const alone = key.chance && key.count == 1 && isChance(selectorAt(key, 0));
  const known = alone ? drawCompared(selectorAt(key, 0), at, VALUES) : evaluateKey(key, VALUES);
  if (known == Known.NONE) return false;
  if (known == Known.NO) return choose(ChoiceKind.UNMODELLED, 2, false, unknownSelector, 0) == 0;
  return compares(at, VALUES, key.count);
}
