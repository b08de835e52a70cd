/** Tests of the transport header (xt_tcpudp.c, xt_multiport.c, icmp_match(), icmp6_match()). */
import { PortTest } from '../../src/codes';
import { PacketL4 } from '../../src/ct-codes';
import { ChoiceKind, Protocol } from '../../src/terms';
import { choose } from '../core/choice';
import { isLater, packet } from '../core/skb';
import { hasPorts } from '../ct/tuple';
import { IcmpTest, MultiportTest, PortsTest, Statement } from '../layout/statement';
import { inverted } from './header';

/** tcp_mt, udp_mt, sctp_mt. Packets of other protocols do not match. */
export function matchPorts(at: usize): bool {
  const test = changetype<PortsTest>(at);
  const p = packet();
  if (p.protocol != changetype<Statement>(at).argument || isLater(p)) return false;
  const parts = <u32>test.parts;
  if ((parts & PortTest.SPORT) != 0) {
    const holds = p.sport >= test.sportFrom && p.sport <= test.sportTo;
    if (holds == ((parts & PortTest.NOT_SPORT) != 0)) return false;
  }
  if ((parts & PortTest.DPORT) != 0) {
    const holds = p.dport >= test.dportFrom && p.dport <= test.dportTo;
    if (holds == ((parts & PortTest.NOT_DPORT) != 0)) return false;
  }
  if ((parts & PortTest.FLAGS) != 0) {
    const holds = (p.tcpFlags & test.mask) == test.set;
    if (holds == ((parts & PortTest.NOT_FLAGS) != 0)) return false;
  }
  return true;
}

export function matchIcmp(at: usize): bool {
  const test = changetype<IcmpTest>(at);
  const p = packet();
  if (p.protocol != changetype<Statement>(at).argument || isLater(p)) return false;
  const holds =
    test.type == 255 || (p.icmpType == test.type && p.icmpCode >= test.codeFrom && p.icmpCode <= test.codeTo);
  return holds != inverted(at);
}

function within(at: usize, port: u16): bool {
  const count = changetype<MultiportTest>(at).count;
  let range = at + offsetof<MultiportTest>();
  for (let i: u32 = 0; i < count; i++) {
    if (port >= load<u16>(range) && port <= load<u16>(range, 2)) return true;
    range += 4;
  }
  return false;
}

/** multiport_mt. */
export function matchMultiport(at: usize): bool {
  const p = packet();
  if (!hasPorts(p.protocol) || isLater(p)) return false;
  const which = changetype<Statement>(at).argument;
  const holds = (which != 1 && within(at, p.sport)) || (which != 0 && within(at, p.dport));
  return holds != inverted(at);
}

/** True for protocols whose ports a set or a rule can read. */
@inline
export function isPortProtocol(protocol: u32): bool {
  return protocol == Protocol.TCP || protocol == Protocol.UDP;
}

const HEADER: u8 = 20;

/** tcp_find_option(): a header of 20 bytes has none; what a longer one holds nobody knows. */
export function matchOption(at: usize): bool {
  const p = packet();
  if ((p.l4 & PacketL4.TCP) != 0 && p.header <= HEADER) return inverted(at);
  return choose(ChoiceKind.UNMODELLED, 2, false, at, 0) == 0;
}
