/** What the readers of `ip` print, loaded by `ip`: the devices that a listing names are made first, then its lines become commands. */
import type { Address, Family, Link, NexthopObject, Route } from '@podwire/engine';
import {
  emptyNetns,
  printAddresses,
  printNeighbors,
  printNexthops,
  printRoutes,
  printRules,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
} from '@podwire/model';
import type { Found } from './collect.ts';
import { devices, familyOf, gatewaysOf, type IpJob, linesIn, scriptOf, textOf, waysTo } from './ip-commands.ts';
import { beside, flatAddresses, flatNeighbors, flatRoutes, flatWords } from './listing-ip.ts';
import { fdbJobs } from './load-fdb.ts';

/** The loopback device has these by its own addresses. */
const OWN_ROUTE =
  /^(?:local|broadcast) 127\.(?:0\.0\.[01]|0\.0\.0\/8|255\.255\.255) dev lo table local|^\w+ ::1 dev lo /;

/** Their local and anycast routes come by IPv6 addresses: nobody else can ask for metric 0. */
const isOfAddress = ({ family, type, metric }: Route): boolean =>
  family === 6 && (type === 'local' || type === 'anycast') && (metric ?? 0) === 0;

/** Objects that routes name; members of a group are named by nobody but it. */
function objectsOf(routes: readonly Route[]): Map<number, string> {
  const found = new Map<number, string>();
  let member = 1_000_000;
  const hopText = ({ via, dev, onlink }: Route['nexthops'][number]) =>
    `${via === undefined ? '' : `via ${via} `}dev ${dev}${onlink ? ' onlink' : ''}`;
  for (const { nhid, nexthops } of routes) {
    const [only] = nexthops;
    if (nhid === undefined || found.has(nhid)) continue;
    if (!only) found.set(nhid, `nexthop add id ${nhid} blackhole`);
    else if (nexthops.length === 1) found.set(nhid, `nexthop add id ${nhid} ${hopText(only)}`);
    else {
      const members = nexthops.map((hop) => ({ hop, id: member++ }));
      for (const { hop, id } of members) found.set(id, `nexthop add id ${id} ${hopText(hop)}`);
      const group = members.map(({ hop, id }) => `${id},${hop.weight ?? 1}`).join('/');
      found.set(nhid, `nexthop add id ${nhid} group ${group}`);
    }
  }
  return found;
}

/** In a batch iproute2 takes a name for the last number that was given in its place (lib/rt_names.c keeps one of each): so all are numbers. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  zebra: 11,
  bird: 12,
  dhcp: 16,
  keepalived: 18,
  babel: 42,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
};
const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };

const numbered = (words: string): string =>
  words
    .replaceAll(/\bproto (\w+)/g, (all, name: string) =>
      PROTOCOLS[name] === undefined ? all : `proto ${PROTOCOLS[name]}`,
    )
    .replaceAll(/\b(table|lookup) (\w+)/g, (all, word: string, name: string) =>
      TABLES[name] === undefined ? all : `${word} ${TABLES[name]}`,
    );

/** A line of `ip -d route` as the command that adds it. `append`: several routes may have the same network; to IPv6 that would be one with several gateways. */
function routeCommand(line: string, family: Family): string {
  const words = numbered(flatWords(line));
  const verb = family === 6 && / via | nhid /.test(words) ? 'add' : 'append';
  // What an object says need not be said again, and must not.
  const text = / nhid /.test(words)
    ? words.replaceAll(/ (?:nexthop|weight \d+|onlink|dev \S+|via (?:inet6? )?\S+)(?= |$)/g, '')
    : words;
  return `route ${verb} ${text}`;
}

