/** `podwire rules`: what the tools of Linux would print in a node's or a pod's network namespace. */
import type { Netns } from '@podwire/engine';
import { printArptablesSave } from '../linux/arptables-save.ts';
import { printBridgeFdb } from '../linux/bridge/index.ts';
import { printConntrack } from '../linux/conntrack/index.ts';
import { printEbtablesSave } from '../linux/ebtables-save.ts';
import { printNexthops } from '../linux/ip/index.ts';
import { tableName } from '../linux/ip/names.ts';
import { printAddresses, printLinks } from '../linux/ip/print-link.ts';
import { printNeighbors } from '../linux/ip/print-neighbor.ts';
import { printRoutes } from '../linux/ip/print-route.ts';
import { printRules } from '../linux/ip/print-rule.ts';
import { printIpsetSave } from '../linux/ipset/index.ts';
import { printIptablesSave } from '../linux/iptables-save.ts';
import { printIpvsSave } from '../linux/ipvs/index.ts';
import { printNftTables } from '../linux/nft-compile/index.ts';
import { printSs } from '../linux/sockets/index.ts';
import { printSysctls } from '../linux/sysctl/index.ts';
import { printWireguard } from '../linux/wireguard/index.ts';
import { printServiceList } from '../proxy/ebpf/service-list.ts';

export interface NetnsSection {
  /** `iptables`, `route` ...: what `--only` names. */
  name: NetnsSectionName;
  /** The command that prints this. */
  command: string;
  /** Ends with a line feed; never empty. */
  text: string;
}

const MAIN = 254;

type Print = (netns: Netns, world: readonly Netns[]) => { command: string; text: string }[];

/** Main tables of both families, then every other table that holds a route. */
function routes(netns: Netns, world: readonly Netns[]): { command: string; text: string }[] {
  const others = netns.tables.map((t) => t.id).filter((id) => id !== MAIN);
  return ([4, 6] as const).flatMap((family) =>
    [MAIN, ...new Set(others)].map((table) => ({
      command: `ip ${family === 6 ? '-6 ' : ''}route${table === MAIN ? '' : ` show table ${tableName(table)}`}`,
      text: printRoutes(netns, { family, table }, world),
    })),
  );
}

/** Entries of bridges name the bridge, those of tunnels are the device's own. */
function forwarding({ fdb = [], links }: Netns): string {
  return printBridgeFdb(
    fdb.map((entry) => {
      const master = links.find((link) => link.name === entry.link)?.master;
      return master === undefined
        ? { ...entry, self: true, state: 'permanent' }
        : { ...entry, master, state: 'static' };
    }),
  );
}

/** In the order printed. */
const PRINTERS: Readonly<Record<NetnsSectionName, Print>> = {
  iptables: ({ netfilter }) => [{ command: 'iptables-save', text: printIptablesSave(netfilter, 'ip') }],
  ip6tables: ({ netfilter }) => [{ command: 'ip6tables-save', text: printIptablesSave(netfilter, 'ip6') }],
  ebtables: ({ netfilter }) => [{ command: 'ebtables-save', text: printEbtablesSave(netfilter) }],
  arptables: ({ netfilter }) => [{ command: 'arptables-save', text: printArptablesSave(netfilter) }],
  nft: ({ netfilter }) => [{ command: 'nft list ruleset', text: printNftTables(netfilter) }],
  link: (netns, world) => {
    const details = netns.links.some(({ tunnel }) => tunnel);
    const links = { command: details ? 'ip -d link' : 'ip link', text: printLinks(netns, world, { details }) };
    return [links, { command: 'wg', text: printWireguard(netns.links) }];
  },
  addr: (netns, world) => [{ command: 'ip addr', text: printAddresses(netns, world) }],
  route: routes,
  rule: (netns) => [
    { command: 'ip rule', text: printRules(netns, 4) },
    { command: 'ip -6 rule', text: printRules(netns, 6) },
  ],
  neigh: (netns) => [
    { command: 'ip neigh', text: printNeighbors(netns) },
    { command: 'ip neigh show proxy', text: printNeighbors(netns, true) },
  ],
  nexthop: ({ nexthops = [] }) => [{ command: 'ip nexthop', text: printNexthops(nexthops) }],
  fdb: (netns) => [{ command: 'bridge fdb', text: forwarding(netns) }],
  ipset: ({ sets = [] }) => [{ command: 'ipset save', text: printIpsetSave(sets) }],
  ipvs: ({ ipvs = [] }) => [{ command: 'ipvsadm -Sn', text: printIpvsSave(ipvs) }],
  ebpf: (netns) => [{ command: 'cilium-dbg service list', text: printServiceList(netns) }],
  sysctl: ({ sysctls }) => [{ command: 'sysctl', text: printSysctls(sysctls) }],
  ss: ({ listeners }) => [{ command: 'ss -lntup', text: listeners ? printSs(listeners) : '' }],
  conntrack: ({ conntrack = [] }) => [{ command: 'conntrack -L', text: printConntrack(conntrack) }],
};

export type NetnsSectionName =
  | 'iptables'
  | 'ip6tables'
  | 'ebtables'
  | 'arptables'
  | 'nft'
  | 'link'
  | 'addr'
  | 'route'
  | 'rule'
  | 'neigh'
  | 'nexthop'
  | 'fdb'
  | 'ipset'
  | 'ipvs'
  | 'ebpf'
  | 'sysctl'
  | 'ss'
  | 'conntrack';

/** The sections asked for, in their own order; all where none is. `world`: every network namespace, for the other ends of links. */
export function netnsText(
  netns: Netns,
  world: readonly Netns[],
  only: readonly NetnsSectionName[] = [],
): NetnsSection[] {
  return (Object.keys(PRINTERS) as NetnsSectionName[])
    .filter((name) => only.length === 0 || only.includes(name))
    .flatMap((name) => PRINTERS[name](netns, world).map((section) => ({ name, ...section })))
    .filter((section) => section.text !== '');
}
