/** Small Services and EndpointSlices for the tests of this folder. */
import type { EndpointSlice, IPFamily, Service } from '../objects/kube.ts';
import type { ProxyConfig, ProxyNode } from './proxy.ts';

export function service(name: string, spec: Partial<Service['spec']>, ingress: string[] = []): Service {
  const [namespace = '', own = ''] = name.split('/');
  const clusterIP = spec.clusterIP ?? '10.96.0.10';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: own, namespace },
    spec: {
      type: 'ClusterIP',
      clusterIPs: [clusterIP],
      ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
      sessionAffinity: 'None',
      ...spec,
      clusterIP,
    },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
  };
}

export interface EndpointSketch {
  ip: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  zones?: string[];
  nodes?: string[];
}

export function slice(
  service: string,
  endpoints: EndpointSketch[],
  options: { name?: string; family?: IPFamily; port?: number; portName?: string; protocol?: 'TCP' | 'UDP' } = {},
): EndpointSlice {
  const [namespace = '', own = ''] = service.split('/');
  const { name = `${own}-1`, family = 'IPv4', port = 8080, portName = 'http', protocol = 'TCP' } = options;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': own } },
    addressType: family,
    endpoints: endpoints.map(({ ip, node, ready = true, serving = ready, terminating = false, zones, nodes }) => ({
      addresses: [ip],
      conditions: { ready, serving, terminating },
      ...(node !== undefined && { nodeName: node }),
      hints: {
        ...(zones && { forZones: zones.map((zone) => ({ name: zone })) }),
        ...(nodes && { forNodes: nodes.map((hinted) => ({ name: hinted })) }),
      },
    })),
    ports: [{ name: portName, protocol, port }],
  };
}

export const CONFIG: ProxyConfig = {
  clusterCIDRs: ['10.244.0.0/16'],
  detectLocalMode: 'ClusterCIDR',
  nodePortAddresses: [],
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: true,
  conntrackTCPLiberal: false,
  randomFully: true,
  nfacctCounters: false,
};

export function node(name: string, number: number, zone = ''): ProxyNode {
  return {
    name,
    nodeIPs: { IPv4: `192.0.2.${number}`, IPv6: `2001:db8::${number}` },
    interfaceAddresses: ['127.0.0.1/8', `192.0.2.${number}/24`, '::1/128', `2001:db8::${number}/64`],
    topologyLabels: zone === '' ? {} : { 'topology.kubernetes.io/zone': zone },
    podCIDRs: [`10.244.${number}.0/24`],
  };
}

export const NODES = [node('n1', 1, 'z1'), node('n2', 2, 'z1'), node('n3', 3, 'z2'), node('n4', 4)];
