/** `--node NAME=PATH`: folders, archives and single files of what a node's own tools printed. */
import { isDumpName, type NodeDump, openNode, type Problem, type SourceFile } from '@podwire/model';
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
