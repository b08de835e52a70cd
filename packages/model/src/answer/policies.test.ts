import { describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build.ts';
import { readSources } from '../read/read.ts';
import { otherPolicies } from './other-policies.ts';
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

const other = (apiVersion: string, kind: string, namespace: string | undefined, spec: string) => `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: {name: p${namespace === undefined ? '' : `, namespace: ${namespace}`}}
spec: ${spec}
---`;

describe('policies of other kinds', () => {
  test.each([
    [other('cilium.io/v2', 'CiliumNetworkPolicy', 'shop', '{endpointSelector: {matchLabels: {"k8s:app": web}}}'), true],
    [other('cilium.io/v2', 'CiliumNetworkPolicy', 'shop', '{endpointSelector: {matchLabels: {app: api}}}'), false],
    [other('cilium.io/v2', 'CiliumNetworkPolicy', 'elsewhere', '{endpointSelector: {}}'), false],
    [other('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', undefined, '{endpointSelector: {}}'), true],
    [other('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', undefined, '{nodeSelector: {}}'), false],
    [other('crd.projectcalico.org/v1', 'GlobalNetworkPolicy', undefined, '{selector: all()}'), true],
    [other('projectcalico.org/v3', 'NetworkPolicy', 'elsewhere', '{selector: all()}'), false],
    [other('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', undefined, '{subject: {namespaces: {}}}'), true],
    [other('example.org/v1', 'NetworkPolicy', 'shop', '{}'), false],
  ])('%s', async (text, expected) => {
    const { objects } = await readSources([source(text)]);
    expect(otherPolicies(objects).some((p) => p.maySelect('shop', { app: 'web' }))).toBe(expected);
  });
});
