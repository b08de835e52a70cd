/** Random statements of nftables that do something: marks, sets that change, headers that are written, limits, translation, verdicts. */
import type { NftElement, NftExpression, NftNat, NftNatStatement, NftReject, NftStatement } from '@podwire/model';
import type { RuleSpot } from './nft-matches.ts';
import { hasPorts, mapReads, meta, payload } from './nft-selectors.ts';
import { anyVerdict, type Data, dataValue, keyFor, someKeys } from './nft-sets.ts';
import { addresses, anyValue, MARK_VALUES, PORT_VALUES } from './nft-values.ts';
import { ipOf } from './topology.ts';
import { DRAWN_RANGES } from './values.ts';

/** A spot in a chain, with what the chain allows. */
export interface ActionSpot extends RuleSpot {
  type: 'filter' | 'nat' | 'route';
  /** Chains that may be jumped to. */
  below: readonly string[];
  /** Connections are tracked where the rule stands. */
  tracks: boolean;
  /** Zones are set in this table, and connections have no marks. */
  zones: boolean;
}

const isInternet = ({ family }: ActionSpot) => family === 'ip' || family === 'ip6' || family === 'inet';

/** A map in the rule, or a named one that fits. */
function mapped(spot: ActionSpot, data: Exclude<Data, 'verdict'>): NftExpression {
  const { r, sets } = spot;
  const named = sets.filter(
    (set) => set.data === data && (data === 'mark' || data === 'port' || set.version === spot.version),
  );
  if (named.length > 0 && r.chance(0.5)) {
    const set = r.pick(named);
    const key = keyFor(spot, set);
    if (key !== undefined) return { map: { key, data: `@${set.name}` } };
  }
  const reads = mapReads(spot);
  const keys = someKeys(
    r,
    reads.map(({ values }) => values),
    r.between(2, 4),
    r.chance(0.3),
  );
  const ranges = r.chance(0.2);
  const elements = keys.map((key): NftElement => {
    for (;;) {
      const value = dataValue(spot, data, spot.version);
      if (data === 'address' && (typeof value === 'object' && 'range' in value) !== ranges) continue;
      return [key, value];
    }
  });
  const exprs = reads.map(({ expr }) => expr);
  return {
    map: { key: exprs.length === 1 ? (exprs[0] as NftExpression) : { concat: exprs }, data: { set: elements } },
  };
}

function markValue(spot: ActionSpot, own: NftExpression): NftExpression {
  const { r } = spot;
  const any: (() => NftExpression)[] = [
    () => anyValue(r, MARK_VALUES),
    () => anyValue(r, MARK_VALUES),
    () => ({ '|': [own, r.pick([1, 0x4000])] }),
    () => ({ '&': [own, r.pick([0xffff, 0xfffffffe])] }),
    () => ({ '^': [own, 0x4000] }),
    () => ({ '|': [{ '&': [own, 0xffff00ff] }, 0x100] }),
    () => mapped(spot, 'mark'),
    () => ({ numgen: { mode: 'inc', mod: 3 } }),
    () => ({ jhash: { mod: 4, seed: 7, expr: payload(spot.version === 4 ? 'ip' : 'ip6', 'saddr') } }),
  ];
  return r.pick(any)();
}

const setMark = (spot: ActionSpot): NftStatement => {
  const { r } = spot;
  const key = meta('mark');
  const isConnections = spot.tracks && !spot.zones && r.chance(0.3);
  return { mangle: { key, value: isConnections ? { ct: { key: 'mark' } } : markValue(spot, key) } };
};

const setConnmark = (spot: ActionSpot): NftStatement => {
  const key: NftExpression = { ct: { key: 'mark' } };
  return { mangle: { key, value: spot.r.chance(0.4) ? meta('mark') : markValue(spot, key) } };
};

function changeSet(spot: ActionSpot): NftStatement | undefined {
  const { r, sets } = spot;
  const changing = sets.filter(({ changes }) => changes);
  if (changing.length === 0) return undefined;
  const set = r.pick(changing);
  const val = keyFor(spot, set);
  if (val === undefined) return undefined;
  const op = r.pick(['add', 'update', 'update', 'delete'] as const);
  const elem: NftExpression = set.times && op !== 'delete' && r.chance(0.5) ? { elem: { val, timeout: 30 } } : val;
  if (set.data === undefined) return { set: { op, elem, set: `@${set.name}` } };
  if (set.data === 'verdict' || set.data === 'address and port') return undefined;
  // Of larger keys nft 1.0.6 loses count of its registers.
  if (set.version === 6 || set.shape.length > 2) return undefined;
  const data = set.data === 'mark' && r.chance(0.4) ? meta('mark') : dataValue(spot, set.data, set.version);
  return typeof data === 'object' && 'range' in data ? undefined : { map: { op, elem, data, map: `@${set.name}` } };
}

