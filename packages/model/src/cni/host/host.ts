/** A node's kernel and disk while network plugins and daemons change them. */
import type { Netns } from '@podwire/engine';
import { emptyNetns } from '../../linux/index.ts';
import { Namespace } from './namespace.ts';

/** Link-layer addresses that the kernel draws: from a name, so that the same node comes out the same. */
export function drawnMac(seed: string): string {
  let hash = 0x811c9dc5;
  let second = 0x9dc5811c;
  for (let i = 0; i < seed.length; i++) {
    hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193) >>> 0;
    second = Math.imul(second ^ hash, 0x01000193) >>> 0;
  }
  const bytes = [(hash >>> 24) & 0xfc, hash >>> 16, hash >>> 8, hash, second >>> 8, second].map((byte) => byte & 0xff);
  // Of one station, and locally administered (eth_random_addr).
  bytes[0] = (bytes[0] ?? 0) | 2;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export class Host {
  readonly name: string;
  readonly own: Namespace;
  /** By path: `/var/lib/cni/networks/net1/10.88.1.2`. */
  readonly files = new Map<string, string>();
  /** Namespaces of pods, by the name that they have in the network. */
  readonly pods = new Map<string, Namespace>();

  constructor(netns: Netns) {
    this.name = netns.name;
    this.own = new Namespace(netns, () => this.#all());
  }

  #all(): Netns[] {
    return [this.own.netns, ...[...this.pods.values()].map(({ netns }) => netns)];
  }

  /** A pod's namespace as the runtime makes it: nothing in it but `lo`, up. */
  addPod(name: string): Namespace {
    const pod = new Namespace(emptyNetns(name), () => [this.own.netns, pod.netns]);
    this.pods.set(name, pod);
    return pod;
  }

  /** Files below a folder, by the path from there on, sorted. */
  folder(path: string): Map<string, string> {
    const prefix = `${path}/`;
    const found = [...this.files].filter(([name]) => name.startsWith(prefix));
    return new Map(
      found
        .map(([name, text]): [string, string] => [name.slice(prefix.length), text])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}
