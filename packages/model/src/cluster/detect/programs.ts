/** The programs that run in the cluster, with their flags and environment: what pods and pod templates show of each. */
import type { Container, KubeObject, PodSpec } from '../../objects/kube.ts';
import type { Cluster, Placed } from '../cluster.ts';
import type { Collected } from '../collect.ts';

export interface Program {
  container: Container;
  /** The Pod or workload it stands in. */
  placed: Placed<KubeObject>;
  /** `--name=value`, `--name value` and bare `--name` (value `true`), dashes left out. The last one counts. */
  flags(): ReadonlyMap<string, string>;
}

/** Last part of an image name without registry, tag and digest: `kube-proxy`. */
export function imageName(image: string): string {
  const noDigest = image.split('@')[0] as string;
  const last = noDigest.slice(noDigest.lastIndexOf('/') + 1);
  return last.split(':')[0] as string;
}

/** A shell string (`sh -c "exec kube-proxy --x=y"`) counts word by word. */
export function commandWords(parts: readonly string[]): string[] {
  return parts.flatMap((part) => part.split(/\s+/)).filter((word) => word !== '');
}

export function parseFlags(all: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (let i = 0; i < all.length; i++) {
    const match = /^--?([A-Za-z][\w.-]*)(?:=(.*))?$/.exec(all[i] as string);
    if (!match) continue;
    const [, name, value] = match as unknown as [string, string, string | undefined];
    const next = all[i + 1];
    const plain = value?.replace(/^(["'])(.*)\1$/, '$2');
    flags.set(name, plain ?? (next !== undefined && !next.startsWith('-') ? next : 'true'));
  }
  return flags;
}

function podSpecOf(object: KubeObject): PodSpec | undefined {
  const spec = object.spec as { template?: { spec?: PodSpec } } & PodSpec;
  return object.kind === 'Pod' ? spec : spec?.template?.spec;
}

/** All programs, by the names they go by: container name, image name, and the command's own name. */
export class Programs {
  readonly #byName = new Map<string, Program[]>();

  constructor(collected: Pick<Collected, 'pods' | 'workloads'>) {
    for (const placed of collected.workloads.values()) this.#add(placed);
    for (const placed of collected.pods.values()) {
      const { spec, metadata } = placed.object;
      // Node agents and control planes; the rest of a large cluster need not be looked through.
      if (spec.hostNetwork || metadata.namespace === 'kube-system') this.#add(placed);
    }
  }

  /** Programs that go by one of the names, templates before pods. */
  named(...names: string[]): Program[] {
    return [...new Set(names.flatMap((name) => this.#byName.get(name) ?? []))];
  }

  #add(placed: Placed<KubeObject>): void {
    const spec = podSpecOf(placed.object);
    for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
      const command = commandWords([...(container.command ?? []), ...(container.args ?? [])]);
      let flags: Map<string, string> | undefined;
      const program: Program = {
        container,
        placed,
        flags() {
          flags ??= parseFlags(command);
          return flags;
        },
      };
      const names = new Set([container.name, container.image && imageName(container.image)]);
      // The program's own name comes first, or after a shell's `-c exec`.
      for (const word of command.slice(0, 6))
        if (!word.startsWith('-')) names.add(word.slice(word.lastIndexOf('/') + 1));
      for (const name of names) {
        if (name === undefined || name === '') continue;
        const list = this.#byName.get(name);
        if (list) list.push(program);
        else this.#byName.set(name, [program]);
      }
    }
  }
}

/** Literal environment variable of a container. */
export function environment(program: Program, name: string): string | undefined {
  return program.container.env?.find((e) => e.name === name)?.value;
}

/** k3s and RKE2 write the flags they were started with into an annotation of each Node. */
export function k3sFlags(
  nodes: Cluster['nodes'],
): { flags: Map<string, string>; placed: Placed<KubeObject> } | undefined {
  for (const placed of nodes.values()) {
    const annotation = placed.object.metadata.annotations?.['k3s.io/node-args'];
    if (annotation === undefined) continue;
    try {
      const args: unknown = JSON.parse(annotation);
      if (Array.isArray(args)) return { flags: parseFlags(args.map(String)), placed };
    } catch {
      // Not what k3s writes: it says nothing.
    }
  }
  return undefined;
}
