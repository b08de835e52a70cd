/** What a slice carries beside its endpoints: labels, owner, address type, the start of its name (staging/src/k8s.io/endpointslice/utils.go). */
import type { EndpointPort, EndpointSlice, IPFamily, KubeObject, Service } from '../objects/kube.ts';
import { canonicalIPOf } from '../proxy/ip.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';

export const SLICE_CONTROLLER = 'endpointslice-controller.k8s.io';
export const MIRRORING_CONTROLLER = 'endpointslicemirroring-controller.k8s.io';

type Labels = Record<string, string>;

const RESERVED: ReadonlySet<string> = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);

export function sameLabels(a: Readonly<Labels>, b: Readonly<Labels>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

/** Labels without some keys. */
export function withoutKeys(labels: Readonly<Labels> | undefined, keys: ReadonlySet<string>): Labels {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !keys.has(key)));
}

/** A Service without a cluster IP, not yet given one or `None`, counts as headless. */
export function hasClusterIP({ spec }: Service): boolean {
  const { clusterIP = '' } = spec;
  return clusterIP !== '' && clusterIP !== 'None';
}

/**
 * The labels that a slice should have: the Service's own but for the three that the controller keeps for itself. `changed` only compares what
 * comes from the Service: a wrong reserved label alone is no reason to write the slice anew (`setEndpointSliceLabels`).
 */
export function sliceLabels(
  slice: Pick<EndpointSlice, 'metadata'>,
  service: Service,
  managedBy: string,
): { labels: Labels; changed: boolean } {
  const own = withoutKeys(slice.metadata.labels, RESERVED);
  const labels = withoutKeys(service.metadata.labels, RESERVED);
  const changed = !sameLabels(own, labels);
  if (!hasClusterIP(service)) labels[HEADLESS] = '';
  labels[SERVICE_NAME] = service.metadata.name;
  labels[MANAGED_BY] = managedBy;
  return { labels, changed };
}

/** The owner that garbage collection follows; without uid where the input's object has none. */
export function controllerRef(owner: KubeObject): NonNullable<KubeObject['metadata']['ownerReferences']>[number] {
  const { name, uid = '' } = owner.metadata;
  return { apiVersion: 'v1', kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** Whether the slice belongs to this very Service, not to one of the same name before it (`ownedBy`). */
export function isOwnedBy(slice: EndpointSlice, service: Service): boolean {
  const { uid = '' } = service.metadata;
  return (slice.metadata.ownerReferences ?? []).some(
    (owner) => owner.kind === 'Service' && owner.apiVersion === 'v1' && (owner.uid ?? '') === uid,
  );
}

/** A slice without endpoints that is still to get its name (`newEndpointSlice`). */
export function newSlice(
  service: Service,
  addressType: IPFamily,
  ports: EndpointPort[],
  managedBy: string,
): EndpointSlice {
  const { name, namespace = 'default' } = service.metadata;
  const metadata = { name: '', generateName: `${name}-`, namespace, ownerReferences: [controllerRef(service)] };
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType,
    endpoints: [],
    ports,
  };
  const { labels } = sliceLabels(slice, service, managedBy);
  return { ...slice, metadata: { ...metadata, labels } };
}

/**
 * The families that a Service has slices of, IPv4 first. Without `ipFamilies` (an API server before 1.20): that of the cluster IP, both for a
 * headless one (`getAddressTypesForService`).
 */
export function addressTypesOf({ spec }: Service): IPFamily[] {
  const { ipFamilies = [], clusterIP = '' } = spec;
  const order = ['IPv4', 'IPv6'] as const;
  const named = order.filter((family) => ipFamilies.includes(family));
  if (named.length > 0) return named;
  if (clusterIP === '' || clusterIP === 'None') return [...order];
  return [canonicalIPOf('IPv6', clusterIP) === undefined ? 'IPv4' : 'IPv6'];
}

/** Identity of a list of ports, whatever their order: slices of one Service and family are grouped by it (`NewPortMapKey`). */
export function portsKey(ports: readonly EndpointPort[] | undefined | null): string {
  const texts = (ports ?? []).map(
    ({ name = '', protocol = 'TCP', port = '', appProtocol = '' }) => `${name}/${protocol}/${port}/${appProtocol}`,
  );
  return texts.length > 1 ? texts.sort().join(' ') : (texts[0] ?? '');
}
