/**
 * What a rule asks of a packet's header, as a mask and a hash. Only plain tests that stand before any test with a memory or a choice count:
 * such a test has to be reached by the same packets as without an index. Inverted tests, ranges and sets do not count.
 */
import { Op, OpFlag, PortTest } from '../../src/codes';
import { fold, mix } from '../core/hash';
import { packet, skb, some } from '../core/skb';
import { PortsTest, PrefixTest, Statement } from '../layout/statement';

/** Fields that groups are hashed by. */
enum Field {
  SADDR = 1,
  DADDR = 2,
  PROTOCOL = 4,
  SPORT = 8,
  DPORT = 16,
  IIF = 32,
  OIF = 64,
}

@unmanaged
export class Mask {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  fields: u32;
  pad: u32;
}

/** The values a rule asks for. */
@unmanaged
class Values {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  protocol: u32;
  sport: u32;
  dport: u32;
  iif: u32;
  oif: u32;
}

const VALUES = changetype<Values>(memory.data(64, 8));

/** Tests that remember or ask: what stands behind them must not decide who reaches them. */
function isBarrier(op: u32): bool {
  return op == Op.RANDOM || op == Op.NTH || op == Op.RECENT || op == Op.SET || op == Op.CHOICE;
}

function takePorts(at: usize, mask: Mask): void {
  const test = changetype<PortsTest>(at);
  const parts = <u32>test.parts;
  if ((parts & (PortTest.SPORT | PortTest.NOT_SPORT)) == <u32>PortTest.SPORT && test.sportFrom == test.sportTo) {
    if ((mask.fields & Field.SPORT) == 0) {
      mask.fields |= Field.SPORT;
      VALUES.sport = test.sportFrom;
    }
  }
  if ((parts & (PortTest.DPORT | PortTest.NOT_DPORT)) == <u32>PortTest.DPORT && test.dportFrom == test.dportTo) {
    if ((mask.fields & Field.DPORT) == 0) {
      mask.fields |= Field.DPORT;
      VALUES.dport = test.dportFrom;
    }
  }
}

function takeProtocol(protocol: u32, mask: Mask): void {
  if (protocol == 0 || (mask.fields & Field.PROTOCOL) != 0) return;
  mask.fields |= Field.PROTOCOL;
  VALUES.protocol = protocol;
}

/** Reads a rule's body: its mask into `mask`, its values into VALUES. */
export function maskOfRule(body: usize, mask: Mask): void {
  memory.fill(changetype<usize>(mask), 0, offsetof<Mask>());
  let at = body;
  while (true) {
    const statement = changetype<Statement>(at);
    const op = <u32>statement.op;
    if (op == Op.END || op >= <u32>Op.ACCEPT || isBarrier(op)) return;
    if ((statement.flags & <u8>OpFlag.NOT) == 0) {
      switch (<i32>op) {
        case <i32>Op.SADDR: {
          const test = changetype<PrefixTest>(at);
          if ((mask.fields & Field.SADDR) != 0) break;
          mask.fields |= Field.SADDR;
          mask.saddrHi = test.maskHi;
          mask.saddrLo = test.maskLo;
          VALUES.saddrHi = test.hi & test.maskHi;
          VALUES.saddrLo = test.lo & test.maskLo;
          break;
        }
        case <i32>Op.DADDR: {
          const test = changetype<PrefixTest>(at);
          if ((mask.fields & Field.DADDR) != 0) break;
          mask.fields |= Field.DADDR;
          mask.daddrHi = test.maskHi;
          mask.daddrLo = test.maskLo;
          VALUES.daddrHi = test.hi & test.maskHi;
          VALUES.daddrLo = test.lo & test.maskLo;
          break;
        }
        case <i32>Op.PROTOCOL:
          takeProtocol(statement.argument, mask);
          break;
        case <i32>Op.ICMP:
          takeProtocol(statement.argument, mask);
          break;
        case <i32>Op.TCP:
        case <i32>Op.PORTS:
          takeProtocol(statement.argument, mask);
          takePorts(at, mask);
          break;
        case <i32>Op.IIF:
          if (statement.argument == 0 || (mask.fields & Field.IIF) != 0) break;
          mask.fields |= Field.IIF;
          VALUES.iif = statement.argument;
          break;
        case <i32>Op.OIF:
          if (statement.argument == 0 || (mask.fields & Field.OIF) != 0) break;
          mask.fields |= Field.OIF;
          VALUES.oif = statement.argument;
          break;
      }
    }
    at += statement.size;
  }
}

export function sameMask(a: Mask, b: Mask): bool {
  return (
    a.fields == b.fields &&
    a.saddrHi == b.saddrHi &&
    a.saddrLo == b.saddrLo &&
    a.daddrHi == b.daddrHi &&
    a.daddrLo == b.daddrLo
  );
}

@inline
function hash(fields: u32, sHi: u64, sLo: u64, dHi: u64, dLo: u64, protocol: u32, sport: u32, dport: u32, iif: u32, oif: u32): u32 {
  let x: u64 = fields;
  if ((fields & Field.SADDR) != 0) x = mix(x ^ sLo, sHi);
  if ((fields & Field.DADDR) != 0) x = mix(x ^ dLo, dHi);
  let y: u64 = 0;
  if ((fields & Field.PROTOCOL) != 0) y = protocol;
  if ((fields & Field.SPORT) != 0) y |= <u64>sport << 8;
  if ((fields & Field.DPORT) != 0) y |= <u64>dport << 24;
  let z: u64 = 0;
  if ((fields & Field.IIF) != 0) z = iif;
  if ((fields & Field.OIF) != 0) z |= <u64>oif << 32;
  return fold(mix(x ^ y, z));
}

/** What the rule wants of the fields in `mask`. */
export function hashOfRule(body: usize, mask: Mask): u32 {
  maskOfRule(body, SCRATCH);
  const v = VALUES;
  return hash(mask.fields, v.saddrHi, v.saddrLo, v.daddrHi, v.daddrLo, v.protocol, v.sport, v.dport, v.iif, v.oif);
}

const SCRATCH = changetype<Mask>(memory.data(48, 8));

/** What the packet has in the fields of `mask`. */
export function hashOfPacket(mask: Mask): u32 {
  const p = packet();
  const s = skb();
  return hash(
    mask.fields,
    p.saddrHi & mask.saddrHi,
    p.saddrLo & mask.saddrLo,
    p.daddrHi & mask.daddrHi,
    p.daddrLo & mask.daddrLo,
    p.protocol,
    p.sport,
    p.dport,
    some(s.iif) ? s.iif.name : 0,
    some(s.oif) ? s.oif.name : 0,
  );
}
