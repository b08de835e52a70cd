/** What people build on purpose, and chance alone never does: parts that only mean something together. */
import { type Action, type Family, Hook, type Match, type PolicyRule, Protocol, type Route } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import { DISCOVERY } from './rulesets.ts';
import { type Draft, familyOf, mainRoutes, type Plan, plain } from './topology.ts';
import { MARKS } from './values.ts';

const OWN_TABLE = 77;
const everything = (family: Family) => (family === 4 ? '0.0.0.0/0' : '::/0');

function gatewaysOf(netns: Draft, family: Family): Route['nexthops'] {
  return mainRoutes(netns)
    .filter((route) => route.family === family)
    .flatMap((route) => route.nexthops)
    .filter(
      (hop, i, all) =>
        hop.via !== undefined && familyOf(hop.via) === family && all.findIndex((h) => h.via === hop.via) === i,
    );
}

/** Somewhere else than usual: by one of the gateways, out of a link, or nowhere. */
function elsewhere(r: Random, netns: Draft, family: Family): Route {
  const known = gatewaysOf(netns, family);
  const common = { family, destination: everything(family) };
  const roll = r.next();
  if (known.length > 0 && roll < 0.6) return { ...common, type: 'unicast', nexthops: [{ ...r.pick(known) }] };
  if (roll < 0.8) {
    const link = r.pick(netns.links.filter(({ master }) => master === undefined));
    return { ...common, type: 'unicast', nexthops: [{ dev: link.name }] };
  }
  return { ...common, type: r.pick(['unreachable', 'prohibit', 'blackhole'] as const), nexthops: [] };
}

/** Local, main and default stand where they always do. */
function withRules(netns: Draft, family: Family, rules: readonly PolicyRule[]): void {
  const usual: PolicyRule[] = ([4, 6] as const).flatMap((f) =>
    [[0, 255], [32766, 254], ...(f === 4 ? [[32767, 253]] : [])].map(
      ([priority, table]): PolicyRule => ({
        family: f,
        priority: priority as number,
        action: { kind: 'lookup', table: table as number },
      }),
    ),
  );
  const present = netns.rules ?? usual;
  const taken = new Set(present.filter((rule) => rule.family === family).map((rule) => rule.priority));
  if (rules.some(({ priority }) => taken.has(priority))) return;
  netns.rules = [...present, ...rules];
}

function addTable(netns: Draft, route: Route): void {
  const table = netns.tables.find(({ id }) => id === OWN_TABLE);
  if (!table) netns.tables.push({ id: OWN_TABLE, routes: [route] });
  else if (!table.routes.some((other) => other.family === route.family)) table.routes.push(route);
}

/** The main table but for its short prefixes, and all that is not marked, or not from here, another way: as wg-quick has it. */
function tunnelled(r: Random, plan: Plan, netns: Draft, family: Family): void {
  addTable(netns, elsewhere(r, netns, family));
  const exception = r.pick<() => Partial<PolicyRule>>([
    () => ({ fwmark: { value: r.pick(MARKS), mask: 0xffffffff } }),
    () => ({ from: r.pick(plan.prefixes[family].filter((prefix) => !prefix.endsWith('/0'))) }),
    () => ({ to: `${r.pick(plan.addresses[family])}/${family === 4 ? 32 : 128}` }),
    () => ({ iif: r.pick(['lo', ...netns.links.map((link) => link.name)]) }),
    () => ({ ipproto: r.pick([Protocol.TCP, Protocol.UDP]) }),
  ])();
  const lengths = family === 4 ? [0, 8, 23, 24] : [0, 16, 63, 64];
  withRules(netns, family, [
    {
      family,
      priority: 70,
      action: { kind: 'lookup', table: 254 },
      suppressPrefixLength: r.pick(lengths),
    },
    { family, priority: 71, ...exception, not: true, action: { kind: 'lookup', table: OWN_TABLE } },
  ]);
  // Something short to be left out.
  const known = gatewaysOf(netns, family);
  const main = mainRoutes(netns);
  const destination = r.pick([everything(family), family === 4 ? '10.0.0.0/8' : 'fd00::/16']);
  if (known.length > 0 && !main.some((route) => route.family === family && route.destination === destination))
    main.push({ family, type: 'unicast', destination, nexthops: [{ ...r.pick(known) }] });
}

const protocolOf = (r: Random, family: Family): Match[] =>
  r.chance(0.3) ? [] : [{ kind: 'protocol', protocol: r.pick([6, 17, family === 4 ? 1 : 58]) }];

const noted: Action = { kind: 'note', text: '-j NFLOG' };

interface Base {
  table: string;
  hook: Hook;
  priority: number;
}

