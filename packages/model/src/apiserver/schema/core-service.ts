/** Services and Endpoints: core/v1/types.go. */
import { condition, type Draft, root } from './meta.ts';
import { intOrString } from './scalars.ts';
import { always, bool, int32, list, map, type Of, pointer, string, struct, text } from './type.ts';

const servicePort = struct('v1.ServicePort', {
  name: string,
  protocol: text('v1.Protocol'),
  appProtocol: pointer(string),
  port: always(int32),
  targetPort: intOrString,
  nodePort: int32,
});

const sessionAffinityConfig = struct('v1.SessionAffinityConfig', {
  clientIP: pointer(struct('v1.ClientIPConfig', { timeoutSeconds: pointer(int32) })),
});

const serviceSpec = struct('v1.ServiceSpec', {
  ports: list(servicePort),
  selector: map(string),
  clusterIP: string,
  clusterIPs: list(string),
  type: text('v1.ServiceType'),
  externalIPs: list(string),
  sessionAffinity: text('v1.ServiceAffinity'),
  loadBalancerIP: string,
  loadBalancerSourceRanges: list(string),
  externalName: string,
  externalTrafficPolicy: text('v1.ServiceExternalTrafficPolicy'),
  healthCheckNodePort: int32,
  publishNotReadyAddresses: bool,
  sessionAffinityConfig: pointer(sessionAffinityConfig),
  ipFamilies: list(text('v1.IPFamily')),
  ipFamilyPolicy: pointer(text('v1.IPFamilyPolicy')),
  allocateLoadBalancerNodePorts: pointer(bool),
  loadBalancerClass: pointer(string),
  internalTrafficPolicy: pointer(text('v1.ServiceInternalTrafficPolicy')),
  trafficDistribution: pointer(string),
});

const portStatus = struct('v1.PortStatus', {
  port: always(int32),
  protocol: always(text('v1.Protocol')),
  error: pointer(string),
});

const loadBalancerIngress = struct('v1.LoadBalancerIngress', {
  ip: string,
  hostname: string,
  ipMode: pointer(text('v1.LoadBalancerIPMode')),
  ports: list(portStatus),
});

const loadBalancerStatus = struct('v1.LoadBalancerStatus', { ingress: list(loadBalancerIngress) });

const serviceStatus = struct('v1.ServiceStatus', {
  loadBalancer: loadBalancerStatus,
  conditions: list(condition),
});

export const service = root('v1.Service', { spec: serviceSpec, status: serviceStatus });

export type ServicePort = Of<typeof servicePort>;
export type Service = Draft & Of<typeof service>;

/** core/v1.ObjectReference. */
export const objectReference = struct('v1.ObjectReference', {
  kind: string,
  namespace: string,
  name: string,
  uid: text('types.UID'),
  apiVersion: string,
  resourceVersion: string,
  fieldPath: string,
});

const endpointAddress = struct('v1.EndpointAddress', {
  ip: always(string),
  hostname: string,
  nodeName: pointer(string),
  targetRef: pointer(objectReference),
});

const endpointPort = struct('v1.EndpointPort', {
  name: string,
  port: always(int32),
  protocol: text('v1.Protocol'),
  appProtocol: pointer(string),
});

const endpointSubset = struct('v1.EndpointSubset', {
  addresses: list(endpointAddress),
  notReadyAddresses: list(endpointAddress),
  ports: list(endpointPort),
});

export const endpoints = root('v1.Endpoints', { subsets: list(endpointSubset) });

export type EndpointAddress = Of<typeof endpointAddress>;
export type EndpointPort = Of<typeof endpointPort>;
export type Endpoints = Draft & Of<typeof endpoints>;
