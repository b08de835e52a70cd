/** Sorts what was read into kinds: one object per name, types checked, defaults filled in. */
import { isJudged } from '../apiserver/index.ts';
import { defaultObject } from '../objects/defaults.ts';
import { builtInKind } from '../objects/kinds.ts';
import type {
  ConfigMap,
  EndpointSlice,
  Endpoints,
  KubeObject,
  Namespace,
  NetworkPolicy,
  Node,
  Pod,
  Service,
  Workload,
} from '../objects/kube.ts';
import { misspeltKind, validateObject } from '../objects/validate.ts';
import { distinctObjects } from '../read/duplicates.ts';
import type { ReadResult, SourcedObject } from '../read/source.ts';
import type { Placed } from './cluster.ts';
import { conform, type Misfit, type Shape } from './conform.ts';
import { isRefused } from './refused.ts';
import type { At, Report } from './report.ts';
import { SHAPES } from './shapes.ts';

export interface HorizontalPodAutoscaler extends KubeObject {
  spec?: { minReplicas?: number; maxReplicas?: number; scaleTargetRef?: { kind: string; name: string } };
}

/** The input by kind. Keys are `namespace/name`, or `name` for cluster-scoped kinds; maps are in code-unit order of their keys. */
export interface Collected {
  nodes: Map<string, Placed<Node>>;
  namespaces: Map<string, Placed<Namespace>>;
  pods: Map<string, Placed<Pod>>;
  services: Map<string, Placed<Service>>;
  endpointSlices: Map<string, Placed<EndpointSlice>>;
  endpoints: Map<string, Placed<Endpoints>>;
  /** Keys are `Kind namespace/name`, because kinds share names. */
  workloads: Map<string, Placed<Workload>>;
  networkPolicies: Map<string, Placed<NetworkPolicy>>;
  configMaps: Map<string, Placed<ConfigMap>>;
  autoscalers: Map<string, Placed<HorizontalPodAutoscaler>>;
  /** Everything else, for detection only. */
  others: SourcedObject[];
  /** Counts of `others` by `apiVersion kind`. */
  unused: Map<string, number>;
}

const WORKLOADS = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'ReplicationController',
  'Job',
  'CronJob',
]);

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function sortedByKey<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  // Without a function the keys are compared by code units, and much faster.
  const sorted = new Map<string, T>();
  for (const key of [...map.keys()].sort()) sorted.set(key, map.get(key) as T);
  return sorted;
}

/** Cluster-scoped kinds that the cluster keeps. */
const CLUSTER_SCOPED = new Set(['Node', 'Namespace']);

function isKnown(object: KubeObject): boolean {
  return Object.hasOwn(SHAPES, object.kind) && builtInKind(object.apiVersion, object.kind) !== undefined;
}

function mendOf(misfit: Misfit): string {
  if (misfit.found === undefined) return `Add ${misfit.path.at(-1)}.`;
  if (misfit.wanted === 'a string' && /^the (number|boolean|bigint)/.test(misfit.found))
    return 'Put the value in quotes.';
  if (misfit.wanted === 'a whole number' && /^the string "\d+"/.test(misfit.found)) return 'Take the quotes off.';
  return `Write ${misfit.wanted}.`;
}

/** Checks types and fills in the namespace and defaults; undefined where there is nothing usable. */
function prepare({ object, origin }: SourcedObject, namespace: string, report: Report): KubeObject | undefined {
  const misfits: Misfit[] = [];
  const fit = conform<KubeObject>(object, SHAPES[object.kind] as Shape, misfits);
  const name: unknown = fit?.metadata?.name;
  const named = fit && typeof name === 'string' && name !== '';
  const at = { origin, ...(named && { object: fit }) };
  for (const misfit of misfits) {
    const message =
      misfit.found === undefined ? `${misfit.wanted} is missing` : `${misfit.wanted} belongs here, not ${misfit.found}`;
    report.problem(
      'error',
      misfit.found === undefined ? 'missing-field' : 'wrong-type',
      { ...at, path: misfit.path },
      message,
      mendOf(misfit),
    );
  }
  if (!named) {
    const generated = typeof fit?.metadata?.generateName === 'string';
    report.problem(
      generated ? 'warning' : 'error',
      'no-name',
      { ...at, path: ['metadata', 'name'] },
      generated
        ? `this ${object.kind} has no name yet and was left out`
        : `this ${object.kind} has no name and was left out`,
      'Give it a metadata.name.',
    );
    return undefined;
  }
  const whole = withRequired(fit, namespace, at, report);
  // What a server has stored it has accepted, and kinds that are judged have been (`isLeftOut`).
  const isDone = whole.metadata.uid !== undefined || isJudged(whole.apiVersion, whole.kind);
  const findings = isDone ? [] : validateObject(whole);
  for (const { severity, code, path, message, mend } of findings) {
    report.problem(severity, code, { ...at, path }, message, mend);
  }
  return defaultObject(whole);
}

