/** From a list of changes to what there was before them, and after each. */
import type { Machine } from '@podwire/engine';
import { applyChange } from '../cluster/change.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import { declaredPorts } from '../objects/pod-facts.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import type { ProxyObjects } from '../proxy/proxy.ts';
import type { ReadResult } from '../read/source.ts';
import type { ChangeView, Note } from './answer.ts';
import { type Change, parseChange } from './changes.ts';
import { directoryOf } from './directory.ts';
import type { Stage } from './history.ts';
import { QuestionError } from './question-error.ts';
import { type Tracer, tracerOf } from './tracer.ts';

export interface PastQuestion {
  cluster: Cluster;
  dataplane: Dataplane;
  /** The same way for any state of the cluster. */
  build: (cluster: Cluster) => Dataplane;
  machine: Machine;
  read: Pick<ReadResult, 'lineOf' | 'objects'>;
  notes: readonly Note[];
}

/** The modes of which it is known what they keep from one state to the next. */
const MODES = new Set(['iptables', 'nftables', 'none']);

function objectsOf({ services, endpointSlices, settings }: Cluster): ProxyObjects {
  return {
    services: Array.from(services.values(), ({ object }) => object),
    endpointSlices: [...endpointSlices.values()].flatMap((list) => list.map(({ object }) => object)),
    serviceCIDRs: settings.serviceCIDRs.value,
  };
}

function stageOf(cluster: Cluster, { network, nodes }: Dataplane): Stage {
  const hosts = new Set(Array.from(nodes.values(), ({ host }) => host.name));
  const hasProxy = proxyCompiler(cluster.settings.proxyMode.value) !== undefined;
  return { network, nodes: hasProxy ? hosts : new Set(), objects: objectsOf(cluster) };
}

function timeText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`;
}

const SETTLED: Note = {
  kind: 'assumption',
  code: 'after-settled',
  text: 'The controllers have written what the changes call for, and every kube-proxy has it in its rules and has cleaned up, before the packet is sent.',
};

const ENDS: Note = {
  kind: 'assumption',
  code: 'after-end',
  text: 'The processes that ended told nobody: their kernel sends FIN or RST for the connections that they had open, and a client that gets it sends nothing more by them.',
  settle: 'tcpdump at the client while the pod ends',
};

/** The tracer of the cluster as it is after the changes, with what was before. */
export function tracerAfter(
  { cluster, dataplane, build, machine, read, notes }: PastQuestion,
  changes: readonly string[],
  namespace: string,
): Tracer {
  const mode = cluster.settings.proxyMode.value;
  if (!MODES.has(mode))
    throw new QuestionError(
      'after-not-modelled',
      `what changes do to connections is not modelled for proxy mode ${mode}`,
      {
        mend: 'Ask with --proxy-mode iptables or nftables, or without --after.',
      },
    );
  const former = tracerOf(cluster, dataplane, machine, read, notes);
  const stages: Stage[] = [stageOf(cluster, dataplane)];
  const views: ChangeView[] = [];
  const added: Note[] = [SETTLED];
  const lost: { netns: string; ports?: ReadonlySet<number> }[] = [];
  const flushed = new Set<string>();
  const over = new Set<string>();
  let waited = 0;
  let now = cluster;
  let built = dataplane;
  const end = (keys: readonly string[]): void => {
    for (const key of keys) {
      over.add(key);
      const pod = now.pods.get(key)?.object;
      const netns = built.netnsOfPod.get(key);
      if (!pod || netns === undefined) continue;
      // Of the node's own network namespace only the pod's ports are gone.
      const ports = pod.spec.hostNetwork
        ? new Set(declaredPorts(pod).map(({ containerPort }) => containerPort))
        : undefined;
      lost.push({ netns, ...(ports && { ports }) });
    }
  };
  const play = (change: Change): string[] => {
    switch (change.kind) {
      case 'wait':
        waited += change.ms;
        return [`nothing is sent for ${timeText(change.ms)}`];
      case 'flush': {
        const nodes = change.node === undefined ? [...built.nodes.keys()] : [change.node];
        for (const node of nodes) flushed.add(built.nodes.get(node)?.host.name ?? node);
        return [`${nodes.join(', ')} ${nodes.length === 1 ? 'forgets' : 'forget'} every connection`];
      }
      case 'object': {
        const { clusters, effects, assumed, ended } = applyChange(now, change.change);
        end(ended);
        if (ended.length > 0 && !added.includes(ENDS)) added.push(ENDS);
        for (const text of assumed) added.push({ kind: 'assumption', code: 'after-made', text });
        for (const next of clusters) {
          now = next;
          built = build(next);
          stages.push(stageOf(next, built));
        }
        return effects;
      }
    }
  };
  for (const text of changes) views.push({ text, effects: play(parseChange(now, directoryOf(now), text, namespace)) });
  const knows = (netns: string, port: number): boolean =>
    !lost.some((one) => one.netns === netns && (one.ports?.has(port) ?? true));
  return {
    ...tracerOf(now, built, machine, read, [...notes, ...added]),
    past: { history: { stages, waited, flushed, knows }, former, changes: views, ended: over },
  };
}
