/** Random additions to routing: odd routes, several nexthops, further tables, policy rules. */
import type { Family, Netns, PolicyRule, Route, RouteTable } from '../../src/index.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS, PROTOCOLS, routers } from './world.ts';

const TYPES: readonly Route['type'][] = ['blackhole', 'unreachable', 'prohibit', 'throw'];

const somewhere = (r: Random, plan: Plan, family: Family): string =>
  r.chance(1, 2)
    ? r.pick(plan.prefixes[family])
    : `${r.pick([...plan.addresses[family], ...plan.strangers[family]])}/${family === 4 ? 32 : 128}`;

/** A gateway on the segment, or none. */
function nexthop(r: Random, netns: Netns, family: Family): Route['nexthops'][number] {
  const dev = r.pick(netns.links).name;
  const gateways = family === 4 ? ['10.0.0.1', '10.0.0.2', '10.0.0.200'] : ['fd00::1', 'fd00::2', 'fd00::200'];
  const via = r.chance(2, 3) ? { via: r.pick(gateways) } : {};
  return { dev: 'via' in via ? 'eth0' : dev, ...via };
}

function randomRoute(r: Random, plan: Plan, netns: Netns): Route {
  const family: Family = r.chance(2, 3) ? 4 : 6;
  const destination = somewhere(r, plan, family);
  const common = {
    family,
    destination,
    ...(r.chance(1, 4) ? { metric: r.pick([0, 1, 100, 1024]) } : {}),
    ...(family === 4 && r.chance(1, 10) ? { tos: r.pick([0x10, 0x08]) } : {}),
  };
  if (r.chance(1, 5)) return { ...common, type: r.pick(TYPES), nexthops: [] };
  const several = r.chance(1, 3);
  const nexthops = Array.from({ length: several ? 2 + r.below(2) : 1 }, () => ({
    ...nexthop(r, netns, family),
    ...(r.chance(1, 20) ? { encap: 'mpls 100' } : {}),
    ...(several && r.chance(1, 2) ? { weight: 1 + r.below(4) } : {}),
  }));
  const own = netns.addresses.map((a) => (a.address.split('/') as [string])[0]);
  const sources = own.filter((a) => a.includes(':') === (family === 6));
  return {
    ...common,
    type: r.chance(1, 20) ? 'local' : 'unicast',
    nexthops,
    ...(sources.length > 0 && r.chance(1, 6) ? { prefsrc: r.pick(sources) } : {}),
    ...(r.chance(1, 6) ? { nhid: 5, ...(r.chance(1, 2) ? { buckets: r.pick([2, 3, 32]) } : {}) } : {}),
    ...(r.chance(1, 10) ? { mtu: r.pick([600, 1300, 1450]), ...(r.chance(1, 3) ? { mtuLocked: true } : {}) } : {}),
  };
}