/** Rules before all others of a built-in chain, but for those that let neighbours be found; makes what is missing. */
function prepend(
  netns: Draft,
  family: Family,
  { table: name, hook, priority }: Base,
  bodies: readonly (Match | Action)[][],
): void {
  const own = family === 4 ? 'ip' : 'ip6';
  const type = name === 'nat' ? 'nat' : name === 'mangle' && hook === Hook.OUTPUT ? 'route' : 'filter';
  const discovery = family === 6 && name !== 'nat' ? DISCOVERY : [];
  let table = netns.netfilter.find((t) => t.family === own && t.name === name);
  if (!table) {
    table = { family: own, name, chains: [] };
    netns.netfilter.push(table);
  }
  let chain = table.chains.find((c) => c.hook?.hook === hook);
  if (!chain) {
    chain = { name: Hook[hook] as string, hook: { hook, priority, type, policy: 'accept' }, rules: [...discovery] };
    table.chains.unshift(chain);
  }
  chain.rules.splice(discovery.length, 0, ...bodies.map((body) => ({ body })));
}

/** Some packets are marked at OUTPUT and leave by another link; chains look at the link before and after. */
function marked(r: Random, plan: Plan, netns: Draft, family: Family): void {
  const value = r.pick(MARKS);
  const links = ['lo', ...netns.links.filter(({ master }) => master === undefined).map(({ name }) => name)];
  const out = (): Match => ({ kind: 'oif', name: r.pick(links), ...(r.chance(0.3) && { not: true }) });
  plan.callers.push({ netns, family });
  addTable(netns, elsewhere(r, netns, family));
  withRules(netns, family, [
    { family, priority: 72, fwmark: { value, mask: 0xffffffff }, action: { kind: 'lookup', table: OWN_TABLE } },
  ]);
  prepend(netns, family, { table: 'mangle', hook: Hook.OUTPUT, priority: -150 }, [
    [...protocolOf(r, family), { kind: 'set-mark', value, mask: 0xffffffff }],
  ]);
  const each = links.map((name): (Match | Action)[] => [{ kind: 'oif', name }, noted]);
  prepend(netns, family, { table: 'filter', hook: Hook.OUTPUT, priority: 0 }, each);
  if (r.chance(0.5))
    prepend(netns, family, { table: 'mangle', hook: Hook.POSTROUTING, priority: -150 }, [[out(), noted]]);
  if (r.chance(0.5))
    prepend(netns, family, { table: 'nat', hook: Hook.POSTROUTING, priority: 100 }, [
      [out(), { kind: 'masquerade', range: {} }],
    ]);
}

/** Two sides with connections of their own that may be given the same ends. */
function zoned(r: Random, plan: Plan, netns: Draft, family: Family): void {
  // Tests of connections in the table raw would see the template of a zone, which the machine does not know.
  if (netns.netfilter.some((t) => t.name === 'raw' && t.family === (family === 4 ? 'ip' : 'ip6'))) return;
  const own = new Set(netns.addresses.map(({ address }) => plain(address)));
  const [one, two] = r.some(
    [...plan.addresses[family].filter((address) => !own.has(address)), ...plan.strangers[family]],
    2,
  ) as [string, string];
  plan.rivals.push({ netns, family, sources: [one, two] });
  const from = (address: string): Match => ({ kind: 'saddr', prefix: `${address}/${family === 4 ? 32 : 128}` });
  const direction = r.chance(0.4) ? { direction: 'ORIGINAL' as const } : {};
  const zones = [
    [from(one), { kind: 'ct-zone' as const, zone: 1, ...direction }],
    ...(r.chance(0.6) ? [[from(two), { kind: 'ct-zone' as const, zone: 2, ...direction }]] : []),
  ];
  for (const hook of [Hook.PREROUTING, Hook.OUTPUT])
    prepend(netns, family, { table: 'raw', hook, priority: -300 }, zones);
  const address = r.pick(plan.addresses[family]);
  prepend(netns, family, { table: 'nat', hook: Hook.POSTROUTING, priority: 100 }, [
    [{ kind: 'snat', range: { addresses: { from: address, to: address } } }],
  ]);
}

type Arrangement = (r: Random, plan: Plan, netns: Draft, family: Family) => void;

const ARRANGEMENTS: readonly Arrangement[] = [tunnelled, tunnelled, marked, marked, zoned];

export function addArrangements(r: Random, plan: Plan): void {
  for (const netns of plan.netnses) {
    if (!r.chance(netns.links.length > 1 ? 0.5 : 0.15)) continue;
    r.pick(ARRANGEMENTS)(r, plan, netns, r.chance(0.6) ? 4 : 6);
  }
}
