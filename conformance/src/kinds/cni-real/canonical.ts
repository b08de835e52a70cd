/** The state of a namespace in one form, whoever wrote it: what chance or the clock decides is left out (README of the suites, "What is random"). */
import type { Link, Netns, Nexthop, Route } from '@podwire/engine';
import { type NftObject, parseNftRuleset, printNftRuleset, printRules } from '@podwire/model';

/** Names of links and link-layer addresses that are drawn by chance, in words that both sides have. */
export interface Naming {
  link(name: string): string;
  /** Undefined: drawn by chance. */
  mac(mac: string): string | undefined;
}

const shown = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== false && value !== '')
    .map(([name, value]) => (value === true ? name : `${name} ${value}`))
    .join(' ');

function linkLine(netns: string, link: Link, { link: name, mac }: Naming): string {
  const { tunnel } = link;
  return `${name(link.name)} ${shown({
    // The lab's own wire is a device of the machine.
    kind: link.kind === 'device' ? 'veth' : link.kind,
    mtu: link.mtu ?? 1500,
    up: link.up !== false,
    mac: link.mac && mac(link.mac),
    master: link.master && name(link.master),
    hairpin: link.hairpin,
    isolated: link.isolated,
    mode: link.mode,
    // Of a link that stands on one elsewhere only a number is listed.
    lower: link.lower?.netns === netns ? name(link.lower.link) : undefined,
    vlan_filtering: link.vlanFiltering,
    vlans: link.vlans?.map((one) => `${one.id}${one.pvid ? 'p' : ''}${one.untagged ? 'u' : ''}`).join(','),
    table: link.table,
    id: tunnel?.id,
    local: tunnel?.local,
    dev: tunnel?.dev,
    dstport: tunnel?.port,
    nolearning: tunnel?.learning === false,
  })}`;
}

const nexthopText = ({ dev, via, weight, onlink }: Nexthop, { link }: Naming) =>
  shown({ via, dev: link(dev), weight: weight === 1 ? undefined : weight, onlink });

/** Routes that the kernel makes for link-local addresses come with addresses that are drawn by chance. */
const isDrawn = ({ destination }: Route) => destination.startsWith('fe80:') || destination === 'ff00::/8';

function routeLine(table: number, route: Route, naming: Naming): string {
  const { family, type, destination, metric, tos, scope, protocol, prefsrc, mtu, nexthops } = route;
  return `table ${table} ${type} ${destination} ${shown({
    metric: metric ?? (family === 4 ? 0 : 1024),
    tos: tos || undefined,
    scope: family === 4 ? (scope ?? 'global') : undefined,
    proto: protocol ?? 'boot',
    src: prefsrc,
    mtu,
  })} ${nexthops.map((one) => nexthopText(one, naming)).join(' + ')}`;
}

/** Tables that iptables keeps by nftables: iptables-save says the same, and is compared as a whole. */
const LEGACY = new Set(['filter', 'nat', 'mangle', 'raw', 'security']);

function isIptables(object: NftObject): boolean {
  const [kind, body] = Object.entries(object)[0] as [string, { family: string; name: string; table?: string }];
  const table = kind === 'table' ? body.name : (body.table ?? '');
  return (body.family === 'ip' || body.family === 'ip6') && LEGACY.has(table);
}

/** Each chain and set of each table by itself: their order is that in which they were made. */
export function nftLines(text: string): string[] {
  const { objects } = parseNftRuleset(text);
  const own = objects.filter((object) => !isIptables(object));
  const lines: string[] = [];
  let table = '';
  let block = '';
  for (const line of printNftRuleset(own).split('\n')) {
    if (/^table /.test(line)) table = line.replace(/ \{$/, '');
    else if (/^\t\S/.test(line) && line.endsWith('{')) block = line.trim().replace(/ \{$/, '');
    else if (/^\t\t/.test(line)) lines.push(`${table} ${block}: ${line.trim()}`);
    else if (/^\t[^\s}]/.test(line)) lines.push(`${table}: ${line.trim()}`);
    if (/^table /.test(line)) lines.push(table);
  }
  return lines;
}

/** A table that has no rule, no chain of its own and accepts by itself decides nothing: listing it makes it. */
const isEmpty = (table: string) => !/^-|^:\S+ (?!ACCEPT)/m.test(table);

/** `*nat ... COMMIT` of each table by its name; counters are left out. */
export function savedTables(text: string): string[] {
  return text
    .replaceAll(/\[\d+:\d+\]/g, '[0:0]')
    .split(/(?<=^COMMIT\n?)/m)
    .filter((part) => part.trim() !== '' && !isEmpty(part))
    .sort()
    .flatMap((part) => part.trim().split('\n'));
}

/** By section, lines in one order. */
export function canonicalState(netns: Netns, naming: Naming): Record<string, string[]> {
  const { link } = naming;
  return {
    links: netns.links
      .filter(({ name }) => name !== 'lo')
      .map((one) => linkLine(netns.name, one, naming))
      .sort(),
    addresses: netns.addresses
      .filter((one) => one.link !== 'lo' && !one.address.startsWith('fe80:'))
      .map(
        (one) =>
          `${link(one.link)} ${one.address} ${shown({ scope: one.scope ?? 'global', brd: one.broadcast, peer: one.peer })}`,
      )
      .sort(),
    routes: netns.tables
      .filter(({ id }) => id !== 255)
      .flatMap(({ id, routes }) => routes.filter((one) => !isDrawn(one)).map((one) => routeLine(id, one, naming)))
      .sort(),
    rules: ([4, 6] as const).flatMap((family) => printRules(netns, family).split('\n')),
    neighbors: (netns.neighbors ?? [])
      .filter(({ state, proxy }) => proxy || (state ?? 'permanent') === 'permanent')
      .map(
        (one) =>
          `${one.address} ${link(one.link)} ${one.proxy ? 'proxy' : ((one.lladdr && naming.mac(one.lladdr)) ?? 'drawn')}`,
      )
      .sort(),
    fdb: (netns.fdb ?? [])
      .filter(({ dst }) => dst !== undefined)
      .map((one) => `${naming.mac(one.mac) ?? 'drawn'} ${link(one.link)} ${one.dst}`)
      .sort(),
  };
}
