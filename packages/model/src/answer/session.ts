/** The whole way from files to answers, once, for the command line, the page and the library. */
import { EngineError, formatAddress, type Machine, type Network, parseAddress } from '@podwire/engine';
import { buildCluster } from '../cluster/build.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type NodeShown, shownProxyModes } from '../cluster/detect/shown.ts';
import { withKubernetesService } from '../cluster/kubernetes-service.ts';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { buildDataplane } from '../dataplane/build.ts';
import { buildHosts, hostsAsCluster } from '../dataplane/dumped-hosts.ts';
import { type PodDump, replaceNodes } from '../dataplane/dumped-nodes.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import type { NodeDump } from '../linux/node/index.ts';
import type { Problem } from '../problem.ts';
import { readSources } from '../read/read.ts';
import type { ReadResult, SourceFile } from '../read/source.ts';
import type { Note, TraceAnswer } from './answer.ts';
import { asksKubernetes } from './asks-kubernetes.ts';
import { type Directory, directoryOf } from './directory.ts';
import { dumpNotes } from './dump-notes.ts';
import { kubernetesServiceNote } from './kubernetes-service-note.ts';
import { tracerAfter } from './past.ts';
import type { Question } from './question.ts';
import { QuestionError } from './question-error.ts';
import { parseReference } from './reference.ts';
import { trace } from './trace.ts';
import { type Tracer, tracerOf } from './tracer.ts';

export interface Session {
  read: ReadResult;
  cluster: Cluster;
  /** Built when first asked for. */
  readonly dataplane: Dataplane;
  readonly directory: Directory;
  /** What does not fit between the objects and the dumps of nodes; known once the dataplane is built. */
  readonly dumpProblems: Problem[];
  /** Nodes of which only parts were dumped; known once the dataplane is built. */
  readonly partialNodes: ReadonlySet<string>;
  readonly dumps: Dumps;
  /** Throws `QuestionError` where the question cannot be asked of this cluster. */
  trace(question: Question): TraceAnswer;
  /** The cluster in which a question is answered: once `after` has happened, with the API server's own Service if asked for. Throws as `trace` does. */
  clusterOf(question: Pick<Question, 'to' | 'namespace' | 'after'>): Cluster;
  /** The same, were the nodes' Linux as other dumps show it. The session itself stays as it is. */
  traceWith(dumps: Dumps, question: Question): TraceAnswer;
}

/** What nodes and pods showed themselves. */
export interface Dumps {
  nodes: readonly NodeDump[];
  pods: readonly PodDump[];
}

/** What a session is at: what takes time with a large cluster. */
export type SessionStep = 'read' | 'cluster' | 'dataplane' | 'machine' | 'trace';

export interface SessionOptions {
  files: readonly SourceFile[];
  overrides?: ClusterOverrides;
  /** Nodes as their own tools show them. Without any object these are plain Linux hosts. */
  dumps?: readonly NodeDump[];
  /** What was dumped inside pods: who listens there, settings, rules. */
  podDumps?: readonly PodDump[];
  /** Needed for `trace` alone; may still be on its way. */
  machine?: Machine | PromiseLike<Machine>;
  /** Keep what containers have for their environment; it is forgotten otherwise. */
  environment?: boolean;
  /** Called before each step. */
  onStep?: (step: SessionStep) => void;
}

/** What a dump says is not checked word by word: where it contradicts itself, the machine says so. */
function load(machine: Machine, network: Network, hasDumps: boolean): void {
  try {
    machine.load(network);
  } catch (error) {
    if (!hasDumps || !(error instanceof EngineError)) throw error;
    throw new QuestionError('bad-dump', `a dump contradicts itself: ${error.message}`, {
      mend: 'Look at it with podwire node read, and leave out what is damaged.',
    });
  }
}

/** What a node showed does not change with the cluster: of its rules and links nobody knows what they would be. */
function checkDumps(dumps: readonly NodeDump[]): void {
  const fixed = dumps.filter(
    ({ netnses: [host] }) => host && host.netns.netfilter.length + host.netns.links.length > 0,
  );
  if (fixed.length === 0) return;
  throw new QuestionError(
    'after-dump',
    `the rules or links of ${fixed.map(({ name }) => `node ${name}`).join(', ')} are a dump, which does not change with the cluster`,
    { mend: 'Leave these dumps out: podwire then compiles what the node has before and after.' },
  );
}

function addressesIn({ from, to }: Question): string[] {
  return [from, to].flatMap((text) => {
    const { target } = parseReference(text);
    const address = target.kind === 'address' || target.kind === 'external' ? target.address : undefined;
    const parsed = address === undefined ? undefined : parseAddress(address);
    return parsed ? [formatAddress(parsed)] : [];
  });
}

/** What the dumps tell of the cluster's settings. */
function shownBy(dumps: readonly NodeDump[]): NodeShown[] {
  return dumps.flatMap(({ name, netnses: [host] }): NodeShown[] => {
    if (!host) return [];
    const byRoutes = host.routes.flatMap(({ route }) => route.nexthops.map(({ dev }) => dev));
    const links = [...host.netns.links.map((link) => link.name), ...byRoutes];
    const proxyModes = shownProxyModes(host.netns);
    return [{ node: name, processes: host.processes, links: [...new Set(links)], proxyModes }];
  });
}

