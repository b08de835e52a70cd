/** conntrack_mt (xt_conntrack.c), state_mt (xt_state.c), connmark_mt (xt_connmark.c). */
import { CtTest } from '../../src/codes';
import { CtStatus } from '../../src/ct-codes';
import { CtState } from '../../src/terms';
import { directionOf, skb, some } from '../core/skb';
import { stateOf } from '../ct/track';
import { AddressPair, ConntrackTest, PairStatement, Statement } from '../layout/statement';
import { inverted } from './header';

/** Names of `--ctstatus` as bits. */
enum StatusName {
  EXPECTED = 2,
  SEEN_REPLY = 4,
  ASSURED = 8,
  CONFIRMED = 16,
}

export function matchState(at: usize): bool {
  return ((changetype<Statement>(at).argument & stateOf()) != 0) != inverted(at);
}

/** A packet without a connection has no mark to compare, inverted or not. */
export function matchConnmark(at: usize): bool {
  const flow = skb().flow;
  if (!some(flow)) return false;
  const test = changetype<PairStatement>(at);
  return ((flow.mark & test.second) == test.first) != inverted(at);
}

function statusHolds(names: u32, status: u32): bool {
  if ((names & StatusName.EXPECTED) != 0 && (status & CtStatus.EXPECTED) != 0) return true;
  if ((names & StatusName.SEEN_REPLY) != 0 && (status & CtStatus.SEEN_REPLY) != 0) return true;
  if ((names & StatusName.ASSURED) != 0 && (status & CtStatus.ASSURED) != 0) return true;
  return (names & StatusName.CONFIRMED) != 0 && (status & CtStatus.CONFIRMED) != 0;
}

/** True if part `part` is not tested, or holds as written. */
@inline
function passes(parts: u32, part: u32, holds: bool): bool {
  return (parts & part) == 0 || holds != ((parts & (part << 16)) != 0);
}

@inline
function covers(at: usize, hi: u64, lo: u64): bool {
  const pair = changetype<AddressPair>(at);
  return (((lo ^ pair.lo) & pair.lo2) | ((hi ^ pair.hi) & pair.hi2)) == 0;
}

@inline
function inPorts(ports: u32, port: u32): bool {
  return port >= (ports & 0xffff) && port <= ports >> 16;
}

export function matchConntrack(at: usize): bool {
  const test = changetype<ConntrackTest>(at);
  const parts = changetype<Statement>(at).argument;
  const s = skb();
  const flow = s.flow;
  let bits = stateOf();
  if (some(flow)) {
    if ((flow.status & CtStatus.SNAT) != 0) bits |= CtState.SNAT;
    if ((flow.status & CtStatus.DNAT) != 0) bits |= CtState.DNAT;
  }
  if (!passes(parts, CtTest.STATE, (test.states & bits) != 0)) return false;
  if (!some(flow)) return (parts & CtTest.STATE) != 0;
  const direction = directionOf(s.ctInfo);
  if ((parts & CtTest.DIRECTION_ORIGINAL) != 0 && direction != 0) return false;
  if ((parts & CtTest.DIRECTION_REPLY) != 0 && direction != 1) return false;
  if (!passes(parts, CtTest.PROTOCOL, flow.oProtocol == test.protocol)) return false;
  if (!passes(parts, CtTest.STATUS, statusHolds(test.status, flow.status))) return false;
  if (!passes(parts, CtTest.ORIG_SPORT, inPorts(test.ports0, flow.oSport))) return false;
  if (!passes(parts, CtTest.ORIG_DPORT, inPorts(test.ports1, flow.oDport))) return false;
  if (!passes(parts, CtTest.REPL_SPORT, inPorts(test.ports2, flow.rSport))) return false;
  if (!passes(parts, CtTest.REPL_DPORT, inPorts(test.ports3, flow.rDport))) return false;
  const prefixes = CtTest.ORIG_SRC | CtTest.ORIG_DST | CtTest.REPL_SRC | CtTest.REPL_DST;
  if ((parts & prefixes) == 0) return true;
  const first = at + offsetof<ConntrackTest>();
  const size = offsetof<AddressPair>();
  return (
    passes(parts, CtTest.ORIG_SRC, covers(first, flow.oSaddrHi, flow.oSaddrLo)) &&
    passes(parts, CtTest.ORIG_DST, covers(first + size, flow.oDaddrHi, flow.oDaddrLo)) &&
    passes(parts, CtTest.REPL_SRC, covers(first + 2 * size, flow.rSaddrHi, flow.rSaddrLo)) &&
    passes(parts, CtTest.REPL_DST, covers(first + 3 * size, flow.rDaddrHi, flow.rDaddrLo))
  );
}
