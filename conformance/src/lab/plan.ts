/** How the kernel is made to hold the same network namespaces as the machine: commands in the words of `ip`, `sysctl` and iptables-restore. */
import {
  type Address,
  addressesOf,
  type IpSet,
  type Link,
  type Netns,
  type Network,
  type Table,
} from '@podwire/engine';
import { printIptablesSave, printNftTables } from '@podwire/model';
import { conntrackPrograms } from './plan-conntrack.ts';
import { familyOf, routeLines, ruleLines, withNexthops } from './plan-routes.ts';
import { forwardingPrograms, isStacked, type LinesProgram, stackedPrograms } from './plan-stacked.ts';
import { quietPrograms } from './quiet.ts';
import type { Backend, Listening } from './terms.ts';

export interface TextProgram {
  netns: string;
  argv: string[];
  input?: string;
}

type Program = TextProgram | LinesProgram;

/** What `lab.py` builds; see there. */
export interface Plan {
  spaces: { name: string; before: Record<string, string | number> }[];
  links: string[][];
  programs: Program[][];
  after: Record<string, [name: string, value: string | number][]>;
  servers: { netns: string; protocol: string; address: string; port: number }[];
  /** Network namespaces in which connections are tracked. */
  tracking: string[];
  /** How often a neighbour is asked for; 3 where absent. */
  tries?: number;
  /** The other end of each wire, by network namespace and link. */
  plugs: Plugs;
}

/** `netns link` -> where its wire begins. `mac` is absent for the ports of the lab's switch. */
export type Plugs = Record<string, { netns: string; link: string; mac?: string }>;

export interface PlanOptions {
  tries?: number;
  /** nf_tables tells which rules packets meet. */
  trace?: boolean;
  /** Links get no link-local addresses but those that are given. */
  ownLinkLocal?: boolean;
  /** Nothing is said that the machine does not walk, and rules would see (`quiet.ts`). */
  quiet?: boolean;
  /** Further settings of every network namespace. */
  sysctls?: Readonly<Record<string, string | number>>;
}

/** The table that asks for events: no rules of its own to show. */
export const TRACING_TABLE = 'oracle';

/** Holds one bridge for each segment. No network namespace of a model has this name. */
const SWITCH = '@switch';

/**
 * What the lab sets everywhere. The kernel's compiled defaults, because a new namespace inherits what somebody set outside; no duplicate
 * address detection and no rate limits, because nobody wants to wait; no redirects, which would change routes between probes.
 */
const LAB_SYSCTLS: Readonly<Record<string, string | number>> = {
  ...Object.fromEntries(
    ['all', 'default', 'lo'].flatMap((where) =>
      [
        ['rp_filter', 0],
        ['accept_local', 0],
        ['route_localnet', 0],
        ['proxy_arp', 0],
        ['arp_ignore', 0],
        ['arp_announce', 0],
        ['arp_filter', 0],
        ['send_redirects', 0],
        ['accept_redirects', 0],
      ].map(([name, value]) => [`net.ipv4.conf.${where}.${name}`, value]),
    ),
  ),
  ...Object.fromEntries(
    ['all', 'default'].flatMap((where) =>
      [
        ['accept_dad', 0],
        ['dad_transmits', 0],
        ['accept_ra', 0],
        ['router_solicitations', 0],
        ['accept_redirects', 0],
      ].map(([name, value]) => [`net.ipv6.conf.${where}.${name}`, value]),
    ),
  ),
  'net.ipv4.icmp_ratelimit': 0,
  'net.ipv6.icmp.ratelimit': 0,
  '?net.ipv4.icmp_msgs_per_sec': 1000000,
  '?net.ipv4.icmp_msgs_burst': 1000000,
};

/** At once, and to everybody: what bridges learn of groups is no part of the model. */
const BRIDGE = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'];

const detailsOf = ({ mac, mtu }: Link): string[] => [
  ...(mac === undefined ? [] : ['address', mac]),
  ...(mtu === undefined ? [] : ['mtu', `${mtu}`]),
];

function linkOf(network: Network, { netns, link }: { netns: string; link: string }): Link {
  const found = network.netnses.find((n) => n.name === netns)?.links.find((l) => l.name === link);
  if (!found) throw new Error(`there is no link ${link} of ${netns}`);
  return found;
}

