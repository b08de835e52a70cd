/**
 * The endpointslice controller's pass over one Service (staging/src/k8s.io/endpointslice/reconciler.go; which Services it looks at:
 * pkg/controller/endpointslice/endpointslice_controller.go). Kubernetes v1.36.
 */
import type { Endpoint, EndpointPort, EndpointSlice, IPFamily, Node, Pod, Service } from '../objects/kube.ts';
import { endpointKey, packSlices, type SliceChanges } from './pack-slices.ts';
import { endpointPorts, isPodInEndpoints, podToEndpoint } from './pod-endpoint.ts';
import {
  addressTypesOf,
  isOwnedBy,
  newSlice,
  portsKey,
  SLICE_CONTROLLER,
  sameLabels,
  sliceLabels,
} from './slice-metadata.ts';
import { addTopologyHints, wantsTopologyHints, withoutHints, type ZoneCounts } from './topology-hints.ts';
import { distributeTraffic, type SliceSets } from './traffic-distribution.ts';
import type { NoHints, ZoneShares } from './zone-shares.ts';

export interface ReconcileOptions {
  /** `--max-endpoints-per-slice`; 100 unless set. */
  maxEndpointsPerSlice?: number;
  /** The name that the controller writes into its slices. */
  managedBy?: string;
  /** Feature gate PreferSameTrafficDistribution; on unless set. */
  preferSameTrafficDistribution?: boolean;
  /** CPU by zone; undefined where Nodes do not tell enough. Absent: the controller does not know topology mode Auto at all. */
  topology?: { shares: ZoneShares | undefined };
}

export interface ReconcileInput {
  service: Service;
  /** Pods that the selector matches. */
  pods: readonly Pod[];
  node: (name: string) => Node | undefined;
  /** The slices of this Service that the controller manages. */
  existing: readonly EndpointSlice[];
}

/** What the controller would write. Slices that it does not name are not touched; those to create have no name yet. */
export interface Reconciled extends SliceChanges {
  unchanged: EndpointSlice[];
  /** Pods left out because their Node is not there: the controller comes back for them. */
  withoutNode: Pod[];
  /** Topology mode Auto, by family: hints given, or why none were. */
  topology: Partial<Record<IPFamily, { allocated: ZoneCounts } | { reason: NoHints }>>;
}

type Options = Required<Omit<ReconcileOptions, 'topology'>> & Pick<ReconcileOptions, 'topology'>;

interface Group {
  ports: EndpointPort[];
  desired: Map<string, Endpoint>;
}

/** The endpoints that should be, by their ports. A group without endpoints still keeps an empty slice of its ports alive. */
function desiredGroups(input: ReconcileInput, family: IPFamily): { groups: Map<string, Group>; withoutNode: Pod[] } {
  const { service, pods, node } = input;
  const groups = new Map<string, Group>();
  const withoutNode: Pod[] = [];
  for (const pod of pods) {
    if (!isPodInEndpoints(pod, true)) continue;
    const ports = endpointPorts(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, desired: new Map<string, Endpoint>() };
    groups.set(key, group);
    const runsOn = node(pod.spec.nodeName ?? '');
    if (!runsOn && service.spec.publishNotReadyAddresses !== true) {
      withoutNode.push(pod);
      continue;
    }
    const endpoint = podToEndpoint(pod, runsOn, service, family);
    if (endpoint.addresses.length > 0) group.desired.set(endpointKey(endpoint), endpoint);
  }
  return { groups, withoutNode };
}

/** A placeholder is recognised by what it says, not by its name. */
function isSamePlaceholder(a: EndpointSlice, b: EndpointSlice): boolean {
  const isEmpty = ({ endpoints, ports = [] }: EndpointSlice) => endpoints.length === 0 && (ports ?? []).length === 0;
  return (
    isEmpty(a) &&
    isEmpty(b) &&
    a.addressType === b.addressType &&
    a.metadata.namespace === b.metadata.namespace &&
    sameLabels(a.metadata.labels ?? {}, b.metadata.labels ?? {})
  );
}

