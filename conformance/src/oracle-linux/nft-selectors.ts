/** What nftables' rules read, each with values to compare it with: headers, the host's view of the packet, its connection, the routing tables. */
import type { Family } from '@podwire/engine';
import type { NftExpression, NftFamily } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { addresses, integers, MARK_VALUES, PORT_VALUES, type Values, words } from './nft-values.ts';
import { type Draft, familyOf, type Plan, plain } from './topology.ts';

/** `tuple`: TCP, of which only the connection is asked: nft leaves out the test of a protocol that a header implies, and then cannot read that. */
export type Transport = 'tcp' | 'udp' | 'th' | 'icmp' | 'tuple' | 'none';

/** Where an expression stands. */
export interface Spot {
  r: Random;
  plan: Plan;
  netns: Draft;
  family: NftFamily;
  /** Of all base chains that lead here. */
  hooks: readonly string[];
  /** The lowest priority of these. */
  priority: number;
  /** The version of IP that the rule is about. */
  version: Family;
  transport: Transport;
}

export interface Read {
  expr: NftExpression;
  values: Values;
  /** Whole bytes that `&` may cut. */
  masks?: readonly number[];
  /** nft 1.0.6 takes it neither in a concatenation nor as the key of a translation, or cannot list that. */
  alone?: boolean;
  /** nft 1.0.6 cannot list it where it stands in a set. */
  plain?: boolean;
}

type Maker = (spot: Spot) => Read | undefined;

const payload = (protocol: string, field: string): NftExpression => ({ payload: { protocol, field } });
const meta = (key: string): NftExpression => ({ meta: { key } });
const ipOf = ({ version }: Spot) => (version === 4 ? 'ip' : 'ip6');

const address =
  (side: string): Maker =>
  (spot) => ({ expr: payload(ipOf(spot), side), values: addresses(spot.r, spot.plan, spot.version) });

/** Each field of a header by version, with its values. */
const header =
  (
    four: string | undefined,
    six: string | undefined,
    values: Values,
    more: Pick<Read, 'masks' | 'alone'> = {},
  ): Maker =>
  ({ version }) => {
    const field = version === 4 ? four : six;
    return field === undefined ? undefined : { expr: payload(version === 4 ? 'ip' : 'ip6', field), values, ...more };
  };

/** Of datagrams: the machine knows TCP without its options. */
const LENGTH = header('length', 'length', integers([[20, 28, 40], [44, 48, 60], [80], [1301], [1500]]));

const NETWORK: readonly Maker[] = [
  address('saddr'),
  address('daddr'),
  address('saddr'),
  address('daddr'),
  header('ttl', 'hoplimit', integers([[1], [61, 62, 63], [64]])),
  header('dscp', 'dscp', words(['cs0', 'cs1', 'cs2', 'ef', 4], 'dscp'), { alone: true }),
  header('ecn', 'ecn', words(['not-ect', 'ect1', 'ect0', 'ce'], 'ecn'), { alone: true }),
  (spot) => (spot.transport === 'udp' ? LENGTH(spot) : undefined),
  // Half a byte with an order nft lists by its place.
  header('version', 'version', { ...integers([[4], [6]]), ordered: false }, { alone: true }),
  header('hdrlength', undefined, { ...integers([[5], [7]]), ordered: false }),
  header('frag-off', undefined, integers([[0], [0x4000]]), { masks: [0x4000, 0x1fff] }),
];

const PROTOCOLS = ['icmp', 'tcp', 'udp', 'gre', 'ipv6-icmp', 'sctp'];

const port =
  (side: string): Maker =>
  ({ transport }) =>
    transport === 'tcp' || transport === 'udp' || transport === 'th'
      ? { expr: payload(transport, side), values: PORT_VALUES }
      : undefined;

const icmp =
  (field: string, four: Values, six: Values): Maker =>
  ({ transport, version }) =>
    transport === 'icmp'
      ? { expr: payload(version === 4 ? 'icmp' : 'icmpv6', field), values: version === 4 ? four : six }
      : undefined;

const CODES = integers([[0, 1], [3, 4], [13]]);

