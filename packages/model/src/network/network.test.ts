import { readFileSync } from 'node:fs';
import { createEngine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from '../answer/answer-json.ts';
import { openSession } from '../answer/session.ts';
import { source } from '../answer/shop.ts';
import { openNode } from '../linux/node/index.ts';
import type { NetworkAnswer } from './answer.ts';
import { networkModel } from './network.ts';

const node = (name: string, i: number): string =>
  `{apiVersion: v1, kind: Node, metadata: {name: ${name}}, spec: {podCIDR: 10.1.${i}.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.0.${i}}]}}`;
const pod = (name: string, on: string, ip: string, more = ''): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: a}, spec: {nodeName: ${on}${more}, containers: [{name: c, image: c}]}, status: {phase: Running, podIP: ${ip}}}`;
const CLUSTER = [
  node('n1', 1),
  node('n2', 2),
  pod('one', 'n1', '10.1.1.5'),
  pod('two', 'n1', '10.1.1.6'),
  pod('three', 'n2', '10.1.2.5'),
  pod('host', 'n2', '192.168.0.2', ', hostNetwork: true'),
].join('\n---\n');

async function look(dumps: Record<string, Record<string, string>> = {}, text = CLUSTER): Promise<NetworkAnswer> {
  const encoder = new TextEncoder();
  const read = Object.entries(dumps).map(([name, files]) =>
    openNode(
      name,
      Object.entries(files).map(([file, dump]) => ({ name: file, bytes: encoder.encode(dump) })),
    ),
  );
  const session = await openSession({
    files: [source(text)],
    dumps: await Promise.all(read),
    machine: createReference(),
  });
  return networkModel(session);
}

const held = ({ requirements }: NetworkAnswer) => requirements.map(({ code, holds }) => `${code} ${holds}`);

test('a sound cluster keeps all three; pods of one node that are alike count once', async () => {
  const answer = await look();
  expect(answer.holds).toBe('yes');
  expect(held(answer)).toEqual(['pods-reach-pods yes', 'nodes-reach-pods yes', 'pods-keep-their-address yes']);
  // Three pods with a network of their own: six pairs, and from two nodes six more.
  expect(answer.requirements.map(({ pairs }) => pairs)).toEqual([6, 6, 6]);
});

test('a node that forwards nothing, with the pair that shows it', async () => {
  const answer = await look({ n2: { sysctl: 'net.ipv4.ip_forward = 0\n' } });
  expect(answer.holds).toBe('no');
  const [pods] = answer.requirements;
  expect(pods?.counterexamples[0]).toMatchObject({ from: 'pod/a/one', to: 'pod/a/three', reason: 'forwarding-off' });
  expect(answer.summary).toContain('pod/a/one to pod/a/three');
});

test('a node that hides the addresses of its pods', async () => {
  const nat =
    '*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n';
  const answer = await look({ n1: { 'iptables-save': nat } });
  expect(held(answer)).toEqual(['pods-reach-pods yes', 'nodes-reach-pods yes', 'pods-keep-their-address no']);
  expect(answer.requirements[2]?.counterexamples[0]).toMatchObject({ from: 'pod/a/one', sees: '192.168.0.1' });
});

test('policies are no part of the model', async () => {
  const policy =
    '\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: a}, spec: {podSelector: {}}}';
  expect((await look({}, CLUSTER + policy)).holds).toBe('yes');
});

test('more pairs than are sent leave it undecided, and say so', async () => {
  const many = Array.from({ length: 64 }, (_, i) => [node(`m${i}`, i), pod(`p${i}`, `m${i}`, `10.1.${i}.9`)]).flat();
  const session = await openSession({ files: [source(many.join('\n---\n'))], machine: await createEngine() });
  const answer = networkModel(session);
  const [pods] = answer.requirements;
  expect(answer.holds).toBe('undecided');
  expect(pods).toMatchObject({ broken: 0, undecided: 0 });
  expect((pods?.pairs ?? 0) + (pods?.notAsked ?? 0)).toBe(64 * 63);
  expect(answer.summary).toContain(`${pods?.notAsked} more were not`);
});

test('answers fit the published schema', async () => {
  const schema = JSON.parse(readFileSync(new URL('../../../../schema/network.schema.json', import.meta.url), 'utf8'));
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);
  for (const answer of [await look(), await look({ n2: { sysctl: 'net.ipv4.ip_forward = 0\n' } })]) {
    validate(JSON.parse(answerJson(answer)));
    expect(validate.errors ?? []).toEqual([]);
  }
});
