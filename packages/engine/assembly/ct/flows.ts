/**
 * The connections of all namespaces: found by tuple, listed in the order they were confirmed, and by source (`nf_nat_bysource`).
 * A connection made by a packet that never got confirmed is taken back when the next packet is sent.
 */
import { CtStatus } from '../../src/ct-codes';
import { allocate } from '../core/memory';
import { fold, mix, roundUp } from '../core/hash';
import { none, some } from '../core/skb';
import { Flow, Tuple } from '../layout/flow';
import { Netns } from '../layout/netns';
import { isExpired } from './settings';
import { sameTuple, TupleTable, tableFirst, tableInsert, tableNext, tableRemove, tableReset } from './table';

const TABLE = changetype<TupleTable>(memory.data(offsetof<TupleTable>(), 8));
const KEY = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));

let first: Flow = none<Flow>();
let last: Flow = none<Flow>();
/** Made since the last packet was sent; and records free to use. */
let made: Flow = none<Flow>();
let spare: Flow = none<Flow>();

let buckets: usize = 0;
let bucketMask: u32 = 0;
let sourced: u32 = 0;

export function flowsReset(): void {
  tableReset(TABLE);
  first = none<Flow>();
  last = none<Flow>();
  made = none<Flow>();
  spare = none<Flow>();
  buckets = 0;
  bucketMask = 0;
  sourced = 0;
}

export function flowsFirst(): Flow {
  return first;
}

@inline
export function originalOf(flow: Flow): Tuple {
  return changetype<Tuple>(changetype<usize>(flow));
}

@inline
export function replyOf(flow: Flow): Tuple {
  return changetype<Tuple>(changetype<usize>(flow) + offsetof<Flow>('rSaddrHi'));
}

/** The tuple of one direction. */
@inline
export function tupleOf(flow: Flow, direction: u32): Tuple {
  return direction == 0 ? originalOf(flow) : replyOf(flow);
}

/** nf_ct_zone_id(): the zone that holds in a direction (bit 1 original, 2 reply). */
@inline
export function zoneIn(zone: u32, directions: u32, direction: u32): u32 {
  return (directions & (1 << direction)) != 0 ? zone : 0;
}

/** The direction that `foundFlow` was found by. */
export let foundDirection: u32 = 0;

/** The connection of a record found in the table; its low bit is the direction. */
@inline
function flowOf(found: usize): Flow {
  return changetype<Flow>((found & 1) == 0 ? found : (found & ~1) - offsetof<Flow>('rSaddrHi'));
}

/** A confirmed connection with the tuple, in the zone (nf_conntrack_core.c:__nf_conntrack_find_get(), nf_ct_key_equal()). */
export function flowFind(tuple: Tuple, zone: u32, directions: u32): Flow {
  memory.copy(changetype<usize>(KEY), changetype<usize>(tuple), offsetof<Tuple>());
  KEY.zone = <u16>zoneIn(zone, directions, 0);
  const both = zone == 0 || directions == 3;
  let found = tableFirst(TABLE, changetype<usize>(KEY));
  while (found != 0 && !both && (found & 1) == 1) found = tableNext();
  if (found == 0 && !both) {
    KEY.zone = <u16>zoneIn(zone, directions, 1);
    found = tableFirst(TABLE, changetype<usize>(KEY));
    while (found != 0 && (found & 1) == 0) found = tableNext();
  }
  if (found == 0) return none<Flow>();
  foundDirection = <u32>(found & 1);
  return flowOf(found);
}

/**
 * True if a tuple belongs to another connection than `flow`, in the zone that this has in `direction` (nf_ct_key_equal()). `kin`: so do those of
 * the very same flow.
 */
function takenIn(tuple: Tuple, flow: Flow, direction: u32, kin: bool): bool {
  const zone = <u32>flow.zone;
  const directions = <u32>flow.zoneDirections;
  const both = zone == 0 || directions == 3;
  memory.copy(changetype<usize>(KEY), changetype<usize>(tuple), offsetof<Tuple>());
  // Only the bucket of that zone is looked into, where the other tuples of a zone of one direction do not stand.
  KEY.zone = <u16>zoneIn(zone, directions, direction);
  let found = tableFirst(TABLE, changetype<usize>(KEY));
  for (; found != 0; found = tableNext()) {
    if (!both && <u32>(found & 1) != direction) continue;
    const other = flowOf(found);
    if (other != flow && (kin || !sameTuple(changetype<usize>(other), changetype<usize>(flow)))) return true;
  }
  return false;
}

/** nf_nat_used_tuple() for the reply that is being thought of: is it another connection's? */
export function flowTaken(reply: Tuple, flow: Flow): bool {
  return takenIn(reply, flow, 1, false);
}

/** Has another connection a tuple of this one? */
export function flowClashes(flow: Flow): bool {
  return takenIn(originalOf(flow), flow, 0, true) || takenIn(replyOf(flow), flow, 1, true);
}

@inline
function sourceHash(tuple: Tuple): u32 {
  return fold(mix(tuple.saddrLo ^ ((<u64>tuple.sport << 32) | (<u64>tuple.netns << 8) | tuple.protocol), tuple.saddrHi));
}

