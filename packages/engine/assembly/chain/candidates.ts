/**
 * The index of a long chain: `indexBuild`, and cursors over the rules that can match the packet (`cursorsOpen`, `cursorsNext`). Rules
 * that test the same header fields under the same masks form a group; a group is hashed by what its rules ask for (tuple space search,
 * Srinivasan, Suri and Varghese 1999). Each bucket lists positions of rules in ascending order, and the lists of all groups are merged, so
 * that candidates come in the order of the chain. A candidate is still tested in full: the hash only leaves out rules that cannot match.
 */
import { indexedRules } from '../core/limits';
import { allocate } from '../core/memory';
import { roundUp } from '../core/hash';
import { Chain } from '../layout/chain';
import { hashOfPacket, hashOfRule, Mask, maskOfRule, sameMask } from './mask';

/** Rules of rarer shapes join the group that every packet looks at. */
const MOST_GROUPS: u32 = 32;

/** Rules of one mask. */
@unmanaged
class Group {
  /** Pairs of u32: hash, first posting; a power of two of them. 0: one list for all. */
  slots: usize;
  slotMask: u32;
  all: usize;
  ruleCount: u32;
  // The mask follows.
}

/** A position in the chain that stands in one bucket. */
@unmanaged
class Posting {
  position: u32;
  next: usize;
}

@unmanaged
class ChainIndex {
  groups: usize;
  groupCount: u32;
}

const GROUP_SIZE: usize = offsetof<Group>() + offsetof<Mask>();

@inline
function groupAt(groups: usize, i: u32): Group {
  return changetype<Group>(groups + <usize>i * GROUP_SIZE);
}

@inline
function maskAt(group: Group): Mask {
  return changetype<Mask>(changetype<usize>(group) + offsetof<Group>());
}

@inline
export function ruleBody(chain: Chain, position: u32): usize {
  return <usize>load<u32>(chain.rules + (<usize>position << 2));
}

const WORK = changetype<Mask>(memory.data(64, 8));

/** The group of a rule; a new one where its mask has none yet, the first (of all packets) where there are too many. */
function groupFor(index: ChainIndex, body: usize): Group {
  maskOfRule(body, WORK);
  const first = groupAt(index.groups, 0);
  if (WORK.fields == 0) return first;
  for (let i: u32 = 1; i < index.groupCount; i++) {
    const group = groupAt(index.groups, i);
    if (sameMask(maskAt(group), WORK)) return group;
  }
  if (index.groupCount >= MOST_GROUPS) return first;
  const group = groupAt(index.groups, index.groupCount);
  index.groupCount++;
  memory.copy(changetype<usize>(maskAt(group)), changetype<usize>(WORK), offsetof<Mask>());
  return group;
}

function slotFor(group: Group, hash: u32): usize {
  let at = hash & group.slotMask;
  while (true) {
    const slot = group.slots + (<usize>at << 3);
    if (load<u32>(slot, 4) == 0 || load<u32>(slot) == hash) return slot;
    at = (at + 1) & group.slotMask;
  }
}

export function indexBuild(chain: Chain): void {
  if (chain.ruleCount < indexedRules || chain.index != 0) return;
  const index = changetype<ChainIndex>(allocate(offsetof<ChainIndex>()));
  if (changetype<usize>(index) == 0) return;
  index.groups = allocate(GROUP_SIZE * MOST_GROUPS);
  if (index.groups == 0) return;
  index.groupCount = 1;
  for (let i: u32 = 0; i < chain.ruleCount; i++) groupFor(index, ruleBody(chain, i)).ruleCount++;
  for (let i: u32 = 1; i < index.groupCount; i++) {
    const group = groupAt(index.groups, i);
    const size = roundUp(group.ruleCount * 2);
    group.slots = allocate(<usize>size << 3);
    if (group.slots == 0) return;
    group.slotMask = size - 1;
  }
  const postings = allocate(<usize>chain.ruleCount * offsetof<Posting>());
  if (postings == 0) return;
  // From the last rule to the first: each goes in front of those behind it.
  for (let i = <i32>chain.ruleCount - 1; i >= 0; i--) {
    const body = ruleBody(chain, <u32>i);
    const group = groupFor(index, body);
    const posting = changetype<Posting>(postings + <usize>i * offsetof<Posting>());
    posting.position = <u32>i;
    if (group.slots == 0) {
      posting.next = group.all;
      group.all = changetype<usize>(posting);
      continue;
    }
    const hash = hashOfRule(body, maskAt(group));
    const slot = slotFor(group, hash);
    posting.next = <usize>load<u32>(slot, 4);
    store<u32>(slot, hash);
    store<u32>(slot, <u32>changetype<usize>(posting), 4);
  }
  chain.index = changetype<usize>(index);
}

/** Bytes that the cursors of a chain need. */
@inline
export function cursorsSize(index: usize): u32 {
  return changetype<ChainIndex>(index).groupCount << 2;
}

/** Puts a cursor for each group at `at`, on the first rule that can match the packet. */
export function cursorsOpen(index: usize, at: usize): void {
  const chain = changetype<ChainIndex>(index);
  store<u32>(at, <u32>groupAt(chain.groups, 0).all);
  for (let i: u32 = 1; i < chain.groupCount; i++) {
    const group = groupAt(chain.groups, i);
    const slot = slotFor(group, hashOfPacket(maskAt(group)));
    store<u32>(at + (<usize>i << 2), load<u32>(slot, 4));
  }
}

/** The position of the next candidate; -1 at the end. */
export function cursorsNext(index: usize, at: usize): i32 {
  const count = changetype<ChainIndex>(index).groupCount;
  let best: u32 = 0xffffffff;
  let where: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const cursor = at + (<usize>i << 2);
    const pointer = load<u32>(cursor);
    if (pointer == 0) continue;
    const position = changetype<Posting>(<usize>pointer).position;
    if (position < best) {
      best = position;
      where = cursor;
    }
  }
  if (where == 0) return -1;
  store<u32>(where, <u32>changetype<Posting>(<usize>load<u32>(where)).next);
  return <i32>best;
}
