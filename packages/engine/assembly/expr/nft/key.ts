/** Keys: what a rule takes out of a packet, component by component. */
import { PacketL4 } from '../../../src/ct-codes';
import { SocketOf } from '../../../src/match-codes';
import { Field, SelectorFlag } from '../../../src/nft-codes';
import { Hook } from '../../../src/terms';
import { packet, skb } from '../../core/skb';
import { Key, Selector, Value } from '../../layout/nft';
import { transform } from './bitwise';
import { drawAny } from './chance';
import { ctField } from './ct';
import { fibField } from './fib';
import { arpField, headerField } from './header';
import { metaField } from './meta';
import { isChance, knownNumber } from './number';
import { nexthopField } from './rt';
import { giveNumber, valueHi, valueLo } from './value';

export enum Known {
  /** All components have values. */
  YES = 0,
  /** The packet has no value: the rule ends. */
  NONE = 1,
  /** A component is not modelled, see `unknownSelector`. */
  NO = 2,
}

/** Components of a key, at most. */
export const MOST: u32 = 8;
const VALUE: usize = offsetof<Value>();

/** The selector that nobody knows the value of. */
export let unknownSelector: usize = 0;

export function noteUnknown(selector: Selector): void {
  if (unknownSelector == 0) unknownSelector = changetype<usize>(selector);
}

@inline
export function selectorAt(key: Key, i: u32): Selector {
  return changetype<Selector>(changetype<usize>(key) + offsetof<Key>() + <usize>i * offsetof<Selector>());
}

function plainField(selector: Selector): bool {
  const field = <u32>selector.field;
  switch (<i32>(field >> 5)) {
    case 0:
      return headerField(field);
    case 1:
      return metaField(field);
    case 2:
      return ctField(field, selector.family);
    default:
      if (field >= <u32>Field.ARP_HTYPE) return arpField(field);
      return field == Field.RT_NEXTHOP ? nexthopField(selector.family) : fibField(field, selector.bytes);
  }
}

/** Whose socket made the packet (nft_meta_get_eval_skugid()). At INPUT it may have found its socket already. */
function ownerField(field: u32): Known {
  const s = skb();
  const p = packet();
  if (s.hook == Hook.INPUT) return Known.NO;
  if (s.socket != <u8>SocketOf.PROCESS) return Known.NONE;
  const isUser = field == Field.META_SKUID;
  if ((p.l4 & (isUser ? PacketL4.OWNER_UID : PacketL4.OWNER_GID)) == 0) return Known.NO;
  giveNumber(isUser ? p.uid : p.gid);
  return Known.YES;
}

/** Evaluates one selector; its value is given. */
function evaluate(selector: Selector): Known {
  const field = <u32>selector.field;
  if (field == Field.META_SKUID || field == Field.META_SKGID) {
    const known = ownerField(field);
    if (known == Known.NO) unknownSelector = changetype<usize>(selector);
    if (known != Known.YES) return known;
  } else if (field < <u32>Field.NUMGEN_INC) {
    if (!plainField(selector)) return Known.NONE;
  } else if (field == Field.UNMODELLED) {
    unknownSelector = changetype<usize>(selector);
    return Known.NO;
  } else {
    const known = isChance(selector) ? drawAny(selector) : knownNumber(selector);
    if (known != Known.YES) {
      if (known == Known.NO) noteUnknown(selector);
      return known;
    }
  }
  if ((selector.flags & <u8>SelectorFlag.BITWISE) != 0) transform(selector);
  return Known.YES;
}

/** Writes the components of a key to `out`, one `Value` each. */
export function evaluateKey(key: Key, out: usize): Known {
  let unknown: usize = 0;
  for (let i: u32 = 0; i < key.count; i++) {
    unknownSelector = 0;
    // Once a component is unknown nothing is drawn any more, but one without a value still ends the rule.
    const selector = selectorAt(key, i);
    if (unknown != 0 && (<u32>selector.field >= <u32>Field.NUMGEN_INC)) continue;
    const known = evaluate(selector);
    if (known == Known.NONE) return known;
    if (known == Known.NO && unknown == 0) unknown = unknownSelector;
    const value = changetype<Value>(out + <usize>i * VALUE);
    value.hi = valueHi;
    value.lo = valueLo;
  }
  unknownSelector = unknown;
  return unknown == 0 ? Known.YES : Known.NO;
}
