/** Where a value comes from: the rule itself, the packet, or a map (nft_immediate.c, nft_lookup.c). */
import { SourceKind } from '../../../src/nft-codes';
import { some } from '../../core/skb';
import { Source, Value } from '../../layout/nft';
import { dataFrom, dataTo, valueAt } from '../../set/nft-element';
import { evaluateKey, Known } from './key';
import { findInMap } from './lookup';

/** First and last values of the source evaluated last, up to 8 of them. */
const FROM: usize = memory.data(8 * 16, 8);
const TO: usize = memory.data(8 * 16, 8);

@inline
export function sourceFrom(i: u32): Value {
  return valueAt(FROM, i);
}

@inline
export function sourceTo(i: u32): Value {
  return valueAt(TO, i);
}

function put(i: u32, from: Value, to: Value): void {
  const first = sourceFrom(i);
  const last = sourceTo(i);
  first.hi = from.hi;
  first.lo = from.lo;
  last.hi = to.hi;
  last.lo = to.lo;
}

/** NONE: the rule ends here. */
export function evaluateSource(source: Source): Known {
  switch (<i32>source.kind) {
    case <i32>SourceKind.VALUE: {
      const values = changetype<usize>(source) + offsetof<Source>();
      for (let i: u32 = 0; i < source.count; i++) put(i, valueAt(values, 2 * i), valueAt(values, 2 * i + 1));
      return Known.YES;
    }
    case <i32>SourceKind.SELECTORS: {
      const known = evaluateKey(source.key, FROM);
      memory.copy(TO, FROM, <usize>source.key.count * offsetof<Value>());
      return known;
    }
    default: {
      const element = findInMap(source.key, source.name, source.set);
      if (!some(element)) return Known.NONE;
      const set = element.set;
      for (let i: u32 = 0; i < set.parts; i++) put(i, dataFrom(set, element, i), dataTo(set, element, i));
      return Known.YES;
    }
  }
}
