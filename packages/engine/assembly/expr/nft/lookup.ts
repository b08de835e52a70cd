/** Look-ups in sets and maps (nft_lookup.c). */
import { Op } from '../../../src/codes';
import { ChoiceKind } from '../../../src/terms';
import { choose } from '../../core/choice';
import { none, some } from '../../core/skb';
import { Key, LookupTest } from '../../layout/nft';
import { NftElement, NftSet } from '../../layout/nft-set';
import { Statement } from '../../layout/statement';
import { liveCount, liveElement, nftFind, nftSetByName } from '../../set/nft';
import { inverted } from '../header';
import { matchUndecided } from '../statistic';
import { drawFound } from './chance';
import { evaluateKey, Known, selectorAt, unknownSelector } from './key';
import { isChance } from './number';

const VALUES: usize = memory.data(8 * 16, 8);

/** The element that the rule under evaluation found last; null: none. */
export let foundElement: NftElement = none<NftElement>();

@inline
export function forgetElement(): void {
  foundElement = none<NftElement>();
}

/** Statements of an element (nft_set_elem_update_expr()): limits and the like may end the rule. */
function statementsHold(element: NftElement): bool {
  if (element.statements == 0) return true;
  let at = element.statements;
  while (true) {
    const op = <u32>changetype<Statement>(at).op;
    if (op == Op.END) return true;
    if (op == Op.CHOICE && !matchUndecided(at)) return false;
    at += changetype<Statement>(at).size;
  }
}

@inline
function setOf(name: u32, set: NftSet): NftSet {
  return name == 0 ? set : nftSetByName(name);
}

/** Evaluates a key into VALUES; the look-up itself is still to be made. */
function evaluateFor(key: Key, set: NftSet): Known {
  const alone = key.chance && key.count == 1 && isChance(selectorAt(key, 0));
  return alone ? drawFound(selectorAt(key, 0), set, VALUES) : evaluateKey(key, VALUES);
}

/** The element of a map, its statements run; null: the rule ends. A key that nobody knows may find any of them, or none. */
export function findInMap(key: Key, name: u32, ref: NftSet): NftElement {
  const set = setOf(name, ref);
  const known = evaluateFor(key, set);
  if (known == Known.NONE) return none<NftElement>();
  let element: NftElement;
  if (known == Known.NO) {
    const alternatives = liveCount(set) + 1;
    const taken = alternatives > 1 ? choose(ChoiceKind.UNMODELLED, alternatives, false, unknownSelector, 0) : 0;
    element = taken == 0 ? none<NftElement>() : liveElement(set, taken - 1);
  } else element = nftFind(set, VALUES);
  if (!some(element) || !statementsHold(element)) return none<NftElement>();
  foundElement = element;
  return element;
}

export function matchLookup(at: usize): bool {
  const test = changetype<LookupTest>(at);
  const set = setOf(changetype<Statement>(at).argument, test.set);
  const known = evaluateFor(test.key, set);
  if (known == Known.NONE) return false;
  if (known == Known.NO) return choose(ChoiceKind.UNMODELLED, 2, false, unknownSelector, 0) == 0;
  const element = nftFind(set, VALUES);
  if (inverted(at)) return !some(element);
  if (!some(element) || !statementsHold(element)) return false;
  foundElement = element;
  return true;
}