function* routeJobs({ text, file }: Found): Generator<IpJob> {
  const { tables } = readIpRoute(text, undefined);
  const kept = tables.map((table) => ({ ...table, routes: table.routes.filter((route) => !isOfAddress(route)) }));
  const routes = kept.flatMap((table) => table.routes);
  if (routes.length === 0) return;
  const netns = { ...emptyNetns('here'), tables: kept };
  const printed = (family: Family) =>
    kept.flatMap(({ id }) => linesIn(flatRoutes(printRoutes(netns, { family, table: id, details: true }))));
  const hops = routes.flatMap(({ nexthops }) => nexthops);
  const isLocal = (source: string) =>
    routes.some(({ type, destination }) => type === 'local' && destination.startsWith(`${source}/`));
  const sources = [...new Set(routes.flatMap(({ prefsrc }) => prefsrc ?? []))].filter((source) => !isLocal(source));
  const commands = (family: Family) => {
    const all = printed(family)
      .filter((line) => !OWN_ROUTE.test(line))
      .map((line) => routeCommand(line, family));
    const made = objectsOf(routes.filter((route) => route.family === family)).values();
    // Own addresses before routes that name them, networks before gateways; of IPv6 gateways first: others may join them afterwards.
    const rank = (line: string) => {
      if (/ via | nhid /.test(line)) return family === 4 ? 3 : 0;
      const [, local, source] = / append local (\S+) .* src (\S+)/.exec(line) ?? [];
      return local === undefined ? 2 : Number(local !== source);
    };
    return [...made, ...all.toSorted((a, b) => rank(a) - rank(b))];
  };
  const expected = [...printed(4), ...printed(6)];
  yield {
    what: 'loaded and listed: ip route',
    file,
    script: scriptOf('ip -d -4 route show table all; ip -d -6 route show table all'),
    text: textOf({
      setup: [
        ...devices(hops.map(({ dev }) => dev)),
        ...sources.map((source) => `addr add ${source} dev lo${familyOf(source) === 6 ? ' nodad noprefixroute' : ''}`),
      ],
      ...waysTo(gatewaysOf(hops)),
      4: commands(4),
      6: commands(6),
    }),
    compare: (listing) => beside(expected, listing, (all) => linesIn(flatRoutes(all))),
  };
}

function* ruleJobs({ text, file }: Found): Generator<IpJob> {
  const { rules } = readIpRule(text, undefined);
  const netns = { ...emptyNetns('here'), rules };
  const own = (family: Family) => (rules.some((r) => r.family === family) ? linesIn(printRules(netns, family)) : []);
  const commands = (family: Family) => {
    const added = own(family)
      .filter((line) => !/^0:\tfrom all lookup local$/.test(line))
      .map(
        (line) =>
          `rule add pref ${numbered(line.replace(/:\t/, ' ').replace(' [unresolved]', '').replace('lookup [l3mdev-table]', 'l3mdev'))}`,
      );
    return own(family).length === 0 ? [] : ['rule flush', ...added];
  };
  const flat = (all: string) => linesIn(all.replaceAll(' [detached]', '')).map(flatWords);
  const expected = [...own(4), ...own(6)].flatMap(flat);
  yield {
    what: 'loaded and listed: ip rule',
    file,
    script: scriptOf('ip -4 rule show; ip -6 rule show'),
    text: textOf({
      setup: devices(rules.flatMap(({ iif, oif }) => [iif ?? [], oif ?? []].flat())),
      4: commands(4),
      6: commands(6),
    }),
    compare: (listing) => beside(expected, listing, flat),
  };
}

function* neighborJobs({ text, file }: Found): Generator<IpJob> {
  const { neighbors } = readIpNeigh(text);
  const netns = { ...emptyNetns('here'), neighbors };
  const lines = linesIn(printNeighbors(netns)).map(flatWords);
  const proxies = linesIn(printNeighbors(netns, true)).map(flatWords);
  if (lines.length + proxies.length === 0) return;
  const commands = [
    ...lines.map(
      (line) => `neigh replace ${line.replace(/ (\S+)$/, (_, state: string) => ` nud ${state.toLowerCase()}`)}`,
    ),
    ...proxies.map((line) => `neigh add proxy ${line.replace(/ proxy$/, '')}`),
  ];
  yield {
    what: 'loaded and listed: ip neigh',
    file,
    script: scriptOf('ip neigh show nud all; ip -4 neigh show proxy; ip -6 neigh show proxy'),
    text: textOf({
      setup: devices(neighbors.map(({ link }) => link)),
      4: commands.filter((line) => /^neigh \S+( proxy)? [\d.]+ /.test(line)),
      6: commands.filter((line) => !/^neigh \S+( proxy)? [\d.]+ /.test(line)),
    }),
    compare: (listing) => beside([...lines, ...proxies].flatMap(flatNeighbors), listing, flatNeighbors),
  };
}

const isGroup = ({ group }: NexthopObject): boolean => group !== undefined;

