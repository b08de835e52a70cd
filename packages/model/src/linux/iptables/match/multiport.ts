/** `-m multiport`: net/netfilter/xt_multiport.c. */
import { type Match, Protocol } from '@podwire/engine';
import {
  bang,
  exclusive,
  inverted,
  type MatchExtension,
  needOption,
  needProtocol,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { portRange, printRange } from '../base/numbers.ts';

/** XT_MULTI_PORTS: a range takes two. */
const SLOTS = 15;
const DCCP = 33;
const UDPLITE = 136;

const NAME = { source: 'sports', destination: 'dports', either: 'ports' } as const;

export const multiport: MatchExtension = {
  name: 'multiport',
  options: [
    option('sports', 1, { negatable: true, aliases: ['source-ports'] }),
    option('dports', 1, { negatable: true, aliases: ['destination-ports'] }),
    option('ports', 1, { negatable: true }),
  ],
  parse(given, context) {
    needProtocol(
      context,
      [Protocol.TCP, Protocol.UDP, UDPLITE, Protocol.SCTP, DCCP],
      'multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP',
    );
    needOption(given, 'multiport', 'sports', 'dports', 'ports');
    exclusive(given, 'multiport', ['sports', 'dports', 'ports']);
    const test = given[0];
    const ports = word(test)
      .split(',')
      .map((part) => portRange(test?.name ?? '', part));
    const slots = word(test)
      .split(',')
      .reduce((n, part) => n + (part.includes(':') ? 2 : 1), 0);
    if (slots > SLOTS) throw new Refusal(`too many ports specified: multiport takes ${SLOTS}`);
    const which = test?.name === 'sports' ? 'source' : test?.name === 'dports' ? 'destination' : 'either';
    return { kind: 'multiport', which, ports, ...inverted(test?.not) };
  },
};

export function printMultiport(match: Extract<Match, { kind: 'multiport' }>): string {
  return `-m multiport ${bang(match.not)}--${NAME[match.which]} ${match.ports.map((p) => printRange(p)).join(',')}`;
}
