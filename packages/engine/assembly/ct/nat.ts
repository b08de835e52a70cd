/**
 * Network address translation of connections and of packets (nf_nat_core.c:nf_nat_setup_info(), nf_nat_packet(); nf_nat_proto.c:
 * nf_nat_manip_pkt(), nf_nat_icmp_reply_translation()).
 */
import { NatFlag } from '../../src/codes';
import { CtStatus } from '../../src/ct-codes';
import { Hook } from '../../src/terms';
import { directionOf, innerPacket, none, packet, skb } from '../core/skb';
import { traceNat } from '../core/trace';
import { Flow, Tuple } from '../layout/flow';
import { Packet } from '../layout/packet';
import { noteMapping } from './clash';
import { replyOf, tupleOf } from './flows';
import { hasPorts, invertTuple, isIcmp, isIcmpQuery } from './tuple';
import { differs, drawnFrom, drawnTo, isFree, NatRange, uniqueTuple } from './unique';

const RANGE = changetype<NatRange>(memory.data(offsetof<NatRange>(), 8));
const TARGET = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));

/** The connection bound last, and which side of it: its port may have been drawn. */
let boundFlow: Flow = none<Flow>();
let boundSource: bool = false;

/** A range for the caller to fill. */
export function newRange(): NatRange {
  memory.fill(changetype<usize>(RANGE), 0, offsetof<NatRange>());
  return RANGE;
}

/** HOOK2MANIP: the source is rewritten on the way out, the destination on the way in. */
@inline
export function rewritesSource(hook: u32): bool {
  return hook == Hook.POSTROUTING || hook == Hook.INPUT;
}

@inline
export function isBound(flow: Flow, source: bool): bool {
  return (flow.status & (source ? CtStatus.SRC_DONE : CtStatus.DST_DONE)) != 0;
}

/** Binds one side of a new connection; a confirmed one keeps what it has. `byRule`: as the rule says that skb stands at. */
export function bind(flow: Flow, range: NatRange, source: bool, byRule: bool): void {
  if ((flow.status & CtStatus.CONFIRMED) != 0) return;
  assert((flow.status & CtStatus.DYING) == 0, 'a dead connection is not bound');
  const tuple = uniqueTuple(flow, range, source);
  boundFlow = flow;
  boundSource = source;
  if (differs()) {
    invertTuple(tuple, replyOf(flow));
    flow.status |= source ? CtStatus.SNAT : CtStatus.DNAT;
  }
  flow.status |= source ? CtStatus.SRC_DONE : CtStatus.DST_DONE;
  noteMapping(flow, isFree, byRule);
}

/** The mapping that changes nothing, unless a source port must move (nf_nat_alloc_null_binding()). */
export function bindNull(flow: Flow, source: bool): void {
  const range = newRange();
  range.flags = NatFlag.ADDRESSES;
  range.fromHi = source ? flow.rDaddrHi : flow.rSaddrHi;
  range.fromLo = source ? flow.rDaddrLo : flow.rSaddrLo;
  range.toHi = range.fromHi;
  range.toLo = range.fromLo;
  bind(flow, range, source, false);
}

/** True if the connection rewrites this side of packets of that direction. */
function rewrites(flow: Flow, direction: u32, source: bool): bool {
  return (flow.status & (source == (direction == 0) ? CtStatus.SNAT : CtStatus.DNAT)) != 0;
}

function rewriteSide(p: Packet, target: Tuple, source: bool): void {
  if (source) {
    p.saddrHi = target.saddrHi;
    p.saddrLo = target.saddrLo;
  } else {
    p.daddrHi = target.daddrHi;
    p.daddrLo = target.daddrLo;
  }
  if (hasPorts(p.protocol)) {
    if (source) p.sport = target.sport;
    else p.dport = target.dport;
  } else if (isIcmpQuery(p)) p.icmpId = target.sport;
}

@inline
function portOf(p: Packet, source: bool): u32 {
  if (isIcmp(p.protocol)) return p.icmpId;
  return hasPorts(p.protocol) ? (source ? p.sport : p.dport) : 0;
}

/** Rewrites the packet as its connection says. `binding`: the connection remembers it, no rule said so just now. */
export function translate(hook: u32, binding: bool): void {
  const s = skb();
  const p = packet();
  const flow = s.flow;
  const source = rewritesSource(hook);
  const direction = directionOf(s.ctInfo);
  if (!rewrites(flow, direction, source)) return;
  if (!invertTuple(tupleOf(flow, 1 - direction), TARGET)) return;
  const hi = source ? p.saddrHi : p.daddrHi;
  const lo = source ? p.saddrLo : p.daddrLo;
  const port = portOf(p, source);
  rewriteSide(p, TARGET, source);
  step(hook, source, binding, hi, lo, port, false);
}

function step(hook: u32, source: bool, binding: bool, hi: u64, lo: u64, port: u32, always: bool): void {
  const p = packet();
  const toHi = source ? p.saddrHi : p.daddrHi;
  const toLo = source ? p.saddrLo : p.daddrLo;
  const toPort = portOf(p, source);
  if (!always && hi == toHi && lo == toLo && port == toPort) return;
  const flow = skb().flow;
  const drawn = flow == boundFlow && source == boundSource && (flow.status & CtStatus.CONFIRMED) == 0;
  const anyFrom = drawn ? drawnFrom : 0;
  const anyTo = drawn ? drawnTo : 0;
  traceNat(hook, source, binding, p.family, hi, lo, port, toHi, toLo, toPort, anyFrom, anyTo);
}

/** An ICMP error: the outer header is made to look like an answer to the inner packet, the inner one as its sender knows it. */
export function translateError(hook: u32): void {
  const s = skb();
  const p = packet();
  const flow = s.flow;
  const source = rewritesSource(hook);
  const direction = directionOf(s.ctInfo);
  if (!rewrites(flow, direction, source)) return;
  const other = tupleOf(flow, 1 - direction);
  if (!invertTuple(other, TARGET)) return;
  const hi = source ? p.saddrHi : p.daddrHi;
  const lo = source ? p.saddrLo : p.daddrLo;
  if (source) {
    p.saddrHi = TARGET.saddrHi;
    p.saddrLo = TARGET.saddrLo;
  } else {
    p.daddrHi = TARGET.daddrHi;
    p.daddrLo = TARGET.daddrLo;
  }
  if (p.hasInner) rewriteSide(innerPacket(), other, !source);
  step(hook, source, true, hi, lo, p.icmpId, p.hasInner != 0);
}