@inline
function bucketOf(flow: Flow): usize {
  return buckets + (<usize>(sourceHash(originalOf(flow)) & bucketMask) << 2);
}

function linkSource(flow: Flow): void {
  sourced++;
  if (buckets == 0 || sourced > (bucketMask + 1) * 2) {
    const size = roundUp(max<u32>(sourced * 2, 64));
    const slots = allocate(<usize>size << 2);
    if (slots == 0) return;
    buckets = slots;
    bucketMask = size - 1;
    // Oldest first, so that the newest ends up in front.
    for (let at = first; some(at); at = at.next) if (at != flow) push(at);
  }
  push(flow);
}

@inline
function push(flow: Flow): void {
  const bucket = bucketOf(flow);
  flow.nextBySource = changetype<Flow>(<usize>load<u32>(bucket));
  store<u32>(bucket, <u32>changetype<usize>(flow));
}

function unlinkSource(flow: Flow): void {
  const bucket = bucketOf(flow);
  let at = changetype<Flow>(<usize>load<u32>(bucket));
  if (at == flow) {
    store<u32>(bucket, <u32>changetype<usize>(flow.nextBySource));
  } else {
    assert(some(at), 'not listed by source');
    while (at.nextBySource != flow) {
      at = at.nextBySource;
      assert(some(at), 'not listed by source');
    }
    at.nextBySource = flow.nextBySource;
  }
  sourced--;
}

/** The newest connection whose original source is that of `tuple`, or the next one after `before` (find_appropriate_src()). */
export function flowBySource(tuple: Tuple, before: Flow): Flow {
  if (sourced == 0) return none<Flow>();
  let at = some(before)
    ? before.nextBySource
    : changetype<Flow>(<usize>load<u32>(buckets + (<usize>(sourceHash(tuple) & bucketMask) << 2)));
  for (; some(at); at = at.nextBySource) {
    const other = originalOf(at);
    if (
      other.saddrLo == tuple.saddrLo &&
      other.saddrHi == tuple.saddrHi &&
      other.sport == tuple.sport &&
      other.netns == tuple.netns &&
      other.protocol == tuple.protocol &&
      other.family == tuple.family
    ) {
      return at;
    }
  }
  return at;
}

/** Takes back what packets before made and nobody confirmed. */
export function flowsSweep(): void {
  let flow = made;
  while (some(flow)) {
    const next = flow.nextMade;
    if ((flow.status & CtStatus.CONFIRMED) == 0) {
      flow.nextMade = spare;
      spare = flow;
    }
    flow = next;
  }
  made = none<Flow>();
}

/** An unconfirmed connection, all zero. */
export function flowMake(netns: Netns): Flow {
  let flow = spare;
  if (some(flow)) {
    spare = flow.nextMade;
    memory.fill(changetype<usize>(flow), 0, offsetof<Flow>());
  } else {
    flow = changetype<Flow>(allocate(offsetof<Flow>()));
    if (!some(flow)) return flow;
  }
  flow.netns = netns;
  flow.nextMade = made;
  made = flow;
  return flow;
}

/** The connection becomes known to all, if it has any time left. */
export function flowConfirm(flow: Flow): void {
  assert((flow.status & (CtStatus.CONFIRMED | CtStatus.DYING)) == 0, 'confirmed twice');
  assert(flow.oFamily == flow.rFamily && flow.oNetns == flow.rNetns, 'two ends in two places');
  flow.status |= CtStatus.CONFIRMED;
  if (isExpired(flow)) {
    flow.status |= CtStatus.DYING;
    return;
  }
  flow.netns.ctCount++;
  // Of a tuple that is its own reply, the reply's entry is found first (nf_conntrack_core.c:__nf_conntrack_hash_insert()).
  tableInsert(TABLE, changetype<usize>(replyOf(flow)), 1);
  tableInsert(TABLE, changetype<usize>(originalOf(flow)), 0);
  flow.previous = last;
  flow.next = none<Flow>();
  if (some(last)) last.next = flow;
  else first = flow;
  last = flow;
  linkSource(flow);
}

/** Forgets a confirmed connection; packets on their way keep it (nf_ct_kill()). */
export function flowKill(flow: Flow): void {
  if ((flow.status & (CtStatus.CONFIRMED | CtStatus.DYING)) != <u32>CtStatus.CONFIRMED) return;
  flow.status |= CtStatus.DYING;
  flow.netns.ctCount--;
  tableRemove(TABLE, changetype<usize>(originalOf(flow)));
  tableRemove(TABLE, changetype<usize>(replyOf(flow)));
  unlinkSource(flow);
  if (some(flow.previous)) flow.previous.next = flow.next;
  else first = flow.next;
  if (some(flow.next)) flow.next.previous = flow.previous;
  else last = flow.previous;
}

/** The clock was moved: what has no time left is forgotten. */
export function flowsExpire(): void {
  let flow = first;
  while (some(flow)) {
    const next = flow.next;
    if (isExpired(flow)) flowKill(flow);
    flow = next;
  }
}

/** The oldest connection of a namespace that nothing vouches for. */
export function flowUnassured(netns: Netns): Flow {
  for (let flow = first; some(flow); flow = flow.next) {
    if (flow.netns == netns && (flow.status & CtStatus.ASSURED) == 0) return flow;
  }
  return none<Flow>();
}
