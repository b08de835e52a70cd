/**
 * The endpointslice mirroring controller: Endpoints that somebody wrote for a Service without a selector become slices
 * (pkg/controller/endpointslicemirroring). Kubernetes v1.36.
 */
import type { Endpoint, EndpointPort, EndpointSlice, Endpoints, IPFamily, Service } from '../objects/kube.ts';
import { canonicalIP } from '../proxy/ip.ts';
import { endpointKey, type SliceChanges, sameEndpoint } from './pack-slices.ts';
import {
  controllerRef,
  MANAGED_BY,
  MIRRORING_CONTROLLER,
  portsKey,
  SERVICE_NAME,
  sameLabels,
  withoutKeys,
} from './slice-metadata.ts';

/** `--mirroring-max-endpoints-per-subset`. */
const MAX_PER_SUBSET = 1000;

const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';

/** Annotations that are about the Endpoints alone. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
]);
const OWN_LABELS: ReadonlySet<string> = new Set([SERVICE_NAME, MANAGED_BY]);

/** Whether Endpoints are mirrored at all; `service`: the one of the same name, if there is one. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels = {}, annotations = {} } = endpoints.metadata;
  if (labels[SKIP_MIRROR] === 'true' || annotations[LEADER] !== undefined || !service) return false;
  return Object.keys(service.spec.selector ?? {}).length === 0;
}

interface Group {
  family: IPFamily;
  ports: EndpointPort[];
  desired: Map<string, Endpoint>;
}

/** What the subsets say, by family and ports; `skipped` counts addresses that cannot be read or are too many. */
function groupsOf({ subsets = [] }: Endpoints): { groups: Map<string, Group>; skipped: number } {
  const groups = new Map<string, Group>();
  let skipped = 0;
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const mirrored = ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    }));
    const listed = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ];
    let taken = 0;
    for (const { address, ready } of listed) {
      const { hostname, nodeName, targetRef } = address;
      const ip = canonicalIP(address.ip);
      if (ip === undefined || taken >= MAX_PER_SUBSET) {
        skipped++;
        continue;
      }
      taken++;
      const family: IPFamily = ip.includes(':') ? 'IPv6' : 'IPv4';
      const key = `${family} ${portsKey(mirrored)}`;
      const group = groups.get(key) ?? { family, ports: mirrored, desired: new Map<string, Endpoint>() };
      groups.set(key, group);
      const endpoint: Endpoint = {
        addresses: [ip],
        conditions: { ready },
        ...(targetRef && { targetRef }),
        ...(nodeName && { nodeName }),
        ...(hostname && { hostname }),
      };
      group.desired.set(endpointKey(endpoint), endpoint);
    }
  }
  return { groups, skipped };
}

function mirrorSlice(endpoints: Endpoints, { family, ports, desired }: Group, name: string): EndpointSlice {
  const { name: owner, namespace = 'default', labels, annotations } = endpoints.metadata;
  const copied = withoutKeys(annotations, NOT_COPIED);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      generateName: `${owner}-`,
      namespace,
      labels: { ...labels, [SERVICE_NAME]: owner, [MANAGED_BY]: MIRRORING_CONTROLLER },
      ...(Object.keys(copied).length > 0 && { annotations: copied }),
      ownerReferences: [controllerRef(endpoints)],
    },
    addressType: family,
    endpoints: [...desired.values()].slice(0, MAX_PER_SUBSET),
    ports,
  };
}

function isSame(slice: EndpointSlice, wanted: EndpointSlice): boolean {
  const desired = new Map(wanted.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  if (slice.endpoints.length !== desired.size) return false;
  if (!sameLabels(withoutKeys(slice.metadata.labels, OWN_LABELS), withoutKeys(wanted.metadata.labels, OWN_LABELS)))
    return false;
  const annotations = (of: EndpointSlice) => withoutKeys(of.metadata.annotations, NOT_COPIED);
  if (!sameLabels(annotations(slice), annotations(wanted))) return false;
  return slice.endpoints.every((endpoint) => {
    const match = desired.get(endpointKey(endpoint));
    return match !== undefined && sameEndpoint(match, endpoint);
  });
}

/** One pass over mirrored Endpoints: a slice for each family and list of ports. `existing`: the slices that mirror them now. */
export function reconcileMirror(
  endpoints: Endpoints,
  existing: readonly EndpointSlice[],
): SliceChanges & { unchanged: EndpointSlice[]; skipped: number } {
  const { groups, skipped } = groupsOf(endpoints);
  const result = { create: [], update: [], delete: [], unchanged: [], skipped } as ReturnType<typeof reconcileMirror>;
  const byKey = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const key = `${slice.addressType} ${portsKey(slice.ports)}`;
    byKey.set(key, [...(byKey.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const [first, ...others] = byKey.get(key) ?? [];
    byKey.delete(key);
    result.delete.push(...others);
    const wanted = mirrorSlice(endpoints, group, first?.metadata.name ?? '');
    if (!first) result.create.push(wanted);
    else if (isSame(first, wanted)) result.unchanged.push(first);
    else result.update.push(wanted);
  }
  for (const slices of byKey.values()) result.delete.push(...slices);
  // A slice that would go is written anew for one that would come.
  for (const slice of [...result.delete]) {
    const index = result.create.findIndex((next) => next.addressType === slice.addressType);
    const next = result.create[index];
    if (!next) continue;
    result.create.splice(index, 1);
    result.delete.splice(result.delete.indexOf(slice), 1);
    result.update.push({ ...next, metadata: { ...next.metadata, name: slice.metadata.name } });
  }
  return result;
}
