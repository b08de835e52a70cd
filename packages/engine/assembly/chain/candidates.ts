/**
 * The index of a long chain: `indexBuild`, and cursors over the rules that can match the packet (`cursorsOpen`, `cursorsNext`). Rules
 * that test the same header fields under the same masks form a group; a group is hashed by what its rules ask for (tuple space search,
 * Srinivasan, Suri and Varghese 1999). Each bucket lists positions of rules in ascending order, and the lists of all groups are merged, so
 * that candidates come in the order of the chain. What the hash has compared needs no second test (`testsOf`).
 */
import { Op } from '../../src/codes';
import { indexedRules } from '../core/limits';
import { allocate } from '../core/memory';
import { Chain } from '../layout/chain';
import { Packet, PACKET_HEADER_SIZE } from '../layout/packet';
import { Statement } from '../layout/statement';
import { STAGE_KEYS } from '../store/stage';
import { Swiss, swissAddHashed, swissConfirm, swissFindHashed, swissGuess, swissInit } from '../store/swiss';
import { Narrow, Wide } from './bucket';
import { Header, interfacesNow, isEmpty, isNarrow, sameHeader, transportOf } from './header';
import { RULE_MASK, RULE_VALUES, readRule } from './mask';

/** Rules of rarer shapes join the group that every packet looks at. */
const MOST_GROUPS: u32 = 32;

/** Rules of one mask. Positions are counted from 1, 0 is none. */
@unmanaged
class Group {
  mask: Header;
  /** Buckets by what rules want; null: one list for all packets, from `all` on. */
  buckets: Swiss;
  narrow: bool;
  all: u32;
  ruleCount: u32;
}

@unmanaged
class ChainIndex {
  groups: usize;
  groupCount: u32;
  /** For each position, one u32 each: the next one of the same list; the first is not used. */
  next: usize;
  /** For each rule, one u32 each: the first statement that is not compared by the hash, + 1 if it is no test. */
  rest: usize;
}

const GROUP: usize = offsetof<Group>();
const NARROW = changetype<Narrow>(memory.data(offsetof<Narrow>(), 8));
const WIDE = changetype<Wide>(memory.data(offsetof<Wide>(), 8));

@inline
function groupAt(index: ChainIndex, i: u32): Group {
  return changetype<Group>(index.groups + <usize>i * GROUP);
}

@inline
function isListed(group: Group): bool {
  return changetype<usize>(group.buckets) == 0;
}

@inline
export function ruleBody(chain: Chain, position: u32): usize {
  return <usize>load<u32>(chain.rules + (<usize>position << 2));
}

@inline
function nextAfter(index: ChainIndex, position: u32): usize {
  return index.next + (<usize>position << 2);
}

/** The group of the rule read last; a new one where its mask has none yet, the first (of all packets) where there are too many. */
function groupFor(index: ChainIndex): Group {
  const first = groupAt(index, 0);
  if (isEmpty(RULE_MASK)) return first;
  for (let i: u32 = 1; i < index.groupCount; i++) {
    const group = groupAt(index, i);
    if (sameHeader(group.mask, RULE_MASK)) return group;
  }
  if (index.groupCount >= MOST_GROUPS) return first;
  const mask = allocate(offsetof<Header>());
  if (mask == 0) return first;
  memory.copy(mask, changetype<usize>(RULE_MASK), offsetof<Header>());
  const group = groupAt(index, index.groupCount);
  index.groupCount++;
  group.mask = changetype<Header>(mask);
  group.narrow = isNarrow(RULE_MASK);
  return group;
}

/** Puts a rule in front of those that want the same; returns the first of them so far. */
@inline
function putFirst<B>(group: Group, key: B, position: u32): u32 {
  key.takeRule(RULE_VALUES);
  const hash = key.hash();
  let bucket = swissFindHashed<B>(group.buckets, key, hash);
  if (changetype<usize>(bucket) == 0) {
    bucket = swissAddHashed<B>(group.buckets, hash);
    if (changetype<usize>(bucket) == 0) return 0;
    key.position = 0;
    bucket.assign(key);
  }
  const before = bucket.position;
  bucket.position = position;
  return before;
}

function makeBuckets(group: Group): bool {
  const buckets = changetype<Swiss>(allocate(offsetof<Swiss>()));
  if (changetype<usize>(buckets) == 0) return false;
  group.buckets = buckets;
  return group.narrow ? swissInit<Narrow>(buckets, group.ruleCount) : swissInit<Wide>(buckets, group.ruleCount);
}

/** A pointer to a statement, + 1 if it is no test. */
function markEnd(statement: usize): u32 {
  const op = <u32>changetype<Statement>(statement).op;
  return <u32>statement | <u32>(op == Op.END || op >= <u32>Op.ACCEPT);
}

/** Puts the rule at `position` (from 1 on) in front of those behind it. */
function addRule(index: ChainIndex, chain: Chain, position: u32): void {
  const body = ruleBody(chain, position - 1);
  const rest = readRule(body);
  const group = groupFor(index);
  const hashed = !isListed(group);
  store<u32>(index.rest + (<usize>(position - 1) << 2), markEnd(hashed ? rest : body));
  let next = group.all;
  if (!hashed) group.all = position;
  else if (group.narrow) next = putFirst<Narrow>(group, NARROW, position);
  else next = putFirst<Wide>(group, WIDE, position);
  store<u32>(nextAfter(index, position), next);
}

