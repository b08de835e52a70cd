import { readFileSync } from 'node:fs';
import { createEngine } from '@podwire/engine';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from './answer-json.ts';
import { compareModes } from './compare.ts';
import type { CompareAnswer, DifferenceReason, FlowDifference } from './compare-answer.ts';
import { openSession } from './session.ts';
import { lineOf, SHOP, source } from './shop.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/comparison.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

type Mode = 'iptables' | 'nftables' | 'ipvs';

async function compare(text: string, modes: [Mode, Mode] = ['iptables', 'nftables']): Promise<CompareAnswer> {
  const files = [source(text)];
  const [left, right] = await Promise.all(modes.map((proxyMode) => openSession({ files, overrides: { proxyMode } })));
  if (!left || !right) throw new Error('a session is missing');
  const answer = compareModes(await createEngine(), [left, right]);
  validate(JSON.parse(answerJson(answer)));
  expect(validate.errors).toBeNull();
  return answer;
}

const of = ({ differences }: CompareAnswer, reason: DifferenceReason): FlowDifference[] =>
  differences.filter((difference) => difference.reason === reason);

const verdicts = ({ sides }: FlowDifference) => sides.map(({ verdict }) => verdict);

const service = (name: string, spec: string, ingress = ''): string => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: ${spec}
${ingress === '' ? '' : `status: {loadBalancer: {ingress: [{ip: ${ingress}}]}}`}
`;

const PROXY = (more: string): string => `
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
${more}
`;

test('the same mode twice differs in nothing', async () => {
  const answer = await compare(SHOP, ['nftables', 'nftables']);
  expect(answer.flows).toBeGreaterThan(20);
  expect(answer.differences).toEqual([]);
});

test('node ports on loopback and on the address of the bridge are served in one mode alone', async () => {
  const answer = await compare(SHOP);
  expect(answer).toMatchObject({ kind: 'Comparison', modes: ['iptables', 'nftables'] });
  const loopback = of(answer, 'localhost-node-ports');
  expect(loopback.length).toBeGreaterThan(0);
  for (const difference of loopback) {
    expect(difference).toMatchObject({
      service: 'shop/web',
      from: { place: { kind: 'node' } },
      to: { address: '127.0.0.1', port: 30080, object: { line: lineOf(SHOP, 'nodePort: 30080') } },
    });
    expect(verdicts(difference)).toEqual(['delivered', 'refused']);
  }
  const bridge = of(answer, 'node-port-addresses');
  expect(new Set(bridge.map(({ to }) => to.address))).toContain('10.244.0.1');
  expect(bridge.every(({ from }) => from.place.kind !== 'external')).toBe(true);
  expect(new Set(answer.differences.map(({ reason }) => reason))).toEqual(
    new Set(['localhost-node-ports', 'node-port-addresses', 'closed-cluster-ip-port', 'ping-to-cluster-ip']),
  );
});

test('with the same addresses for node ports, loopback alone is left', async () => {
  const answer = await compare(SHOP + PROXY('nodePortAddresses: [0.0.0.0/0]'));
  expect(of(answer, 'node-port-addresses')).toEqual([]);
  expect(of(answer, 'localhost-node-ports').length).toBeGreaterThan(0);
});

test('what comes to no port of a cluster IP is rejected, and the rule says so', async () => {
  const [closed] = of(await compare(SHOP), 'closed-cluster-ip-port');
  expect(closed && verdicts(closed)).toEqual(['dropped', 'rejected']);
  expect(closed?.sides[1]).toMatchObject({ reason: 'no-such-service-port', symptom: 'connection refused' });
  expect(closed?.sides[1].decisive?.text).toContain('@cluster-ips reject');
});

test('each mode reads its own section: masqueradeAll in one of them shows in the source', async () => {
  const answer = await compare(SHOP + PROXY('iptables: {masqueradeAll: true}'));
  const masquerade = of(answer, 'masquerade');
  expect(masquerade.length).toBeGreaterThan(0);
  for (const { differs, sides, to } of masquerade) {
    expect(differs).toEqual(['source']);
    expect(to.addressKind).toBe('clusterIP');
    expect(sides[0].endpoints.every(({ sourceKept }) => !sourceKept)).toBe(true);
    expect(sides[1].endpoints.some(({ sourceKept }) => sourceKept)).toBe(true);
  }
  expect(answer.notes.map(({ code }) => code)).toContain('own-section');
});

test('a blocked source and no endpoint: which of both is told', async () => {
  const spec =
    '{type: LoadBalancer, selector: {app: nobody}, loadBalancerSourceRanges: [192.0.2.0/24], ports: [{port: 80}]}';
  const answer = await compare(SHOP + service('closed', spec, '198.51.100.7'));
  const [first] = of(answer, 'firewall-first').filter(({ from }) => from.name === 'external');
  expect(first && verdicts(first)).toEqual(['rejected', 'dropped']);
});

test('an address that two Services share leads to either', async () => {
  const spec = (app: string) =>
    `{selector: {app: ${app}}, externalIPs: [198.51.100.9], ports: [{port: 80, targetPort: 8080}]}`;
  const answer = await compare(SHOP + service('a', spec('api')) + service('b', spec('web')));
  const shared = of(answer, 'shared-address');
  expect(shared.length).toBeGreaterThan(0);
  expect(shared.every(({ differs }) => differs.includes('endpoints'))).toBe(true);
});

test('clients of Services with affinity are told of once', async () => {
  const spec = '{selector: {app: api}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080}]}';
  const { notes } = await compare(SHOP + service('sticky', spec));
  expect(notes.find(({ code }) => code === 'affinity-starts-anew')?.text).toContain('svc/shop/sticky');
});

test('a mode that is not modelled cannot be compared', async () => {
  await expect(compare(SHOP, ['iptables', 'none' as Mode])).rejects.toThrow('not modelled');
});

test('IPVS mode keeps to the endpoints of the node under policy Local, and refuses what iptables mode passes on', async () => {
  const local = service(
    'near',
    '{type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}',
    '203.0.113.6',
  );
  const answer = await compare(SHOP + local, ['iptables', 'ipvs']);
  const near = of(answer, 'local-policy');
  expect(near.length).toBeGreaterThan(0);
  expect(new Set(near.map(({ service: key }) => key))).toEqual(new Set(['shop/near']));
  // From a node with an endpoint: all of them, and its own.
  const own = near.find(({ from, to }) => from.name === 'node/node-1' && to.addressKind === 'loadBalancerIP');
  expect(own?.sides.map(({ endpoints }) => new Set(endpoints.map(({ place }) => place.node)).size)).toEqual([2, 1]);
  for (const difference of of(answer, 'closed-cluster-ip-port'))
    expect(verdicts(difference)).toEqual(['dropped', 'rejected']);
  for (const difference of of(answer, 'localhost-node-ports')) expect(verdicts(difference)[1]).toBe('refused');
  const known = ['local-policy', 'closed-cluster-ip-port', 'ping-to-cluster-ip', 'localhost-node-ports'];
  expect([...new Set(answer.differences.map(({ reason }) => reason))].filter((one) => !known.includes(one))).toEqual(
    [],
  );
});
