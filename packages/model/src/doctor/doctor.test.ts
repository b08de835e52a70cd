import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from '../answer/answer-json.ts';
import { openSession } from '../answer/session.ts';
import { SHOP, source } from '../answer/shop.ts';
import { openNode } from '../linux/node/index.ts';
import type { DoctorAnswer } from './answer.ts';
import { doctor } from './doctor.ts';

async function look(text: string, sysctl?: string): Promise<DoctorAnswer> {
  const dumps =
    sysctl === undefined ? [] : [await openNode('n1', [{ name: 'sysctl', bytes: new TextEncoder().encode(sysctl) }])];
  return doctor(await openSession({ files: [source(text)], dumps }));
}

const told = ({ findings }: DoctorAnswer): string[] => findings.map(({ rank, code }) => `${rank} ${code}`);

const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, part: front}}
    spec: {containers: [{name: c, image: registry.example/web:1, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
`;
const ingress = (backend: string, more = ''): string => `
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {${more}rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: ${backend}}}]}}]}
`;

test('a sound input has no finding', async () => {
  const answer = await look(WEB + ingress('{name: web, port: {name: http}}'));
  expect(answer.findings).toEqual([]);
  expect(answer.summary).toContain('Nothing is broken');
  expect(answer.looked).toMatchObject({ services: 1, references: 1 });
});

test.each([
  [
    'a Service that no pod fits',
    WEB.replace('{selector: {app: web}, ports', '{selector: {app: wbe}, ports'),
    'broken selector-matches-nothing',
    'spec.selector.app',
  ],
  [
    'a port name that no container has',
    WEB.replace('targetPort: 8080', 'targetPort: web'),
    'broken target-port-name-missing',
    'spec.ports[0].targetPort',
  ],
  [
    'an Ingress to a Service that is not there',
    WEB + ingress('{name: wbe, port: {number: 80}}'),
    'broken unknown-reference',
    'spec.rules[0].http.paths[0].backend.service.name',
  ],
  [
    'an Ingress to a port that the Service has not',
    WEB + ingress('{name: web, port: {number: 8080}}'),
    'broken unknown-port',
    'spec.rules[0].http.paths[0].backend.service.port.number',
  ],
  [
    'a class that is not there',
    `${WEB}${ingress('{name: web, port: {number: 80}}', 'ingressClassName: ngnix, ')}---\n{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: a.example/b}}\n`,
    'broken unknown-reference',
    'spec.ingressClassName',
  ],
  [
    'no class where none is the default',
    `${WEB}${ingress('{name: web, port: {number: 80}}')}---\n{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: a.example/b}}\n`,
    'suspect no-ingress-class',
    'spec.ingressClassName',
  ],
  [
    'a route to a Gateway of another namespace',
    `${WEB}---\n{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gate, namespace: infra}, spec: {}}\n---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web}, spec: {parentRefs: [{name: gate}], rules: [{backendRefs: [{name: web, port: 80}]}]}}\n`,
    'broken unknown-reference',
    'spec.parentRefs[0].name',
  ],
  [
    'an autoscaler of nothing',
    `${WEB}---\n{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: wed}, maxReplicas: 2}}\n`,
    'broken unknown-reference',
    'spec.scaleTargetRef.name',
  ],
])('%s', async (_, text, finding, field) => {
  const answer = await look(text);
  expect(told(answer)).toEqual([finding]);
  expect(answer.findings[0]?.object).toMatchObject({ field, line: expect.any(Number) });
});

test('a selector that fits the pods of another program, too', async () => {
  const worker = WEB.slice(0, WEB.indexOf('---'))
    .replace('{name: web}', '{name: worker}')
    .replace('matchLabels: {app: web}', 'matchLabels: {part: back}')
    .replace('part: front', 'part: back')
    .replace('web:1', 'worker:1')
    .replace(', ports: [{name: http, containerPort: 8080}]', '');
  const answer = await look(`${WEB}---${worker}`);
  expect(told(answer)).toEqual(['suspect selector-too-broad']);
  expect(answer.findings[0]?.mend).toBe('Add part: front to the selector.');
});

test('a workload that is scaled to zero breaks nothing', async () => {
  expect(
    told(await look(WEB.replace('spec:\n  selector: {matchL', 'spec:\n  replicas: 0\n  selector: {matchL'))),
  ).toEqual(['note scaled-to-zero']);
});

test('pods that an operator makes are not missed', async () => {
  const text = `${WEB.replace('{selector: {app: web}, ports', '{selector: {instance: main}, ports')}---\n{apiVersion: example.org/v1, kind: Database, metadata: {name: main}}\n`;
  expect(told(await look(text))).toContain('note made-by-operator');
});

test('a setting of a node that stops the packets of pods', async () => {
  const node =
    '---\n{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}\n';
  const answer = await look(WEB + node, 'net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.ip_forward = 0\n');
  expect(answer.findings.map(({ setting }) => setting)).toContain('net.ipv4.ip_forward = 0 on n1');
  expect(JSON.stringify(answer)).not.toContain('rp_filter');
});

test('ranges that meet', async () => {
  const nodes = `---
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDR: 10.1.0.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDR: 10.1.0.128/25}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
`;
  expect(told(await look(WEB + nodes))).toContain('broken range-twice');
});

test('of the shop the three Services that are wrong on purpose', async () => {
  const answer = await look(SHOP);
  expect(answer.findings.filter(({ rank }) => rank === 'broken').map(({ object }) => object?.name)).toEqual([
    'elsewhere',
    'misnamed',
    'mistyped',
  ]);
});

const SCHEMA = JSON.parse(readFileSync(new URL('../../../../schema/doctor.schema.json', import.meta.url), 'utf8'));

test('answers fit the published schema', async () => {
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(SCHEMA);
  for (const answer of [await look(SHOP), await look(WEB), await look(WEB, 'net.ipv4.ip_forward = 0\n')]) {
    validate(JSON.parse(answerJson(answer)));
    expect(validate.errors ?? []).toEqual([]);
  }
});
