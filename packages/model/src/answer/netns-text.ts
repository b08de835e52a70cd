/** `podwire rules`: what the tools of Linux would print in a node's or a pod's network namespace. */
import type { Netns } from '@podwire/engine';
import { tableName } from '../linux/ip/names.ts';
import { printAddresses, printLinks } from '../linux/ip/print-link.ts';
import { printNeighbors } from '../linux/ip/print-neighbor.ts';
import { printRoutes } from '../linux/ip/print-route.ts';
import { printRules } from '../linux/ip/print-rule.ts';
import { printIptablesSave } from '../linux/iptables-save.ts';

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

function sysctls(netns: Netns): string {
  return Object.keys(netns.sysctls)
    .sort()
    .map((name) => `${name} = ${netns.sysctls[name]}\n`)
    .join('');
}

/** In the order printed. */
const PRINTERS: Readonly<Record<NetnsSectionName, Print>> = {
  iptables: ({ netfilter }) => [{ command: 'iptables-save', text: printIptablesSave(netfilter, 'ip') }],
  ip6tables: ({ netfilter }) => [{ command: 'ip6tables-save', text: printIptablesSave(netfilter, 'ip6') }],
  link: (netns, world) => [{ command: 'ip link', text: printLinks(netns, world) }],
  addr: (netns, world) => [{ command: 'ip addr', text: printAddresses(netns, world) }],
  route: routes,
  rule: (netns) => [
    { command: 'ip rule', text: printRules(netns, 4) },
    { command: 'ip -6 rule', text: printRules(netns, 6) },
  ],
  neigh: (netns) => [{ command: 'ip neigh', text: printNeighbors(netns) }],
  sysctl: (netns) => [{ command: 'sysctl', text: sysctls(netns) }],
};

export type NetnsSectionName = 'iptables' | 'ip6tables' | 'link' | 'addr' | 'route' | 'rule' | 'neigh' | 'sysctl';

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