const TRANSPORT: readonly Maker[] = [
  port('sport'),
  port('dport'),
  port('dport'),
  ({ transport }) =>
    transport === 'tcp'
      ? {
          expr: payload('tcp', 'flags'),
          values: words(
            [['syn'], ['syn', 'ack'], ['ack'], ['ack', 'psh'], ['fin', 'ack'], ['rst']].map((flags) =>
              flags.length === 1 ? (flags[0] as string) : flags,
            ),
            'tcp_flag',
          ),
        }
      : undefined,
  ({ transport }) =>
    transport === 'udp'
      ? {
          expr: payload('udp', 'length'),
          values: integers([
            [8, 12, 20],
            [24, 30, 40],
          ]),
        }
      : undefined,
  icmp(
    'type',
    words(['echo-request', 'echo-reply', 'destination-unreachable', 'time-exceeded'], 'icmp_type'),
    words(['echo-request', 'echo-reply', 'destination-unreachable', 'packet-too-big', 'time-exceeded'], 'icmpv6_type'),
  ),
  icmp('code', CODES, CODES),
];

const linksOf = ({ netns }: Spot) => ['lo', ...netns.links.map(({ name }) => name)];
const names = (spot: Spot): Values => words([...linksOf(spot), 'eth9'], 'ifname');
/** Devices by their number have to be there. */
const indices = (spot: Spot): Values => words(linksOf(spot), 'iface_index');

const isBelow = ({ family, hooks }: Spot) =>
  family === 'bridge' || family === 'netdev' || hooks.some((hook) => hook === 'ingress' || hook === 'egress');

/** The driver's name tells more of the lab's links than the machine knows. */
const hasOddLinks = ({ netns }: Spot) => netns.links.some(({ kind }) => kind === 'device');

const META: readonly Maker[] = [
  ({ transport }) =>
    transport === 'udp'
      ? { expr: meta('length'), values: integers([[28, 32], [40, 48], [52, 60], [68, 80], [1301], [1500]]) }
      : undefined,
  () => ({ expr: meta('mark'), values: MARK_VALUES, masks: [0x1, 0x6, 0x4000, 0xc000] }),
  () => ({ expr: meta('mark'), values: MARK_VALUES }),
  (spot) => ({ expr: meta('iifname'), values: names(spot) }),
  (spot) => ({ expr: meta('oifname'), values: names(spot) }),
  (spot) => ({ expr: meta('iif'), values: indices(spot) }),
  (spot) => ({ expr: meta('oif'), values: indices(spot) }),
  () => ({ expr: meta('oiftype'), values: words(['ether', 'loopback'], 'iface_type') }),
  (spot) =>
    hasOddLinks(spot) ? undefined : { expr: meta('iifkind'), values: words(['veth', 'bridge', 'dummy'], 'ifname') },
  (spot) => (hasOddLinks(spot) ? undefined : { expr: meta('oifkind'), values: words(['veth', 'bridge'], 'ifname') }),
  () => ({ expr: meta('pkttype'), values: words(['host', 'other', 'multicast', 'broadcast'], 'pkt_type') }),
  ({ transport }) =>
    transport === 'none' ? { expr: meta('l4proto'), values: words(PROTOCOLS, 'inet_proto') } : undefined,
  ({ transport, version }) =>
    transport === 'none'
      ? {
          expr: payload(version === 4 ? 'ip' : 'ip6', version === 4 ? 'protocol' : 'nexthdr'),
          values: words(PROTOCOLS, 'inet_proto'),
        }
      : undefined,
];

/** Whose process sends: the lab's are root's, and what listeners answer is asked. */
const OWNER: readonly Maker[] = (['skuid', 'skgid'] as const).map((key) => (spot) => {
  const outgoing = spot.hooks.every((hook) => hook === 'output' || hook === 'postrouting');
  return outgoing && !isBelow(spot) ? { expr: meta(key), values: integers([[0], [7, 1000]]), alone: true } : undefined;
});