/** Devices of a namespace are asked in the order in which they came: that of its `links`, as far as pairs of them allow. */
function inTurn({ netnses }: Network, made: readonly { ends: string[]; line: string[] }[]): string[][] {
  const waiting = netnses.map((netns) => netns.links.map(({ name }) => `${netns.name} ${name}`));
  const rest = [...made];
  const lines: string[][] = [];
  while (rest.length > 0) {
    const left = new Set(rest.flatMap(({ ends }) => ends));
    const first = new Set(waiting.map((names) => names.find((name) => left.has(name))));
    const at = Math.max(
      0,
      rest.findIndex(({ ends }) => ends.every((end) => first.has(end))),
    );
    lines.push(...rest.splice(at, 1).map(({ line }) => line));
  }
  return lines;
}

function linkLines(network: Network): { links: string[][]; plugged: Map<string, string[]>; plugs: Plugs } {
  const made: { ends: string[]; line: string[] }[] = [];
  /** Ports of the switch by segment. */
  const plugged = new Map<string, string[]>();
  const done = new Set<string>();
  const plugs: Plugs = {};
  let ports = 0;
  for (const netns of network.netnses) {
    for (const link of netns.links) {
      const key = `${netns.name} ${link.name}`;
      if (link.kind === 'loopback' || isStacked(link) || done.has(key)) continue;
      const own = ['name', link.name, 'netns', `%${netns.name}`];
      const details = detailsOf(link);
      if (link.segment !== undefined) {
        const port = `port${ports++}`;
        plugged.set(link.segment, [...(plugged.get(link.segment) ?? []), port]);
        plugs[key] = { netns: SWITCH, link: port };
        const line = ['link', 'add', ...own, ...details, 'type', 'veth', 'peer', 'name', port, 'netns', `%${SWITCH}`];
        made.push({ ends: [key], line });
      } else if (link.peer) {
        const far = `${link.peer.netns} ${link.peer.link}`;
        done.add(far);
        const other = linkOf(network, link.peer);
        const peer = ['peer', 'name', link.peer.link, 'netns', `%${link.peer.netns}`, ...detailsOf(other)];
        plugs[key] = { ...link.peer, ...(other.mac !== undefined && { mac: other.mac }) };
        plugs[far] = {
          netns: netns.name,
          link: link.name,
          ...(link.mac !== undefined && { mac: link.mac }),
        };
        made.push({ ends: [key, far], line: ['link', 'add', ...own, ...details, 'type', 'veth', ...peer] });
      } else if (link.kind === 'bridge' || link.kind === 'dummy') {
        const bridge = link.kind === 'bridge' ? BRIDGE : [];
        made.push({ ends: [key], line: ['link', 'add', ...own, ...details, 'type', link.kind, ...bridge] });
      } else throw new Error(`link ${link.name} of ${netns.name} leads nowhere`);
    }
  }
  return { links: inTurn(network, made), plugged, plugs };
}

function portLines(link: Link): string[] {
  if (link.master === undefined) return [];
  const lines = [`link set dev ${link.name} master ${link.master}`];
  if (link.hairpin) lines.push(`link set dev ${link.name} type bridge_slave hairpin on`);
  if (link.isolated) lines.push(`link set dev ${link.name} type bridge_slave isolated on`);
  return lines;
}

/** In the order in which they are given to the kernel, which puts an IPv6 address in front of those of the link that are there (ipv6_link_dev_addr). */
function inOrder(netns: Netns): Address[] {
  const all = addressesOf(netns);
  return [...all.filter((a) => familyOf(a.address) === 4), ...all.filter((a) => familyOf(a.address) === 6).reverse()];
}

/** The scope of a host's own addresses follows from them. */
function addressLines(netns: Netns): string[] {
  return inOrder(netns)
    .filter((a) => !(a.link === 'lo' && (a.address.startsWith('127.') || a.address.startsWith('::1/'))))
    .map((a) => {
      const family = familyOf(a.address);
      return [
        'addr add',
        a.address,
        ...(a.peer === undefined ? [] : ['peer', a.peer]),
        ...(a.broadcast === undefined ? [] : ['broadcast', a.broadcast]),
        'dev',
        a.link,
        ...(a.scope === undefined ? [] : ['scope', a.scope]),
        // Connected routes stand in the tables, like all others.
        'noprefixroute',
        ...(family === 6 ? ['nodad'] : []),
      ].join(' ');
    });
}

