/** `-m ttl` and, for IPv6, `-m hl`: net/netfilter/xt_hl.c. */
import type { Match } from '@podwire/engine';
import { exclusive, type IpFamily, type MatchExtension, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

function extension(name: 'ttl' | 'hl', family: IpFamily): MatchExtension {
  const names = [name, `${name}-eq`, `${name}-lt`, `${name}-gt`];
  return {
    name,
    family,
    options: [
      option(`${name}-eq`, 1, { negatable: true }),
      option(name, 1),
      option(`${name}-lt`, 1),
      option(`${name}-gt`, 1),
    ],
    parse(given) {
      if (given.length === 0) {
        throw new Refusal(
          `${name.toUpperCase()} match: You must specify one of \`--${name}-eq', \`--${name}-lt', \`--${name}-gt'`,
        );
      }
      exclusive(given, name, names);
      const test = given[0];
      const value = number(test?.name ?? name, word(test), 255);
      const op = test?.name === name ? 'eq' : test?.name.slice(name.length + 1);
      if (op === 'lt' || op === 'gt') return { kind: 'ttl', op, value };
      if (op !== 'eq') throw new Refusal(`${name}: unknown comparison`);
      return { kind: 'ttl', op: test?.not ? 'ne' : 'eq', value };
    },
  };
}

export const ttl = extension('ttl', 'ip');
export const hl = extension('hl', 'ip6');

export function printTtl(match: Extract<Match, { kind: 'ttl' }>, family: IpFamily): string {
  const name = family === 'ip' ? 'ttl' : 'hl';
  const not = match.op === 'ne';
  return `-m ${name} ${not ? '! ' : ''}--${name}-${not ? 'eq' : match.op} ${match.value}`;
}