function* nexthopJobs({ text, file }: Found): Generator<IpJob> {
  const { nexthops } = readIpNexthop(text);
  if (nexthops.length === 0) return;
  const lines = linesIn(printNexthops(nexthops)).map(flatWords);
  const hops = nexthops.flatMap(({ nexthop }) => nexthop ?? []);
  // A gateway of scope host is an address of the host itself.
  const own = nexthops.flatMap(({ nexthop, scope }) => (nexthop?.via !== undefined && scope === 'host' ? nexthop : []));
  const commands = (family: Family | undefined) =>
    linesIn(
      printNexthops(nexthops.filter((one) => one.family === family && isGroup(one) === (family === undefined))),
    ).map((line) => `nexthop add ${flatWords(line).replace(/ scope \S+/, '')}`);
  yield {
    what: 'loaded and listed: ip nexthop',
    file,
    script: scriptOf('ip nexthop show'),
    text: textOf({
      setup: [...devices(hops.map(({ dev }) => dev)), ...own.map(({ via }) => `addr add ${via} dev lo`)],
      ...waysTo(gatewaysOf(hops.filter((hop) => !own.includes(hop)))),
      4: commands(4),
      6: commands(6),
      // Members of a group are there before it.
      each: commands(undefined),
    }),
    compare: (listing) => beside(lines, listing, (all) => linesIn(all).map(flatWords)),
  };
}

/** Every device has these by itself. */
const OWN = /^(127\.0\.0\.1\/8|::1\/128)$/;

function addressCommand({ link, address, deprecated }: Address, line: string): string {
  const words = line
    .replace(/^\S+ inet6? /, '')
    .replaceAll(/ (?:secondary|deprecated)(?= |$)/g, '')
    // The label comes last.
    .replace(/ (?!global$|host$|link$|site$|noprefixroute$)(\S+)$/, (all, last: string) =>
      familyOf(address) === 4 ? ` label ${last}` : all,
    );
  return `addr add ${words} dev ${link}${familyOf(address) === 6 ? ' nodad' : ''}${deprecated ? ' preferred_lft 0' : ''}`;
}

function* addressJobs({ text, file }: Found): Generator<IpJob> {
  const { links, addresses } = readIpAddr(text, { netns: 'here' });
  if (links.length === 0) return;
  // What kind of link it is decides nothing here.
  const plain = links.map(
    ({ name, kind, mac, mtu }): Link => ({
      name,
      kind: kind === 'loopback' ? kind : 'dummy',
      ...(mac !== undefined && { mac }),
      ...(mtu !== undefined && { mtu }),
    }),
  );
  const own = addresses.filter(
    ({ link, address }) => plain.some(({ name }) => name === link) && !(link === 'lo' && OWN.test(address)),
  );
  const known = new Map(plain.map((link) => [link.name, link]));
  const expected = flatAddresses(printAddresses({ ...emptyNetns('here'), links: plain, addresses: own }));
  const added = own.map((address) => {
    const [line = ''] = flatAddresses(
      printAddresses({ ...emptyNetns('here'), links: plain, addresses: [address] }),
    ).filter((one) => / inet6? /.test(one) && !/ (127\.0\.0\.1\/8|::1\/128) /.test(one));
    return addressCommand(address, line);
  });
  const of = (name: string) => {
    const { mac, mtu } = known.get(name) ?? {};
    return `${mac === undefined ? '' : ` address ${mac}`}${mtu === undefined ? '' : ` mtu ${mtu}`}`;
  };
  const lo = known.get('lo')?.mtu;
  yield {
    what: 'loaded and listed: ip addr',
    file,
    script: scriptOf('ip addr show'),
    text: textOf({
      setup: [
        ...devices(
          plain.map(({ name }) => name),
          of,
        ),
        ...(lo === undefined ? [] : [`link set dev lo mtu ${lo}`]),
      ],
      4: added.filter((_, i) => familyOf(own[i]?.address ?? '') === 4),
      6: added.filter((_, i) => familyOf(own[i]?.address ?? '') === 6),
    }),
    compare: (listing) => beside(expected, listing, flatAddresses),
  };
}

export const IP_JOBS: Readonly<Record<string, (found: Found) => Generator<IpJob>>> = {
  'ip-addr': addressJobs,
  'ip-route': routeJobs,
  'ip-rule': ruleJobs,
  'ip-neigh': neighborJobs,
  'ip-nexthop': nexthopJobs,
  'bridge-fdb': fdbJobs,
};

/** The kernel says no to what a line asks; any other word is of a line that the tool cannot read. */
export function isKernelsNo(error: string): boolean {
  return /^RTNETLINK answers: |^Error: (?!argument |either |any valid prefix|\w+ prefix is expected|\w+ address is expected|an? |Command )/m.test(
    error,
  );
}
