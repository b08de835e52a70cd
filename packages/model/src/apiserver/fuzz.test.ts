import { expect, it } from 'vitest';
import { review } from './review.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20261122);

/** Numbers from 0 to below 2^32, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const meta = {
  name: 'a',
  namespace: 'shop',
  labels: { app: 'a' },
  annotations: { a: 'b' },
  finalizers: ['a.example/b'],
};
const backend = { service: { name: 's', port: { number: 80 } } };
const objects: Record<string, unknown>[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    spec: {
      type: 'LoadBalancer',
      selector: { app: 'a' },
      ports: [{ name: 'p', port: 80, targetPort: 'http', nodePort: 30000, appProtocol: 'http' }],
      clusterIPs: ['10.0.0.1', 'fd00::1'],
      clusterIP: '10.0.0.1',
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      externalIPs: ['192.0.2.1'],
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      sessionAffinity: 'ClientIP',
    },
  },
  { apiVersion: 'v1', kind: 'Endpoints', subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], hints: { forZones: [{ name: 'z' }] }, conditions: { ready: true } }],
    ports: [{ name: 'a', port: 80 }],
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    spec: {
      podSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      ingress: [
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80, endPort: 90 }] },
      ],
    },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    spec: {
      rules: [{ host: 'a.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      tls: [{ hosts: ['a'] }],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Node',
    spec: { podCIDRs: ['10.0.0.0/24'], taints: [{ key: 'a', effect: 'NoSchedule' }] },
    status: { capacity: { cpu: '1' } },
  },
  { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e30=' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    roleRef: { kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', name: 'u' }],
  },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', spec: { minAvailable: '10%', selector: {} } },
].map((object) => ({ ...object, metadata: meta }));

const ODD: unknown[] = [
  null,
  '',
  'x',
  'None',
  '10.0.0.300',
  '::',
  '1/2/3',
  0,
  -1,
  1.5,
  2 ** 40,
  true,
  [],
  [null],
  ['', ''],
  {},
  { a: null },
  { a: { b: [] } },
  [{}],
  '\u0000é<&>',
];

/** A copy with something else at a place that is drawn. */
function changed(value: unknown, next: () => number): unknown {
  const isHolder = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isHolder || next() % 6 === 0) return ODD[next() % ODD.length];
  const copy = structuredClone(value) as Record<string, unknown>;
  const keys = Object.keys(copy);
  const key = keys[next() % keys.length] as string;
  if (next() % 8 === 0) delete copy[key];
  else copy[key] = changed(copy[key], next);
  return copy;
}

it(`answers whatever it is sent (PODWIRE_SEED=${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 4000; round++) {
    const { apiVersion, kind, ...rest } = objects[next() % objects.length] as Record<string, unknown>;
    let sent = rest;
    for (let i = next() % 3; i >= 0; i--) sent = { ...(changed(sent, next) as object) };
    // As JSON, which has no lists with holes.
    const { refused } = review(JSON.parse(JSON.stringify({ apiVersion, kind, ...sent })) as Record<string, unknown>);
    expect(refused?.message, JSON.stringify(sent)).not.toBe('');
    for (const cause of refused?.causes ?? []) expect(cause.message, JSON.stringify(sent)).not.toContain('undefined');
  }
});
