/** Whether a pod may run on a node: selectors, affinity, taints, resources, host ports (kube-scheduler's filters). */

import type { LabelSelector, Namespace, Node, Pod, PodSpec, Toleration } from '../objects/kube.ts';
import { matchesSelector } from '../objects/labels.ts';
import { declaredPorts } from '../objects/pod-facts.ts';
import { parseQuantity } from '../objects/quantity.ts';
import type { Placed } from './cluster.ts';

type Labels = Readonly<Record<string, string>>;

interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

interface NodeTerm {
  matchExpressions?: Requirement[];
  matchFields?: Requirement[];
}

interface PodTerm {
  labelSelector?: LabelSelector;
  topologyKey: string;
  namespaces?: string[];
  namespaceSelector?: LabelSelector;
}

interface Affinity {
  nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeTerm[] } };
  podAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: PodTerm[] };
  podAntiAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: PodTerm[] };
}

function fits({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

function affinityOf(spec: PodSpec): Affinity {
  return (spec.affinity ?? {}) as Affinity;
}

/** Terms are alternatives; an empty term matches nothing. */
function termFits(term: NodeTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields: Labels = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.every((r) => fits(r, node.metadata.labels ?? {})) && matchFields.every((r) => fits(r, fields))
  );
}

/** nodeSelector and required node affinity. */
export function wantsNode(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const terms = affinityOf(spec).nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => termFits(term, node));
}

/** Whether the pod asks for anything of its node's labels. */
export function isChoosy(spec: PodSpec): boolean {
  return (
    Object.keys(spec.nodeSelector ?? {}).length > 0 ||
    affinityOf(spec).nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined
  );
}

function tolerates(toleration: Toleration, taint: { key: string; value?: string; effect: string }): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (key !== '' && value === (taint.value ?? ''));
}

/** Taints of a node that keep the pod away; `unschedulable` is the taint that cordoning adds. */
export function untolerated(spec: PodSpec, node: Node): string[] {
  const taints = [...(node.spec?.taints ?? [])];
  const cordon = 'node.kubernetes.io/unschedulable';
  if (node.spec?.unschedulable && !taints.some((t) => t.key === cordon))
    taints.push({ key: cordon, effect: 'NoSchedule' });
  return taints
    .filter((t) => t.effect === 'NoSchedule' || t.effect === 'NoExecute')
    .filter((taint) => !(spec.tolerations ?? []).some((t) => tolerates(t, taint)))
    .map((t) => t.key);
}

export function requestsOf(spec: PodSpec): Map<string, number> {
  const sum = new Map<string, number>();
  for (const container of spec.containers ?? []) {
    const { requests = {} } =
      (container as { resources?: { requests?: Record<string, string | number> } }).resources ?? {};
    for (const [name, text] of Object.entries(requests)) {
      const value = parseQuantity(text);
      if (value !== undefined) sum.set(name, (sum.get(name) ?? 0) + value);
    }
  }
  return sum;
}

export function allocatableOf(node: Node): Map<string, number> {
  const { allocatable = {} } = node.status ?? {};
  return new Map(
    Object.entries(allocatable).flatMap(([name, text]) => {
      const value = parseQuantity(text);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** `hostIP protocol port` of each host port; a hostNetwork pod's container ports are host ports too. */
export function hostPortsOf(pod: Pick<Pod, 'spec'>): string[] {
  const found: string[] = [];
  for (const port of declaredPorts(pod)) {
    const number = port.hostPort ?? (pod.spec.hostNetwork ? port.containerPort : undefined);
    if (number) found.push(`${port.hostIP || '0.0.0.0'} ${port.protocol ?? 'TCP'} ${number}`);
  }
  return found;
}

/** Two host ports clash when protocol and port agree and either address is any, or both are the same. */
export function hostPortClash(ports: readonly string[], used: Iterable<string>): string | undefined {
  if (ports.length === 0) return undefined;
  for (const other of used) {
    const [otherIP, ...otherRest] = other.split(' ');
    for (const port of ports) {
      const [ip, ...rest] = port.split(' ');
      if (rest.join(' ') === otherRest.join(' ') && (ip === otherIP || ip === '0.0.0.0' || otherIP === '0.0.0.0'))
        return port;
    }
  }
  return undefined;
}

export interface PlacedPod {
  pod: Pod;
  node: Node;
}

/** Pods that an affinity term of a pod in `namespace` looks at. */
function selects(
  term: PodTerm,
  namespace: string,
  other: Pod,
  namespaces: ReadonlyMap<string, Placed<Namespace>>,
): boolean {
  const otherNamespace = other.metadata.namespace ?? '';
  const bySelector =
    term.namespaceSelector !== undefined &&
    matchesSelector(term.namespaceSelector, namespaces.get(otherNamespace)?.object.metadata.labels ?? {});
  const byName = term.namespaces?.includes(otherNamespace) ?? false;
  const home =
    term.namespaceSelector === undefined && (term.namespaces ?? []).length === 0 && otherNamespace === namespace;
  return (home || byName || bySelector) && matchesSelector(term.labelSelector, other.metadata.labels ?? {});
}

function sameDomain(key: string, a: Node, b: Node): boolean {
  const value = a.metadata.labels?.[key];
  return value !== undefined && value === b.metadata.labels?.[key];
}

export function hasPodTerms(spec: PodSpec): boolean {
  const { podAffinity, podAntiAffinity } = affinityOf(spec);
  return Boolean(
    podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ??
      podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
  );
}

/** Required affinity and anti-affinity to the pods that are placed already, and theirs to this one. */
export function podTermsAllow(
  pod: Pod,
  node: Node,
  others: readonly PlacedPod[],
  namespaces: ReadonlyMap<string, Placed<Namespace>>,
): boolean {
  const namespace = pod.metadata.namespace ?? '';
  const { podAffinity, podAntiAffinity } = affinityOf(pod.spec);
  for (const term of podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (others.some((o) => selects(term, namespace, o.pod, namespaces) && sameDomain(term.topologyKey, node, o.node)))
      return false;
  }
  for (const term of podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    const matching = others.filter((o) => selects(term, namespace, o.pod, namespaces));
    // The first of a group that only wants to be with its own kind may go anywhere.
    if (matching.length === 0 && selects(term, namespace, pod, namespaces)) continue;
    if (!matching.some((o) => sameDomain(term.topologyKey, node, o.node))) return false;
  }
  return !others.some((o) =>
    (affinityOf(o.pod.spec).podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
      (term) =>
        selects(term, o.pod.metadata.namespace ?? '', pod, namespaces) && sameDomain(term.topologyKey, node, o.node),
    ),
  );
}
