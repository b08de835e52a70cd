/** `-m tcp`: net/netfilter/xt_tcpudp.c:tcp_mt(). */
import { type Match, Protocol, TcpFlag } from '@podwire/engine';
import { bang, byName, exclusive, inverted, type MatchExtension, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { portOptions, printPorts, readPort } from './ports.ts';

const FLAGS: readonly (readonly [string, number])[] = [
  ['FIN', TcpFlag.FIN],
  ['SYN', TcpFlag.SYN],
  ['RST', TcpFlag.RST],
  ['PSH', TcpFlag.PSH],
  ['ACK', TcpFlag.ACK],
  ['URG', TcpFlag.URG],
];
const ALL = 63;
/** `--syn`: SYN set; FIN, RST and ACK not. */
const SYN_MASK = TcpFlag.FIN | TcpFlag.SYN | TcpFlag.RST | TcpFlag.ACK;

function readFlags(text: string): number {
  let bits = 0;
  for (const name of text.toUpperCase().split(',')) {
    const flag = FLAGS.find(([n]) => n === name);
    if (flag) bits |= flag[1];
    else if (name === 'ALL') bits |= ALL;
    else if (name !== 'NONE') throw new Refusal(`Unknown TCP flag \`${name}'`);
  }
  return bits;
}

function printFlags(bits: number): string {
  const names = FLAGS.filter(([, bit]) => bits & bit).map(([name]) => name);
  return names.length ? names.join(',') : 'NONE';
}

export const tcp: MatchExtension = {
  name: 'tcp',
  impliedBy: [Protocol.TCP],
  protocols: [Protocol.TCP],
  options: [
    ...portOptions,
    option('tcp-flags', 2, { negatable: true }),
    option('syn', 0, { negatable: true }),
    option('tcp-option', 1, { negatable: true }),
  ],
  parse(given) {
    exclusive(given, 'tcp', ['tcp-flags', 'syn']);
    const g = byName(given);
    const sport = readPort(g.get('sport'));
    const dport = readPort(g.get('dport'));
    const flags = g.get('tcp-flags');
    const syn = g.get('syn');
    const kind = g.get('tcp-option');
    return {
      kind: 'tcp',
      ...(sport && { sport }),
      ...(dport && { dport }),
      ...(flags && {
        flags: { mask: readFlags(word(flags)), set: readFlags(flags.values[1] ?? ''), ...inverted(flags.not) },
      }),
      ...(syn && { flags: { mask: SYN_MASK, set: TcpFlag.SYN, ...inverted(syn.not) } }),
      ...(kind && { option: { number: number('tcp-option', word(kind), 255, 1), ...inverted(kind.not) } }),
    };
  },
};

export function printTcp(match: Extract<Match, { kind: 'tcp' }>): string {
  const { flags, option: kind } = match;
  return (
    `-m tcp${printPorts(match)}` +
    (kind ? ` ${bang(kind.not)}--tcp-option ${kind.number}` : '') +
    (flags ? ` ${bang(flags.not)}--tcp-flags ${printFlags(flags.mask)} ${printFlags(flags.set)}` : '')
  );
}
