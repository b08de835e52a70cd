/**
 * What rules add to nftables' sets and take away, in each namespace by itself (nft_dynset.c, nft_set_hash.c). An entry stands before the
 * set's own element of the same key; it stays when it is taken away, so that the own element stays hidden.
 */
import { now } from '../core/clock';
import { roundUp } from '../core/hash';
import { allocate } from '../core/memory';
import { none, skb, some } from '../core/skb';
import { Value } from '../layout/nft';
import { NftElement, NftSet } from '../layout/nft-set';
import { Netns } from '../layout/netns';
import { FOREVER, hashKey, isAlive, sameKey } from './nft-element';

/** A changed key; the element follows. */
@unmanaged
export class Change {
  next: Change;
  /** The change before it, of the same set. */
  older: Change;
  hash: u32;
  /** 0: taken away. */
  present: u32;
}

/** What one namespace made of one set. */
@unmanaged
export class Changed {
  set: NftSet;
  netns: Netns;
  next: Changed;
  newest: Change;
  /** `Change` lists by hash, a power of two of them. */
  buckets: usize;
  mask: u32;
  entries: u32;
  /** No fewer elements than are there. */
  live: u32;
}

const FIRST_BUCKETS: u32 = 16;

let all: Changed = none<Changed>();

/** Another network was loaded: what the list names is there no more. */
export function nftChangesForget(): void {
  all = none<Changed>();
}

export function nftChangesReset(): void {
  for (let at = all; some(at); at = at.next) at.set.changes = 0;
  all = none<Changed>();
}

@inline
export function elementOf(change: Change): NftElement {
  return changetype<NftElement>(changetype<usize>(change) + offsetof<Change>());
}

/** What the packet's namespace made of the set; null: nothing. */
export function changedOf(set: NftSet): Changed {
  if (!set.changes) return none<Changed>();
  const netns = skb().netns;
  let at = all;
  while (some(at) && (at.set != set || at.netns != netns)) at = at.next;
  return at;
}

@inline
function bucketOf(changed: Changed, hash: u32): usize {
  return changed.buckets + (<usize>(hash & changed.mask) << 2);
}

/** The entry of a key; null: never changed. */
export function changeOf(changed: Changed, key: usize, hash: u32): Change {
  let at = changetype<Change>(<usize>load<u32>(bucketOf(changed, hash)));
  const components = changed.set.components;
  while (some(at) && (at.hash != hash || !sameKey(elementOf(at), key, components))) at = at.next;
  return at;
}

@inline
export function isPresent(change: Change): bool {
  return change.present != 0 && isAlive(elementOf(change));
}

/** The own element at `at` in one of the set's arrays, number `i`. */
@inline
function ownAt(array: usize, size: u32, i: u32): NftElement {
  return changetype<NftElement>(array + <usize>i * size);
}

/** Elements of the set's own that are there. */
function countOwn(changed: Changed): u32 {
  const set = changed.set;
  let count: u32 = 0;
  for (let i: u32 = 0; i < set.exactCount; i++) {
    const element = ownAt(set.exact, set.exactSize, i);
    if (!isAlive(element)) continue;
    const key = changetype<usize>(element) + offsetof<NftElement>();
    if (!some(changeOf(changed, key, hashKey(key, set.components)))) count++;
  }
  for (let i: u32 = 0; i < set.rangedCount; i++) if (isAlive(ownAt(set.ranged, set.rangedSize, i))) count++;
  return count;
}

/** Counts anew: elements leave by themselves. */
function recount(changed: Changed): u32 {
  let count = countOwn(changed);
  for (let at = changed.newest; some(at); at = at.older) {
    if (!isPresent(at)) at.present = 0;
    else count++;
  }
  changed.live = count;
  return count;
}

/** True where the set takes no more elements. */
export function isFull(changed: Changed): bool {
  const size = changed.set.size;
  return size != 0 && changed.live >= size && recount(changed) >= size;
}

function makeChanged(set: NftSet): Changed {
  const changed = changetype<Changed>(allocate(offsetof<Changed>()));
  if (!some(changed)) return changed;
  changed.buckets = allocate(<usize>FIRST_BUCKETS << 2);
  if (changed.buckets == 0) return none<Changed>();
  changed.mask = FIRST_BUCKETS - 1;
  changed.set = set;
  changed.netns = skb().netns;
  changed.next = all;
  all = changed;
  set.changes = 1;
  recount(changed);
  return changed;
}

/** The namespace's own changes of the set, made where there are none; null where the memory is used up. */
export function changedFor(set: NftSet): Changed {
  const changed = changedOf(set);
  return some(changed) ? changed : makeChanged(set);
}

function grow(changed: Changed): void {
  const size = roundUp(changed.entries * 2);
  const buckets = allocate(<usize>size << 2);
  if (buckets == 0) return;
  changed.buckets = buckets;
  changed.mask = size - 1;
  for (let at = changed.newest; some(at); at = at.older) link(changed, at);
}

function link(changed: Changed, change: Change): void {
  const bucket = bucketOf(changed, change.hash);
  change.next = changetype<Change>(<usize>load<u32>(bucket));
  store<u32>(bucket, <u32>changetype<usize>(change));
}

/** An entry for a key that has none; null where the memory is used up. */
export function addChange(changed: Changed, key: usize, hash: u32): Change {
  const set = changed.set;
  const values = <usize>(set.components + set.parts * (set.dataRanges ? 2 : 1)) * offsetof<Value>();
  const change = changetype<Change>(allocate(offsetof<Change>() + offsetof<NftElement>() + values));
  if (!some(change)) return change;
  const element = elementOf(change);
  element.set = set;
  memory.copy(
    changetype<usize>(element) + offsetof<NftElement>(),
    key,
    <usize>set.components * offsetof<Value>(),
  );
  change.hash = hash;
  change.older = changed.newest;
  changed.newest = change;
  changed.entries++;
  if (changed.entries > changed.mask) grow(changed);
  else link(changed, change);
  return change;
}

/** The moment `timeout` milliseconds from now; all ones: never. */
@inline
export function moment(timeout: u64): u64 {
  return timeout == FOREVER ? FOREVER : now() + timeout;
}
