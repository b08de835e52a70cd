/** What dumps of nodes show of the cluster's settings: command lines of programs, and the links that network plugins make. */
import { commandWords, parseFlags } from './programs.ts';
import type { Finding } from './setting.ts';

export interface NodeShown {
  node: string;
  /** Command lines. */
  processes: readonly string[];
  /** Names of links that routes or listings name. */
  links: readonly string[];
}

/** The flags that one program was started with on a node; undefined: it is not among the processes. */
export function processFlags(shown: NodeShown, program: string): ReadonlyMap<string, string> | undefined {
  for (const line of shown.processes) {
    const words = commandWords([line]);
    const at = words.findIndex((word) => word.slice(word.lastIndexOf('/') + 1) === program);
    if (at >= 0) return parseFlags(words.slice(at + 1));
  }
  return undefined;
}

/** Links that only one plugin makes. */
const LINKS: readonly (readonly [RegExp, string])[] = [
  [/^cali[0-9a-f]{11}$|^vxlan\.calico$|^wireguard\.cali$/, 'calico'],
  [/^flannel(\.\d+|-v6\.\d+|-wg)$/, 'flannel'],
  [/^cilium_(host|net|vxlan|geneve)$|^lxc[0-9a-f]{12}$/, 'cilium'],
  [/^weave$/, 'weave'],
  [/^antrea-gw\d$/, 'antrea'],
];

export function* shownPlugins(all: readonly NodeShown[]): Generator<Finding<string>> {
  for (const { node, links } of all) {
    for (const [pattern, cni] of LINKS) {
      const link = links.find((name) => pattern.test(name));
      if (link !== undefined) yield { value: cni, why: `${node} has the link ${link}` };
    }
  }
}
