/** `podwire node read`: what dumps of a node hold, and what of them was not understood. */
import type { FoundDump, NodeDump } from '../linux/node/index.ts';
import type { Problem } from '../problem.ts';
import { API_VERSION } from './answer.ts';

/** How much of each there is in a network namespace. */
interface DumpedNetnsView {
  name: string;
  links: number;
  addresses: number;
  routes: number;
  rules: number;
  neighbors: number;
  /** Netfilter tables. */
  tables: number;
  sets: number;
  listeners: number;
  connections: number;
  sysctls: number;
}

export interface DumpAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'NodeDump';
  name: string;
  /** Of all dumps that were found. */
  lines: { all: number; notUnderstood: number };
  netnses: DumpedNetnsView[];
  found: FoundDump[];
  ignored: { file: string; why: string }[];
  problems: Problem[];
}

/** `collecting`: problems of files that could not be read at all. */
export function describeDump(dump: NodeDump, collecting: readonly Problem[] = []): DumpAnswer {
  const { name, found, ignored, problems } = dump;
  const sum = (of: (part: FoundDump) => number) => found.reduce((total, part) => total + of(part), 0);
  return {
    apiVersion: API_VERSION,
    kind: 'NodeDump',
    name,
    lines: { all: sum((part) => part.lines), notUnderstood: sum((part) => part.notUnderstood) },
    netnses: dump.netnses.map(({ netns }) => ({
      name: netns.name,
      links: netns.links.length,
      addresses: netns.addresses.length,
      routes: netns.tables.reduce((total, table) => total + table.routes.length, 0),
      rules: netns.rules?.length ?? 0,
      neighbors: netns.neighbors?.length ?? 0,
      tables: netns.netfilter.length,
      sets: netns.sets?.length ?? 0,
      listeners: netns.listeners?.length ?? 0,
      connections: netns.conntrack?.length ?? 0,
      sysctls: Object.keys(netns.sysctls).length,
    })),
    found,
    ignored,
    problems: [...collecting, ...problems],
  };
}