export function indexBuild(chain: Chain): void {
  if (chain.ruleCount < indexedRules || chain.index != 0) return;
  const index = changetype<ChainIndex>(allocate(offsetof<ChainIndex>()));
  if (changetype<usize>(index) == 0) return;
  index.groups = allocate(GROUP * MOST_GROUPS);
  index.next = allocate((<usize>chain.ruleCount + 1) << 2);
  index.rest = allocate(<usize>chain.ruleCount << 2);
  if (index.groups == 0 || index.next == 0 || index.rest == 0) return;
  index.groupCount = 1;
  for (let i: u32 = 0; i < chain.ruleCount; i++) {
    readRule(ruleBody(chain, i));
    groupFor(index).ruleCount++;
  }
  for (let i: u32 = 1; i < index.groupCount; i++) if (!makeBuckets(groupAt(index, i))) return;
  for (let position = chain.ruleCount; position > 0; position--) addRule(index, chain, position);
  chain.index = changetype<usize>(index);
}

/** What is left to test of a rule that a cursor led to: its first such statement, or its first action, + 1. */
@inline
export function testsOf(index: usize, position: u32): u32 {
  return load<u32>(changetype<ChainIndex>(index).rest + (<usize>position << 2));
}

/** Bytes that the cursors of a chain need. */
@inline
export function cursorsSize(index: usize): u32 {
  return changetype<ChainIndex>(index).groupCount << 2;
}

@inline
function firstOf<B>(group: Group, key: B, p: Packet, transport: u64, interfaces: u64): u32 {
  key.takePacket(group.mask, p, transport, interfaces);
  const bucket = swissFindHashed<B>(group.buckets, key, key.hash());
  return changetype<usize>(bucket) == 0 ? 0 : bucket.position;
}

/** The first rule of the group that wants what the packet has; 0 where there is none. */
@inline
function firstIn(group: Group, p: Packet, transport: u64, interfaces: u64): u32 {
  return group.narrow
    ? firstOf<Narrow>(group, NARROW, p, transport, interfaces)
    : firstOf<Wide>(group, WIDE, p, transport, interfaces);
}

/** What staged packets have under the mask of a group, and where its bucket probably is. */
const KEYS: usize = memory.data(1024 * 56, 16);
const GUESSES: usize = memory.data(1024 * 4, 16);

@inline
function keyAt<B>(i: u32): B {
  return changetype<B>(KEYS + <usize>i * offsetof<B>());
}

/** Lowers each of `positions` to that of the group's first rule that wants what the packet has. */
@inline
function lowerAll<B>(group: Group, packets: usize, count: u32, positions: usize): void {
  const buckets = group.buckets;
  const mask = group.mask;
  // First all guesses, then all looks at buckets: so many of them wait for memory side by side.
  for (let i: u32 = 0; i < count; i++) {
    const p = changetype<Packet>(packets + <usize>i * PACKET_HEADER_SIZE);
    const key = keyAt<B>(i);
    key.takePacket(mask, p, transportOf(p), 0);
    store<u32>(GUESSES + (<usize>i << 2), <u32>swissGuess<B>(buckets, key.hash()));
  }
  for (let i: u32 = 0; i < count; i++) {
    const bucket = swissConfirm<B>(buckets, keyAt<B>(i), <usize>load<u32>(GUESSES + (<usize>i << 2)));
    if (changetype<usize>(bucket) == 0) continue;
    const at = positions + (<usize>i << 2);
    store<u32>(at, min(load<u32>(at), bucket.position - 1));
  }
}

/**
 * Writes the position (from 0 on) of the first candidate for each of `count` packets (`STAGE_KEYS` at most), which have no interfaces;
 * -1 where there is none.
 */
export function firstCandidates(chainIndex: usize, packets: usize, count: u32, positions: usize): void {
  assert(count <= STAGE_KEYS);
  const index = changetype<ChainIndex>(chainIndex);
  // None is 0, and one less is beyond all others.
  const first = groupAt(index, 0).all - 1;
  for (let i: u32 = 0; i < count; i++) store<u32>(positions + (<usize>i << 2), first);
  for (let i: u32 = 1; i < index.groupCount; i++) {
    const group = groupAt(index, i);
    if (group.narrow) lowerAll<Narrow>(group, packets, count, positions);
    else lowerAll<Wide>(group, packets, count, positions);
  }
}

/** Puts a cursor for each group at `at`, on the first rule that can match the packet. */
export function cursorsOpen(chainIndex: usize, at: usize, p: Packet): void {
  const index = changetype<ChainIndex>(chainIndex);
  const transport = transportOf(p);
  const interfaces = interfacesNow();
  store<u32>(at, groupAt(index, 0).all);
  for (let i: u32 = 1; i < index.groupCount; i++) {
    store<u32>(at + (<usize>i << 2), firstIn(groupAt(index, i), p, transport, interfaces));
  }
}

/** Position (from 0 on) of the next candidate; -1 at the end. */
export function cursorsNext(chainIndex: usize, at: usize): i32 {
  const index = changetype<ChainIndex>(chainIndex);
  const count = index.groupCount;
  let best: u32 = load<u32>(at) - 1;
  let where = at;
  for (let i: u32 = 1; i < count; i++) {
    const cursor = at + (<usize>i << 2);
    const candidate = load<u32>(cursor) - 1;
    if (candidate < best) {
      best = candidate;
      where = cursor;
    }
  }
  if (best != 0xffffffff) store<u32>(where, load<u32>(nextAfter(index, best + 1)));
  return <i32>best;
}
