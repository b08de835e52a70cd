import { describe, expect, it } from 'vitest';
import { defaultObject } from './defaults.ts';
import type { KubeObject } from './kube.ts';

function made(apiVersion: string, kind: string, spec?: unknown, rest: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: { name: 'web', namespace: 'shop' },
    ...(spec === undefined ? {} : { spec }),
    ...rest,
  };
}

const podSpec = { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always' };
const container = { name: 'main', ports: [{ containerPort: 80 }] };
const filledContainer = { name: 'main', ports: [{ containerPort: 80, protocol: 'TCP' }] };
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } };
const filledTemplate = { metadata: { labels: { app: 'web' } }, spec: { ...podSpec, containers: [filledContainer] } };

/** Given and stored spec; the stored ones are what a v1.36 API server answers. */
const specs: [title: string, apiVersion: string, kind: string, given: unknown, stored: unknown][] = [
  [
    'a Service',
    'v1',
    'Service',
    { ports: [{ port: 80 }, { port: 53, protocol: 'UDP', targetPort: 'dns' }] },
    {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [
        { port: 80, protocol: 'TCP', targetPort: 80 },
        { port: 53, protocol: 'UDP', targetPort: 'dns' },
      ],
    },
  ],
  [
    'a NodePort Service with affinity',
    'v1',
    'Service',
    { type: 'NodePort', sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local' },
    {
      type: 'NodePort',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
    },
  ],
  [
    'a Service with external addresses',
    'v1',
    'Service',
    { externalIPs: ['192.0.2.1'], clusterIP: '10.96.0.7' },
    {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      externalIPs: ['192.0.2.1'],
      externalTrafficPolicy: 'Cluster',
      internalTrafficPolicy: 'Cluster',
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7'],
    },
  ],
  [
    'a LoadBalancer Service',
    'v1',
    'Service',
    { type: 'LoadBalancer' },
    {
      type: 'LoadBalancer',
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
      internalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
    },
  ],
  [
    'an ExternalName Service',
    'v1',
    'Service',
    { type: 'ExternalName', externalName: 'db.example.com' },
    { type: 'ExternalName', externalName: 'db.example.com', sessionAffinity: 'None' },
  ],
  [
    'an ExternalName Service with a policy',
    'v1',
    'Service',
    { type: 'ExternalName', externalName: 'db.example.com', internalTrafficPolicy: 'Local' },
    { type: 'ExternalName', externalName: 'db.example.com', sessionAffinity: 'None' },
  ],
  [
    'a Service with empty words',
    'v1',
    'Service',
    { type: '', sessionAffinity: '', externalTrafficPolicy: '', ports: [{ port: 80, protocol: '' }] },
    {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    },
  ],
  [
    'a Service with a time of affinity, but without affinity',
    'v1',
    'Service',
    { sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } } },
    { type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster' },
  ],
  [
    'a Pod',
    'v1',
    'Pod',
    { containers: [container], restartPolicy: 'Never' },
    { ...podSpec, restartPolicy: 'Never', serviceAccountName: 'default', containers: [filledContainer] },
  ],
  [
    "a Pod in the host's network",
    'v1',
    'Pod',
    { hostNetwork: true, serviceAccount: 'agent', containers: [container] },
    {
      ...podSpec,
      hostNetwork: true,
      serviceAccount: 'agent',
      serviceAccountName: 'agent',
      containers: [{ name: 'main', ports: [{ containerPort: 80, protocol: 'TCP', hostPort: 80 }] }],
    },
  ],
  ['a Deployment', 'apps/v1', 'Deployment', { template }, { replicas: 1, template: filledTemplate }],
  [
    'a Deployment of no replicas',
    'apps/v1',
    'Deployment',
    { replicas: 0, template },
    { replicas: 0, template: filledTemplate },
  ],
  [
    'a Deployment of extensions, whose selector follows from its template',
    'extensions/v1beta1',
    'Deployment',
    { template },
    { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: filledTemplate },
  ],
  [
    'a ReplicationController',
    'v1',
    'ReplicationController',
    { selector: {}, template },
    { replicas: 1, selector: { app: 'web' }, template: filledTemplate },
  ],
  ['a DaemonSet', 'apps/v1', 'DaemonSet', { template }, { template: filledTemplate }],
  [
    'a Job',
    'batch/v1',
    'Job',
    { template },
    { suspend: false, completions: 1, parallelism: 1, template: filledTemplate },
  ],
  [
    'a Job that is a work queue',
    'batch/v1',
    'Job',
    { parallelism: 3, template },
    { suspend: false, parallelism: 3, template: filledTemplate },
  ],
  [
    'a CronJob',
    'batch/v1',
    'CronJob',
    { jobTemplate: { spec: { template } } },
    { suspend: false, jobTemplate: { spec: { template: filledTemplate } } },
  ],
  [
    'a NetworkPolicy about ingress',
    'networking.k8s.io/v1',
    'NetworkPolicy',
    { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }], egress: [] },
    { podSelector: {}, ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }], egress: [], policyTypes: ['Ingress'] },
  ],
  [
    'a NetworkPolicy about both',
    'networking.k8s.io/v1',
    'NetworkPolicy',
    { podSelector: {}, egress: [{}], policyTypes: [] },
    { podSelector: {}, egress: [{}], policyTypes: ['Ingress', 'Egress'] },
  ],
  ['a Node', 'v1', 'Node', { podCIDR: '10.244.1.0/24' }, { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] }],
  ['a custom resource of the same name', 'serving.knative.dev/v1', 'Service', { ports: [{}] }, { ports: [{}] }],
];

