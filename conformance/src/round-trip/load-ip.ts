/** What the readers of `ip` and `bridge` print, loaded by these tools: the devices that a listing names are made first, then its lines become commands. */
import type { Address, Family, Link, NexthopObject, Route } from '@podwire/engine';
import {
  emptyNetns,
  printAddresses,
  printBridgeFdb,
  printNeighbors,
  printNexthops,
  printRoutes,
  printRules,
  readBridgeFdb,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
} from '@podwire/model';
import type { Found } from './collect.ts';
import { beside, flatAddresses, flatFdb, flatNeighbors, flatRoutes, flatWords } from './listing-ip.ts';

export interface IpJob {
  what: string;
  file: string;
  script: string;
  text: string;
  compare(listing: string): string | undefined;
}

/**
 * Commands for `ip -4 -batch`, `ip -6 -batch`, `ip` one by one (`ip maddress` ends a batch, whatever comes behind), and `bridge -batch`, in this
 * order; `setup` comes before what is there is listed.
 */
interface Commands {
  setup: string[];
  open?: string[];
  4?: string[];
  6?: string[];
  each?: string[];
  bridge?: string[];
  close?: string[];
}

const linesIn = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

const scriptOf = (list: string): string => `set -e
part() { sed -n "s/^$2 //p" "$1" > "$1.$2"; }
part "$1" setup; ip -batch "$1.setup" || { echo "No devices like these can be made here"; exit 1; } >&2
{ ${list}; } > "$1.before"
part "$1" open; while read -r line; do ip $line; done < "$1.open"
part "$1" 4; ip -4 -batch "$1.4"
part "$1" 6; ip -6 -batch "$1.6"
part "$1" each; while read -r line; do ip $line; done < "$1.each"
part "$1" bridge; bridge -batch "$1.bridge"
part "$1" close; while read -r line; do ip $line; done < "$1.close"
{ ${list}; } > "$1.after"
{ cat "$1.before"; echo '== loaded =='; cat "$1.after"; } > "$1.out"`;

const textOf = (commands: Commands): string =>
  Object.entries(commands)
    .flatMap(([name, lines]: [string, string[]]) => lines.map((line) => `${name} ${line}\n`))
    .join('');

/** Devices with a carrier, up, without addresses of their own; the other end of each has a name that no listing has. */
function devices(names: Iterable<string>, more: (name: string) => string = () => ''): string[] {
  const made = [...new Set(names)].filter((name) => name !== 'lo');
  return [
    'link set lo up',
    ...made.flatMap((name, i) => [
      `link add name ${name}${more(name)} type veth peer name other-end-${i}`,
      ...[name, `other-end-${i}`].flatMap((end) => [`link set dev ${end} addrgenmode none`, `link set dev ${end} up`]),
    ]),
  ];
}

const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

/** A table and a rule that no listing has. */
const WAYS = 4_000_000_000;

/** A gateway must be found on its link when a route names it, and no longer: what leads to it is gone before the listing. */
function waysTo(gateways: readonly { gateway: string; dev: string }[]): Pick<Commands, 'open' | 'close'> {
  const own = new Set(gateways.map(({ gateway, dev }) => `${gateway} dev ${dev}`));
  const both = (command: string) => [`-4 ${command}`, `-6 ${command}`];
  return {
    open: [
      ...[...own].map(
        (way, i) => `route add ${way} table ${WAYS} metric ${i + 1}${way.includes(':') ? '' : ' scope link'}`,
      ),
      ...both(`rule add pref 1 lookup ${WAYS}`),
    ],
    close: [...both('rule del pref 1'), ...[...own].map((way, i) => `route del ${way} table ${WAYS} metric ${i + 1}`)],
  };
}

