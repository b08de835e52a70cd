/** What a program at the source sees, in the words of curl and ping, so that people recognise their case. */
import { type Packet, Protocol, TcpFlag } from '@podwire/engine';
import type { VerdictWord } from './answer.ts';

/** What Linux makes of an ICMP error on a connecting socket (`icmp_err_convert`, `icmpv6_err_convert`). */
function icmpSymptom(packet: Packet): string {
  if (packet.protocol === Protocol.ICMP && packet.icmpType === 3) {
    if (packet.icmpCode === 3) return 'connection refused';
    if (packet.icmpCode === 0 || packet.icmpCode === 6 || packet.icmpCode === 9 || packet.icmpCode === 11)
      return 'network is unreachable';
    if (packet.icmpCode === 4) return 'message too long';
    return 'no route to host';
  }
  if (packet.protocol === Protocol.ICMPV6 && packet.icmpType === 1) {
    if (packet.icmpCode === 4) return 'connection refused';
    if (packet.icmpCode === 0) return 'network is unreachable';
    if (packet.icmpCode === 1 || packet.icmpCode === 5 || packet.icmpCode === 6) return 'permission denied';
    return 'no route to host';
  }
  if (packet.protocol === Protocol.ICMPV6 && packet.icmpType === 2) return 'message too long';
  return 'no route to host';
}

export interface Seen {
  verdict: VerdictWord;
  reason: string;
  /** Whether the packet got past its own host's output. */
  leftSource: boolean;
  /** An echo request: ping has words of its own. */
  ping: boolean;
  /** The packet that came back to the source, where one did. */
  answer?: Packet;
}

function isError(answer: Packet): boolean {
  if (answer.protocol === Protocol.ICMP) return answer.icmpType === 3 || answer.icmpType === 11;
  return answer.protocol === Protocol.ICMPV6 && answer.icmpType < 128;
}

/** Undefined for what works. */
export function symptomOf({ verdict, reason, leftSource, ping, answer }: Seen): string | undefined {
  if (answer) {
    if (answer.protocol === Protocol.TCP) {
      return (answer.tcpFlags & TcpFlag.RST) !== 0 ? 'connection refused' : undefined;
    }
    if (!isError(answer)) return undefined;
    return ping ? 'destination unreachable' : icmpSymptom(answer);
  }
  if (verdict === 'delivered') return undefined;
  if (!leftSource) {
    if (reason === 'no-route') return 'network is unreachable';
    if (reason === 'no-neighbor') return 'no route to host';
    if (reason === 'no-source-address') return 'cannot assign requested address';
    if (reason === 'fragmentation-needed') return 'message too long';
  }
  return ping ? 'no answer' : 'time-out';
}