describe('defaultObject', () => {
  it.each(specs)('fills in %s', (_, apiVersion, kind, given, stored) => {
    const object = made(apiVersion, kind, given);
    const before = structuredClone(object);
    expect(defaultObject(object).spec).toEqual(stored);
    expect(object).toEqual(before);
  });

  it.each(specs)('returns a stored object itself: %s', (_, apiVersion, kind, given) => {
    const stored = defaultObject(made(apiVersion, kind, given));
    expect(defaultObject(stored)).toBe(stored);
  });

  it('gives old versions the current one', () => {
    expect(defaultObject(made('extensions/v1beta1', 'Deployment', { template })).apiVersion).toBe('apps/v1');
    expect(defaultObject(made('extensions/v1beta1', 'NetworkPolicy', {})).apiVersion).toBe('networking.k8s.io/v1');
  });

  it('reads node and zone of an endpoint from the topology of v1beta1', () => {
    const topology = { 'kubernetes.io/hostname': 'worker-1', 'topology.kubernetes.io/zone': 'z2' };
    const endpoints = [
      { addresses: ['10.0.0.1'], topology },
      { addresses: ['10.0.0.2'], nodeName: 'worker-2' },
    ];
    const slice = made('discovery.k8s.io/v1beta1', 'EndpointSlice', undefined, { endpoints, ports: [{ port: 80 }] });
    expect(defaultObject(slice)).toMatchObject({
      apiVersion: 'discovery.k8s.io/v1',
      endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'worker-1', zone: 'z2' }, { nodeName: 'worker-2' }],
      ports: [{ name: '', protocol: 'TCP', port: 80 }],
    });
  });

  it('gives addresses of a status in both forms', () => {
    const pod = made('v1', 'Pod', {}, { status: { podIP: '10.0.0.1', hostIP: '192.0.2.1' } });
    expect(defaultObject(pod).status).toMatchObject({ podIPs: [{ ip: '10.0.0.1' }], hostIPs: [{ ip: '192.0.2.1' }] });
    const balancer = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { hostname: 'lb.example.com' }] } } };
    const service = made('v1', 'Service', { type: 'LoadBalancer' }, balancer);
    const ingress = [{ ip: '192.0.2.2', ipMode: 'VIP' }, { hostname: 'lb.example.com' }];
    expect(defaultObject(service).status).toEqual({ loadBalancer: { ingress } });
  });

  it('labels a Namespace with its name', () => {
    const labels = defaultObject(made('v1', 'Namespace')).metadata.labels;
    expect(labels).toEqual({ 'kubernetes.io/metadata.name': 'web' });
  });
});