function neighborLines(netns: Netns): string[] {
  return (netns.neighbors ?? []).map((n) =>
    n.proxy
      ? `neigh add proxy ${n.address} dev ${n.link}`
      : `neigh add ${n.address} dev ${n.link}${n.lladdr === undefined ? '' : ` lladdr ${n.lladdr}`} nud ${n.state ?? 'permanent'}`,
  );
}

/** Links that were given a link-local address: the kernel must not add another, with a route. */
const withLinkLocal = (netns: Netns): string[] => [
  ...new Set(netns.addresses.filter((a) => a.address.startsWith('fe80:')).map((a) => a.link)),
];

/** Lines for `ip -batch` in a network namespace whose links are there. `ip` tells the family of a route by its destination. */
function batchLines(netns: Netns, ownLinkLocal: boolean): string[] {
  const names = netns.links.filter((link) => link.kind !== 'loopback' && link.up !== false).map((link) => link.name);
  return [
    ...netns.links.flatMap(portLines),
    'link set dev lo up',
    ...(ownLinkLocal ? names : withLinkLocal(netns)).map((name) => `link set dev ${name} addrgenmode none`),
    ...names.map((name) => `link set dev ${name} up`),
    ...addressLines(netns),
    ...neighborLines(netns),
    ...(netns.nexthops ? [] : routeLines(netns)),
  ];
}

/** Forwarding first: it changes others. */
function sysctlsOf(netns: Netns): [string, string | number][] {
  const forwards = (name: string) => /ip_forward|forwarding/.test(name);
  const all = Object.entries(netns.sysctls);
  return [...all.filter(([name]) => forwards(name)), ...all.filter(([name]) => !forwards(name))];
}

function rulesPrograms(netns: Netns, backend: Backend): TextProgram[] {
  const suffix = backend === 'legacy' ? '-legacy-restore' : '-nft-restore';
  return (
    [
      ['ip', 'iptables'],
      ['ip6', 'ip6tables'],
    ] as const
  ).flatMap(([family, tool]) => {
    const input = printIptablesSave(netns.netfilter, family);
    return input === '' ? [] : [{ netns: netns.name, argv: [`${tool}${suffix}`, '-w'], input }];
  });
}

/** Members of lists come before the lists that hold them. */
function setsProgram(netns: Netns): Program[] {
  const sets = netns.sets ?? [];
  const isList = ({ type }: IpSet) => type === 'list:set';
  const ordered = [...sets.filter((set) => !isList(set)), ...sets.filter(isList)];
  const input = ordered.flatMap(({ name, type, family, entries }) => [
    `create ${name} ${type}${type.startsWith('hash:') ? ` family ${family ?? 'inet'}` : ''}${type === 'bitmap:port' ? ' range 0-65535' : ''}`,
    ...entries.map(({ value, nomatch }) => `add ${name} ${value}${nomatch ? ' nomatch' : ''}`),
  ]);
  return input.length === 0 ? [] : [{ netns: netns.name, argv: ['ipset', 'restore'], input: lines(input) }];
}

function nftPrograms({ name, netfilter }: Netns): Program[] {
  const input = printNftTables(netfilter.filter(({ syntax }) => syntax === 'nft'));
  return input === '' ? [] : [{ netns: name, argv: ['nft', '-f', '-'], input }];
}

/** Of chains with one priority the one that was loaded last runs first: tables are loaded in their order. */
const startsWithNft = ({ netfilter: [first] }: Netns) => first?.syntax === 'nft';

/** What empties the sets of nftables that rules write to. */
export function forgettingPrograms({ netnses }: Network): TextProgram[] {
  return netnses.flatMap(({ name, netfilter }) => {
    const written: string[] = [];
    for (const table of netfilter)
      for (let layer: Table | undefined = table; layer; layer = layer.base)
        for (const set of layer.sets ?? [])
          if (set.dynamic) written.push(`flush set ${table.family} ${table.name} ${set.name}`);
    return written.length === 0 ? [] : [{ netns: name, argv: ['nft', '-f', '-'], input: lines(written) }];
  });
}

