/** Finds the tuple a mapping leads to (nf_nat_core.c:get_unique_tuple() and what it calls). Where the kernel draws, the lowest free one. */
import { NatFlag } from '../../src/codes';
import { CtStatus } from '../../src/ct-codes';
import { Protocol } from '../../src/terms';
import { none, some } from '../core/skb';
import { Flow, Tuple } from '../layout/flow';
import { flowBySource, flowFind, flowTaken, replyOf } from './flows';
import { spread } from './spread';
import { sameTuple } from './table';
import { hasPorts, invertTuple, isIcmp } from './tuple';

/** What a mapping may become (`struct nf_nat_range2`). */
@unmanaged
export class NatRange {
  fromHi: u64;
  fromLo: u64;
  toHi: u64;
  toLo: u64;
  /** Bits of `NatFlag`. */
  flags: u32;
  portFrom: u16;
  portTo: u16;
}

const GRE: u32 = 47;
const UDPLITE: u32 = 136;

/** The mapping as it is, and as it shall be; both like the tuple of a packet of the original direction. */
const CURRENT = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));
const WANTED = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));
const REPLY = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));

/** False where every tuple in the range is another connection's. */
export let isFree: bool = true;
/** The ports that the one found was drawn from; both 0 where it was not. */
export let drawnFrom: u32 = 0;
export let drawnTo: u32 = 0;

@inline
function atLeast(hi: u64, lo: u64, hi2: u64, lo2: u64): bool {
  return hi != hi2 ? hi > hi2 : lo >= lo2;
}

function taken(tuple: Tuple, flow: Flow): bool {
  if (!invertTuple(tuple, REPLY)) return false;
  return flowTaken(REPLY, flow);
}

/** The part that the mapping may change: a port, or the identifier of an ICMP query. */
@inline
function keyOf(tuple: Tuple, source: bool): u32 {
  return source || isIcmp(tuple.protocol) ? tuple.sport : tuple.dport;
}

@inline
function setKey(tuple: Tuple, source: bool, key: u32): void {
  if (source || isIcmp(tuple.protocol)) tuple.sport = <u16>key;
  else tuple.dport = <u16>key;
}

/** l4proto_in_range() */
function portInRange(tuple: Tuple, source: bool, range: NatRange): bool {
  const protocol = <u32>tuple.protocol;
  if (!isIcmp(protocol) && !hasPorts(protocol) && protocol != GRE) return true;
  const key = keyOf(tuple, source);
  return key >= range.portFrom && key <= range.portTo;
}

/** nf_in_range(): would this source do? */
function sourceInRange(tuple: Tuple, range: NatRange): bool {
  if ((range.flags & NatFlag.ADDRESSES) != 0) {
    if (!atLeast(tuple.saddrHi, tuple.saddrLo, range.fromHi, range.fromLo)) return false;
    if (!atLeast(range.toHi, range.toLo, tuple.saddrHi, tuple.saddrLo)) return false;
  }
  return (range.flags & NatFlag.PORTS) == 0 || portInRange(tuple, true, range);
}

@inline
function copy(to: Tuple, from: Tuple): void {
  memory.copy(changetype<usize>(to), changetype<usize>(from), offsetof<Tuple>());
}

/**
 * Whether NAT has to do something about a tuple that it would leave as it is: not where the other connection may be this one the other way
 * round (nf_nat_used_tuple_new()).
 */
function takenAsIs(flow: Flow): bool {
  if (!taken(CURRENT, flow)) return false;
  const protocol = <u32>CURRENT.protocol;
  const mapped = <u32>CtStatus.SNAT | <u32>CtStatus.DNAT;
  if ((protocol != Protocol.UDP && protocol != UDPLITE) || (flow.status & mapped) != 0) return true;
  const directions = <u32>flow.zoneDirections;
  let other = flowFind(CURRENT, flow.zone, directions);
  if (!some(other)) {
    invertTuple(CURRENT, REPLY);
    other = flowFind(REPLY, flow.zone, directions);
  }
  if (!some(other)) return false;
  if ((other.status & mapped) != 0) return true;
  copy(REPLY, replyOf(flow));
  REPLY.zone = other.oZone;
  return !sameTuple(changetype<usize>(other), changetype<usize>(REPLY));
}

