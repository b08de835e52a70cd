/** `--node NAME=PATH`: folders, archives and single files of what a node's own tools printed. */
import {
  isDumpName,
  type NodeDump,
  openNode,
  type PodDump,
  type Problem,
  type SourceFile,
  splitDumps,
} from '@podwire/model';
import { UserError } from '../shell/exit.ts';
import { collect } from './collect.ts';
import type { NodeFlag } from './options.ts';

export interface CollectedDump {
  dump: NodeDump;
  /** Of files that could not be read at all. */
  problems: Problem[];
}

/** Names of files count from the folder that was given. */
function within(path: string, file: SourceFile): SourceFile {
  const folder = path.endsWith('/') ? path : `${path}/`;
  return { ...file, name: file.name.startsWith(folder) ? file.name.slice(folder.length) : file.name };
}

/** Everything below the path is looked at, whatever it is called. */
export async function collectDump(
  { name, path }: NodeFlag,
  input: () => NodeJS.ReadableStream,
): Promise<CollectedDump> {
  const { files, problems } = await collect([path], input, isDumpName);
  if (files.length === 0)
    throw new UserError(`${path} holds no files`, {
      mend: 'Give a folder of what ip, iptables-save and others printed.',
    });
  const dump = await openNode(
    name,
    files.map((file) => within(path, file)),
  );
  if (dump.netnses.length === 0) {
    const known = 'ip -d addr, ip route show table all, ip rule, iptables-save, sysctl -a, ss -lntup';
    throw new UserError(`${path} holds nothing that the tools of Linux print`, {
      mend: `Give the output of: ${known}.`,
    });
  }
  // Folders of support bundles are full of links to what was not packed.
  return { dump, problems: problems.filter(({ severity }) => severity === 'error') };
}

export interface DumpsOfInput {
  /** What is no dump. */
  files: SourceFile[];
  nodes: NodeDump[];
  pods: PodDump[];
  problems: Problem[];
}

/** Dumps in the folders of the input, and those given by name, which count more. */
export async function collectDumps(
  files: readonly SourceFile[],
  given: { node: readonly NodeFlag[]; pod: readonly NodeFlag[] },
  input: () => NodeJS.ReadableStream,
): Promise<DumpsOfInput> {
  const split = splitDumps(files);
  const problems: Problem[] = [];
  const take = async (flag: NodeFlag): Promise<NodeDump> => {
    const collected = await collectDump(flag, input);
    problems.push(...collected.problems);
    return collected.dump;
  };
  const nodes = new Map<string, NodeDump>();
  for (const [name, own] of split.nodes) nodes.set(name, await openNode(name, own));
  for (const flag of given.node) nodes.set(flag.name, await take(flag));
  const pods = new Map<string, NodeDump>();
  for (const [name, own] of split.pods) pods.set(name, await openNode(name, own));
  for (const flag of given.pod) pods.set(flag.name, await take(flag));
  // Folders of such names may hold other things.
  const found = (all: ReadonlyMap<string, NodeDump>, folder: string) =>
    [...all].filter(([name, { netnses }]) => {
      if (netnses.length > 0) return true;
      const message = `${folder}/${name} holds nothing that the tools of Linux print: it is not used`;
      problems.push({ severity: 'info', code: 'no-dump', message });
      return false;
    });
  return {
    files: split.files,
    nodes: found(nodes, 'nodes').map(([, dump]) => dump),
    pods: found(pods, 'pods').map(([pod, dump]) => ({ pod, dump })),
    problems,
  };
}
