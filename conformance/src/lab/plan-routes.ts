/** Routes, nexthop objects and policy rules of a network namespace, in the words of `ip`. */
import type { Family, Netns, NexthopObject, PolicyRule, Route, RouteTable } from '@podwire/engine';

export const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4);

const sameSlot = (a: Route, b: Route) =>
  a.family === b.family &&
  a.destination === b.destination &&
  (a.metric ?? 0) === (b.metric ?? 0) &&
  (a.tos ?? 0) === (b.tos ?? 0);

/** A table with its base: what is a namespace's own wins. */
function routesOf(table: RouteTable): Route[] {
  const own = table.routes;
  if (!table.base) return [...own];
  return [...own, ...routesOf(table.base).filter((below) => !own.some((route) => sameSlot(route, below)))];
}

function hopWords({ via, dev, onlink }: Route['nexthops'][number], family: Family): string[] {
  return [
    ...(via === undefined ? [] : ['via', ...(familyOf(via) === family ? [] : ['inet6']), via]),
    'dev',
    dev,
    ...(onlink ? ['onlink'] : []),
  ];
}

/** `ip` reads it as hexadecimal digits, with or without `0x`. */
const dsfield = (tos: number) => `tos 0x${tos.toString(16)}`;

/** Groups come after their members. */
function nexthopLines({ nexthops = [] }: Netns): string[] {
  const line = ({ id, family, nexthop, blackhole, group }: NexthopObject) =>
    [
      `nexthop add id ${id}`,
      ...(group ? [`group ${group.map((member) => `${member.id},${member.weight}`).join('/')}`] : []),
      ...(blackhole ? [...(family === 6 ? ['-6'] : []), 'blackhole'] : []),
      ...(nexthop ? hopWords(nexthop, family ?? 4) : []),
    ].join(' ');
  return [...nexthops.filter((n) => !n.group), ...nexthops.filter((n) => n.group)].map(line);
}

function routeLine(route: Route, table: number): string {
  const { family, nexthops } = route;
  const [only] = nexthops;
  // Several links may have the same IPv6 network.
  const verb = family === 6 && only && nexthops.every((hop) => hop.via === undefined) ? 'append' : 'add';
  return [
    `route ${verb} ${route.type} ${route.destination}`,
    `table ${table}`,
    ...(route.protocol === undefined ? [] : [`proto ${route.protocol}`]),
    ...(route.scope === undefined ? [] : [`scope ${route.scope}`]),
    ...(route.prefsrc === undefined ? [] : [`src ${route.prefsrc}`]),
    ...(route.metric === undefined ? [] : [`metric ${route.metric}`]),
    ...(route.tos === undefined ? [] : [dsfield(route.tos)]),
    ...(route.mtu === undefined ? [] : [`mtu ${route.mtuLocked ? 'lock ' : ''}${route.mtu}`]),
    ...(route.nhid === undefined ? [] : [`nhid ${route.nhid}`]),
    ...(route.nhid === undefined && nexthops.length === 1 && only ? hopWords(only, family) : []),
    ...(route.nhid === undefined && nexthops.length > 1
      ? nexthops.flatMap((hop) => ['nexthop', ...hopWords(hop, family), `weight ${hop.weight ?? 1}`])
      : []),
  ].join(' ');
}

/** A gateway must be reachable when its route is added. */
export function routeLines(netns: Netns): string[] {
  const all = netns.tables.flatMap((table) => routesOf(table).map((route) => ({ route, table: table.id })));
  const hasGateway = ({ route }: (typeof all)[number]) =>
    route.nhid !== undefined || route.nexthops.some((hop) => hop.via !== undefined);
  return [...all.filter((r) => !hasGateway(r)), ...all.filter(hasGateway)].map(({ route, table }) =>
    routeLine(route, table),
  );
}

function ruleLine(rule: PolicyRule): string {
  const { action } = rule;
  const ports = (range: { from: number; to: number }) => `${range.from}-${range.to}`;
  return [
    'rule add',
    ...(rule.not ? ['not'] : []),
    `priority ${rule.priority}`,
    `from ${rule.from ?? 'all'}`,
    ...(rule.to === undefined ? [] : [`to ${rule.to}`]),
    ...(rule.iif === undefined ? [] : [`iif ${rule.iif}`]),
    ...(rule.oif === undefined ? [] : [`oif ${rule.oif}`]),
    ...(rule.tos === undefined ? [] : [dsfield(rule.tos)]),
    ...(rule.fwmark === undefined ? [] : [`fwmark ${rule.fwmark.value}/${rule.fwmark.mask}`]),
    ...(rule.ipproto === undefined ? [] : [`ipproto ${rule.ipproto}`]),
    ...(rule.sport === undefined ? [] : [`sport ${ports(rule.sport)}`]),
    ...(rule.dport === undefined ? [] : [`dport ${ports(rule.dport)}`]),
    ...(action.kind === 'lookup' ? [`lookup ${action.table}`] : [action.kind]),
    ...(action.kind === 'goto' ? [`${action.priority}`] : []),
    ...(rule.suppressPrefixLength === undefined ? [] : [`suppress_prefixlength ${rule.suppressPrefixLength}`]),
  ].join(' ');
}

export function ruleLines(netns: Netns, family: Family): string[] {
  const rules = netns.rules?.filter((rule) => rule.family === family);
  if (!rules) return [];
  return [
    ...rules.map(ruleLine),
    'rule del priority 0',
    'rule del priority 32766',
    ...(family === 4 ? ['rule del priority 32767'] : []),
  ];
}

/** Nexthops want a carrier, and their gateways to be reachable, as routes do: they come behind the routes without any. */
export function withNexthops(netns: Netns): string[] {
  if (!netns.nexthops) return [];
  const routes = routeLines(netns);
  const first = routes.findIndex((line) => line.includes(' via ') || line.includes(' nhid '));
  const at = first < 0 ? routes.length : first;
  return [...routes.slice(0, at), ...nexthopLines(netns), ...routes.slice(at)];
}
