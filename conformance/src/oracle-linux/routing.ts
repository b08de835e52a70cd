/** Random troubles of routing: odd routes, several nexthops, further tables, policy rules, settings, links down, odd neighbours. */
import {
  containsAddress,
  type Family,
  type Nexthop,
  type NexthopObject,
  type PolicyRule,
  parseAddress,
  parsePrefix,
  type Route,
} from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import { addAddress, type Draft, familyOf, isStacked, mainRoutes, type Plan, plain } from './topology.ts';
import { MARKS, PORTS } from './values.ts';

/** Outer packets must not have to be cut into pieces, and a link takes the size of the one that it stands on. */
const hasStacked = ({ netnses }: Plan) => netnses.some(({ links }) => links.some(isStacked));

const hostLength = (family: Family) => (family === 4 ? 32 : 128);

const anyPrefix = (r: Random, plan: Plan, family: Family): string =>
  r.chance(0.5)
    ? r.pick(plan.prefixes[family])
    : `${r.pick([...plan.addresses[family], ...plan.strangers[family]])}/${hostLength(family)}`;

const ownAddresses = (netns: Draft, family: Family) =>
  netns.addresses.map((a) => plain(a.address)).filter((a) => familyOf(a) === family && !a.startsWith('fe80'));

/** Gateways that the namespace uses already: whatever the kernel takes for one is one. */
const gateways = (netns: Draft, family: Family): Nexthop[] =>
  mainRoutes(netns)
    .filter((route) => route.family === family)
    .flatMap((route) => route.nexthops)
    .filter((hop) => hop.via !== undefined && familyOf(hop.via) === family);

function nexthop(r: Random, plan: Plan, netns: Draft, family: Family): Nexthop {
  const known = gateways(netns, family);
  if (known.length > 0 && r.chance(0.6)) return { ...r.pick(known) };
  const dev = r.pick(netns.links.filter((link) => link.master === undefined)).name;
  // IPv6 takes no gateway on a link that another link's network holds.
  if (family === 6 || r.chance(0.4)) return { dev };
  if (r.chance(0.3)) {
    const six = gateways(netns, 6);
    if (six.length > 0) return { ...r.pick(six) };
  }
  return { dev, via: r.pick(plan.addresses[family]), onlink: true };
}

const isOwnGateway = (netns: Draft, { via }: Nexthop) => netns.addresses.some((a) => plain(a.address) === via);

function covers(prefix: string, address: string): boolean {
  const [wide, narrow] = [parsePrefix(prefix), parseAddress(address)];
  return wide !== undefined && narrow !== undefined && wide.length > 0 && containsAddress(wide, narrow);
}

const TYPES: readonly Route['type'][] = ['blackhole', 'unreachable', 'prohibit', 'throw'];

function randomRoute(r: Random, plan: Plan, netns: Draft): Route | undefined {
  const family: Family = r.chance(0.6) ? 4 : 6;
  const common = {
    family,
    destination: anyPrefix(r, plan, family),
    ...(r.chance(0.3) && { metric: r.pick([1, 50, 100, 1024]) }),
    ...(family === 4 && r.chance(0.1) && { tos: r.pick([0x10, 0x08]) }),
  };
  if (r.chance(0.25)) {
    const eats = gateways(netns, family).some((hop) => covers(common.destination, hop.via as string));
    return eats && !common.destination.endsWith('/0') ? undefined : { ...common, type: r.pick(TYPES), nexthops: [] };
  }
  const several = r.chance(0.25);
  const nexthops = Array.from({ length: several ? 2 : 1 }, () => nexthop(r, plan, netns, family));
  if (nexthops.some((hop) => isOwnGateway(netns, hop))) return undefined;
  if (several && nexthops[0]?.dev === nexthops[1]?.dev && nexthops[0]?.via === nexthops[1]?.via) return undefined;
  // IPv6 gives several gateways, not several devices.
  if (several && family === 6 && nexthops.some((hop) => hop.via === undefined)) return undefined;
  // A gateway must stay on the link that it is said to be on, and not behind another one.
  const covered = gateways(netns, family).filter((hop) => covers(common.destination, hop.via as string));
  if (nexthops.some((hop) => covered.some((known) => hop.via !== undefined || known.dev !== hop.dev))) return undefined;
  const own = ownAddresses(netns, family);
  return {
    ...common,
    type: 'unicast',
    nexthops: nexthops.map((hop) => ({ ...hop, ...(several && r.chance(0.5) && { weight: r.between(1, 4) }) })),
    ...(own.length > 0 && r.chance(0.2) && { prefsrc: r.pick(own) }),
    ...(!hasStacked(plan) &&
      r.chance(0.12) && { mtu: r.pick([600, 1300, 1450].filter((mtu) => family === 4 || mtu >= 1280)) }),
  };
}

