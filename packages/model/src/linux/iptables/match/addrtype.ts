/** `-m addrtype`: net/netfilter/xt_addrtype.c. */
import type { Match } from '@podwire/engine';
import {
  bang,
  byName,
  exclusive,
  type Given,
  inverted,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';

/** By bit, as they are printed. */
const TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
];

function readTypes(given: Given): { types: string[]; not?: boolean } {
  const names = word(given)
    .split(',')
    .map((part) => {
      const upper = part.toUpperCase();
      const found = upper === '' ? undefined : TYPES.find((type) => type.startsWith(upper));
      if (!found) throw new Refusal(`addrtype: bad type \`${part}'`);
      return found;
    });
  return { types: TYPES.filter((type) => names.includes(type)), ...inverted(given.not) };
}

export const addrtype: MatchExtension = {
  name: 'addrtype',
  options: [
    option('src-type', 1, { negatable: true }),
    option('dst-type', 1, { negatable: true }),
    option('limit-iface-in', 0),
    option('limit-iface-out', 0),
  ],
  parse(given) {
    needOption(given, 'addrtype', 'src-type', 'dst-type');
    exclusive(given, 'addrtype', ['limit-iface-in', 'limit-iface-out']);
    const g = byName(given);
    const src = g.get('src-type');
    const dst = g.get('dst-type');
    return {
      kind: 'addrtype',
      ...(src && { srcType: readTypes(src) }),
      ...(dst && { dstType: readTypes(dst) }),
      ...(g.has('limit-iface-in') && { limitIfaceIn: true }),
      ...(g.has('limit-iface-out') && { limitIfaceOut: true }),
    };
  },
};

export function printAddrtype({
  srcType,
  dstType,
  limitIfaceIn,
  limitIfaceOut,
}: Extract<Match, { kind: 'addrtype' }>): string {
  const types = (name: string, test: typeof srcType) =>
    test ? ` ${bang(test.not)}--${name} ${test.types.join(',')}` : '';
  return (
    `-m addrtype${types('src-type', srcType)}${types('dst-type', dstType)}` +
    (limitIfaceIn ? ' --limit-iface-in' : '') +
    (limitIfaceOut ? ' --limit-iface-out' : '')
  );
}
