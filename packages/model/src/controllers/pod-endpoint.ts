/**
 * What one Pod is for one Service: the endpoint that the controller writes of it, and the ports it offers (staging/src/k8s.io/endpointslice:
 * utils.go, util/controller_utils.go).
 */

import type { Endpoint, EndpointPort, IPFamily, Node, Pod, Service, ServicePort } from '../objects/kube.ts';
import { declaredPorts, isOver, isPodReady, podIPTexts } from '../objects/pod-facts.ts';
import { canonicalIP } from '../proxy/ip.ts';

const ZONE = 'topology.kubernetes.io/zone';

/** The container port that a Service port leads to on a pod (`FindPort`); undefined where no container has a port of that name and protocol. */
export function findPort(pod: Pick<Pod, 'spec'>, port: ServicePort): number | undefined {
  const target =
    port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '' ? port.port : port.targetPort;
  if (typeof target === 'number') return target;
  for (const declared of declaredPorts(pod)) {
    if (declared.name === target && (declared.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))
      return declared.containerPort;
  }
  return undefined;
}

/** The ports of a slice that holds this pod: those Service ports that the pod has (`getEndpointPorts`). */
export function endpointPorts(service: Service, pod: Pick<Pod, 'spec'>): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = findPort(pod, port);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

/**
 * Whether a pod is listed at all (`ShouldPodBeInEndpoints`): ended pods and those without an address are not. Slices keep terminating pods
 * until they are gone; Endpoints only with publishNotReadyAddresses.
 */
export function isPodInEndpoints(pod: Pod, includeTerminating: boolean): boolean {
  if (isOver(pod) || podIPTexts(pod).length === 0) return false;
  return includeTerminating || !isTerminating(pod);
}

export function isTerminating(pod: Pod): boolean {
  return Boolean(pod.metadata.deletionTimestamp);
}

/** A pod with a hostname whose subdomain is the Service has a name of its own in DNS (`ShouldSetHostname`). */
export function hasEndpointHostname(pod: Pod, service: Service): boolean {
  const { hostname = '', subdomain } = pod.spec;
  return (
    hostname !== '' &&
    subdomain === service.metadata.name &&
    (pod.metadata.namespace ?? 'default') === (service.metadata.namespace ?? 'default')
  );
}

/** How Go prints an address that it could not read; no API server stores one. */
const UNREADABLE = '<nil>';

/**
 * The pod's addresses of one family, in canonical form (`getEndpointAddresses`). What cannot be read counts as IPv4. `podIP` only counts where
 * `podIPs` is not there, as for the API server.
 */
export function endpointAddresses({ status = {} }: Pod, family: IPFamily): string[] {
  const texts = status.podIPs?.map(({ ip }) => ip) ?? (status.podIP ? [status.podIP] : []);
  return texts.flatMap((text) => {
    const ip = canonicalIP(text) ?? UNREADABLE;
    return ip.includes(':') === (family === 'IPv6') ? ip : [];
  });
}

/** A reference that a controller writes; the uid is missing where the input has none. */
export function targetRefOf({ metadata }: Pod): NonNullable<Endpoint['targetRef']> {
  const { namespace = 'default', name, uid } = metadata;
  return { kind: 'Pod', namespace, name, ...(uid !== undefined && { uid }) };
}

/** The endpoint of a pod without hints (`podToEndpoint`); `node` is the Node that it runs on, if there is one. */
export function podToEndpoint(pod: Pod, node: Node | undefined, service: Service, family: IPFamily): Endpoint {
  const serving = isPodReady(pod);
  const terminating = isTerminating(pod);
  const zone = node?.metadata.labels?.[ZONE];
  const { hostname, nodeName } = pod.spec;
  return {
    addresses: endpointAddresses(pod, family),
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    targetRef: targetRefOf(pod),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hostname !== undefined && hasEndpointHostname(pod, service) && { hostname }),
  };
}

/** Only `ready: true` counts: the controllers always write the condition. */
export function isEndpointReady({ conditions }: Pick<Endpoint, 'conditions'>): boolean {
  return conditions?.ready === true;
}
