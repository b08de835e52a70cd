/** The sending ends of a question: which network namespaces send, and from which address. */
import { containsAddress, formatAddress, parseAddress, parsePrefix } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { matchesPairs } from '../objects/labels.ts';
import { isOver } from '../objects/pod-facts.ts';
import { nodeAddresses, podAddresses } from './addresses.ts';
import type { Place } from './answer.ts';
import type { Directory, Named } from './directory.ts';
import { namespaceOf } from './directory.ts';
import { findOrFail } from './find.ts';
import { QuestionError } from './question-error.ts';
import type { Reference } from './reference.ts';

export interface Source {
  /** As a reference people can type again. */
  name: string;
  place: Place;
  /** Key of the pod, where it is one. */
  pod?: string;
  /** Set where the question names the address; otherwise routing chooses. */
  address?: string;
}

export interface Sources {
  /** What the question named: `deploy/web`. */
  label: string;
  all: Source[];
  /** Namespace in which the sources look names up. */
  namespace: string;
}

function podSource(cluster: Cluster, key: string): Source {
  const pod = cluster.pods.get(key)?.object;
  const node = pod?.spec.nodeName;
  return { name: key, place: { kind: 'pod', name: key, ...(node !== undefined && { node }) }, pod: key };
}

function hasEnded(cluster: Cluster, key: string): boolean {
  const pod = cluster.pods.get(key)?.object;
  return pod !== undefined && isOver(pod);
}

function podsBehind(cluster: Cluster, directory: Directory, named: Named, text: string): string[] {
  let keys: string[];
  if (named.kind === 'workload') keys = directory.podsOf(named.workload);
  else {
    const service = cluster.services.get(named.key)?.object;
    const namespace = service ? namespaceOf(service) : '';
    keys = [...cluster.pods]
      .filter(
        ([, p]) =>
          namespaceOf(p.object) === namespace &&
          matchesPairs(service?.spec.selector ?? {}, p.object.metadata.labels ?? {}),
      )
      .map(([key]) => key);
  }
  const running = keys.filter((key) => !hasEnded(cluster, key));
  if (running.length === 0) {
    throw new QuestionError('no-pods', `"${text}" has no running pod, so nothing can send from it`, {
      mend: 'Name another source, or give the Pods with -f.',
    });
  }
  return running;
}

/** Which pod or node holds an address; hostNetwork pods share the node's, so the node is found. */
export function ownerOf(cluster: Cluster, address: string): { kind: 'pod' | 'node'; key: string } | undefined {
  const dumped = cluster.dumpedAddresses?.get(address);
  if (dumped !== undefined) return { kind: 'node', key: dumped };
  for (const [key, node] of cluster.nodes) {
    if (nodeAddresses(node.object).some((a) => a.address === address)) return { kind: 'node', key };
  }
  for (const [key, pod] of cluster.pods) {
    if (!hasEnded(cluster, key) && podAddresses(pod.object).some((a) => a.address === address))
      return { kind: 'pod', key };
  }
  return undefined;
}

/** The settings whose ranges an address lies in. */
function rangeOf(cluster: Cluster, address: string): 'pod' | 'service' | undefined {
  const parsed = parseAddress(address);
  if (!parsed) return undefined;
  const within = (cidrs: readonly string[]): boolean =>
    cidrs.some((cidr) => {
      const prefix = parsePrefix(cidr);
      return prefix !== undefined && containsAddress(prefix, parsed);
    });
  if (within(cluster.settings.podCIDRs.value)) return 'pod';
  return within(cluster.settings.serviceCIDRs.value) ? 'service' : undefined;
}

function addressSource(cluster: Cluster, text: string, given: string): Source {
  const address = formatAddress(parseAddress(given) as NonNullable<ReturnType<typeof parseAddress>>);
  const owner = ownerOf(cluster, address);
  if (owner?.kind === 'pod') return { ...podSource(cluster, owner.key), address };
  if (owner) return { name: owner.key, place: { kind: 'node', name: owner.key }, address };
  const range = rangeOf(cluster, address);
  if (range !== undefined) {
    throw new QuestionError(
      'unknown-address',
      `"${text}" lies in the ${range} network, but nothing in the input has it`,
      {
        mend:
          range === 'pod'
            ? 'Name the pod, or give the Pod that has it with -f.'
            : 'A Service sends nothing: name a pod.',
      },
    );
  }
  return { name: `external:${address}`, place: { kind: 'external', name: 'external' }, address };
}

/** Resolves the sending end. `namespace` is the one given with the question. */
export function sourcesOf(
  cluster: Cluster,
  directory: Directory,
  reference: Reference,
  namespace: string | undefined,
): Sources {
  const { target, text } = reference;
  if (reference.port !== undefined) {
    throw new QuestionError('bad-reference', `"${text}" names a port at the sending end`, {
      mend: 'Give the source port with --sport.',
    });
  }
  const home = namespace ?? 'default';
  if (target.kind === 'external') {
    if (target.address !== undefined) {
      const source = addressSource(cluster, text, target.address);
      if (source.place.kind !== 'external') {
        throw new QuestionError('unknown-address', `"${text}": ${source.name} has that address, it is not outside`, {
          mend: `Name ${source.name} itself.`,
        });
      }
      return { label: source.name, all: [source], namespace: home };
    }
    return {
      label: 'external',
      all: [{ name: 'external', place: { kind: 'external', name: 'external' } }],
      namespace: home,
    };
  }
  if (target.kind === 'address') {
    const source = addressSource(cluster, text, target.address);
    return { label: source.name, all: [source], namespace: namespaceOfPlace(source.place) ?? home };
  }
  const named = findOrFail(cluster, directory, text, target, [home], 'from');
  if (named.kind === 'node') {
    const all = [{ name: `node/${named.key}`, place: { kind: 'node' as const, name: named.key } }];
    return { label: `node/${named.key}`, all, namespace: home };
  }
  if (named.kind === 'pod') {
    if (hasEnded(cluster, named.key)) {
      throw new QuestionError('pod-over', `"${text}": the pod has ended, it sends nothing`, {
        mend: 'Name a running pod.',
      });
    }
    return { label: named.key, all: [podSource(cluster, named.key)], namespace: named.key.split('/')[0] as string };
  }
  const keys = podsBehind(cluster, directory, named, text);
  return {
    label: keys.length === 1 ? (keys[0] as string) : text,
    all: keys.map((key) => podSource(cluster, key)),
    namespace: named.key.split('/')[0] as string,
  };
}

function namespaceOfPlace(place: Place): string | undefined {
  return place.kind === 'pod' ? place.name.split('/')[0] : undefined;
}