const sameSlot = (a: Route, b: Route) =>
  a.family === b.family &&
  a.destination === b.destination &&
  (a.metric ?? (a.family === 6 ? 1024 : 0)) === (b.metric ?? (b.family === 6 ? 1024 : 0)) &&
  (a.tos ?? 0) === (b.tos ?? 0);

/** The kernel refuses a second IPv4 route of the same slot, and joins IPv6 ones. */
function push(routes: Route[], route: Route | undefined): void {
  if (route && !routes.some((other) => sameSlot(other, route))) routes.push(route);
}

/** A route by way of a nexthop object: one gateway, or a group of two. */
function objectRoute(r: Random, plan: Plan, netns: Draft): Route | undefined {
  const family: Family = r.chance(0.6) ? 4 : 6;
  // They want a carrier, which a link that stands on another has late.
  const stacked = new Set(netns.links.filter(isStacked).map(({ name }) => name));
  const known = gateways(netns, family).filter(
    (hop, i, all) => all.findIndex((h) => h.via === hop.via) === i && !stacked.has(hop.dev),
  );
  if (known.length === 0) return undefined;
  const objects = netns.nexthops ?? [];
  const add = (object: Omit<NexthopObject, 'id'>): number => {
    const id = objects.length + 1;
    objects.push({ id, ...object });
    return id;
  };
  const chosen = r.some(known, r.chance(0.5) ? 2 : 1).map(({ weight: _weight, ...hop }) => hop);
  const ids = chosen.map((nexthop) => add({ family, nexthop }));
  const group = ids.map((id) => ({ id, weight: r.between(1, 3) }));
  const nhid = ids.length > 1 ? add({ group }) : (ids[0] as number);
  netns.nexthops = objects;
  const destination = anyPrefix(r, plan, family);
  if (gateways(netns, family).some((hop) => covers(destination, hop.via as string))) return undefined;
  return {
    family,
    type: 'unicast',
    destination,
    nhid,
    nexthops: chosen.map((hop, i) => ({ ...hop, ...(ids.length > 1 && { weight: group[i]?.weight ?? 1 }) })),
  };
}

/** What is somebody else's is taken for this host's own. */
const localRoute = (r: Random, plan: Plan): Route => {
  const family: Family = r.chance(0.6) ? 4 : 6;
  const destination = r.pick([...plan.strangers[family]]);
  return {
    family,
    type: 'local',
    destination: `${destination}/${hostLength(family)}`,
    ...(family === 4 && { scope: 'host' as const }),
    nexthops: [{ dev: 'lo' }],
  };
};

