/** `-m iprange`: net/netfilter/xt_iprange.c. */
import { compareAddresses, type Match, parseAddress } from '@podwire/engine';
import { addressRange } from '../base/address.ts';
import {
  bang,
  byName,
  type Given,
  type IpFamily,
  inverted,
  type MatchExtension,
  option,
  Refusal,
  word,
} from '../base/extension.ts';

function readRange(family: IpFamily, given: Given): { from: string; to: string; not?: boolean } {
  const range = addressRange(family, word(given));
  const from = parseAddress(range.from);
  const to = parseAddress(range.to);
  if (from && to && compareAddresses(from, to) > 0)
    throw new Refusal(`iprange: range ${range.from}-${range.to} is reversed`);
  return { ...range, ...inverted(given.not) };
}

export const iprange: MatchExtension = {
  name: 'iprange',
  options: [option('src-range', 1, { negatable: true }), option('dst-range', 1, { negatable: true })],
  parse(given, { family }) {
    if (given.length === 0) throw new Refusal("iprange match: You must specify `--src-range' or `--dst-range'");
    const g = byName(given);
    const src = g.get('src-range');
    const dst = g.get('dst-range');
    return {
      kind: 'iprange',
      ...(src && { src: readRange(family, src) }),
      ...(dst && { dst: readRange(family, dst) }),
    };
  },
};

export function printIprange({ src, dst }: Extract<Match, { kind: 'iprange' }>): string {
  const one = (name: string, test: typeof src) => (test ? ` ${bang(test.not)}--${name} ${test.from}-${test.to}` : '');
  return `-m iprange${one('src-range', src)}${one('dst-range', dst)}`;
}
