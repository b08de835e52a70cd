import { expect, test } from 'vitest';
import { buildCluster } from '../cluster/build.ts';
import { readSources } from '../read/read.ts';
import { policiesSelecting } from './policies.ts';
import { source } from './shop.ts';

const PODS = ['web', 'api', 'host']
  .map(
    (name) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}
spec: {${name === 'host' ? 'hostNetwork: true, ' : ''}containers: [{name: c}]}
---`,
  )
  .join('');

const policy = (name: string, namespace: string, spec: string) => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec: {${spec}}
---`;

const POLICIES = [
  policy('all', 'shop', 'podSelector: {}'),
  policy('web-out', 'shop', 'podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]'),
  policy('web-both', 'shop', 'podSelector: {matchLabels: {app: web}}, egress: [{}]'),
  policy(
    'api-in',
    'shop',
    'podSelector: {matchExpressions: [{key: app, operator: In, values: [api]}]}, policyTypes: [Ingress]',
  ),
  policy('other', 'elsewhere', 'podSelector: {}'),
].join('');

// Defaulting of policyTypes: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
test.each([
  ['shop/web', 'Ingress', ['all', 'web-both']],
  ['shop/web', 'Egress', ['web-both', 'web-out']],
  ['shop/api', 'Ingress', ['all', 'api-in']],
  ['shop/api', 'Egress', []],
  ['shop/host', 'Ingress', []],
  ['shop/gone', 'Ingress', []],
] as const)('%s %s', async (pod, direction, names) => {
  const cluster = buildCluster(await readSources([source(PODS + POLICIES)]));
  expect(policiesSelecting(cluster, pod, direction).map((p) => p.object.metadata.name)).toEqual(names);
});