function range(r: Random): { from: number; to: number } {
  const [a, b] = [r.pick(PORTS), r.pick(PORTS)];
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

function selector(r: Random, plan: Plan, netns: Draft, family: Family): Partial<PolicyRule> {
  const links = ['lo', ...netns.links.map((link) => link.name)];
  const makers: (() => Partial<PolicyRule>)[] = [
    () => ({ from: anyPrefix(r, plan, family) }),
    () => ({ from: anyPrefix(r, plan, family) }),
    () => ({ to: anyPrefix(r, plan, family) }),
    () => ({ to: anyPrefix(r, plan, family), not: true }),
    () => ({ from: anyPrefix(r, plan, family), not: true }),
    () => ({ iif: r.pick(links) }),
    () => ({ iif: r.pick(links) }),
    () => ({ oif: r.pick(links) }),
    () => ({ fwmark: { value: r.pick(MARKS), mask: 0xffffffff } }),
    () => ({
      fwmark: r.pick([
        { value: 1, mask: 1 },
        { value: 0x4000, mask: 0x4000 },
        { value: 0, mask: 2 },
      ]),
    }),
    () => ({ ipproto: r.pick([1, 6, 17, 47, 58]) }),
    () => ({ ipproto: r.pick([6, 17]), dport: range(r) }),
    () => ({ ipproto: r.pick([6, 17]), sport: range(r) }),
    () => ({ tos: r.pick([0x10, 0x08]) }),
  ];
  return r.pick(makers)();
}

const LOCAL_TABLE = 255;

/** The usual sense of it: the main table, but for its short prefixes. */
const suppressed = (r: Random): Partial<PolicyRule> => ({
  suppressPrefixLength: r.pick([0, 8, 16, 24, 64]),
  ...(r.chance(0.7) && { action: { kind: 'lookup', table: 254 } }),
});

function randomRule(r: Random, plan: Plan, netns: Draft, priority: number): PolicyRule {
  const family: Family = r.chance(0.6) ? 4 : 6;
  const roll = r.next();
  const action: PolicyRule['action'] =
    roll < 0.75
      ? { kind: 'lookup', table: r.pick([100, 100, 101, 101, 254, LOCAL_TABLE]) }
      : r.pick<PolicyRule['action']>([
          { kind: 'blackhole' },
          { kind: 'unreachable' },
          { kind: 'prohibit' },
          { kind: 'nop' },
          { kind: 'goto', priority: 32766 },
          { kind: 'goto', priority: 600 },
        ]);
  // What ends packets, or jumps, is for some of them only.
  const own = selector(r, plan, netns, family);
  return {
    family,
    priority,
    action,
    ...own,
    ...(r.chance(0.25) && !own.dport && !own.sport && selector(r, plan, netns, family)),
    ...(action.kind === 'lookup' && r.chance(0.3) && suppressed(r)),
  };
}

const DEFAULT_RULES: readonly PolicyRule[] = [
  { family: 4, priority: 0, action: { kind: 'lookup', table: 255 } },
  { family: 4, priority: 32766, action: { kind: 'lookup', table: 254 } },
  { family: 4, priority: 32767, action: { kind: 'lookup', table: 253 } },
  { family: 6, priority: 0, action: { kind: 'lookup', table: 255 } },
  { family: 6, priority: 32766, action: { kind: 'lookup', table: 254 } },
];

function addRules(r: Random, plan: Plan, netns: Draft): void {
  const priorities = r.some([10, 100, 300, 500, 600, 1000, 5000, 32000, 40000], r.between(1, 4)).sort((a, b) => a - b);
  const rules = priorities.map((priority) => randomRule(r, plan, netns, priority));
  // A jump that leads nowhere is no rule, one that leads back is refused.
  const valid = rules.filter(({ action, family, priority }) => {
    if (action.kind !== 'goto') return true;
    const target = action.priority;
    const isThere = target === 32766 || rules.some((rule) => rule.priority === target && rule.family === family);
    return isThere && target > priority;
  });
  netns.rules = [...DEFAULT_RULES, ...valid];
  for (const id of [100, 101]) {
    const routes: Route[] = [];
    for (let i = r.between(0, 3); i > 0; i--) push(routes, randomRoute(r, plan, netns));
    netns.tables.push({ id, routes });
  }
}

const SETTINGS: readonly (readonly [name: string, values: readonly number[]])[] = [
  ['net.ipv4.conf.all.rp_filter', [0, 1, 2]],
  ['net.ipv4.conf.LINK.rp_filter', [1, 2]],
  ['net.ipv4.conf.LINK.rp_filter', [1, 2]],
  ['net.ipv4.conf.all.accept_local', [1]],
  ['net.ipv4.conf.LINK.accept_local', [1]],
  ['net.ipv4.conf.all.route_localnet', [1]],
  ['net.ipv4.conf.LINK.route_localnet', [1]],
  ['net.ipv4.conf.LINK.forwarding', [0, 1]],
  ['net.ipv6.conf.LINK.forwarding', [0, 1]],
  ['net.ipv4.conf.LINK.proxy_arp', [1]],
  ['net.ipv4.conf.LINK.arp_ignore', [1, 3]],
  ['net.ipv6.conf.LINK.proxy_ndp', [1]],
  ['net.ipv4.conf.LINK.src_valid_mark', [1]],
  ['net.ipv4.conf.LINK.ignore_routes_with_linkdown', [1]],
  ['net.ipv4.fwmark_reflect', [1]],
  ['net.ipv6.fwmark_reflect', [1]],
  ['net.ipv4.tcp_fwmark_accept', [1]],
  ['net.ipv4.icmp_echo_ignore_all', [1]],
  ['net.ipv6.icmp.echo_ignore_all', [1]],
  ['net.ipv4.ip_default_ttl', [3, 33]],
  ['net.ipv4.fib_multipath_hash_policy', [1]],
  ['net.ipv4.ip_forward', [0]],
  ['net.ipv6.conf.all.forwarding', [0]],
];

function addSettings(r: Random, netns: Draft): void {
  for (const [name, values] of SETTINGS) {
    if (!r.chance(0.08)) continue;
    const link = r.pick(netns.links).name;
    netns.sysctls[name.replace('LINK', link)] = r.pick(values);
  }
  if (netns.links.some((link) => link.kind === 'bridge')) {
    if (r.chance(0.4)) netns.sysctls['net.bridge.bridge-nf-call-iptables'] = 0;
    if (r.chance(0.4)) netns.sysctls['net.bridge.bridge-nf-call-ip6tables'] = 0;
  }
  if (r.chance(0.15) && netns.netfilter.length > 0) netns.sysctls['net.netfilter.nf_conntrack_tcp_loose'] = 0;
}

function addOddities(r: Random, plan: Plan, netns: Draft): void {
  // Neighbours behind tunnels are given, and only the usual ones.
  const free = netns.links.filter((link) => link.master === undefined && link.kind !== 'vxlan');
  const link = r.pick(free).name;
  if (r.chance(0.12)) addAddress(netns, link, r.pick(['10.99.0.9/32', '172.16.0.1/16', 'fd99::9/128']));
  // A second address of a subnet that is there.
  const first = netns.addresses.find((a) => a.link === link && familyOf(a.address) === 4);
  if (first && r.chance(0.15))
    addAddress(netns, link, first.address.replace(/\.\d+\/24$/, `.${90 + plan.netnses.indexOf(netns)}/24`));
  if (r.chance(0.06)) netns.addresses.push({ link, address: '10.7.0.1/32', peer: '10.7.0.2' });
  if (r.chance(0.1)) addAddress(netns, 'lo', r.pick(['10.88.8.8/32', 'fd88::8/128']));
  if (r.chance(0.08))
    netns.neighbors.push(
      r.pick<Draft['neighbors'][number]>([
        { link, address: r.pick(plan.addresses[4]), lladdr: '02:ff:00:00:00:01' },
        { link, address: r.pick(plan.strangers[4]), proxy: true },
        { link, address: r.pick(plan.strangers[6]), proxy: true },
      ]),
    );
  for (const one of netns.links) {
    if (r.chance(0.03)) one.up = false;
    // The lab's switch takes what is too long for one of its ports.
    if (one.segment === undefined && !hasStacked(plan) && r.chance(0.08)) one.mtu = r.pick([1280, 1400, 1480]);
  }
  // A bridge takes on the smallest size of its ports (br_mtu_auto_adjust).
  for (const bridge of netns.links.filter((l) => l.kind === 'bridge'))
    bridge.mtu = Math.min(...netns.links.filter((l) => l.master === bridge.name).map((port) => port.mtu ?? 1500));
}

/** The kernel forgets routes of a link that goes down, and takes none for it. */
export function forgetRoutes(netns: Draft): void {
  const down = new Set(netns.links.filter((link) => link.up === false).map((link) => link.name));
  if (down.size === 0) return;
  for (const table of netns.tables)
    table.routes = table.routes.filter((route) => !route.nexthops.some((hop) => down.has(hop.dev)));
  netns.neighbors = netns.neighbors.filter((neighbor) => !down.has(neighbor.link));
}

/** No nexthop object leads out of a link without a carrier. */
function forgetNexthops(netns: Draft, plan: Plan): void {
  const isUp = (name: string) => {
    const link = netns.links.find((l) => l.name === name);
    const other = plan.netnses
      .find((n) => n.name === link?.peer?.netns)
      ?.links.find((l) => l.name === link?.peer?.link);
    return link?.up !== false && other?.up !== false;
  };
  if (!netns.nexthops?.some(({ nexthop }) => nexthop && !isUp(nexthop.dev))) return;
  delete netns.nexthops;
  for (const table of netns.tables) table.routes = table.routes.filter((route) => route.nhid === undefined);
}

export function addRouting(r: Random, plan: Plan): void {
  for (const netns of plan.netnses) {
    const isRouter = netns.links.length > 1;
    addOddities(r, plan, netns);
    if (r.chance(isRouter ? 0.5 : 0.2))
      for (let i = r.between(1, 3); i > 0; i--) push(mainRoutes(netns), randomRoute(r, plan, netns));
    if (r.chance(0.12)) push(mainRoutes(netns), objectRoute(r, plan, netns));
    if (r.chance(0.06)) netns.tables.push({ id: LOCAL_TABLE, routes: [localRoute(r, plan)] });
    if (r.chance(isRouter ? 0.5 : 0.3)) addRules(r, plan, netns);
    addSettings(r, netns);
  }
  for (const netns of plan.netnses) forgetNexthops(netns, plan);
}
