import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { problemsOf } from '../cluster/testing.ts';
import { answerJson } from './answer-json.ts';
import { describePod, type PodNetworkAnswer } from './pod-answer.ts';
import { openSession, type Session } from './session.ts';
import { source } from './shop.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/pod.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

const NODE = `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {node-role.kubernetes.io/control-plane: ""}}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
`;

const pod = (name: string, spec: string): string => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}
spec: ${spec}
`;

const container = (name: string, ports: string, more = ''): string =>
  `{name: ${name}, image: ${name}, ports: [${ports}]${more}}`;

async function open(...parts: string[]): Promise<Session> {
  return openSession({ files: [source(NODE + parts.join(''))] });
}

async function ask(name: string, ...parts: string[]): Promise<PodNetworkAnswer> {
  const answer = describePod(await open(...parts), { from: `shop/${name}` });
  validate(JSON.parse(answerJson(answer)));
  expect(validate.errors ?? []).toEqual([]);
  return answer;
}

const codes = ({ findings }: PodNetworkAnswer): string[] => findings.map(({ severity, code }) => `${severity} ${code}`);

describe('containers of one pod', () => {
  const two = (init: string, first: string, second: string): string =>
    pod('p', `{nodeName: n1, initContainers: [${init}], containers: [${first}, ${second}]}`);
  const http = '{containerPort: 80}';
  test.each([
    ['two containers', two('', container('a', http), container('b', http)), ['warning container-port-clash']],
    ['another protocol', two('', container('a', http), container('b', '{containerPort: 80, protocol: UDP}')), []],
    ['an init container', two(container('i', http), container('a', http), container('b', '')), []],
    [
      'a sidecar',
      two(container('i', http, ', restartPolicy: Always'), container('a', http), container('b', '')),
      ['warning container-port-clash'],
    ],
    [
      'a sidecar and an init container after it',
      two(
        `${container('s', http, ', restartPolicy: Always')}, ${container('i', http)}`,
        container('a', ''),
        container('b', ''),
      ),
      ['warning container-port-clash'],
    ],
    [
      'an init container before a sidecar',
      two(
        `${container('i', http)}, ${container('s', http, ', restartPolicy: Always')}`,
        container('a', ''),
        container('b', ''),
      ),
      [],
    ],
    [
      'one name for two ports',
      two('', container('a', '{name: x, containerPort: 80}'), container('b', '{name: x, containerPort: 81}')),
      ['warning port-name-twice'],
    ],
  ])('%s', async (_, input, expected) => {
    expect(codes(await ask('p', input))).toEqual(expected);
    const session = await open(input);
    const told = problemsOf(session.cluster).flatMap((p) => (p as string[])[1] ?? []);
    expect(told.includes('container-port-clash')).toBe(expected.includes('warning container-port-clash'));
  });
});

describe('ports of a node', () => {
  const host = (name: string, port: string, node = 'nodeName: n1, '): string =>
    pod(name, `{${node}containers: [${container('c', port)}]}`);
  const inNode = (name: string, port: number, image = 'c'): string =>
    pod(
      name,
      `{nodeName: n1, hostNetwork: true, containers: [{name: c, image: ${image}, ports: [{containerPort: ${port}}]}]}`,
    );
  test.each([
    ['the same', host('a', '{containerPort: 1, hostPort: 80}'), ['error host-port-clash']],
    ['another port', host('a', '{containerPort: 1, hostPort: 81}'), []],
    [
      'one address of the node',
      host('a', '{containerPort: 1, hostPort: 80, hostIP: 192.0.2.1}'),
      ['error host-port-clash'],
    ],
    ['another protocol', host('a', '{containerPort: 1, hostPort: 80, protocol: UDP}'), []],
    ["a pod in the node's network", inNode('a', 80), ['error host-port-clash']],
  ])('%s', async (_, other, expected) => {
    expect(codes(await ask('p', other, host('p', '{containerPort: 1, hostPort: 80}')))).toEqual(expected);
    const { cluster } = await open(other, host('p', '{containerPort: 1, hostPort: 80}'));
    expect(cluster.problems.map(({ code }) => code)).toEqual(expected.map(() => 'host-port-clash'));
  });

  test('addresses of their own do not clash', async () => {
    const one = host('a', '{containerPort: 1, hostPort: 80, hostIP: 192.0.2.1}');
    expect(codes(await ask('p', one, host('p', '{containerPort: 1, hostPort: 80, hostIP: 127.0.0.1}')))).toEqual([]);
  });

  test('on a node that podwire made nothing is known of neighbours', async () => {
    const made = 'nodeName: elsewhere, ';
    const answer = await ask(
      'p',
      host('a', '{containerPort: 1, hostPort: 80}', made),
      host('p', '{containerPort: 1, hostPort: 80}', made),
    );
    expect(codes(answer)).toEqual([]);
  });

  test('who holds the port that a pod waits for', async () => {
    const waiting = `${host('p', '{containerPort: 1, hostPort: 80}', '')}status: {phase: Pending}\n`;
    const answer = await ask('p', host('a', '{containerPort: 1, hostPort: 80}'), waiting);
    expect(codes(answer)).toEqual(['error host-port-taken']);
    expect(answer.findings[0]?.text).toContain('shop/a on n1. The pod stays Pending.');
    expect(answer.findings[0]?.other).toMatchObject({ kind: 'Pod', name: 'a' });
  });

  test("Kubernetes' own programs", async () => {
    expect(codes(await ask('p', inNode('p', 10250)))).toEqual(['warning node-program-port']);
    expect(codes(await ask('p', inNode('p', 6443)))).toEqual(['warning node-program-port']);
    expect(codes(await ask('p', inNode('p', 6443, 'registry.k8s.io/kube-apiserver:v1.36.0')))).toEqual([]);
    expect(codes(await ask('p', inNode('p', 6444)))).toEqual([]);
  });

  test('node ports of Services', async () => {
    const service = `
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, nodePort: 30080}]}
`;
    const answer = await ask('p', service, inNode('p', 30080));
    expect(codes(answer)).toEqual(['warning node-port-over-host-port']);
    expect(answer).toMatchObject({ network: 'node', addresses: ['192.0.2.1'] });
  });

  test('neighbours', async () => {
    expect((await ask('p', inNode('a', 1), inNode('p', 2), host('b', '{containerPort: 3}'))).neighbours).toEqual([
      'shop/a',
    ]);
  });
});

describe('who listens on localhost alone', () => {
  const service = `
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec: {selector: {app: p}, ports: [{port: 80, targetPort: 8080}]}
`;
  const listening = (args: string, ports = '{containerPort: 8080}'): string =>
    pod('p', `{nodeName: n1, containers: [${container('c', ports, `, args: [${args}]`)}]}`);
  test.each([
    ['a Service sends there', service + listening('"--listen=127.0.0.1:8080"'), ['error listens-on-loopback']],
    ['it is declared', listening('"--listen=127.0.0.1:8080"'), ['warning listens-on-loopback']],
    ['nobody asks for it', listening('"--listen=127.0.0.1:8081"'), []],
    ['everywhere', service + listening('"--listen=0.0.0.0:8080"'), []],
    ['on both', service + listening('"--listen=127.0.0.1:8080", "--http.listen=:8080"'), []],
  ])('%s', async (_, input, expected) => {
    expect(codes(await ask('p', input))).toEqual(expected);
  });
});

test('processes', async () => {
  const spec = (more: string): string => pod('p', `{nodeName: n1, ${more}containers: [${container('c', '')}]}`);
  expect((await ask('p', spec(''))).processes).toBe('apart');
  const shared = await ask('p', spec('shareProcessNamespace: true, '));
  expect(shared.processes).toBe('shared');
  expect(shared.notes.map(({ code }) => code)).toEqual(['shared-network', 'shared-processes', 'listeners-as-declared']);
  expect((await ask('p', spec('hostPID: true, '))).processes).toBe('shared');
});