export async function openSession({
  files,
  overrides = {},
  dumps = [],
  podDumps = [],
  machine: coming,
  environment = false,
  onStep = () => {},
}: SessionOptions): Promise<Session> {
  onStep('read');
  const read = await readSources(files, { environment });
  onStep('cluster');
  const built = buildCluster(read, overrides, shownBy(dumps));
  const isPlain = dumps.length > 0 && read.objects.length === 0;
  const cluster = isPlain ? hostsAsCluster(built, dumps) : built;
  const machine = await coming;
  // One machine holds one network: of whom it is.
  let tracer: Tracer | undefined;
  const sessionOf = (cluster: Cluster, notes: readonly Note[]): Session => {
    let dataplane: Dataplane | undefined;
    const dumpProblems: Problem[] = [];
    let partialNodes: ReadonlySet<string> = new Set();
    let known: Directory | undefined;
    const compiled = (): Dataplane => {
      onStep('dataplane');
      const whole = buildDataplane(cluster);
      if (dumps.length + podDumps.length === 0) return whole;
      const replaced = replaceNodes(whole, cluster, dumps, podDumps);
      partialNodes = replaced.parts;
      dumpProblems.push(...replaced.problems);
      return replaced.dataplane;
    };
    const rebuild = (other: Cluster): Dataplane => {
      const whole = buildDataplane(other);
      const left = podDumps.filter(({ pod }) => other.pods.has(pod));
      return dumps.length + left.length === 0 ? whole : replaceNodes(whole, other, dumps, left).dataplane;
    };
    const tracerOfLater = (changes: readonly string[], namespace = 'default'): Tracer => {
      if (!machine) throw new Error('a session without a machine answers no trace');
      if (isPlain)
        throw new QuestionError('after-without-cluster', 'nothing can happen to hosts without a cluster', {
          mend: 'Ask without --after, or give the objects of the cluster.',
        });
      checkDumps(dumps);
      const { dataplane: former } = session;
      const all = [...notes, ...dumpNotes(dumps, partialNodes)];
      return tracerAfter({ cluster, dataplane: former, build: rebuild, machine, read, notes: all }, changes, namespace);
    };
    let api: Session | undefined;
    /** The API server's own Service is in every cluster, and in no manifest: it is added for those who ask for it. */
    const withApi = (question: Pick<Question, 'to' | 'namespace'>): Session | undefined => {
      if (isPlain || !asksKubernetes(cluster, question)) return undefined;
      const other = api ? undefined : withKubernetesService(cluster);
      if (other) api = sessionOf(other, [kubernetesServiceNote()]);
      return api;
    };
    const session: Session = {
      read,
      cluster,
      dumpProblems,
      get partialNodes() {
        return partialNodes;
      },
      get dataplane() {
        dataplane ??= isPlain ? buildHosts(cluster, dumps, []) : compiled();
        return dataplane;
      },
      get directory() {
        known ??= directoryOf(cluster);
        return known;
      },
      dumps: { nodes: dumps, pods: podDumps },
      clusterOf(question) {
        const other = withApi(question);
        if (other) return other.clusterOf(question);
        const { after = [], namespace } = question;
        return after.length > 0 ? tracerOfLater(after, namespace).cluster : cluster;
      },
      traceWith(other, question) {
        if (!machine) throw new Error('a session without a machine answers no trace');
        const replaced = replaceNodes(buildDataplane(cluster), cluster, other.nodes, other.pods);
        tracer = undefined;
        load(machine, replaced.dataplane.network, true);
        return trace(tracerOf(cluster, replaced.dataplane, machine, read), question);
      },
      trace(question) {
        if (!machine) throw new Error('a session without a machine answers no trace');
        const other = withApi(question);
        if (other) return other.trace(question);
        const { after = [], namespace } = question;
        if (after.length > 0 && question.full)
          throw new QuestionError('contradiction', 'what is full is asked without changes before', {
            mend: 'Ask with --full or with --after.',
          });
        if (after.length > 0) {
          const later = tracerOfLater(after, namespace);
          // The machine will hold other networks.
          tracer = undefined;
          onStep('trace');
          return trace(later, question);
        }
        // What is behind the links of plain hosts depends on what is asked.
        if (isPlain) dataplane = buildHosts(cluster, dumps, addressesIn(question));
        if (tracer?.cluster !== cluster || isPlain) {
          const { network } = session.dataplane;
          onStep('machine');
          load(machine, network, dumps.length > 0);
          tracer = tracerOf(cluster, session.dataplane, machine, read, [...notes, ...dumpNotes(dumps, partialNodes)]);
        }
        onStep('trace');
        if (!question.full) return trace(tracer, question);
        const nodes = new Set(Array.from(session.dataplane.nodes.values(), ({ host }) => host.name));
        const full = { full: question.full, network: session.dataplane.network, nodes };
        const crowded = { ...tracer, full };
        tracer = undefined;
        return trace(crowded, question);
      },
    };
    return session;
  };
  return sessionOf(cluster, []);
}
