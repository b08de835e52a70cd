/** addrtype_mt_v1, match_type, match_type6 (net/netfilter/xt_addrtype.c): what an address is to this host. */
import { type Family, localTable, type Netns, parsePrefix, type Route, type RouteTable } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import type { PacketSpace } from '../space/packet-space.ts';
import type { MatchContext, MatchOf, MatchSet } from './context.ts';

type Side = 'saddr' | 'daddr';
type Interface = 'iif' | 'oif';

/** In the order of `RouteType`. */
const TYPES = 'UNSPEC UNICAST LOCAL BROADCAST ANYCAST MULTICAST BLACKHOLE UNREACHABLE PROHIBIT THROW'.split(' ');

/** Routes of one family, own before base, those with the longest prefixes last. */
function routesOf(table: RouteTable | undefined, family: Family): { route: Route; length: number }[] {
  const routes: Route[] = [];
  for (let level = table; level; level = level.base) routes.push(...level.routes);
  return routes
    .filter((route) => route.family === family)
    .map((route, order) => ({ route, order, length: parsePrefix(route.destination)?.length ?? 0 }))
    .sort((a, b) => a.length - b.length || b.order - a.order);
}

/** Addresses of each type, where table 255 knows; all the rest is UNICAST (__inet_dev_addr_type, net/ipv4/fib_frontend.c). */
function types4(space: PacketSpace, netns: Netns, side: Side, limit: Interface | undefined): Map<string, Diagram> {
  const found = new Map(TYPES.map((type) => [type, FALSE]));
  const claim = (type: string, set: Diagram) => {
    for (const [other, known] of found) found.set(other, space.without(known, set));
    found.set(type, space.or(found.get(type) ?? FALSE, set));
  };
  claim('UNICAST', TRUE);
  for (const { route } of routesOf(localTable(netns), 4)) {
    const dev = route.nexthops[0]?.dev;
    const to = space.prefix(side, route.destination);
    if (dev === undefined) claim('UNICAST', to);
    else if (!limit) claim(route.type.toUpperCase(), to);
    else {
      // Where the packet has no such interface, none is asked for.
      const here = space.or(space.interfaceName(limit, dev), space.interfaceName(limit, ''));
      claim('UNICAST', space.without(to, here));
      claim(route.type.toUpperCase(), space.and(to, here));
    }
  }
  claim('MULTICAST', space.prefix(side, '224.0.0.0/4'));
  claim('BROADCAST', space.or(space.prefix(side, '0.0.0.0/32'), space.prefix(side, '255.255.255.255/32')));
  return found;
}

/** Where nothing is known of the host, the type is a field of its own: an address has one, and only one. */
function unknownType(space: PacketSpace, side: Side, types: readonly string[], limit: string): Diagram {
  const field = typeField(space, side, limit);
  return space.or(
    ...types.map((type) => {
      const code = TYPES.indexOf(type);
      return type === 'UNSPEC' ? space.not(space.range(field, 1, TYPES.length - 1)) : space.equals(field, code);
    }),
  );
}

/** Codes above the last type mean UNSPEC. */
const typeField = (space: PacketSpace, side: Side, limit: string) => space.further(`type of ${side}${limit}`, 4);

const routed6 = (space: PacketSpace, side: Side, types: readonly string[], limit: string): Diagram =>
  space.atom(`addrtype ${side} ${types.join(',')}${limit} (IPv6)`);

const limitText = (limit: Interface | undefined): string => (limit === undefined ? '' : ` by ${limit}`);

const LOOKED_UP = new Set(['ANYCAST', 'LOCAL', 'UNREACHABLE']);

/** Policy rules are the kernel's own, and no table but 255 has local routes: what table 255 says counts. */
function plainLocals(netns: Netns): boolean {
  const local = netns.tables.some(
    ({ id, base, routes }) => id !== 255 && [...routes, ...(base?.routes ?? [])].some(({ type }) => type === 'local'),
  );
  return !local && !netns.rules?.some(({ family }) => family === 6);
}

const LINK_LOCAL = 'fe80::/10';

/** The kernel gives every link an address of its own; where none is listed they were left out. */
function locals6(space: PacketSpace, netns: Netns, side: Side): Diagram {
  const known = netns.addresses.some(({ address }) => /^fe[89ab]/.test(address));
  let set = known
    ? FALSE
    : space.and(space.prefix(side, LINK_LOCAL), space.atom(`${side} is a link-local address of this host`));
  for (const { route } of routesOf(localTable(netns), 6))
    set = space.diagrams.choose(space.prefix(side, route.destination), route.type === 'local' ? TRUE : FALSE, set);
  return set;
}

