/** Statements that translate or divert: families, addresses and ports that they take. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression, NftNat, NftStatement } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { type Evaluator, elementsOf } from './evaluator.ts';
import { spanOf, termOfSpan } from './interval.ts';
import { requireSet } from './scope.ts';
import type { MapTerm, Part, Term } from './term.ts';

const PORT: Part = { type: types.service, bits: 16 };
const NAT_FLAGS = ['random', 'fully-random', 'persistent', 'netmap'];

const address = (family: 'ip' | 'ip6'): Part =>
  family === 'ip' ? { type: types.ipv4, bits: 32 } : { type: types.ipv6, bits: 128 };

const list = (flags: string | string[] | undefined): string[] =>
  flags === undefined ? [] : typeof flags === 'string' ? [flags] : flags;

/** Flags in the order in which nft lists them; one alone stays text. */
export function orderedFlags(
  flags: string | string[] | undefined,
  order: readonly string[],
): { flags?: string | string[] } {
  const given = list(flags);
  const unknown = given.find((flag) => !order.includes(flag));
  if (unknown !== undefined) throw new NftRefusal(`unknown flag "${unknown}"`);
  const sorted = order.filter((flag) => given.includes(flag));
  const [first] = sorted;
  return first === undefined ? {} : { flags: sorted.length === 1 ? first : sorted };
}

