/** Whole clusters out of manifests: what the API server stores of Services and Pods, and the slices and Endpoints that controllers make. */
import {
  type Cluster,
  controllers,
  defaultObject,
  type EndpointSlice,
  type Endpoints,
  type IPFamily,
  type KubeObject,
  type Node,
  type Pod,
  type Service,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';
import { judgeAnswers, type SentRow, type ServerSettings } from './control-plane-answers.ts';
import {
  comparableEndpoints,
  comparableService,
  comparableSlice,
  differenceOf,
  keyOf,
} from './control-plane-objects.ts';
import { clusterOf } from './control-plane-services.ts';

interface SentObject {
  kind: string;
  name?: string;
  namespace?: string;
  object?: KubeObject;
  defaulted?: KubeObject;
  result: { accepted?: boolean };
}

interface SliceFact {
  addressType: string;
  ports: string[];
  endpoints: number;
  ready: number;
}

interface CaseFile extends ServerSettings {
  ipFamilies: string;
  clusterCIDR: string;
  warnings: { kind: string; namespace?: string; name: string; reason: string; message: string }[];
  facts: {
    podsPerWorkload: Record<string, { pods: number; succeeded: number }>;
    endpointslicesPerService: Record<string, SliceFact[]>;
  };
}

interface Snapshot {
  nodes: Node[];
  pods: Pod[];
  services: Service[];
  endpoints: Endpoints[];
  endpointslices: EndpointSlice[];
}

/** The Service that the API server writes for itself, with its endpoints. */
const OWN = 'default/kubernetes';

class Recording {
  readonly #suite: Suite;
  readonly #folder: string;

  constructor(suite: Suite, folder: string) {
    this.#suite = suite;
    this.#folder = folder;
  }

  get facts(): CaseFile {
    return this.#suite.json<CaseFile>(`${this.#folder}/case.json`);
  }

  get nodes(): Node[] {
    return this.#suite.json<Node[]>(`${this.#folder}/nodes.json`);
  }

  get snapshot(): Snapshot {
    return this.#suite.json<Snapshot>(`${this.#folder}/snapshot.json`);
  }

  get sent(): Iterable<SentRow> {
    return this.#suite.jsonLines<SentRow>(`${this.#folder}/objects.jsonl`);
  }

  /** Accepted objects as they were sent, with the name and namespace that they were given. */
  accepted(): { sent: KubeObject; defaulted: KubeObject | undefined }[] {
    const rows = [...this.#suite.jsonLines<SentObject>(`${this.#folder}/objects.jsonl`)];
    return rows.flatMap(({ object, defaulted, namespace, name = '', result }) => {
      if (result.accepted !== true || !object) return [];
      const metadata = { ...object.metadata, name, ...(namespace !== undefined && { namespace }) };
      return [{ sent: { ...object, metadata }, defaulted }];
    });
  }

  cluster(): Promise<Cluster> {
    const { ipFamilies, serviceClusterIPRange, clusterCIDR } = this.facts;
    return clusterOf([...this.nodes, ...this.accepted().map(({ sent }) => sent)], {
      ipFamilies: ipFamilies.split(',') as IPFamily[],
      serviceCIDRs: serviceClusterIPRange.split(','),
      podCIDRs: clusterCIDR.split(','),
    });
  }
}

async function judgeServices(recording: Recording): Promise<Outcome> {
  const { services } = await recording.cluster();
  for (const { sent, defaulted } of recording.accepted()) {
    if (sent.kind !== 'Service' || !defaulted) continue;
    const given = [sent as Service];
    const found = services.get(keyOf(sent))?.object;
    if (!found) return fail(`${keyOf(sent)}: expected a Service, found none`);
    const difference = firstDifference(comparableService(defaulted as Service, given), comparableService(found, given));
    if (difference !== undefined) return fail(`${keyOf(sent)}: ${difference}`);
  }
  return pass;
}

/** Fields of `expected` that `found` has too: podwire holds only what decides about packets. */
function restrict(expected: unknown, found: unknown): unknown {
  if (Array.isArray(expected) && Array.isArray(found))
    return expected.map((member, i) => (i < found.length ? restrict(member, found[i]) : member));
  if (typeof expected !== 'object' || expected === null || typeof found !== 'object' || found === null) return expected;
  const fields = Object.entries(expected).filter(([key]) => Object.hasOwn(found, key));
  return Object.fromEntries(
    fields.map(([key, value]) => [key, restrict(value, (found as Record<string, unknown>)[key])]),
  );
}

/** What the server sets on a Pod and podwire reads. */
const POD_FIELDS = [
  'hostNetwork',
  'hostname',
  'subdomain',
  'dnsPolicy',
  'restartPolicy',
  'serviceAccountName',
] as const;

/** Defaults of objects that are sent as they are: Pods, slices and Endpoints written by hand. */
function judgeDefaults(recording: Recording): Outcome {
  for (const { sent, defaulted } of recording.accepted()) {
    if (!defaulted || !['Pod', 'EndpointSlice', 'Endpoints'].includes(sent.kind)) continue;
    const found = defaultObject(sent);
    let difference: string | undefined;
    if (sent.kind === 'EndpointSlice') {
      const comparable = (object: KubeObject) =>
        comparableSlice(object as EndpointSlice, new Set([sent.metadata.name]));
      difference = firstDifference(comparable(defaulted), comparable(found));
    } else if (sent.kind === 'Endpoints')
      difference = firstDifference(
        comparableEndpoints(defaulted as Endpoints),
        comparableEndpoints(found as Endpoints),
      );
    else {
      const facts = ({ spec }: Pod) => ({
        ...Object.fromEntries(POD_FIELDS.map((field) => [field, spec[field]])),
        ports: [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((one) => one.ports ?? []),
      });
      const wanted = facts(defaulted as Pod);
      difference = firstDifference(restrict(wanted, facts(found as Pod)), facts(found as Pod));
    }
    if (difference !== undefined) return fail(`${sent.kind} ${keyOf(sent)}: ${difference}`);
  }
  return pass;
}

/** The controller looks at a pod's readiness, not at its phase, so that one that never was ready and ends stays until something else comes up. */
const LINGERING = 'a pod that ends without ever having been ready stays in slices until something else changes';

function withoutLingering(slices: readonly EndpointSlice[], pods: readonly Pod[]): EndpointSlice[] {
  const over = new Set(
    pods
      .filter(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed')
      .map(({ metadata }) => metadata.uid),
  );
  return slices.map((slice) => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).filter(
      ({ targetRef, conditions }) => conditions?.ready || !over.has(targetRef?.uid),
    ),
  }));
}

/** The controllers over the recorded Pods, Services and Nodes, beside what was written by hand. */
function judgeControllers(recording: Recording, resource: 'endpointslices' | 'endpoints'): Outcome {
  const { nodes, pods, services, endpoints, endpointslices } = recording.snapshot;
  const byHand = recording.accepted().map(({ sent, defaulted }) => defaulted ?? sent);
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  const index = new controllers.PodIndex(pods);
  const found = controllers.convergeEndpoints(
    {
      services,
      select: (namespace, selector) => index.selected(namespace, selector),
      node: (name) => byName.get(name),
    },
    {
      slices: byHand.filter((object): object is EndpointSlice => object.kind === 'EndpointSlice'),
      endpoints: byHand.filter((object): object is Endpoints => object.kind === 'Endpoints'),
    },
    { topology: { shares: controllers.zoneShares(nodes) } },
  );
  if (resource === 'endpoints') {
    const list = (all: readonly Endpoints[]) => all.filter((one) => keyOf(one) !== OWN).map(comparableEndpoints);
    const difference = differenceOf(list(endpoints), list(found.endpoints));
    return difference === undefined ? pass : fail(difference);
  }
  const isOwn = ({ metadata }: EndpointSlice) =>
    `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}` === OWN;
  const list = (all: readonly EndpointSlice[]) =>
    all.filter((slice) => !isOwn(slice)).map((slice) => comparableSlice(slice, new Set()));
  const difference = differenceOf(list(withoutLingering(endpointslices, pods)), list(found.slices));
  return difference === undefined ? pass : fail(difference);
}

/** A snapshot of a cluster at rest has no slice that its controller would write otherwise. */
async function judgeSnapshot(recording: Recording): Promise<Outcome> {
  const { nodes, pods, services, endpoints, endpointslices } = recording.snapshot;
  const items = [...nodes, ...pods, ...services, ...endpoints, ...endpointslices];
  const { problems } = await clusterOf(items, {});
  const wrong = problems.find(({ code }) => /^slice-(lacks|other|unknown|unwanted)-/.test(code));
  if (!wrong) return pass;
  const isOver = pods.some((pod) => wrong.message.includes(`${keyOf(pod)}:`) && pod.status?.phase === 'Succeeded');
  return isOver ? skip(LINGERING) : fail(wrong.message);
}

const CONTROLLED = /^(Deployment|DaemonSet|StatefulSet|ReplicaSet|ReplicationController|Job|CronJob)$/;

/** How far Jobs have come is a matter of time, and the recording had no CronJob controller. */
const IN_TIME = /^(Job|CronJob) /;

/** Why the pods of the recording are not those that manifests alone ask for. */
function hindrance({ warnings }: CaseFile): string | undefined {
  if (warnings.some(({ reason, message }) => reason === 'FailedCreate' && message.includes('service account')))
    return 'pods of a ServiceAccount that the manifests lack: podwire takes it to exist';
  if (warnings.some(({ reason }) => reason === 'FailedScheduling'))
    return 'which of several pods that do not all fit runs is the scheduler’s choice';
  return undefined;
}

async function judgePods(recording: Recording): Promise<Outcome> {
  const { pods } = await recording.cluster();
  const found: Record<string, number> = {};
  for (const [key, { object, madeBy }] of pods) {
    const owner = madeBy && CONTROLLED.test(madeBy.kind) ? `${madeBy.kind} ${madeBy.namespace}/${madeBy.name}` : '';
    const adopted = object.metadata.ownerReferences?.find((one) => one.controller);
    const name = owner || (adopted ? `${adopted.kind} ${object.metadata.namespace}/${adopted.name}` : `Pod ${key}`);
    found[name] = (found[name] ?? 0) + 1;
  }
  const { facts } = recording.facts;
  const counted = <T>(record: Record<string, T>) => Object.entries(record).filter(([name]) => !IN_TIME.test(name));
  const expected = counted(facts.podsPerWorkload).flatMap(([name, { pods: n }]) => (n > 0 ? [[name, n]] : []));
  const difference = firstDifference(Object.fromEntries(expected), Object.fromEntries(counted(found)));
  if (difference === undefined) return pass;
  const reason = hindrance(recording.facts);
  return reason?.includes('ServiceAccount') ? skip(reason) : fail(difference);
}

/** Pods of the recording that never become ready, and those that end by themselves. */
const isReadyOnce = ({ metadata }: Pod) => metadata.labels?.['recording.example.com/ready'] !== 'false';
const endsItself = ({ spec }: Pod) => spec.restartPolicy === 'Never' || spec.restartPolicy === 'OnFailure';

/** How the kubelet of the recording, which runs nothing, leaves a pod. */
function asPlayed(pod: Pod): Pod {
  const isReady = isReadyOnce(pod);
  const isOver = endsItself(pod);
  const conditions = isReady ? (pod.status?.conditions ?? []) : [{ type: 'Ready', status: 'False' }];
  return { ...pod, status: { ...pod.status, ...(isOver && { phase: 'Succeeded' }), conditions } };
}

function sliceFact({ addressType, ports, endpoints }: EndpointSlice): SliceFact {
  return {
    addressType,
    ports: (ports ?? []).map(({ name = '', protocol = 'TCP', port }) => `${name}:${protocol}:${port ?? ''}`).sort(),
    endpoints: endpoints.length,
    ready: endpoints.filter(({ conditions }) => conditions?.ready !== false).length,
  };
}

/** From manifests alone: what podwire makes of the workloads, run through the controllers. */
async function judgeManifests(recording: Recording): Promise<Outcome> {
  const cluster = await recording.cluster();
  const objects = <T>(map: ReadonlyMap<string, { object: T }>) => [...map.values()].map(({ object }) => object);
  const started = [...cluster.pods.values()].filter(({ madeBy }) => madeBy?.kind !== 'CronJob');
  const index = new controllers.PodIndex(started.map(({ object }) => asPlayed(object)));
  const byHand = recording.accepted().map(({ sent }) => defaultObject(sent));
  const { slices } = controllers.convergeEndpoints(
    {
      services: objects(cluster.services),
      select: (namespace, selector) => index.selected(namespace, selector),
      node: (name) => cluster.nodes.get(name)?.object,
    },
    {
      slices: byHand.filter((object): object is EndpointSlice => object.kind === 'EndpointSlice'),
      endpoints: byHand.filter((object): object is Endpoints => object.kind === 'Endpoints'),
    },
    { topology: { shares: controllers.zoneShares(objects(cluster.nodes)) } },
  );
  const found: Record<string, SliceFact[]> = {};
  for (const slice of slices) {
    const { namespace, labels } = slice.metadata;
    const service = labels?.['kubernetes.io/service-name'];
    // The recorder's name for a slice that names no Service.
    const key = service === undefined ? 'default/None' : `${namespace}/${service}`;
    found[key] = [...(found[key] ?? []), sliceFact(slice)];
  }
  const sorted = (facts: Record<string, SliceFact[]>) =>
    Object.fromEntries(
      Object.entries(facts)
        .filter(([key]) => key !== OWN)
        .map(([key, list]) => [key, list.map((fact) => JSON.stringify(fact)).sort()]),
    );
  const difference = firstDifference(sorted(recording.facts.facts.endpointslicesPerService), sorted(found));
  if (difference === undefined) return pass;
  const reason = hindrance(recording.facts);
  if (reason !== undefined) return skip(reason);
  const lingers = [...cluster.pods.values()].some(({ object }) => endsItself(object) && !isReadyOnce(object));
  return lingers ? skip(LINGERING) : fail(difference);
}

function judgeRefused(recording: Recording): Outcome {
  return judgeAnswers(recording.sent, recording.facts, recording.nodes as KubeObject[]);
}

const FACTS: readonly [string, (recording: Recording) => Outcome | Promise<Outcome>][] = [
  ['services', judgeServices],
  ['defaults', judgeDefaults],
  ['endpointslices', (recording) => judgeControllers(recording, 'endpointslices')],
  ['endpoints', (recording) => judgeControllers(recording, 'endpoints')],
  ['snapshot-as-it-should-be', judgeSnapshot],
  ['pods-per-workload', judgePods],
  ['slices-from-manifests', judgeManifests],
  ['refused', judgeRefused],
  ['workloads', () => skip('the status of workloads does not matter to packets')],
];

export const controlPlane: Kind = {
  kind: 'control-plane',
  *cases(suite): Generator<SuiteCase> {
    for (const folder of suite.list()) {
      if (!suite.has(`${folder}/case.json`)) continue;
      for (const [variant, judge] of FACTS)
        yield { id: folder, variant, run: () => judge(new Recording(suite, folder)) };
    }
  },
};