/** Link-layer addresses of both ends of every wire. */
const macs = ({ plan }: Spot): Values =>
  words(
    plan.netnses.flatMap(({ links }) => links.flatMap(({ mac }) => (mac === undefined ? [] : [mac]))),
    'ether_addr',
  );

/** An address of the frame, or the type of its device: behind either nft 1.0.6 lists headers by their place. */
export const frameRead = (spot: Spot): Read =>
  spot.r.chance(0.25)
    ? { expr: meta('iiftype'), values: words(['ether', 'loopback', 'ppp'], 'iface_type') }
    : { expr: payload('ether', spot.r.pick(['saddr', 'daddr'])), values: macs(spot) };

const ct = (key: string, dir?: 'original' | 'reply'): NftExpression => ({ ct: { key, ...(dir && { dir }) } });

const tuple =
  (part: 'saddr' | 'daddr'): Maker =>
  (spot) => ({
    expr: ct(`${ipOf(spot)} ${part}`, spot.r.pick(['original', 'reply'] as const)),
    values: addresses(spot.r, spot.plan, spot.version),
  });

const CT: readonly Maker[] = [
  () => ({ expr: ct('state'), values: words(['new', 'established', 'related', 'invalid', 'untracked'], 'ct_state') }),
  () => ({ expr: ct('state'), values: words(['new', 'established', 'related', 'invalid', 'untracked'], 'ct_state') }),
  () => ({ expr: ct('direction'), values: words(['original', 'reply'], 'ct_dir') }),
  () => ({ expr: ct('status'), values: words(['snat', 'dnat', 'seen-reply', 'assured', 'confirmed'], 'ct_status') }),
  () => ({ expr: ct('mark'), values: MARK_VALUES, masks: [0x1, 0x6, 0x4000] }),
  ({ r }) => ({
    expr: r.chance(0.5) ? ct('zone') : ct('zone', r.pick(['original', 'reply'] as const)),
    values: integers([[0, 1, 2]]),
  }),
  tuple('saddr'),
  tuple('daddr'),
  ({ r, transport }) =>
    transport === 'tuple'
      ? {
          expr: ct(r.pick(['proto-src', 'proto-dst']), r.pick(['original', 'reply'] as const)),
          values: PORT_VALUES,
          plain: true,
        }
      : undefined,
];

const INPUT_SIDE = ['prerouting', 'input', 'forward'];
const OUTPUT_SIDE = ['forward', 'output', 'postrouting'];
const TYPES = words(['local', 'unicast', 'broadcast', 'multicast', 'unreachable', 'blackhole'], 'fib_addrtype');

const fib =
  (flags: readonly string[], result: 'type' | 'oif' | 'oifname', hooks?: readonly string[]): Maker =>
  (spot) => {
    if (isBelow(spot) || (hooks && !spot.hooks.every((hook) => hooks.includes(hook)))) return undefined;
    const values = result === 'type' ? TYPES : result === 'oif' ? indices(spot) : names(spot);
    return { expr: { fib: { result, flags: [...flags] } }, values, alone: true };
  };

const FIB: readonly Maker[] = [
  fib(['daddr'], 'type'),
  fib(['saddr'], 'type'),
  fib(['daddr', 'iif'], 'type', INPUT_SIDE),
  fib(['saddr', 'iif'], 'type', INPUT_SIDE),
  fib(['daddr', 'oif'], 'type', OUTPUT_SIDE),
  fib(['saddr'], 'oif', INPUT_SIDE),
  fib(['saddr', 'iif'], 'oif', INPUT_SIDE),
  fib(['saddr', 'mark', 'iif'], 'oif', INPUT_SIDE),
  fib(['daddr'], 'oifname', INPUT_SIDE),
  fib(['daddr', 'mark'], 'oif', INPUT_SIDE),
];

const NEXTHOP: Maker = (spot) => {
  if (isBelow(spot)) return undefined;
  const gateways = spot.plan.netnses
    .flatMap((netns) => netns.addresses.map((a) => plain(a.address)))
    .filter((text) => familyOf(text) === spot.version && !text.startsWith('fe80'));
  const values = words([...new Set(gateways)], spot.version === 4 ? 'ipv4_addr' : 'ipv6_addr');
  return { expr: { rt: { key: 'nexthop', family: spot.version === 4 ? 'ip' : 'ip6' } }, values };
};

