/**
 * The endpoints controller, which keeps the older kind of a Service's endpoints beside its slices
 * (pkg/controller/endpoint/endpoints_controller.go). Kubernetes v1.36.
 */

import type { EndpointAddress, EndpointSubset, Endpoints, IPFamily, Pod, Service } from '../objects/kube.ts';
import { isPodReady } from '../objects/pod-facts.ts';
import { canonicalIPOf } from '../proxy/ip.ts';
import { endpointPorts, hasEndpointHostname, isPodInEndpoints, targetRefOf } from './pod-endpoint.ts';
import { HEADLESS, hasClusterIP, sameLabels, withoutKeys } from './slice-metadata.ts';
import { packSubsets, sameSubsets, truncateSubsets } from './subsets.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const CONTROLLER = 'endpoint-controller';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

/** The one family that Endpoints show: the Service's first, else that of its cluster IP, else that of the pod. */
function familyFor({ spec }: Service, pod: Pod): IPFamily {
  const { ipFamilies = [], clusterIP = '' } = spec;
  const [first] = ipFamilies;
  if (first !== undefined) return first;
  const text = clusterIP === '' || clusterIP === 'None' ? (pod.status?.podIP ?? '') : clusterIP;
  return canonicalIPOf('IPv6', text) === undefined ? 'IPv4' : 'IPv6';
}

/** `podToEndpointAddressForService`: undefined where the pod has no address of the family. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const family = familyFor(service, pod);
  const ip = pod.status?.podIPs?.find((one) => canonicalIPOf(family, one.ip) !== undefined)?.ip;
  if (ip === undefined) return undefined;
  const { nodeName, hostname } = pod.spec;
  return {
    ip,
    ...(nodeName && { nodeName }),
    ...(hostname !== undefined && hasEndpointHostname(pod, service) && { hostname }),
    targetRef: targetRefOf(pod),
  };
}

function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const { ports = [], clusterIP, publishNotReadyAddresses = false } = service.spec;
  return pods.flatMap((pod) => {
    const address = isPodInEndpoints(pod, publishNotReadyAddresses) ? addressOf(service, pod) : undefined;
    if (!address) return [];
    const isReady = publishNotReadyAddresses || isPodReady(pod);
    const lists: EndpointSubset = isReady ? { addresses: [address] } : { notReadyAddresses: [address] };
    if (ports.length === 0) return clusterIP === 'None' ? [lists] : [];
    return endpointPorts(service, pod).map(({ name = '', port = 0, protocol = 'TCP', appProtocol }) => ({
      ...lists,
      ports: [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }],
    }));
  });
}

/**
 * What the Endpoints of a Service with a selector come to; `current` itself where nothing is to be written, so labels that somebody else put
 * there stay until the next change. `pods`: those that the selector matches.
 */
export function reconcileEndpoints(service: Service, pods: readonly Pod[], current?: Endpoints): Endpoints {
  const { name, namespace = 'default', labels = {} } = service.metadata;
  const packed = packSubsets(subsetsOf(service, pods));
  const { subsets, truncated } = truncateSubsets(packed);
  if (current) {
    const own = withoutKeys(current.metadata.labels, new Set([HEADLESS, MANAGED_BY]));
    const isMarked = current.metadata.annotations?.[OVER_CAPACITY] !== undefined;
    if (sameSubsets(current.subsets ?? [], packed) && sameLabels(own, labels) && !isMarked) return current;
  }
  const annotations = withoutKeys(current?.metadata.annotations, new Set([OVER_CAPACITY]));
  if (truncated) annotations[OVER_CAPACITY] = 'truncated';
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...current?.metadata,
      name,
      namespace,
      labels: {
        ...withoutKeys(labels, new Set([HEADLESS])),
        [MANAGED_BY]: CONTROLLER,
        ...(!hasClusterIP(service) && { [HEADLESS]: '' }),
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    subsets,
  };
}
