/** `-m udp`: net/netfilter/xt_tcpudp.c:udp_mt(). */
import { type Match, Protocol } from '@podwire/engine';
import { byName, type MatchExtension, needProtocol } from '../base/extension.ts';
import { portOptions, printPorts, readPort } from './ports.ts';

export const udp: MatchExtension = {
  name: 'udp',
  impliedBy: [Protocol.UDP],
  options: portOptions,
  parse(given, context) {
    needProtocol(context, [Protocol.UDP], "UDP match requires '-p udp'");
    const g = byName(given);
    const sport = readPort(g.get('sport'));
    const dport = readPort(g.get('dport'));
    return { kind: 'udp', ...(sport && { sport }), ...(dport && { dport }) };
  },
};

export function printUdp(match: Extract<Match, { kind: 'udp' | 'sctp' }>): string {
  return `-m ${match.kind}${printPorts(match)}`;
}