/** Types of IPv6 are properties of the address, but LOCAL, ANYCAST and UNREACHABLE, which routing knows. All that are named must hold. */
function types6(context: MatchContext, side: Side, types: readonly string[], limit: string): Diagram {
  const { space, netns } = context;
  const multicast = space.prefix(side, 'ff00::/8');
  const unspecified = space.prefix(side, '::/128');
  const parts: Diagram[] = [];
  if (types.includes('MULTICAST')) parts.push(multicast);
  if (types.includes('UNICAST')) parts.push(space.not(space.or(multicast, unspecified)));
  if (types.includes('UNSPEC')) parts.push(unspecified);
  const asked = types.filter((type) => LOOKED_UP.has(type));
  // Multicast routes are of a type of their own, and the unspecified address is nobody's.
  const looked = (names: readonly string[]): Diagram => {
    const atom = routed6(space, side, names, limit);
    return names.includes('UNREACHABLE') ? atom : space.without(atom, space.or(multicast, unspecified));
  };
  if (asked.length > 0)
    parts.push(
      netns && limit === '' && asked.every((type) => type === 'LOCAL') && plainLocals(netns)
        ? locals6(space, netns, side)
        : looked(asked),
    );
  return space.and(...parts);
}

function sideHolds(context: MatchContext, match: MatchOf<'addrtype'>, side: Side): Diagram {
  const test = side === 'saddr' ? match.srcType : match.dstType;
  if (!test) return TRUE;
  const { space, netns } = context;
  const types = test.types.map((type) => type.toUpperCase());
  const limit: Interface | undefined = match.limitIfaceIn ? 'iif' : match.limitIfaceOut ? 'oif' : undefined;
  const limited = limitText(limit);
  const known = netns && types4(space, netns, side, limit);
  const four = known
    ? space.or(...types.map((type) => known.get(type) ?? FALSE))
    : unknownType(space, side, types, limited);
  const holds = space.diagrams.choose(space.family(4), four, types6(context, side, types, limited));
  return space.unless(test.not, holds);
}

export const addrtype: MatchSet<'addrtype'> = (context, match) =>
  context.space.and(sideHolds(context, match, 'saddr'), sideHolds(context, match, 'daddr'));

/** Bits of an unsigned number, most significant first. */
const codeBits = (code: number, width: number): Diagram[] =>
  Array.from({ length: width }, (_, i) => ((code >>> (width - 1 - i)) & 1 ? TRUE : FALSE));

const WIDTH = 4;

function types4Bits(context: MatchContext, side: Side, limit: Interface | undefined): Diagram[] {
  const { space, netns } = context;
  const known = netns && types4(space, netns, side, limit);
  const sets = TYPES.map((type) => known?.get(type) ?? unknownType(space, side, [type], limitText(limit)));
  return Array.from({ length: WIDTH }, (_, i) => space.or(...sets.filter((_, code) => (code >>> (WIDTH - 1 - i)) & 1)));
}

/** What nft_fib6_eval_type() finds: multicast and unspecified addresses by themselves, the others by their route. */
function types6Bits(context: MatchContext, side: Side, limit: Interface | undefined): Diagram[] {
  const { space } = context;
  const limited = limitText(limit);
  const code = (type: string) => TYPES.indexOf(type);
  const field = space.further(`fib type of ${side}${limited} (IPv6)`, WIDTH);
  const own = ['UNSPEC', 'LOCAL', 'ANYCAST', 'MULTICAST'];
  // A type that is told otherwise, and a code of none, stands for UNICAST.
  const others = TYPES.filter((type) => !own.includes(type)).map((type) => space.equals(field, code(type)));
  const plain = space.not(space.or(...others));
  const cases: [string, Diagram][] = [
    ['MULTICAST', space.prefix(side, 'ff00::/8')],
    ['UNSPEC', space.prefix(side, '::/128')],
    ['LOCAL', types6(context, side, ['LOCAL'], limited)],
    ['ANYCAST', types6(context, side, ['ANYCAST'], limited)],
  ];
  const rest = codeBits(code('UNICAST'), WIDTH).map((bit, i) =>
    space.diagrams.choose(plain, bit, space.variable(field.first + i)),
  );
  return cases.reduceRight<Diagram[]>((bits, [type, when]) => {
    const told = codeBits(code(type), WIDTH);
    return bits.map((bit, i) => space.diagrams.choose(when, told[i] as Diagram, bit));
  }, rest);
}

/** `fib saddr type`, `fib daddr . iif type`: the code of the type, 32 bits (nft_fib4_eval_type(), nft_fib6_eval_type()). */
export function fibTypeBits(context: MatchContext, side: Side, limit: Interface | undefined): Diagram[] {
  const { space } = context;
  const [four, six] = [types4Bits(context, side, limit), types6Bits(context, side, limit)];
  const bits = four.map((bit, i) => space.diagrams.choose(space.family(4), bit, six[i] as Diagram));
  return [...Array<Diagram>(32 - WIDTH).fill(FALSE), ...bits];
}