/** find_appropriate_src(): a mapping this source has already, newest first; WANTED where one fits. */
function presentMapping(range: NatRange): bool {
  for (let flow = flowBySource(CURRENT, none<Flow>()); some(flow); flow = flowBySource(CURRENT, flow)) {
    if (flow.oZone != CURRENT.zone) continue;
    if (!invertTuple(replyOf(flow), WANTED)) continue;
    WANTED.daddrHi = CURRENT.daddrHi;
    WANTED.daddrLo = CURRENT.daddrLo;
    WANTED.dport = CURRENT.dport;
    if (sourceInRange(WANTED, range)) return true;
  }
  return false;
}

/** nf_nat_l4proto_unique_tuple(): the lowest free key of the range that the kernel would search. */
function search(flow: Flow, range: NatRange, source: bool): void {
  const key = keyOf(WANTED, source);
  let from: u32;
  let to: u32;
  if ((range.flags & NatFlag.PORTS) != 0) {
    from = min(range.portFrom, range.portTo);
    to = max(range.portFrom, range.portTo);
  } else if (isIcmp(WANTED.protocol)) {
    from = 0;
    to = 65535;
  } else if (key < 512) {
    from = 1;
    to = 511;
  } else if (key < 1024) {
    from = 600;
    to = 1023;
  } else {
    from = 1024;
    to = 65535;
  }
  for (let candidate = from; candidate <= to; candidate++) {
    setKey(WANTED, source, candidate);
    if (taken(WANTED, flow)) continue;
    if (from != to) {
      drawnFrom = from;
      drawnTo = to;
    }
    return;
  }
  // A destination keeps its clashing port: the source side moves then.
  isFree = !source;
}

function choose(flow: Flow, range: NatRange, source: bool): void {
  const random = (range.flags & NatFlag.RANDOM) != 0;
  if (source && !random) {
    if (sourceInRange(CURRENT, range)) {
      copy(WANTED, CURRENT);
      if (!takenAsIs(flow)) return;
    } else if (presentMapping(range) && !taken(WANTED, flow)) return;
  }
  copy(WANTED, CURRENT);
  if ((range.flags & NatFlag.ADDRESSES) != 0) {
    if (range.fromHi == range.toHi && range.fromLo == range.toLo) {
      if (source) {
        WANTED.saddrHi = range.fromHi;
        WANTED.saddrLo = range.fromLo;
      } else {
        WANTED.daddrHi = range.fromHi;
        WANTED.daddrLo = range.fromLo;
      }
    } else spread(WANTED, range, flow.zone, source);
  }
  if (!random) {
    if ((range.flags & NatFlag.PORTS) != 0) {
      const single = range.portFrom == range.portTo;
      if (portInRange(WANTED, source, range)) {
        if (!single && !taken(WANTED, flow)) return;
        // One port alone is taken unasked; where it is not free, the connection fails in the end.
        if (single) {
          isFree = !source || !taken(WANTED, flow);
          return;
        }
      }
    } else if (!taken(WANTED, flow)) return;
  }
  const protocol = <u32>WANTED.protocol;
  if (!isIcmp(protocol) && !hasPorts(protocol)) {
    isFree = !taken(WANTED, flow);
    return;
  }
  if (!source && !isIcmp(protocol) && (range.flags & NatFlag.PORTS) == 0) return;
  search(flow, range, source);
}

/** The tuple for one side of `flow` in `range`: like a packet of the original direction after the mapping. See `isFree`. */
export function uniqueTuple(flow: Flow, range: NatRange, source: bool): Tuple {
  invertTuple(replyOf(flow), CURRENT);
  CURRENT.zone = flow.oZone;
  WANTED.zone = flow.oZone;
  isFree = true;
  drawnFrom = 0;
  drawnTo = 0;
  choose(flow, range, source);
  return WANTED;
}

/** True if the mapping changes anything. */
export function differs(): bool {
  return (
    WANTED.saddrHi != CURRENT.saddrHi ||
    WANTED.saddrLo != CURRENT.saddrLo ||
    WANTED.daddrHi != CURRENT.daddrHi ||
    WANTED.daddrLo != CURRENT.daddrLo ||
    WANTED.sport != CURRENT.sport ||
    WANTED.dport != CURRENT.dport
  );
}