/** Objects that nobody could create. Those without a name are reported on their own. */
function isLeftOut({ object, origin }: SourcedObject, namespace: string, report: Report): boolean {
  if (object.metadata.name === '') return false;
  const isPlaced =
    (object.metadata.namespace ?? '') !== '' || builtInKind(object.apiVersion, object.kind)?.namespaced === false;
  const placed = isPlaced ? object : { ...object, metadata: { ...object.metadata, namespace } };
  return isRefused(placed, { origin, object }, report);
}

/** A kind that nobody serves is most often a slip of the pen. */
function reportMisspelt({ object, origin }: SourcedObject, report: Report): void {
  const finding = misspeltKind(object);
  if (finding === undefined) return;
  const { severity, code, path, message, mend } = finding;
  report.problem(severity, code, { origin, object, path }, message, mend);
}

const NEEDS_SPEC = new Set(['Pod', 'Service', ...WORKLOADS]);

/** The fields that every reader of these kinds relies on: a namespace, a spec, a list of endpoints. */
function withRequired(object: KubeObject, namespace: string, at: At, report: Report): KubeObject {
  const named = CLUSTER_SCOPED.has(object.kind) || (object.metadata.namespace ?? '') !== '';
  const whole = named ? object : { ...object, metadata: { ...object.metadata, namespace } };
  if (whole.kind === 'EndpointSlice' && whole.endpoints === undefined) return { ...whole, endpoints: [] };
  if (!NEEDS_SPEC.has(whole.kind) || whole.spec !== undefined) return whole;
  report.problem('error', 'missing-field', { ...at, path: ['spec'] }, `this ${whole.kind} has no spec`, 'Add one.');
  return { ...whole, spec: {} };
}

export function keyOf(object: KubeObject): string {
  return CLUSTER_SCOPED.has(object.kind)
    ? object.metadata.name
    : `${object.metadata.namespace}/${object.metadata.name}`;
}

/** Of several definitions of an object the last counts; the reader has reported them. */
export function collect(read: Pick<ReadResult, 'objects'>, namespace: string, report: Report): Collected {
  const byKind = new Map<string, Map<string, Placed<KubeObject>>>();
  const others: SourcedObject[] = [];
  // Objects without a name are in no way distinct: they are looked at to be reported, or to be detected from.
  const unnamed = read.objects.filter(({ object }) => object.metadata.name === '');
  for (const sourced of [...distinctObjects(read.objects).distinct, ...unnamed]) {
    if (isLeftOut(sourced, namespace, report)) continue;
    if (!isKnown(sourced.object)) {
      others.push(sourced);
      reportMisspelt(sourced, report);
      continue;
    }
    const object = prepare(sourced, namespace, report);
    if (!object) continue;
    const key = keyOf(object);
    const ofKind = byKind.get(object.kind);
    if (ofKind) ofKind.set(key, { object, origin: sourced.origin });
    else byKind.set(object.kind, new Map([[key, { object, origin: sourced.origin }]]));
  }
  // `prepare` has checked each object against its kind's shape, which is what makes the narrow types true.
  const take = <T extends KubeObject>(kind: string): Map<string, Placed<T>> =>
    sortedByKey((byKind.get(kind) ?? new Map()) as Map<string, Placed<T>>);
  const workloads = new Map<string, Placed<Workload>>();
  for (const kind of WORKLOADS) for (const [key, w] of take<Workload>(kind)) workloads.set(`${kind} ${key}`, w);
  const unused = new Map<string, number>();
  for (const { object } of others) {
    const key = `${object.apiVersion} ${object.kind}`;
    unused.set(key, (unused.get(key) ?? 0) + 1);
  }
  return {
    nodes: take('Node'),
    namespaces: take('Namespace'),
    pods: take('Pod'),
    services: take('Service'),
    endpointSlices: take('EndpointSlice'),
    endpoints: take('Endpoints'),
    workloads: sortedByKey(workloads),
    networkPolicies: take('NetworkPolicy'),
    configMaps: take('ConfigMap'),
    autoscalers: take('HorizontalPodAutoscaler'),
    others,
    unused: sortedByKey(unused),
  };
}
