import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from './answer-json.ts';
import { describeEnvironment, type EnvironmentAnswer } from './env-answer.ts';
import { openSession } from './session.ts';
import { lineOf, source } from './shop.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/env.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

const INPUT = `
apiVersion: v1
kind: ConfigMap
metadata: {name: words, namespace: shop}
data: {GREETING: hello, NAME: from-map, B: b}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
data: {TOKEN: SGlkZGVu}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status:
  addresses: [{type: InternalIP, address: 192.0.2.1}]
  allocatable: {cpu: "4", memory: 8Gi}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{port: 80}]}
`;

const pod = (spec: string, more = ''): string => `
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, labels: {app: p}}
spec:
  nodeName: n1${more}
  containers:
  - name: c
    image: c
${spec}
`;

async function describe(spec: string, more = '', input = INPUT): Promise<EnvironmentAnswer> {
  const session = await openSession({ files: [source(input + pod(spec, more))], environment: true });
  const answer = describeEnvironment(session, { from: 'shop/p' });
  const json: unknown = JSON.parse(answerJson(answer));
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  expect(answerJson(answer)).not.toContain('Hidden');
  expect(answerJson(answer)).not.toContain('SGlkZGVu');
  return answer;
}

async function values(spec: string, more = '', input = INPUT): Promise<Record<string, string>> {
  const { containers } = await describe(spec, more, input);
  const variables = containers[0]?.variables ?? [];
  return Object.fromEntries(
    variables
      .filter(({ source: from }) => from !== 'service')
      .map((v) => [v.name, v.secret ? '(secret)' : (v.value ?? `? ${v.unknown}`)]),
  );
}

test('envFrom first, env over it, each seeing those before it', async () => {
  const found = await values(`
    envFrom:
    - {configMapRef: {name: words}}
    - {prefix: S_, secretRef: {name: keys}}
    env:
    - {name: NAME, value: "$(NAME) and $(LATER) at $(API_SERVICE_HOST)"}
    - {name: LATER, value: later}
    - {name: CALL, value: "$(GREETING) $(S_TOKEN)"}
    - {name: AGAIN, value: "$(CALL)"}
    - {name: API_PORT, value: mine}
    - {name: NONE}`);
  expect(found).toEqual({
    B: 'b',
    GREETING: 'hello',
    S_TOKEN: '(secret)',
    NAME: 'from-map and $(LATER) at 10.96.0.20',
    LATER: 'later',
    CALL: '(secret)',
    AGAIN: '(secret)',
    API_PORT: 'mine',
    NONE: '',
  });
});

test('Services come last, and never over what the container says', async () => {
  const { containers, notes } = await describe(`
    env: [{name: API_PORT, value: mine}]`);
  const names = containers[0]?.variables.map(({ name, source: from }) => `${from} ${name}`) ?? [];
  expect(names[0]).toBe('env API_PORT');
  expect(names).toContain('service API_SERVICE_HOST');
  expect(names).toContain('service KUBERNETES_SERVICE_HOST');
  expect(names).not.toContain('service API_PORT');
  expect(notes.map(({ code }) => code)).toContain('kubernetes-service');
  const none = await describe('', '\n  enableServiceLinks: false');
  expect(none.containers[0]?.variables.filter(({ name }) => name.startsWith('API'))).toEqual([]);
  expect(none.serviceLinks).toBe(false);
});

test('the downward API', async () => {
  const ref = (name: string, path: string): string =>
    `    - {name: ${name}, valueFrom: {fieldRef: {fieldPath: ${path}}}}`;
  const amount = (name: string, resource: string, divisor = '"0"'): string =>
    `    - {name: ${name}, valueFrom: {resourceFieldRef: {resource: ${resource}, divisor: ${divisor}}}}`;
  const found = await values(
    [
      '    resources: {requests: {memory: 100Mi}, limits: {cpu: 1500m}}',
      '    env:',
      ref('NAME', 'metadata.name'),
      ref('APP', `"metadata.labels['app']"`),
      ref('NODE', 'spec.nodeName'),
      ref('HOST', 'status.hostIP'),
      ref('UID', 'metadata.uid'),
      amount('CPU', 'limits.cpu'),
      amount('MILLI', 'limits.cpu', '1m'),
      amount('ASKED', 'requests.cpu', '1m'),
      amount('MEMORY', 'requests.memory', '1Mi'),
      amount('MOST', 'limits.memory', '1Gi'),
      amount('DISK', 'limits.ephemeral-storage'),
    ].join('\n'),
  );
  expect(found).toEqual({
    NAME: 'p',
    APP: 'p',
    NODE: 'n1',
    HOST: '192.0.2.1',
    UID: '? the uid that the API server gives',
    CPU: '2',
    MILLI: '1500',
    ASKED: '1500',
    MEMORY: '100',
    MOST: '8',
    DISK: '? what the node can give (status.allocatable ephemeral-storage)',
  });
});

test('references that lead nowhere', async () => {
  const input = `
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: words, key: NOPE}}}
    - {name: B, valueFrom: {configMapKeyRef: {name: words, key: NOPE, optional: true}}}
    - {name: C, valueFrom: {secretKeyRef: {name: none, key: k}}}
    - {name: D, valueFrom: {secretKeyRef: {name: none, key: k, optional: true}}}
    - {name: E, valueFrom: {secretKeyRef: {name: keys, key: TOKEN}}}
    - {name: F, valueFrom: {fieldRef: {fieldPath: spec.hostname}}}`;
  const { containers, summary } = await describe(input);
  const [container] = containers;
  expect(container?.starts).toBe('no');
  expect(summary).toContain('c cannot be started');
  expect(container?.problems.map(({ code, object }) => [code, object?.field])).toEqual([
    ['no-such-key', 'spec.containers[0].env[0].valueFrom.configMapKeyRef.key'],
    ['reference-not-shown', 'spec.containers[0].env[2].valueFrom.secretKeyRef.name'],
    ['no-such-field', 'spec.containers[0].env[5].valueFrom'],
  ]);
  expect(container?.problems[0]?.object?.line).toBe(lineOf(INPUT + pod(input), 'name: A'));
  const shown = container?.variables.filter(({ source: from }) => from !== 'service').map(({ name }) => name);
  expect(shown).toEqual(['C', 'E']);
  const unsure = await describe('    envFrom: [{configMapRef: {name: elsewhere}}]');
  expect(unsure.containers[0]?.starts).toBe('unknown');
});

test('a Service that is younger than the Pod', async () => {
  const dated = INPUT.replace(
    'name: api, namespace: shop',
    'name: api, namespace: shop, creationTimestamp: "2026-02-01T00:00:00Z"',
  );
  const session = await openSession({
    files: [
      source(
        dated + pod('').replace('name: p, namespace', 'creationTimestamp: "2026-01-01T00:00:00Z", name: p, namespace'),
      ),
    ],
    environment: true,
  });
  const { notes } = describeEnvironment(session, { from: 'shop/p' });
  expect(notes.map(({ code }) => code)).toContain('service-after-pod');
});

test('one container alone', async () => {
  const session = await openSession({ files: [source(INPUT + pod(''))], environment: true });
  expect(describeEnvironment(session, { from: 'shop/p', container: 'c' }).containers.length).toBe(1);
  expect(() => describeEnvironment(session, { from: 'shop/p', container: 'x' })).toThrow('has no container "x"');
});