/** Writes into the header; where that changes, no later test of the rule may fail. */
export function writeHeader(spot: ActionSpot): NftStatement {
  const { r, plan, version, transport } = spot;
  const ip = version === 4 ? 'ip' : 'ip6';
  const any: [string, string, () => NftExpression][] = [
    [ip, 'dscp', () => r.pick(['cs1', 'ef', 'cs0'])],
    [ip, version === 4 ? 'ttl' : 'hoplimit', () => r.pick([1, 2, 30, 64])],
    [ip, 'ecn', () => r.pick(['ect0', 'ce'])],
    [ip, 'saddr', () => anyValue(r, addresses(r, plan, version))],
    [ip, 'daddr', () => anyValue(r, addresses(r, plan, version))],
  ];
  if (transport === 'udp' || transport === 'tcp')
    any.push(
      [transport, 'dport', () => anyValue(r, PORT_VALUES)],
      [transport, 'sport', () => anyValue(r, PORT_VALUES)],
    );
  const [protocol, field, value] = r.pick(any);
  return { mangle: { key: payload(protocol, field), value: value() } };
}

function limit({ r }: ActionSpot): NftStatement {
  return r.pick<NftStatement>([
    { limit: { rate: r.between(1, 3), per: 'hour', burst: r.between(1, 3) } },
    { limit: { rate: 2, per: 'minute', burst: 2, inv: true } },
    { quota: { val: r.pick([50, 200]), val_unit: 'bytes' } },
    { quota: { val: 100, val_unit: 'bytes', inv: true } },
  ]);
}

/** Of the raw side: what happens before connections are tracked. */
function untracked(spot: ActionSpot): NftStatement {
  const { r } = spot;
  if (!spot.zones || r.chance(0.4)) return { notrack: null };
  const dir = r.chance(0.3) ? { dir: r.pick(['original', 'reply'] as const) } : {};
  return { mangle: { key: { ct: { key: 'zone', ...dir } }, value: r.between(1, 2) } };
}

/** Before conntrack, at both hooks where packets begin. */
const isRaw = ({ hooks, priority, family }: ActionSpot) =>
  family !== 'bridge' &&
  priority < -200 &&
  hooks.every((hook) => hook === 'prerouting' || hook === 'output' || hook === 'ingress');

/** Something that does not end the rule. */
export function anyEffect(spot: ActionSpot): NftStatement {
  const { r, type } = spot;
  const any: (() => NftStatement | undefined)[] = [
    () => ({ counter: { packets: 0, bytes: 0 } }),
    () => ({ counter: { packets: 0, bytes: 0 } }),
    () => setMark(spot),
    () => setMark(spot),
    () => changeSet(spot),
    () => changeSet(spot),
    () => changeSet(spot),
    () => (r.chance(0.3) ? limit(spot) : undefined),
    () => ({ log: { group: 5 } }),
  ];
  if (isInternet(spot) && spot.tracks && !spot.zones)
    any.push(
      () => setConnmark(spot),
      () => setConnmark(spot),
    );
  if (isRaw(spot) && type !== 'nat') for (let i = 0; i < 5; i++) any.push(() => untracked(spot));
  for (;;) {
    const made = r.pick(any)();
    if (made) return made;
  }
}

const REJECTS: Readonly<Record<'icmp' | 'icmpv6' | 'icmpx', readonly string[]>> = {
  icmp: [
    'port-unreachable',
    'net-unreachable',
    'host-unreachable',
    'prot-unreachable',
    'net-prohibited',
    'host-prohibited',
    'admin-prohibited',
  ],
  icmpv6: ['no-route', 'admin-prohibited', 'addr-unreachable', 'port-unreachable', 'policy-fail', 'reject-route'],
  icmpx: ['port-unreachable', 'admin-prohibited', 'no-route', 'host-unreachable'],
};

function reject(spot: ActionSpot): NftReject {
  const { r, family, version, transport } = spot;
  if (transport === 'tcp' && r.chance(0.4)) return { reject: { type: 'tcp reset' } };
  if (r.chance(0.2)) return { reject: null };
  // With the frame's own kind tested, too, nft 1.0.6 lists a number in the place of a word.
  const type = family === 'inet' ? 'icmpx' : version === 4 ? 'icmp' : 'icmpv6';
  return { reject: { type, expr: r.pick(REJECTS[type]) } };
}

const FLAGS = ['random', 'fully-random', 'persistent'];

function ports(spot: ActionSpot): NftExpression {
  const { r } = spot;
  if (r.chance(0.6)) return anyValue(r, PORT_VALUES);
  const { from, to } = r.pick(DRAWN_RANGES);
  return { range: [from, to] };
}

function address({ r, plan, version }: ActionSpot): NftExpression {
  return r.chance(0.85)
    ? anyValue(r, addresses(r, plan, version))
    : { range: [ipOf(version, 1, 1), ipOf(version, 1, 3)] };
}

