/** `-m multiport`: net/netfilter/xt_multiport.c. */
import { type Match, type PortRange, Protocol } from '@podwire/engine';
import {
  bang,
  exclusive,
  inverted,
  isProtocol,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { port, printRange } from '../base/numbers.ts';

/** XT_MULTI_PORTS: a range takes two. */
const SLOTS = 15;
const DCCP = 33;
const UDPLITE = 136;

const NAME = { source: 'sports', destination: 'dports', either: 'ports' } as const;

/** `5` or `5:7`, both ends given. */
function readPorts(name: string, text: string): PortRange {
  const colon = text.indexOf(':');
  if (colon < 0) return { from: port(name, text), to: port(name, text) };
  const [from, to] = [port(name, text.slice(0, colon)), port(name, text.slice(colon + 1))];
  if (from >= to) throw new Refusal('invalid portrange specified');
  return { from, to };
}

export const multiport: MatchExtension = {
  name: 'multiport',
  options: [
    option('sports', 1, { negatable: true, aliases: ['source-ports'] }),
    option('dports', 1, { negatable: true, aliases: ['destination-ports'] }),
    option('ports', 1, { negatable: true }),
  ],
  parse(given) {
    needOption(given, 'multiport', 'sports', 'dports', 'ports');
    exclusive(given, 'multiport', ['sports', 'dports', 'ports']);
    const test = given[0];
    // The option asks at once: `-p` stands before it.
    if (!isProtocol(test?.after, [Protocol.TCP, Protocol.UDP, UDPLITE, Protocol.SCTP, DCCP])) {
      throw new Refusal('multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP');
    }
    const ports = word(test)
      .split(',')
      .map((part) => readPorts(test?.name ?? '', part));
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
