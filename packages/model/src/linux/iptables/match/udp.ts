/** `-m udp`: net/netfilter/xt_tcpudp.c:udp_mt(). */
import { type Match, Protocol } from '@podwire/engine';
import { byName, type MatchExtension } from '../base/extension.ts';
import { decimalPort } from '../base/numbers.ts';
import { portOptions, printPorts, readPort } from './ports.ts';

export const udp: MatchExtension = {
  name: 'udp',
  impliedBy: [Protocol.UDP],
  protocols: [Protocol.UDP],
  options: portOptions,
  parse(given) {
    const g = byName(given);
    const sport = readPort(g.get('sport'), decimalPort);
    const dport = readPort(g.get('dport'), decimalPort);
    return { kind: 'udp', ...(sport && { sport }), ...(dport && { dport }) };
  },
};

export function printUdp(match: Extract<Match, { kind: 'udp' | 'sctp' }>): string {
  return `-m ${match.kind}${printPorts(match)}`;
}