const gatewaysOf = (hops: Route['nexthops']): { gateway: string; dev: string }[] =>
  hops.flatMap(({ via, dev, onlink }) =>
    via === undefined || onlink === true || /^fe[89ab]/i.test(via) ? [] : [{ gateway: via, dev }],
  );

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
    if (nhid === undefined || found.has(nhid) || !only) continue;
    if (nexthops.length === 1) found.set(nhid, `nexthop add id ${nhid} ${hopText(only)}`);
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
const NUMBERS: Readonly<Record<string, string>> = {
  'proto redirect': 'proto 1',
  'proto kernel': 'proto 2',
  'proto boot': 'proto 3',
  'proto static': 'proto 4',
  'proto ra': 'proto 9',
  'proto dhcp': 'proto 16',
  'table default': 'table 253',
  'table main': 'table 254',
  'table local': 'table 255',
};

const numbered = (words: string): string =>
  words.replaceAll(/\b(?:proto|table|lookup) \w+/g, (two) => NUMBERS[two.replace('lookup', 'table')] ?? two);

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
  const objects = objectsOf(routes);
  const commands = (family: Family) => {
    const all = printed(family)
      .filter((line) => !OWN_ROUTE.test(line))
      .map((line) => routeCommand(line, family));
    const made = family === 4 ? [...objects.values()] : [];
    // Own addresses before routes that name them, networks before gateways.
    const rank = (line: string) => (/ append local /.test(line) ? 0 : / via | nhid /.test(line) ? 2 : 1);
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

/** A bridge's own entries are asked of the bridge itself. */
function fdbCommand(line: string): string {
  const [, dev, master] = / dev (\S+).* master (\S+)/.exec(line) ?? [];
  const words = line.replace(/ master \S+/, dev === master ? ' self' : ' master');
  return `fdb append ${words}${/ (permanent|static)$/.test(line) ? '' : ' dynamic'}`;
}

function* fdbJobs({ text, file }: Found): Generator<IpJob> {
  const { entries } = readBridgeFdb(text);
  if (entries.length === 0) return;
  const bridges = new Set(entries.flatMap(({ master }) => master ?? []));
  const tunnels = new Set(entries.filter(({ dst }) => dst !== undefined).map(({ link }) => link));
  // A socket of IPv6 is there where one of its ends is.
  const six = new Set(entries.filter(({ dst }) => dst?.includes(':')).map(({ link }) => link));
  const masters = new Map(
    entries.flatMap(({ link, master }) => (master === undefined || master === link ? [] : [[link, master] as const])),
  );
  const links = [...new Set(entries.map(({ link }) => link))].filter((link) => !bridges.has(link));
  const vlans = new Set(
    entries.flatMap(({ link, vlan, master }) =>
      vlan === undefined || master === undefined
        ? []
        : [`vlan add vid ${vlan} dev ${link}${link === master ? ' self' : ''}`],
    ),
  );
  const lines = linesIn(printBridgeFdb(entries)).map(flatWords);
  /** Groups that a bridge hears itself stand in no table of its. */
  const ownGroup = (line: string) => {
    const [, mac, name = ''] = /^(.[13579bdf]:\S+) dev (\S+) self permanent$/.exec(line) ?? [];
    return mac !== undefined && bridges.has(name) ? `maddress add ${mac} dev ${name}` : undefined;
  };
  yield {
    what: 'loaded and listed: bridge fdb',
    file,
    script: scriptOf('bridge fdb show'),
    text: textOf({
      setup: [
        ...[...bridges].flatMap((name) => [
          `link add name ${name} type bridge vlan_default_pvid 0`,
          `link set dev ${name} addrgenmode none`,
          `link set dev ${name} up`,
        ]),
        ...devices(links.filter((link) => !tunnels.has(link))),
        ...[...tunnels].flatMap((name, i) => [
          `link add name ${name} type vxlan id ${i + 1} dstport 4789${six.has(name) ? ' local fd00::1' : ''}`,
          `link set dev ${name} addrgenmode none`,
          `link set dev ${name} up`,
        ]),
        ...[...masters].map(([link, master]) => `link set dev ${link} master ${master}`),
      ],
      each: lines.flatMap((line) => ownGroup(line) ?? []),
      bridge: [...vlans, ...lines.filter((line) => ownGroup(line) === undefined).map(fdbCommand)],
    }),
    compare: (listing) => beside(lines.flatMap(flatFdb), listing, flatFdb),
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
