/** `podwire rules`: what the tools of Linux would print in a node's or a pod's network namespace. */
import type { Netns } from '@podwire/engine';
import { printIptablesSave } from '../linux/iptables-save.ts';

export interface NetnsSection {
  /** `iptables`, `route` ...: what `--only` names. */
  name: NetnsSectionName;
  /** The command that prints this. */
  command: string;
  /** Ends with a line feed, unless empty. */
  text: string;
}

const PRINTERS = {
  iptables: { command: 'iptables-save', print: (netns: Netns) => printIptablesSave(netns.netfilter, 'ip') },
  ip6tables: { command: 'ip6tables-save', print: (netns: Netns) => printIptablesSave(netns.netfilter, 'ip6') },
  sysctl: { command: 'sysctl', print: printSysctls },
} as const;

export type NetnsSectionName = keyof typeof PRINTERS;

function printSysctls(netns: Netns): string {
  return Object.keys(netns.sysctls)
    .sort()
    .map((name) => `${name} = ${netns.sysctls[name]}\n`)
    .join('');
}

/** The sections asked for, in their own order; all where none is. */
export function netnsText(netns: Netns, only: readonly NetnsSectionName[] = []): NetnsSection[] {
  return (Object.keys(PRINTERS) as NetnsSectionName[])
    .filter((name) => only.length === 0 || only.includes(name))
    .map((name) => ({ name, command: PRINTERS[name].command, text: PRINTERS[name].print(netns) }));
}