function randomRule(r: Random, plan: Plan, netns: Netns): PolicyRule {
  const family: Family = r.chance(2, 3) ? 4 : 6;
  const action: PolicyRule['action'] = r.chance(3, 4)
    ? { kind: 'lookup', table: r.pick([100, 100, 101, 253, 254, 255, 10]) }
    : r.pick<PolicyRule['action']>([
        { kind: 'blackhole' },
        { kind: 'unreachable' },
        { kind: 'prohibit' },
        { kind: 'nop' },
        { kind: 'goto', priority: 32766 },
        { kind: 'goto', priority: 4711 },
      ]);
  const range = () => {
    const from = r.pick(PORTS);
    return { from, to: Math.max(from, r.pick(PORTS)) };
  };
  const selectors: (() => Partial<PolicyRule>)[] = [
    () => ({ from: somewhere(r, plan, family) }),
    () => ({ to: somewhere(r, plan, family) }),
    () => ({ iif: r.pick(['lo', ...netns.links.map((l) => l.name)]) }),
    () => ({ fwmark: { value: r.pick(MARKS), mask: r.pick([0xffffffff, 0x4000, 1]) } }),
    () => ({ ipproto: r.pick(PROTOCOLS) }),
    () => ({ ipproto: r.pick([6, 17]), dport: range() }),
    () => ({ ipproto: r.pick([6, 17]), sport: range() }),
    () => ({ tos: r.pick([0x10, 0x08]) }),
    () => ({ dscp: { value: r.pick([0, 2, 4, 0x2e]), ...(r.chance(1, 3) ? { mask: r.pick([0x3f, 0x38, 2]) } : {}) } }),
    () => ({
      uidrange: r.pick([
        { from: 0, to: 0 },
        { from: 0, to: 101 },
        { from: 101, to: 4294967294 },
      ]),
    }),
    () => ({
      flowlabel: r.pick([
        { value: 5, mask: 0xfffff },
        { value: 0, mask: 1 },
      ]),
    }),
    () => ({ tunId: 7 }),
    () => ({ oif: r.pick(netns.links).name }),
    () => ({ ipproto: 6, dport: { from: r.pick(PORTS), to: r.pick(PORTS), mask: r.pick([0xff00, 0xffff, 1]) } }),
    () => ({ not: true, uidrange: { from: 0, to: 100 } }),
    () => ({ not: true, to: somewhere(r, plan, family) }),
  ];
  return {
    family,
    priority: r.pick([10, 20, 100, 1000, 4711, 32765]),
    action,
    ...r.pick(selectors)(),
    ...(r.chance(1, 4) ? r.pick(selectors)() : {}),
    ...(action.kind === 'lookup' && r.chance(1, 5) ? { suppressPrefixLength: r.pick([0, 8, 24]) } : {}),
    ...(action.kind === 'lookup' && r.chance(1, 8) ? { suppressGroup: r.pick([0, 1]) } : {}),
  };
}

const ofVrfs: PolicyRule[] = ([4, 6] as const).map((family) => ({
  family,
  priority: 1000,
  l3mdev: true,
  action: { kind: 'lookup', table: 0 },
}));

const defaults: PolicyRule[] = [
  { family: 4, priority: 0, action: { kind: 'lookup', table: 255 } },
  { family: 4, priority: 32766, action: { kind: 'lookup', table: 254 } },
  { family: 4, priority: 32767, action: { kind: 'lookup', table: 253 } },
  { family: 6, priority: 0, action: { kind: 'lookup', table: 255 } },
  { family: 6, priority: 32766, action: { kind: 'lookup', table: 254 } },
];

/** Puts the routes of a table into a base that others could share, but for some. */
function layered(r: Random, table: RouteTable): RouteTable {
  const own = r.some(table.routes, 1, 3);
  const kept = new Set(own);
  return {
    id: table.id,
    base: { id: table.id, routes: table.routes.filter((route) => !kept.has(route)) },
    routes: own,
  };
}

export function addRouting(r: Random, plan: Plan): void {
  for (const netns of routers(plan)) {
    const count = r.chance(1, 2) ? r.below(4) : 0;
    for (let i = 0; i < count; i++) netns.tables[0]?.routes.push(randomRoute(r, plan, netns));
    if (r.chance(1, 3)) {
      for (const link of netns.links) if (r.chance(1, 3)) link.group = 1;
      const rules = Array.from({ length: 1 + r.below(3) }, () => randomRule(r, plan, netns));
      const vrf = netns.links.some(({ kind }) => kind === 'vrf') && r.chance(4, 5);
      netns.rules = [...defaults, ...(vrf ? ofVrfs : []), ...rules];
      for (const id of [100, 101, 253])
        netns.tables.push({ id, routes: Array.from({ length: r.below(4) }, () => randomRoute(r, plan, netns)) });
    }
    if (r.chance(1, 3)) netns.tables = netns.tables.map((table) => layered(r, table));
  }
}
