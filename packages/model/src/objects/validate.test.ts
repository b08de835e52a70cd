import { describe, expect, it } from 'vitest';
import type { KubeObject } from './kube.ts';
import { fieldPath } from './refs.ts';
import { misspeltKind, validateObject } from './validate.ts';

function made(apiVersion: string, kind: string, rest: object): KubeObject {
  return { apiVersion, kind, metadata: { name: 'web' }, ...rest };
}

const service = (spec: object): KubeObject => made('v1', 'Service', { spec });
const port = { port: 80 };
const policy = (spec: object): KubeObject =>
  made('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {}, ...spec } });
const pod = (spec: object): KubeObject => made('v1', 'Pod', { spec });
const ports = (...list: object[]): KubeObject => pod({ containers: [{ name: 'c', image: 'i', ports: list }] });
const slice = (addressType: string, addresses: string[], list: object[] = []): KubeObject =>
  made('discovery.k8s.io/v1', 'EndpointSlice', { addressType, endpoints: [{ addresses }], ports: list });
const deployment = (spec: object): KubeObject => made('apps/v1', 'Deployment', { spec });

function found(object: KubeObject): string[] {
  return validateObject(object).map(({ code, path }) => `${code} ${fieldPath(path)}`);
}

/** What an API server v1.36 refuses, and the field that it names. */
const refused: [object: KubeObject, ...expected: string[]][] = [
  [service({ ports: [{ port: 0 }] }), 'bad-port spec.ports[0].port'],
  [service({ ports: [{ port: 80, targetPort: 65536 }] }), 'bad-port spec.ports[0].targetPort'],
  [service({ ports: [{ port: 80, targetPort: 'Http' }] }), 'bad-name spec.ports[0].targetPort'],
  [service({ ports: [{ port: 80, targetPort: '8080' }] }), 'bad-name spec.ports[0].targetPort'],
  [service({ ports: [{ port: 80, targetPort: 'a--b' }] }), 'bad-name spec.ports[0].targetPort'],
  [
    service({
      ports: [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
      ],
    }),
    'contradiction spec.ports[1].name',
  ],
  [
    service({
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 80 },
      ],
    }),
    'contradiction spec.ports[1]',
  ],
  [service({ ports: [{ port: 80 }, { name: 'b', port: 81 }] }), 'missing-field spec.ports[0]'],
  [service({ ports: [{ name: 'A', port: 80 }] }), 'bad-name spec.ports[0].name'],
  [service({ ports: [{ port: 80, protocol: 'tcp' }] }), 'unknown-value spec.ports[0].protocol'],
  [service({ ports: [{ port: 80, nodePort: 30080 }] }), 'contradiction spec.ports[0].nodePort'],
  [service({ ports: [port], type: 'clusterip' }), 'unknown-value spec.type'],
  [service({ ports: [port], selector: { app: 'a b' } }), 'bad-label spec.selector.app'],
  [service({ ports: [port], clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.2'] }), 'contradiction spec.clusterIPs[0]'],
  [service({ ports: [port], clusterIP: '10.0.0.1', ipFamilies: ['IPv6'] }), 'contradiction spec.clusterIP'],
  [service({ ports: [port], clusterIP: 'None', type: 'NodePort' }), 'contradiction spec.clusterIP'],
  [service({ ports: [port], ipFamilies: ['IPv4', 'IPv6'] }), 'contradiction spec.ipFamilyPolicy'],
  [service({ ports: [port], ipFamilyPolicy: 'Dual' }), 'unknown-value spec.ipFamilyPolicy'],
  [service({ type: 'ExternalName' }), 'missing-field spec.externalName'],
  [service({ type: 'ExternalName', externalName: 'http://x' }), 'bad-name spec.externalName'],
  [service({ type: 'ExternalName', externalName: 'x', clusterIP: 'None' }), 'contradiction spec.clusterIP'],
  [service({ ports: [port], externalIPs: ['x'] }), 'bad-address spec.externalIPs[0]'],
  [service({ ports: [port], externalIPs: ['127.0.0.1'] }), 'bad-address spec.externalIPs[0]'],
  [service({ ports: [port], externalTrafficPolicy: 'Local' }), 'contradiction spec.externalTrafficPolicy'],
  [
    service({ ports: [port], type: 'NodePort', externalTrafficPolicy: 'Foo' }),
    'unknown-value spec.externalTrafficPolicy',
  ],
  [service({ ports: [port], trafficDistribution: 'Nearest' }), 'unknown-value spec.trafficDistribution'],
  [
    service({ ports: [port], type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.1'] }),
    'bad-cidr spec.loadBalancerSourceRanges[0]',
  ],
  [service({ ports: [port], loadBalancerSourceRanges: ['10.0.0.0/8'] }), 'contradiction spec.loadBalancerSourceRanges'],
  [
    service({
      ports: [port],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } },
    }),
    'bad-number spec.sessionAffinityConfig.clientIP.timeoutSeconds',
  ],
  [service({ ports: [port], selectors: { app: 'a' } }), 'unknown-field spec.selectors'],
  [service({ ports: [{ port: 80, targetport: 81 }] }), 'unknown-field spec.ports[0].targetport'],
  [{ ...service({ ports: [port] }), metadata: { name: 'Web' } }, 'bad-name metadata.name'],
  [{ ...pod({ containers: [] }), metadata: { name: 'a_b' } }, 'bad-name metadata.name'],
  [
    { ...pod({ containers: [] }), metadata: { name: 'a', labels: { 'a/b/c': 'x' } } },
    'bad-label metadata.labels[a/b/c]',
  ],
  [policy({ policyTypes: ['Ingres'] }), 'unknown-value spec.policyTypes[0]'],
  [policy({ egress: [{ to: [{ ipBlock: { cidr: 'x' } }] }] }), 'bad-cidr spec.egress[0].to[0].ipBlock.cidr'],
  [
    policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/8' } }] }] }),
    'bad-cidr spec.ingress[0].from[0].ipBlock.cidr',
  ],
  [policy({ ingress: [{ from: [{ ipBlock: {} }] }] }), 'missing-field spec.ingress[0].from[0].ipBlock.cidr'],
  [
    policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] }),
    'contradiction spec.ingress[0].from[0].ipBlock.except[0]',
  ],
  [
    policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }] }] }),
    'contradiction spec.ingress[0].from[0].ipBlock.except[0]',
  ],
  [
    policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }] }] }),
    'contradiction spec.ingress[0].from[0]',
  ],
  [policy({ ingress: [{ from: [{}] }] }), 'missing-field spec.ingress[0].from[0]'],
  [policy({ ingress: [{ to: [] }] }), 'unknown-field spec.ingress[0].to'],
  [policy({ ingress: [{ ports: [{ port: 90, endPort: 80 }] }] }), 'contradiction spec.ingress[0].ports[0].endPort'],
  [policy({ ingress: [{ ports: [{ port: 'http', endPort: 80 }] }] }), 'contradiction spec.ingress[0].ports[0].endPort'],
  [policy({ ingress: [{ ports: [{ port: 'a-very-long-port-name' }] }] }), 'bad-name spec.ingress[0].ports[0].port'],
  [policy({ podSelector: { matchLabel: {} } }), 'unknown-field spec.podSelector.matchLabel'],
  [
    policy({ podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
    'missing-field spec.podSelector.matchExpressions[0].values',
  ],
  [
    policy({
      egress: [{ to: [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'in', values: ['b'] }] } }] }],
    }),
    'unknown-value spec.egress[0].to[0].podSelector.matchExpressions[0].operator',
  ],
  [ports({ containerPort: 80, protocol: 'tcp' }), 'unknown-value spec.containers[0].ports[0].protocol'],
  [ports({ containerPort: 80, name: 'Http' }), 'bad-name spec.containers[0].ports[0].name'],
  [ports({ containerPort: 0 }), 'bad-port spec.containers[0].ports[0].containerPort'],
  [
    ports({ containerPort: 80, hostPort: 80 }, { containerPort: 81, hostPort: 80 }),
    'contradiction spec.containers[0].ports[1].hostPort',
  ],
  [pod({ containers: [], dnsPolicy: 'None' }), 'missing-field spec.dnsConfig'],
  [pod({ containers: [], subdomain: 'S_' }), 'bad-name spec.subdomain'],
  [pod({ containers: [], hostnetwork: true }), 'unknown-field spec.hostnetwork'],
  [deployment({ template: { spec: {} } }), 'missing-field spec.selector'],
  [
    deployment({ selector: {}, template: { spec: { restartPolicy: 'Never' } } }),
    'contradiction spec.template.spec.restartPolicy',
  ],
  [deployment({ selector: {}, replicas: -1 }), 'bad-number spec.replicas'],
  [slice('IPv5', []), 'unknown-value addressType', 'missing-field endpoints[0].addresses'],
  [slice('IPv4', ['2001:db8::1']), 'contradiction endpoints[0].addresses[0]'],
  [slice('IPv6', ['fe80::1']), 'bad-address endpoints[0].addresses[0]'],
  [slice('IPv4', ['127.0.0.1']), 'bad-address endpoints[0].addresses[0]'],
  [slice('IPv4', ['10.0.0.1'], [{ port: 80 }, { port: 81 }]), 'contradiction ports[1].name'],
];