const small = (mod: number, offset = 0): Values => integers([Array.from({ length: mod }, (_, i) => i + offset)]);

const hashed = (spot: Spot): NftExpression =>
  spot.r.pick<NftExpression>([
    payload(ipOf(spot), 'saddr'),
    { concat: [payload(ipOf(spot), 'saddr'), payload(ipOf(spot), 'daddr')] },
    ...(spot.transport === 'tcp' || spot.transport === 'udp'
      ? [{ concat: [payload(ipOf(spot), 'saddr'), payload(spot.transport, 'dport')] }, payload(spot.transport, 'sport')]
      : []),
    { concat: [payload(ipOf(spot), 'daddr'), meta('mark')] },
  ]);

const CHANCE: readonly Maker[] = [
  ({ r }) => {
    const mod = r.between(2, 4);
    const offset = r.chance(0.3) ? 10 : 0;
    return { expr: { numgen: { mode: 'inc', mod, ...(offset > 0 && { offset }) } }, values: small(mod, offset) };
  },
  (spot) => {
    const mod = spot.r.between(2, 4);
    const seed = spot.r.pick([1, 0xdeadbeef, 0x1234]);
    return { expr: { jhash: { mod, seed, expr: hashed(spot) } }, values: small(mod), alone: true };
  },
  ({ r }) => {
    const mod = r.between(2, 3);
    return { expr: { numgen: { mode: 'random', mod } }, values: small(mod) };
  },
  ({ r }) => {
    const mod = r.between(2, 3);
    return { expr: { symhash: { mod } }, values: small(mod) };
  },
  (spot) => ({ expr: { jhash: { mod: 2, expr: hashed(spot) } }, values: small(2), alone: true }),
];

const KINDS: readonly (readonly [weight: number, makers: readonly Maker[], where?: (spot: Spot) => boolean])[] = [
  [5, NETWORK],
  [5, TRANSPORT],
  [4, META],
  [1, OWNER, ({ hooks }) => hooks.every((hook) => hook === 'output' || hook === 'postrouting')],
  [4, CT, (spot) => !isBelow(spot)],
  [2, FIB],
  [1, [NEXTHOP]],
  [1, CHANCE],
];

/** One selector that can stand in the spot. */
export function anyRead(spot: Spot): Read {
  const { r } = spot;
  const fitting = KINDS.filter(([, , where]) => !where || where(spot));
  for (;;) {
    const [, makers] = r.pick(fitting.flatMap((kind) => Array<(typeof KINDS)[number]>(kind[0]).fill(kind)));
    const made = r.pick(makers)(spot);
    if (made) return made;
  }
}

/** Selectors for a key of several components. */
export function someReads(spot: Spot, count: number): Read[] {
  const found: Read[] = [];
  while (found.length < count) {
    const read = anyRead(spot);
    if (!read.alone && !read.plain) found.push(read);
  }
  return found;
}

/** Those of a map's key. nft 1.0.6 cannot list one of several components where one is a number without a type of its own. */
export function mapReads(spot: Spot): Read[] {
  for (;;) {
    const reads = someReads(spot, spot.r.chance(0.7) ? 1 : 2);
    if (reads.length === 1 || reads.every(({ values }) => values.type !== undefined)) return reads;
  }
}

/** What has to be tested before the transport header is read by a name that says no protocol. */
export function transportTest({ transport, version }: Spot): NftExpression | undefined {
  if (transport === 'th') return { set: ['tcp', 'udp'] };
  if (transport === 'tcp' || transport === 'udp') return transport;
  if (transport === 'tuple') return 'tcp';
  return transport === 'icmp' ? (version === 4 ? 'icmp' : 'ipv6-icmp') : undefined;
}

export const hasPorts = ({ transport }: Spot): boolean =>
  transport === 'tcp' || transport === 'udp' || transport === 'th';

export { meta, payload };