/** Does the key of a map tell the transport protocol by itself? */
function keyHasTransport(addr: NftExpression | undefined): boolean {
  if (typeof addr !== 'object' || Array.isArray(addr) || !('map' in addr)) return false;
  const { key } = addr.map;
  if (typeof key !== 'object' || Array.isArray(key) || !('concat' in key)) return false;
  return key.concat.some((part) => {
    if (typeof part !== 'object' || Array.isArray(part)) return false;
    if ('meta' in part) return part.meta.key === 'l4proto';
    if (!('payload' in part) || !('protocol' in part.payload)) return false;
    const { protocol, field } = part.payload;
    if (protocol === 'ip') return field === 'protocol';
    if (protocol === 'ip6') return field === 'nexthdr';
    return ['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'ah', 'esp', 'comp', 'icmp', 'icmpv6', 'igmp'].includes(protocol);
  });
}

function checkTransport(at: Evaluator, addr: NftExpression | undefined): void {
  if (!at.known.layers.th && !keyHasTransport(addr))
    throw new NftRefusal('transport protocol mapping is only valid after transport protocol match');
}

function checkFamily(at: Evaluator, family: 'ip' | 'ip6' | undefined, statement: string): void {
  const network = at.known.layers.nh?.name;
  if ((network === 'ip' && family !== 'ip') || (network === 'ip6' && family !== 'ip6'))
    throw new NftRefusal(
      `conflicting protocols specified: ${network} vs. ${family ?? 'unspec'}. You must specify ip or ip6 family in ${statement} statement`,
    );
}

/** Values of the map are an address and a port. */
function isConcatMap(at: Evaluator, addr: NftExpression): boolean {
  if (typeof addr !== 'object' || Array.isArray(addr) || !('map' in addr)) return false;
  const { data } = addr.map;
  if (typeof data === 'string') {
    const set = requireSet(at.scope, data);
    return set.data !== undefined && set.data !== 'verdict' && set.data.length > 1;
  }
  return elementsOf(data).some((element) => {
    const value = Array.isArray(element) ? element[1] : undefined;
    return typeof value === 'object' && !Array.isArray(value) && 'concat' in value;
  });
}

/** The kernel keeps the first and the last address; what they span is listed as a prefix where it is one. */
function spanned(term: Term): Term {
  const span = term.is === 'range' || term.is === 'prefix' ? spanOf(term) : undefined;
  return span && (term.is === 'range' || term.is === 'prefix') ? termOfSpan(span, term) : term;
}

function spannedData(map: MapTerm): MapTerm {
  if (map.data.is !== 'set') return map;
  const elements = map.data.elements.map((element) =>
    element.data ? { ...element, data: spanned(element.data) } : element,
  );
  return { ...map, data: { ...map.data, elements } };
}

function natAddress(at: Evaluator, addr: NftExpression, part: Part): Term {
  const mapped = typeof addr === 'object' && !Array.isArray(addr) && 'map' in addr ? addr.map : undefined;
  if (!mapped) return spanned(at.value(addr, part));
  return spannedData(at.map(mapped, { shape: [part], interval: true }));
}

function hasRanges(at: Evaluator, map: MapTerm): boolean {
  if (map.data.is === 'named') return at.scope.set(map.data.name)?.dataInterval === true;
  return map.data.is === 'set' && map.data.elements.some(({ data }) => data?.is === 'range' || data?.is === 'prefix');
}

function natFamily(at: Evaluator, nat: NftNat): 'ip' | 'ip6' | undefined {
  const { family } = at.scope;
  if (family === 'ip' || family === 'ip6') return nat.family ?? family;
  if (family !== 'inet') throw new NftRefusal('NAT is only supported for IPv4/IPv6');
  if (nat.family !== undefined || nat.addr === undefined) return nat.family;
  const network = at.known.layers.nh?.name;
  return network === 'ip' || network === 'ip6' ? network : undefined;
}

export function evaluateNat(at: Evaluator, kind: 'snat' | 'dnat', nat: NftNat): void {
  const family = natFamily(at, nat);
  const terms: Term[] = [];
  const mapFlags = new Set(list(nat.type_flags));
  if (nat.addr !== undefined) {
    checkFamily(at, family, kind);
    const concat = isConcatMap(at, nat.addr) || mapFlags.has('concat');
    if (family === undefined) throw new NftRefusal('ip or ip6 must be specified with address for inet tables.');
    const own = at.scope.family === 'inet' ? family : at.scope.family;
    const part = address(own === 'ip6' ? 'ip6' : 'ip');
    if (concat) {
      mapFlags.add('concat');
      const mapped =
        typeof nat.addr === 'object' && !Array.isArray(nat.addr) && 'map' in nat.addr ? nat.addr.map : undefined;
      terms.push(mapped ? at.map(mapped, { shape: [part, PORT], interval: true }) : at.value(nat.addr, part));
      checkTransport(at, nat.addr);
    } else terms.push(natAddress(at, nat.addr, part));
  }
  if (nat.port !== undefined) {
    checkTransport(at, nat.addr);
    terms.push(at.value(nat.port, PORT));
  }
  const mapped = terms[0]?.is === 'map' ? terms[0] : undefined;
  const shown = natFlags(at, family, nat, mapFlags, mapped);
  const netmap = mapFlags.has('prefix') ? ['netmap'] : [];
  const flags = orderedFlags([...list(nat.flags), ...netmap], NAT_FLAGS);
  at.push({
    is: 'action',
    terms,
    ...(nat.port === undefined ? {} : { resetAt: nat.addr === undefined ? 0 : 1 }),
    build: (built) => {
      const addr = nat.addr === undefined ? {} : { addr: built[0] as NftExpression };
      const port = nat.port === undefined ? {} : { port: built[nat.addr === undefined ? 0 : 1] as NftExpression };
      const body: NftNat = { ...shown.family, ...addr, ...port, ...flags, ...shown.types };
      return kind === 'snat' ? { snat: body } : { dnat: body };
    },
  });
}

/** Which family and flags of the map the listing shows. */
function natFlags(
  at: Evaluator,
  family: 'ip' | 'ip6' | undefined,
  nat: NftNat,
  flags: ReadonlySet<string>,
  mapped: MapTerm | undefined,
): { family: { family?: 'ip' | 'ip6' }; types: { type_flags?: string | string[] } } {
  const complex =
    flags.has('concat') || flags.has('prefix') || flags.has('interval') || (mapped && hasRanges(at, mapped));
  const needed = at.scope.family === 'inet' ? nat.addr !== undefined : complex === true;
  return {
    family: needed && family !== undefined ? { family } : {},
    types: flags.has('prefix') ? { type_flags: 'prefix' } : {},
  };
}

export function evaluateNatPort(
  at: Evaluator,
  kind: 'masquerade' | 'redirect',
  values: { port?: NftExpression; flags?: string | string[] } | null,
): void {
  if (!['ip', 'ip6', 'inet'].includes(at.scope.family)) throw new NftRefusal('NAT is only supported for IPv4/IPv6');
  const terms: Term[] = [];
  if (values?.port !== undefined) {
    checkTransport(at, undefined);
    terms.push(at.value(values.port, PORT));
  }
  const flags = orderedFlags(values?.flags, NAT_FLAGS);
  at.push({
    is: 'action',
    terms,
    resetAt: 0,
    build: ([port]) => {
      const body = { ...(port === undefined ? {} : { port }), ...flags };
      const shown = Object.keys(body).length === 0 ? null : body;
      return kind === 'masquerade' ? { masquerade: shown } : { redirect: shown };
    },
  });
}

export function evaluateTproxy(at: Evaluator, tproxy: Extract<NftStatement, { tproxy: unknown }>['tproxy']): void {
  const table = at.scope.family;
  if (table !== 'ip' && table !== 'ip6' && table !== 'inet')
    throw new NftRefusal('tproxy is only supported for IPv4/IPv6/INET');
  const family = table === 'inet' ? tproxy.family : (tproxy.family ?? table);
  if (!at.known.layers.th) throw new NftRefusal('Transparent proxy support requires transport protocol match');
  if (tproxy.addr === undefined && tproxy.port === undefined)
    throw new NftRefusal('Either address or port must be specified!');
  checkFamily(at, family, 'tproxy');
  const terms: Term[] = [];
  if (tproxy.addr !== undefined) {
    if (family === undefined) throw new NftRefusal('ip or ip6 must be specified with address for inet tables.');
    terms.push(at.value(tproxy.addr, address(table === 'inet' ? family : table)));
  }
  if (tproxy.port !== undefined) terms.push(at.value(tproxy.port, PORT));
  if (terms.some((term) => term.is === 'range'))
    throw new NftRefusal('Address and port ranges are not supported for tproxy.');
  at.push({
    is: 'action',
    terms,
    ...(tproxy.port === undefined ? {} : { resetAt: terms.length - 1 }),
    build: (built) => ({
      tproxy: {
        ...(table === 'inet' && family !== undefined ? { family } : {}),
        ...(tproxy.addr === undefined ? {} : { addr: built[0] as NftExpression }),
        ...(tproxy.port === undefined ? {} : { port: built[terms.length - 1] as NftExpression }),
      },
    }),
  });
}

const DEVICE: Part = { type: types.interfaceIndex, bits: 32 };

export function evaluateDup(at: Evaluator, dup: Extract<NftStatement, { dup: unknown }>['dup']): void {
  const { family } = at.scope;
  if (family !== 'ip' && family !== 'ip6' && family !== 'netdev') throw new NftRefusal('unsupported family');
  if (family === 'netdev' && dup.dev !== undefined) throw new NftRefusal('cannot specify device');
  const terms = [at.value(dup.addr, family === 'netdev' ? DEVICE : address(family))];
  if (dup.dev !== undefined) terms.push(at.value(dup.dev, DEVICE));
  at.push({
    is: 'action',
    terms,
    build: ([addr, dev]) => ({ dup: { addr: addr as NftExpression, ...(dev === undefined ? {} : { dev }) } }),
  });
}

export function evaluateFwd(at: Evaluator, fwd: Extract<NftStatement, { fwd: unknown }>['fwd']): void {
  if (at.scope.family !== 'netdev') throw new NftRefusal('unsupported family');
  const terms = [at.value(fwd.dev, DEVICE)];
  if (fwd.addr !== undefined) {
    if (fwd.family === undefined) throw new NftRefusal('missing family');
    terms.push(at.value(fwd.addr, address(fwd.family)));
  }
  const family = fwd.family;
  at.push({
    is: 'action',
    terms,
    build: ([dev, addr]) => ({
      fwd: { dev: dev as NftExpression, ...(addr === undefined || family === undefined ? {} : { family, addr }) },
    }),
  });
}