const tracingTable = (family: string, chains: readonly string[]) =>
  `table ${family} ${TRACING_TABLE} {\n${chains
    .map((hook, i) => `chain c${i} {\ntype filter ${hook}; meta nftrace set 1\n}\n`)
    .join('')}}\n`;

/** Before all other chains, each packet is marked as one whose way through the rules is told. */
function traceProgram({ name, links, netfilter }: Netns): Program[] {
  if (netfilter.length === 0) return [];
  const network = ['prerouting', 'output'].map((hook) => `hook ${hook} priority -400`);
  const tables = [tracingTable('ip', network), tracingTable('ip6', network)];
  const families = new Set(netfilter.map(({ family }) => family));
  if (families.has('bridge')) tables.push(tracingTable('bridge', network));
  const isBelow = netfilter.some(({ chains }) => chains.some(({ hook }) => hook?.devices !== undefined));
  if (isBelow) {
    const devices = links.flatMap((link) => [
      `hook ingress device "${link.name}" priority -500`,
      `hook egress device "${link.name}" priority -500`,
    ]);
    tables.push(tracingTable('netdev', devices));
  }
  return [{ netns: name, argv: ['nft', '-f', '-'], input: tables.join('') }];
}

/** With a link on another namespace's, which has to be up first. */
const standsElsewhere = ({ links }: Netns) =>
  links.some(({ kind, lower }) => kind === 'macvlan' && lower !== undefined);

const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('');

export function planOf(
  network: Network,
  listening: readonly Listening[],
  backend: Backend,
  { tries, trace, ownLinkLocal = false, quiet = false, sysctls }: PlanOptions = {},
): Plan {
  const { links, plugged, plugs } = linkLines(network);
  for (const segment of plugged.keys())
    links.push(['link', 'add', 'name', `sw-${segment}`, 'netns', `%${SWITCH}`, 'type', 'bridge', ...BRIDGE]);
  const switchLines = [...plugged].flatMap(([segment, ports]) => [
    `link set dev sw-${segment} up`,
    ...ports.flatMap((port) => [`link set dev ${port} master sw-${segment}`, `link set dev ${port} up`]),
  ]);
  const netnses = network.netnses;
  const ip = (netns: string, input: readonly string[], ...options: string[]): TextProgram => ({
    netns,
    argv: ['ip', ...options, '-batch', '-'],
    input: lines(input),
  });
  const made = (netns: Netns) => ip(netns.name, batchLines(netns, ownLinkLocal));
  return {
    spaces: [
      {
        name: SWITCH,
        before: { ...LAB_SYSCTLS, '?net.bridge.bridge-nf-call-iptables': 0, '?net.bridge.bridge-nf-call-ip6tables': 0 },
      },
      ...netnses.map(({ name }) => ({ name, before: { ...LAB_SYSCTLS, ...sysctls } })),
    ],
    links,
    programs: [
      ...stackedPrograms(network),
      quiet ? netnses.flatMap(quietPrograms) : [],
      [ip(SWITCH, switchLines), ...netnses.filter((n) => !standsElsewhere(n)).map(made)],
      netnses.filter(standsElsewhere).map(made),
      forwardingPrograms(network),
      netnses.map((netns) => ip(netns.name, withNexthops(netns))).filter((program) => program.input !== ''),
      netnses.flatMap(setsProgram),
      netnses.filter(startsWithNft).flatMap(nftPrograms),
      [
        ...netnses.flatMap((netns) => [ip(netns.name, ruleLines(netns, 4)), ip(netns.name, ruleLines(netns, 6), '-6')]),
        ...netnses.flatMap((netns) => rulesPrograms(netns, backend)),
      ].filter((program) => program.input !== ''),
      netnses.filter((netns) => !startsWithNft(netns)).flatMap(nftPrograms),
      netnses.flatMap(conntrackPrograms),
      trace ? netnses.flatMap(traceProgram) : [],
    ],
    after: Object.fromEntries(netnses.map((netns) => [netns.name, sysctlsOf(netns)])),
    servers: listening.flatMap((l) =>
      ['0.0.0.0', '::'].map((address) => ({ netns: l.netns, protocol: l.protocol, port: l.port, address })),
    ),
    tracking: netnses.filter((netns) => netns.netfilter.length > 0).map((netns) => netns.name),
    ...(tries !== undefined && { tries }),
    plugs,
  };
}