function nat(spot: ActionSpot, kind: 'dnat' | 'snat'): NftNatStatement {
  const { r, family, version } = spot;
  const common: NftNat = {
    ...(family === 'inet' && { family: version === 4 ? ('ip' as const) : ('ip6' as const) }),
    ...(r.chance(0.15) && { flags: r.pick(FLAGS) }),
  };
  const withPorts = hasPorts(spot);
  const form = r.next();
  if (form > 0.9) {
    // Of IPv4 one that nobody is in: where an address stays as it is, what lay on the kernel's stack says whether the connection counts as
    // translated (nft_nat_setup_netmap).
    const network = version === 4 ? { addr: '10.9.0.0', len: 24 } : { addr: 'fd00:1::', len: 64 };
    const made: NftNat = { ...common, addr: { prefix: network }, flags: 'netmap', type_flags: 'prefix' };
    return kind === 'dnat' ? { dnat: made } : { snat: made };
  }
  const made: NftNat =
    form < 0.35
      ? { ...common, addr: mapped(spot, withPorts && r.chance(0.5) ? 'address and port' : 'address') }
      : withPorts && form < 0.65
        ? { ...common, addr: address(spot), port: ports(spot) }
        : { ...common, addr: address(spot) };
  return kind === 'dnat' ? { dnat: made } : { snat: made };
}

function portOnly(spot: ActionSpot, kind: 'masquerade' | 'redirect'): NftNatStatement {
  const { r } = spot;
  const flags = r.chance(0.1) ? { flags: r.pick(['random', 'fully-random']) } : {};
  const port = hasPorts(spot) && r.chance(0.5) ? { port: r.chance(0.3) ? mapped(spot, 'port') : ports(spot) } : {};
  const made = { ...port, ...flags };
  const body = Object.keys(made).length === 0 ? null : made;
  return kind === 'masquerade' ? { masquerade: body } : { redirect: body };
}

function translation(spot: ActionSpot): NftStatement | undefined {
  const { r, hooks } = spot;
  if (hooks.every((hook) => hook === 'prerouting' || hook === 'output'))
    return r.chance(0.75) ? nat(spot, 'dnat') : portOnly(spot, 'redirect');
  if (hooks.every((hook) => hook === 'postrouting') && r.chance(0.4)) return portOnly(spot, 'masquerade');
  return nat(spot, 'snat');
}

/** A verdict by a map, in the rule or named. */
function verdictMap(spot: ActionSpot): NftStatement {
  const { r, sets, below } = spot;
  const named = sets.filter(({ data }) => data === 'verdict');
  if (named.length > 0 && r.chance(0.4)) {
    const set = r.pick(named);
    const key = keyFor(spot, set);
    if (key !== undefined) return { vmap: { key, data: `@${set.name}` } };
  }
  const reads = mapReads(spot);
  const keys = someKeys(
    r,
    reads.map(({ values }) => values),
    r.between(1, 4),
    r.chance(0.3),
  );
  const exprs = reads.map(({ expr }) => expr);
  const key: NftExpression = exprs.length === 1 ? (exprs[0] as NftExpression) : { concat: exprs };
  return { vmap: { key, data: { set: keys.map((one): NftElement => [one, anyVerdict(r, below)]) } } };
}

/** The end of a rule; nothing where the rule only does something on the way. */
export function anyEnd(spot: ActionSpot, isBare: boolean): NftStatement[] {
  const { r, below, type, family, hooks } = spot;
  if (type === 'nat' && r.chance(0.6)) {
    const made = translation(spot);
    if (made) return [made];
  }
  if (below.length > 0 && r.chance(0.3)) {
    const target = r.pick(below);
    return [r.chance(0.7) ? { jump: { target } } : { goto: { target } }];
  }
  const any: (() => NftStatement[])[] = [
    () => [{ accept: null }],
    () => [{ accept: null }],
    () => [{ return: null }],
    () => (isBare ? [] : [{ drop: null }]),
    () => [],
    () => [],
    () => [verdictMap(spot)],
    () => [verdictMap(spot)],
  ];
  const canReject =
    isInternet(spot) &&
    type !== 'nat' &&
    hooks.every((hook) => ['prerouting', 'input', 'forward', 'output'].includes(hook));
  if (canReject && !isBare) any.push(() => [reject(spot)]);
  if (family === 'netdev' && !isBare) {
    // What a bridge's port sends to a host for another one looks like what a bridge floods.
    const devices = spot.netns.links.filter(({ kind, master }) => kind !== 'bridge' && master === undefined);
    if (devices.length > 0 && r.chance(0.5)) any.push(() => [{ fwd: { dev: r.pick(devices).name } }]);
  }
  return r.pick(any)();
}
