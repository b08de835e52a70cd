/** `-m addrtype`: net/netfilter/xt_addrtype.c. */
import type { Match } from '@podwire/engine';
import {
  bang,
  byName,
  exclusive,
  type Given,
  type IpFamily,
  inverted,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  refuseIn,
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

/** net/netfilter/xt_addrtype.c:addrtype_mt_checkentry_v1(). */
const NOT_IN_IPV6 = ['BLACKHOLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE', 'BROADCAST'];

function readTypes(given: Given, family: IpFamily): { types: string[]; not?: boolean } {
  const names = word(given)
    .split(',')
    .map((part) => {
      const upper = part.toUpperCase();
      const found = upper === '' ? undefined : TYPES.find((type) => type.startsWith(upper));
      if (!found) throw new Refusal(`addrtype: bad type \`${part}'`);
      return found;
    });
  const strange = family === 'ip6' ? NOT_IN_IPV6.find((type) => names.includes(type)) : undefined;
  if (strange !== undefined) throw new Refusal(`addrtype: ipv6 does not support ${strange} matching`);
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
  parse(given, context) {
    needOption(given, 'addrtype', 'src-type', 'dst-type');
    exclusive(given, 'addrtype', ['limit-iface-in', 'limit-iface-out']);
    const g = byName(given);
    const src = g.get('src-type');
    const dst = g.get('dst-type');
    if (g.has('limit-iface-out')) {
      refuseIn(
        context,
        ['PREROUTING', 'INPUT'],
        'addrtype: output interface limitation not valid in PREROUTING and INPUT',
      );
    }
    if (g.has('limit-iface-in')) {
      refuseIn(
        context,
        ['POSTROUTING', 'OUTPUT'],
        'addrtype: input interface limitation not valid in POSTROUTING and OUTPUT',
      );
    }
    const read = (test: Given) => readTypes(test, context.family);
    return {
      kind: 'addrtype',
      ...(src && { srcType: read(src) }),
      ...(dst && { dstType: read(dst) }),
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
