/**
 * What a rule asks of a packet's header: `readRule`. Only plain tests count that stand before any test with a memory or a choice: such a
 * test has to be reached by the same packets as without an index. Inverted tests, ranges and sets do not count.
 */
import { Op, OpFlag, PortTest } from '../../src/codes';
import { PortsTest, PrefixTest, Statement } from '../layout/statement';
import { DPORT_SHIFT, Header, OIF_SHIFT, PORT, PROTOCOL, SPORT_SHIFT, SYMBOL } from './header';

/** Of the rule read last: the bits it looks at, and what it wants there. */
export const RULE_MASK = changetype<Header>(memory.data(offsetof<Header>(), 8));
export const RULE_VALUES = changetype<Header>(memory.data(offsetof<Header>(), 8));

/** Tests that remember or ask: what stands behind them must not decide who reaches them. */
function isBarrier(op: u32, flags: u32): bool {
  return (flags & OpFlag.CHANCE) != 0 || op == Op.LOOKUP || op == Op.RANDOM || op == Op.NTH || op == Op.RECENT || op == Op.SET || op == Op.CHOICE || op == Op.OWNER || op == Op.TCP_OPTION;
}

/** Each `take` is true if mask and values now say the same as the test. */
function takeTransport(bits: u64, value: u64): bool {
  if ((RULE_MASK.transport & bits) != 0) return (RULE_VALUES.transport & bits) == value;
  RULE_MASK.transport |= bits;
  RULE_VALUES.transport |= value;
  return true;
}

function takeProtocol(protocol: u32): bool {
  return protocol == 0 || takeTransport(PROTOCOL, protocol);
}

/** Ports that are tested as a range of one; a range of more is left to the test. */
function takePort(test: PortsTest, part: u32, not: u32, from: u16, to: u16, shift: u64): bool {
  const parts = <u32>test.parts;
  if ((parts & part) == 0) return true;
  return (parts & not) == 0 && from == to && takeTransport(PORT << shift, <u64>from << shift);
}

function takePorts(at: usize): bool {
  const test = changetype<PortsTest>(at);
  const protocol = takeProtocol(changetype<Statement>(at).argument);
  const sport = takePort(test, PortTest.SPORT, PortTest.NOT_SPORT, test.sportFrom, test.sportTo, SPORT_SHIFT);
  const dport = takePort(test, PortTest.DPORT, PortTest.NOT_DPORT, test.dportFrom, test.dportTo, DPORT_SHIFT);
  return protocol && sport && dport && (test.parts & <u8>PortTest.FLAGS) == 0;
}

function takeInterface(symbol: u32, shift: u64): bool {
  // A pattern of names has no symbol.
  if (symbol == 0) return false;
  const bits = SYMBOL << shift;
  if ((RULE_MASK.interfaces & bits) != 0) return (RULE_VALUES.interfaces & bits) == <u64>symbol << shift;
  RULE_MASK.interfaces |= bits;
  RULE_VALUES.interfaces |= <u64>symbol << shift;
  return true;
}

function takeSource(at: usize): bool {
  const test = changetype<PrefixTest>(at);
  if ((RULE_MASK.saddrHi | RULE_MASK.saddrLo) != 0) return false;
  RULE_MASK.saddrHi = test.maskHi;
  RULE_MASK.saddrLo = test.maskLo;
  RULE_VALUES.saddrHi = test.hi & test.maskHi;
  RULE_VALUES.saddrLo = test.lo & test.maskLo;
  return true;
}

function takeDestination(at: usize): bool {
  const test = changetype<PrefixTest>(at);
  if ((RULE_MASK.daddrHi | RULE_MASK.daddrLo) != 0) return false;
  RULE_MASK.daddrHi = test.maskHi;
  RULE_MASK.daddrLo = test.maskLo;
  RULE_VALUES.daddrHi = test.hi & test.maskHi;
  RULE_VALUES.daddrLo = test.lo & test.maskLo;
  return true;
}

function take(at: usize): bool {
  const statement = changetype<Statement>(at);
  if ((statement.flags & <u8>OpFlag.NOT) != 0) return false;
  switch (<i32>statement.op) {
    case <i32>Op.SADDR:
      return takeSource(at);
    case <i32>Op.DADDR:
      return takeDestination(at);
    case <i32>Op.PROTOCOL:
      return takeProtocol(statement.argument);
    case <i32>Op.ICMP:
      takeProtocol(statement.argument);
      return false;
    case <i32>Op.TCP:
    case <i32>Op.PORTS:
      return takePorts(at);
    case <i32>Op.IIF:
      return takeInterface(statement.argument, 0);
    case <i32>Op.OIF:
      return takeInterface(statement.argument, OIF_SHIFT);
    default:
      return false;
  }
}

/**
 * Reads a rule's body into RULE_MASK and RULE_VALUES. Returns its first statement that they do not say all of: a packet that has these
 * values need only be tested from there on.
 */
export function readRule(body: usize): usize {
  memory.fill(changetype<usize>(RULE_MASK), 0, offsetof<Header>());
  memory.fill(changetype<usize>(RULE_VALUES), 0, offsetof<Header>());
  let rest: usize = 0;
  let at = body;
  while (true) {
    const statement = changetype<Statement>(at);
    const op = <u32>statement.op;
    const isTest = op != Op.END && op < <u32>Op.ACCEPT;
    if (!isTest || isBarrier(op, statement.flags)) return rest == 0 ? at : rest;
    if (!take(at) && rest == 0) rest = at;
    at += statement.size;
  }
}