/** What it accepts, odd as it may look. */
const accepted: KubeObject[] = [
  service({ ports: [{ port: 80, protocol: '', targetPort: 0 }], type: '', sessionAffinity: '' }),
  service({ type: 'ExternalName', externalName: 'db.example.com.', ports: [{ port: 80, nodePort: 30000 }] }),
  service({
    ports: [
      { name: 'a', port: 53 },
      { name: 'b', port: 53, protocol: 'UDP' },
    ],
  }),
  service({ ports: [port], externalIPs: ['192.0.2.1'], externalTrafficPolicy: 'Local' }),
  service({ ports: [port], clusterIP: 'None', clusterIPs: ['None'] }),
  service({ ports: [port], ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6', 'IPv4'] }),
  service({ ports: [port], type: 'LoadBalancer', loadBalancerSourceRanges: [' 10.0.0.0/8 '] }),
  policy({ ingress: [{}], egress: [] }),
  policy({
    ingress: [
      { from: [{ podSelector: {} }, { namespaceSelector: {} }], ports: [{ port: 'http' }, { port: 1, endPort: 9 }] },
    ],
  }),
  policy({ ingress: [{ from: [{ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } }] }] }),
  slice('FQDN', ['a.example.com'], [{ port: 0 }]),
  slice('IPv4', ['10.0.0.1', '10.0.0.2'], [{ name: '' }, { name: 'a' }]),
  deployment({ selector: { matchLabels: {} }, template: { spec: { containers: [] } } }),
  made('batch/v1', 'Job', { spec: { template: { spec: { containers: [], restartPolicy: 'OnFailure' } } } }),
  made('serving.knative.dev/v1', 'Service', { spec: { template: {}, selectors: 1 } }),
];

describe('validateObject', () => {
  it.each(refused.map(([object, ...expected]) => [expected.join(', '), object, expected] as const))(
    'finds %s',
    (_, object, expected) => {
      expect(found(object)).toEqual(expected);
      for (const { message } of validateObject(object)) expect(message).not.toBe('');
    },
  );

  it.each(accepted.map((object) => [JSON.stringify(object.spec ?? object.endpoints), object] as const))(
    'accepts %s',
    (_, object) => {
      expect(found(object)).toEqual([]);
    },
  );

  it('says what was probably meant', () => {
    const mend = (object: KubeObject) => validateObject(object)[0]?.mend;
    expect(mend(service({ ports: [port], selectors: {} }))).toBe('Did you mean selector?');
    expect(mend(service({ ports: [port], type: 'Nodeport' }))).toBe('Did you mean NodePort?');
    expect(mend(policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1' } }] }] }))).toBe(
      'Did you mean 10.0.0.1/32?',
    );
    expect(mend(service({ ports: [{ port: 80, targetPort: '8080' }] }))).toBe('Take the quotes off.');
    expect(mend(policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.1.2.3/8' } }] }] }))).toContain('10.0.0.0/8');
  });
});

describe('misspeltKind', () => {
  it.each([
    ['apps/v1', 'Deploymnt', 'kind', 'Did you mean Deployment?'],
    ['v1', 'Deployment', 'apiVersion', 'Did you mean apiVersion: apps/v1?'],
    ['k8sV1', 'NetworkPolicy', 'apiVersion', 'Did you mean apiVersion: networking.k8s.io/v1?'],
  ])('%s %s', (apiVersion, kind, field, mend) => {
    expect(misspeltKind(made(apiVersion, kind, {}))).toMatchObject({ path: [field], mend });
  });

  it.each([
    ['extensions/v1beta1', 'Deployment'],
    ['serving.knative.dev/v1', 'Servic'],
    ['v1', 'Zebra'],
    ['v1', 'Service'],
  ])('leaves %s %s alone', (apiVersion, kind) => {
    expect(misspeltKind(made(apiVersion, kind, {}))).toBeUndefined();
  });
});
