/** The tests that need no `-m`: addresses, interfaces, protocol, fragment. */
import type { Match } from '@podwire/engine';
import { prefix } from './base/address.ts';
import { bang, type Context, type Given, type IpFamily, inverted, option, Refusal, word } from './base/extension.ts';
import { headerProtocolName, protocolNumber } from './base/names.ts';
import { parseNumber } from './base/numbers.ts';
import { bareWord, interfaceName } from './base/words.ts';

export type HeaderMatch = Extract<Match, { kind: 'saddr' | 'daddr' | 'iif' | 'oif' | 'protocol' | 'fragment' }>;

const negatable = { negatable: true };

/** Short letter -> long option. */
export const SHORT: Readonly<Record<string, string>> = {
  s: 'source',
  d: 'destination',
  p: 'protocol',
  i: 'in-interface',
  o: 'out-interface',
  f: 'fragment',
  j: 'jump',
  g: 'goto',
  m: 'match',
  c: 'set-counters',
};

export const headerOptions = [
  option('source', 1, { ...negatable, aliases: ['src'] }),
  option('destination', 1, { ...negatable, aliases: ['dst'] }),
  option('protocol', 1, { ...negatable, aliases: ['proto'] }),
  option('in-interface', 1, negatable),
  option('out-interface', 1, negatable),
  option('fragment', 0, { ...negatable, aliases: ['fragments'] }),
  option('jump', 1),
  option('goto', 1),
  option('match', 1, { repeatable: true }),
  option('set-counters', 2),
];

function readInterface(given: Given): { name: string; not?: true } | undefined {
  const name = interfaceName(word(given));
  if (name === '') throw new Refusal('Empty interface is likely to be undesired');
  // `+` is any interface at all, so that the test says nothing.
  if (name === '+' && !given.not) return undefined;
  return { name, ...inverted(given.not) };
}

export function readProtocol(given: Given): { protocol: number; not?: true } {
  const protocol = protocolNumber(word(given)) ?? parseNumber(word(given), 255);
  if (protocol === undefined) throw new Refusal(`unknown protocol "${word(given)}" specified`);
  if (protocol === 0 && given.not) throw new Refusal('rule would never match protocol');
  return { protocol, ...inverted(given.not) };
}

/** All prefixes of `-s` or `-d`; a list makes as many rules. */
export function readAddresses(
  kind: 'saddr' | 'daddr',
  given: Given,
  { family, place }: Context,
): (HeaderMatch | undefined)[] {
  const parts = word(given).split(',');
  if (parts.length > 1 && given.not)
    throw new Refusal(`! not allowed with multiple source or destination IP addresses`);
  return parts.map((part) => {
    const text = prefix(family, part.trim());
    // nftables compares no bits at all with nothing.
    if (text.endsWith('/0') && given.not && place.backend === 'nft') {
      throw new Refusal('RULE_APPEND failed (Invalid argument): nothing is outside of all addresses');
    }
    return text.endsWith('/0') && !given.not ? undefined : { kind, prefix: text, ...inverted(given.not) };
  });
}

/** The other header tests; undefined for what says nothing. */
export function readHeader(given: Given, family: IpFamily): HeaderMatch | undefined {
  switch (given.name) {
    case 'in-interface':
    case 'out-interface': {
      const test = readInterface(given);
      return test && { kind: given.name === 'in-interface' ? 'iif' : 'oif', ...test };
    }
    case 'protocol': {
      const test = readProtocol(given);
      return test.protocol === 0 ? undefined : { kind: 'protocol', ...test };
    }
    case 'fragment':
      if (family === 'ip6') throw new Refusal("`-f' is not supported in IPv6, use -m frag instead");
      return { kind: 'fragment', ...inverted(given.not) };
    default:
      throw new Refusal(`unknown option "--${given.name}"`);
  }
}

const ORDER: readonly HeaderMatch['kind'][] = ['saddr', 'daddr', 'iif', 'oif', 'protocol', 'fragment'];

/** Position among the header tests, as they are kept and printed; undefined for any other statement. */
export function headerOrder(kind: string): number | undefined {
  const at = (ORDER as readonly string[]).indexOf(kind);
  return at < 0 ? undefined : at;
}

/** With the mask always written, as the tool does. */
function fullPrefix(text: string): string {
  return text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
}

export function printHeader(match: HeaderMatch): string {
  const not = bang(match.not);
  switch (match.kind) {
    case 'saddr':
      return `${not}-s ${fullPrefix(match.prefix)}`;
    case 'daddr':
      return `${not}-d ${fullPrefix(match.prefix)}`;
    case 'iif':
      return `${not}-i ${bareWord(match.name)}`;
    case 'oif':
      return `${not}-o ${bareWord(match.name)}`;
    case 'protocol':
      return `${not}-p ${headerProtocolName(match.protocol)}`;
    case 'fragment':
      return `${not}-f`;
  }
}
