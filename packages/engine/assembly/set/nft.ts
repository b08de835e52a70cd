/**
 * nftables' sets: which element is a key's (nft_set_hash.c, nft_set_rbtree.c, nft_set_pipapo.c)? Single values by hash, intervals of one
 * component by bisection, ranges of several one by one; then the catch-all.
 */
import { roundUp } from '../core/hash';
import { allocate } from '../core/memory';
import { none, skb, some } from '../core/skb';
import { Table } from '../layout/chain';
import { NamedSet, NftElement, NftSet } from '../layout/nft-set';
import { Change, changedOf, changeOf, elementOf, isPresent } from './nft-changes';
import { atMost, covers, hashKey, isAlive, keyFrom, keyTo, sameKey, valueAt } from './nft-element';

@inline
export function exactAt(set: NftSet, i: u32): NftElement {
  return changetype<NftElement>(set.exact + <usize>i * set.exactSize);
}

@inline
export function rangedAt(set: NftSet, i: u32): NftElement {
  return changetype<NftElement>(set.ranged + <usize>i * set.rangedSize);
}

/** Hashes the single elements that the host wrote. */
function build(set: NftSet): void {
  if (set.exactCount == 0 || set.slots != 0) return;
  const size = roundUp(set.exactCount * 2);
  set.slots = allocate(<usize>size << 2);
  if (set.slots == 0) return;
  set.mask = size - 1;
  for (let i: u32 = 0; i < set.exactCount; i++) {
    const element = changetype<usize>(exactAt(set, i));
    let at = hashKey(element + offsetof<NftElement>(), set.components) & set.mask;
    while (load<u32>(set.slots + (<usize>at << 2)) != 0) at = (at + 1) & set.mask;
    store<u32>(set.slots + (<usize>at << 2), <u32>element);
  }
}

/** Builds the indexes over the sets that `count` pointers at `at` lead to. */
export function nftSetsBuild(at: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) build(changetype<NftSet>(<usize>load<u32>(at + (<usize>i << 2))));
}

function findExact(set: NftSet, key: usize, hash: u32): NftElement {
  const components = set.components;
  let at = hash & set.mask;
  while (true) {
    const element = changetype<NftElement>(<usize>load<u32>(set.slots + (<usize>at << 2)));
    if (!some(element) || sameKey(element, key, components)) return element;
    at = (at + 1) & set.mask;
  }
}

/** The interval with the greatest start that is no greater than the key. */
function findInterval(set: NftSet, key: usize): NftElement {
  const value = valueAt(key, 0);
  let from: u32 = 0;
  let to = set.rangedCount;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (atMost(keyFrom(rangedAt(set, middle), 0), value)) from = middle + 1;
    else to = middle;
  }
  if (from == 0) return none<NftElement>();
  const element = rangedAt(set, from - 1);
  return atMost(value, keyTo(element, 1, 0)) ? element : none<NftElement>();
}

function findRanged(set: NftSet, key: usize): NftElement {
  if (set.intervals) return findInterval(set, key);
  for (let i: u32 = 0; i < set.rangedCount; i++) {
    const element = rangedAt(set, i);
    if (covers(element, key, set.components)) return element;
  }
  return none<NftElement>();
}

/** The element of its own that the set has for a key; null: none but the catch-all. */
function findOwn(set: NftSet, key: usize, hash: u32): NftElement {
  if (set.exactCount != 0) {
    const element = findExact(set, key, hash);
    if (some(element)) return isAlive(element) ? element : none<NftElement>();
  }
  if (set.rangedCount == 0) return none<NftElement>();
  const element = findRanged(set, key);
  return some(element) && isAlive(element) ? element : none<NftElement>();
}

/** The element for a key in the packet's namespace, the catch-all left out; null: none. */
export function nftFindKeyed(set: NftSet, key: usize): NftElement {
  const hash = set.exactCount != 0 || set.changes ? hashKey(key, set.components) : 0;
  if (set.changes) {
    const changed = changedOf(set);
    if (some(changed)) {
      const change = changeOf(changed, key, hash);
      if (some(change)) return isPresent(change) ? elementOf(change) : none<NftElement>();
    }
  }
  return findOwn(set, key, hash);
}

/** The element for a key in the packet's namespace; null: none. */
export function nftFind(set: NftSet, key: usize): NftElement {
  const element = nftFindKeyed(set, key);
  return some(element) ? element : nftCatchAll(set);
}

/** The element for keys that no other has; null: none, or it left. */
export function nftCatchAll(set: NftSet): NftElement {
  return some(set.catchAll) && isAlive(set.catchAll) ? set.catchAll : none<NftElement>();
}

/** The set that a name stands for in the table of the packet's base chain. */
export function nftSetByName(name: u32): NftSet {
  let table: Table = skb().base.table;
  while (some(table)) {
    if (table.sets != 0) {
      let i = (name * 0x9e3779b1) & table.setsMask;
      while (true) {
        const named = changetype<NamedSet>(table.sets + <usize>i * offsetof<NamedSet>());
        if (named.name == name) return named.set;
        if (named.name == 0) break;
        i = (i + 1) & table.setsMask;
      }
    }
    table = table.base;
  }
  return none<NftSet>();
}

/** An element of the set's own as the namespace has it; null: it left, or was taken away. */
function present(set: NftSet, element: NftElement): NftElement {
  const changed = changedOf(set);
  if (some(changed) && !element.ranged && element != set.catchAll) {
    const key = changetype<usize>(element) + offsetof<NftElement>();
    const change = changeOf(changed, key, hashKey(key, set.components));
    // One that was taken away and added again is a new one.
    if (some(change)) return isPresent(change) && elementOf(change).id != 0 ? elementOf(change) : none<NftElement>();
  }
  return isAlive(element) ? element : none<NftElement>();
}

/** The element of the host's number. */
function ownByNumber(set: NftSet, number: u32): NftElement {
  for (let i: u32 = 0; i < set.exactCount; i++) if (exactAt(set, i).id == number + 1) return exactAt(set, i);
  for (let i: u32 = 0; i < set.rangedCount; i++) if (rangedAt(set, i).id == number + 1) return rangedAt(set, i);
  return set.catchAll;
}

/** Element number `wanted` of those that are there: the host's in their order, then those that rules added. Null: there are fewer. */
export function liveElement(set: NftSet, wanted: u32): NftElement {
  const own = set.exactCount + set.rangedCount + (some(set.catchAll) ? 1 : 0);
  let left = wanted;
  for (let i: u32 = 0; i < own; i++) {
    const element = present(set, ownByNumber(set, i));
    if (some(element) && left-- == 0) return element;
  }
  const changed = changedOf(set);
  if (!some(changed)) return none<NftElement>();
  let added: u32 = 0;
  for (let at = changed.newest; some(at); at = at.older) if (isAdded(at)) added++;
  for (let at = changed.newest; some(at); at = at.older) if (isAdded(at) && --added == left) return elementOf(at);
  return none<NftElement>();
}

@inline
function isAdded(change: Change): bool {
  return elementOf(change).id == 0 && isPresent(change);
}

/** Elements that are there, the catch-all included. */
export function liveCount(set: NftSet): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < set.exactCount; i++) if (some(present(set, exactAt(set, i)))) count++;
  for (let i: u32 = 0; i < set.rangedCount; i++) if (some(present(set, rangedAt(set, i)))) count++;
  if (some(set.catchAll) && isAlive(set.catchAll)) count++;
  const changed = changedOf(set);
  if (!some(changed)) return count;
  for (let at = changed.newest; some(at); at = at.older) if (isAdded(at)) count++;
  return count;
}

