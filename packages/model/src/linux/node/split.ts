/** Folders that hold objects and dumps side by side, as support bundles do: `nodes/NAME/...`, `pods/NAMESPACE/NAME/...`. */

import type { SourceFile } from '../../read/source.ts';
import { isSourceName } from '../../read/unpack.ts';

export interface SplitFiles {
  /** Manifests and what else is no dump. */
  files: SourceFile[];
  /** Files of each node, by its name; the folders above are taken off their names. */
  nodes: Map<string, SourceFile[]>;
  /** Files of each pod, by `namespace/name`. */
  pods: Map<string, SourceFile[]>;
}

const NODE = /(?:^|\/)nodes\/([^/]+)\/(.+)$/;
const POD = /(?:^|\/)pods\/([^/]+)\/([^/]+)\/(.+)$/;

function add(to: Map<string, SourceFile[]>, key: string, file: SourceFile): void {
  to.set(key, [...(to.get(key) ?? []), file]);
}

/** Whether a file lies where dumps lie, by its path. */
export function isDumpPath(path: string): boolean {
  return !isSourceName(path) && (NODE.test(path) || POD.test(path));
}

/** Files that may hold objects are no dumps, wherever they lie. */
export function splitDumps(files: readonly SourceFile[]): SplitFiles {
  const split: SplitFiles = { files: [], nodes: new Map(), pods: new Map() };
  for (const file of files) {
    const isDump = isDumpPath(file.name);
    const node = isDump ? NODE.exec(file.name) : null;
    const pod = isDump ? POD.exec(file.name) : null;
    if (node) add(split.nodes, node[1] as string, { ...file, name: node[2] as string });
    else if (pod) add(split.pods, `${pod[1]}/${pod[2]}`, { ...file, name: pod[3] as string });
    else split.files.push(file);
  }
  return split;
}
