/** The rows of Cilium's three load balancer tables. (pkg/loadbalancer: service.go, frontend.go, backend.go) */
import type { EndpointSlice, Pod, Service } from '../../objects/kube.ts';
import type { LbAddress } from './address.ts';

export type TrafficPolicy = 'Cluster' | 'Local';
export type LbAlgorithm = 'random' | 'maglev';
export type ForwardingMode = 'snat' | 'dsr';
/** Where the knowledge comes from: the API server, or a file with `--lb-state-file`. */
export type LbSource = 'k8s' | 'api';

/** Redirects traffic for a Service to a proxy on the node: what Cilium's Ingress and Gateway do. */
export interface ProxyRedirect {
  proxyPort: number;
  /** Service ports that are redirected; none: all. */
  ports: readonly number[];
}

export interface LbService {
  /** `namespace/name`; `namespace/pod:host-port:PORT:UID` for a host port. */
  name: string;
  source: LbSource;
  annotations: Readonly<Record<string, string>>;
  externalTrafficPolicy: TrafficPolicy;
  internalTrafficPolicy: TrafficPolicy;
  /** What the annotation asks for, where annotations are looked at. */
  forwardingMode?: ForwardingMode;
  /** Seconds; absent: none. */
  affinitySeconds?: number;
  loadBalancerClass?: string;
  proxyRedirect?: ProxyRedirect;
  /** 0: none. */
  healthCheckNodePort: number;
  /** A host port that only the node itself may use. */
  loopbackHostPort: boolean;
  /** Canonical prefixes. */
  sourceRanges: readonly string[];
  /** In the order of `spec.ports`; the last of a name counts. */
  portNames: ReadonlyMap<string, number>;
  preferClose: boolean;
  /** What it was made of. */
  object: Service | Pod;
}

export type FrontendType = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalIPs' | 'HostPort' | 'LocalRedirect';

export interface FrontendParams {
  address: LbAddress;
  type: FrontendType;
  /** `''`: any port of a backend that has the protocol. */
  portName: string;
  /** `spec.ports[].port`. */
  servicePort: number;
  /** Index into `spec.ports`, or of the container's port. */
  port: number;
}

export interface LbFrontend extends FrontendParams {
  service: LbService;
  /** `namespace/name` of a Service whose backends stand in. */
  redirectTo?: string;
  backends: readonly BackendUse[];
  /** `Pending` until the datapath's maps follow. */
  status: 'Pending' | 'Done' | 'Error';
  error: string;
  /** Grows with each change of any frontend. */
  revision: number;
}

/** In the order in which Cilium sorts them. */
export const BACKEND_STATES = ['active', 'terminating', 'quarantined', 'maintenance'] as const;
export type BackendState = (typeof BACKEND_STATES)[number];

/** A backend as one Service sees it. */
export interface BackendParams {
  address: LbAddress;
  portNames: readonly string[];
  /** Empty: on no node. */
  nodeName: string;
  zone: string;
  zoneHints: readonly string[];
  state: BackendState;
  source: LbSource;
  unhealthy: boolean;
  /** A health checker has said something about it. */
  healthKnown: boolean;
  /** The slice and the endpoint in it; absent for a host port's pod. */
  slice?: EndpointSlice;
  endpoint?: number;
}

export interface LbBackend {
  address: LbAddress;
  /** By Service, then by source: what stands first of a Service counts, the rest are its shadows. */
  instances: readonly { service: string; params: BackendParams }[];
  revision: number;
}

/** A backend that a frontend may choose. */
export interface BackendUse {
  params: BackendParams;
  revision: number;
}