/** Changes of one family before hints; a Service without endpoints has one slice without ports that says so. */
function changesOf(
  { service, existing }: ReconcileInput,
  groups: ReadonlyMap<string, Group>,
  family: IPFamily,
  { managedBy, maxEndpointsPerSlice }: Options,
): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], delete: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    if (!isOwnedBy(slice, service)) {
      changes.delete.push(slice);
      continue;
    }
    const key = portsKey(slice.ports);
    byPorts.set(key, [...(byPorts.get(key) ?? []), slice]);
  }
  for (const [key, { ports, desired }] of groups) {
    const packed = packSlices(byPorts.get(key) ?? [], {
      desired,
      maxEndpoints: maxEndpointsPerSlice,
      newSlice: () => newSlice(service, family, ports, managedBy),
      labelsOf: (slice) => sliceLabels(slice, service, managedBy),
    });
    for (const kind of ['create', 'update', 'delete'] as const) changes[kind].push(...packed[kind]);
  }
  for (const [key, slices] of byPorts) if (!groups.has(key)) changes.delete.push(...slices);
  if (existing.length > changes.delete.length || changes.create.length > 0) return changes;
  const placeholder = newSlice(service, family, [], managedBy);
  const [only] = changes.delete;
  if (changes.delete.length === 1 && only && isSamePlaceholder(only, placeholder)) return { ...changes, delete: [] };
  return { ...changes, create: [placeholder] };
}

function isValidDistribution(distribution: string | undefined, { preferSameTrafficDistribution }: Options): boolean {
  if (distribution === 'PreferClose') return true;
  return preferSameTrafficDistribution && (distribution === 'PreferSameZone' || distribution === 'PreferSameNode');
}

/** Rather than deleting a slice and creating another, the old one is written anew (`finalize`). */
function recycle(service: Service, changes: SliceChanges): SliceChanges {
  const create = [...changes.create];
  const update = [...changes.update];
  const gone: EndpointSlice[] = [];
  for (const slice of changes.delete) {
    const next = create.at(-1);
    if (next && slice.addressType === next.addressType && isOwnedBy(slice, service)) {
      create.pop();
      update.push({ ...next, metadata: { ...next.metadata, name: slice.metadata.name } });
    } else gone.push(slice);
  }
  // While a Service is being deleted nothing new is made: the garbage collector would have to run after it.
  return { create: service.metadata.deletionTimestamp ? [] : create, update, delete: gone };
}

function reconcileFamily(input: ReconcileInput, family: IPFamily, options: Options): Reconciled {
  const { service } = input;
  const { groups, withoutNode } = desiredGroups(input, family);
  const changes = changesOf(input, groups, family, options);
  const named = new Set([...changes.update, ...changes.delete].map((slice) => slice.metadata.name));
  const unchanged = input.existing.filter((slice) => !named.has(slice.metadata.name));
  let sets: SliceSets = { create: changes.create, update: changes.update, unchanged };
  const topology: Reconciled['topology'] = {};
  const isAuto = wantsTopologyHints(service.metadata.annotations);
  const distributes = !isAuto && isValidDistribution(service.spec.trafficDistribution, options);
  if (isAuto && options.topology) {
    const { allocated, reason, ...hinted } = addTopologyHints(sets, options.topology.shares);
    sets = hinted;
    if (allocated) topology[family] = { allocated };
    else if (reason) topology[family] = { reason };
  } else if (distributes) sets = distributeTraffic(sets, service.spec.trafficDistribution);
  else sets = withoutHints(sets);
  const { create, update } = sets;
  return {
    ...recycle(service, { create, update, delete: changes.delete }),
    unchanged: sets.unchanged,
    withoutNode,
    topology,
  };
}

/** One pass over a Service with a selector. Nothing given is changed. */
export function reconcileSlices(input: ReconcileInput, options: ReconcileOptions = {}): Reconciled {
  const all: Options = {
    maxEndpointsPerSlice: 100,
    managedBy: SLICE_CONTROLLER,
    preferSameTrafficDistribution: true,
    ...options,
  };
  const families = addressTypesOf(input.service);
  const result: Reconciled = { create: [], update: [], delete: [], unchanged: [], withoutNode: [], topology: {} };
  const missing = new Set<Pod>();
  for (const family of families) {
    const existing = input.existing.filter((slice) => slice.addressType === family);
    const one = reconcileFamily({ ...input, existing }, family, all);
    for (const kind of ['create', 'update', 'delete', 'unchanged'] as const) result[kind].push(...one[kind]);
    for (const pod of one.withoutNode) missing.add(pod);
    Object.assign(result.topology, one.topology);
  }
  result.withoutNode = [...missing];
  // Slices of a family that the Service no longer has; their type cannot be changed.
  const left = input.existing.filter((slice) => !families.some((family) => family === slice.addressType));
  result.delete.push(...left);
  return result;
}

/** Whether the controller cares for this Service at all: not for ExternalName, nor for one whose endpoints somebody else writes. */
export function hasSliceController({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0;
}
