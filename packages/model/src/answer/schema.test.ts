import { readFileSync } from 'node:fs';
import { Hook, type Rule } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TraceAnswer } from './answer.ts';
import { answerJson } from './answer-json.ts';
import { describeCluster } from './cluster-answer.ts';
import type { Question } from './question.ts';
import { openSession, type Session } from './session.ts';
import { SHOP, source } from './shop.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../../../schema/${name}`, import.meta.url), 'utf8'));
const compile = (of: object) => new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(of);

const schema = read('trace.schema.json');
const clusterSchema = read('cluster.schema.json');
const dumpSchema = read('node-dump.schema.json');
const validate = compile(schema);
const validateCluster = compile(clusterSchema);

const POLICY = `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-only, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
`;

const DATAGRAMS = `
---
apiVersion: v1
kind: Service
metadata: {name: dns, namespace: shop}
spec:
  selector: {app: api}
  ports: [{port: 53, protocol: UDP}]
`;

let session: Session;
beforeAll(async () => {
  session = await openSession({ files: [source(SHOP + POLICY + DATAGRAMS)], machine: createReference() });
  // A rule with a match that podwire does not model, as an importer may read it: answers then carry conditions.
  const hook = { hook: Hook.OUTPUT, priority: -1, type: 'filter', policy: 'accept' } as const;
  const rule: Rule = { body: [{ kind: 'unmodelled', text: '-m magic' }, { kind: 'drop' }] };
  for (const { host } of session.dataplane.nodes.values()) {
    host.netfilter = [
      { family: 'ip', name: 'filter', chains: [{ name: 'OUTPUT', hook, rules: [rule] }] },
      ...host.netfilter,
    ];
  }
});

const QUESTIONS: Question[] = [
  { from: 'deploy/shop/web', to: 'svc/shop/api:http' },
  { from: 'deploy/shop/web', to: 'svc/shop/api' },
  { from: 'deploy/shop/web', to: 'svc/shop/api:http', connection: 'established', ungrouped: true },
  { from: 'deploy/shop/web', to: 'svc/shop/api:1234', protocol: 'udp', sport: 53 },
  { from: 'deploy/shop/api', to: 'svc/shop/web' },
  { from: 'deploy/shop/web', to: 'svc/shop/mistyped' },
  { from: 'deploy/shop/web', to: 'svc/shop/api', protocol: 'icmp', family: 4 },
  { from: 'external', to: 'svc/shop/web', namespace: 'shop' },
  { from: 'external', to: 'svc/shop/api:80' },
  { from: 'deploy/shop/api', to: 'external', uid: 101, gid: 101, size: 1400 },
  { from: 'svc/shop/api', to: 'svc/shop/api', port: 'http' },
  { from: 'deploy/shop/web', to: 'svc/shop/outside:5432' },
  { from: 'deploy/shop/web', to: 'svc/shop/api-direct' },
  { from: 'deploy/shop/web', to: 'deploy/shop/api:http' },
  { from: 'node/node-1', to: 'svc/shop/api:http' },
  { from: 'deploy/shop/api', to: 'external', full: 'table' },
  { from: 'deploy/shop/web', to: 'svc/shop/api:http', after: ['scale deploy/shop/api=1', '35s'] },
  { from: 'deploy/shop/web', to: 'svc/shop/dns', after: ['scale deploy/shop/api=1'], protocol: 'udp', port: 53 },
];

test.each(QUESTIONS)('the answer to $from > $to fits the schema', (question) => {
  const answer: unknown = JSON.parse(answerJson(session.trace(question)));
  validate(answer);
  expect(validate.errors ?? []).toEqual([]);
});

test('the same question gives the same bytes', () => {
  for (const question of QUESTIONS)
    expect(answerJson(session.trace(question))).toBe(answerJson(session.trace(question)));
});

const ODD = `
---
kind: ConfigMap
---
apiVersion: example.org/v1
kind: Gadget
metadata: {name: g}
---
apiVersion: v1
kind: Service
metadata: {name: clash, namespace: shop}
spec: {ports: [{port: 70000}]}
`;

test.each(['', ODD])('what is said of a cluster fits its schema', async (more) => {
  const { cluster, read: input } = await openSession({ files: [source(SHOP + POLICY + more)] });
  const answer: unknown = JSON.parse(answerJson(describeCluster(cluster, input)));
  validateCluster(answer);
  expect(validateCluster.errors ?? []).toEqual([]);
});

/** Nobody is answered any more. */
const LOST: Rule = { body: [{ kind: 'drop' }] };

interface SchemaPart {
  type?: string | string[];
  properties?: Record<string, SchemaPart>;
  additionalProperties?: boolean;
  required?: string[];
  [key: string]: unknown;
}

function* parts(part: unknown, path: string): Generator<[string, SchemaPart]> {
  if (Array.isArray(part)) for (const [i, p] of part.entries()) yield* parts(p, `${path}/${i}`);
  else if (typeof part === 'object' && part !== null) {
    yield [path, part as SchemaPart];
    for (const [key, value] of Object.entries(part)) yield* parts(value, `${path}/${key}`);
  }
}

describe('the schema has no slack', () => {
  test.each([
    ['trace', schema],
    ['cluster', clusterSchema],
    ['node-dump', dumpSchema],
  ])('%s: every object names all its fields', (_, root) => {
    for (const [path, part] of parts(root, '#')) {
      if (part.type !== 'object') continue;
      expect(part.additionalProperties, path).toBe(false);
      expect(Object.keys(part.properties ?? {}), path).toEqual(expect.arrayContaining(part.required ?? []));
    }
  });

  test.each([
    ['trace', schema],
    ['cluster', clusterSchema],
    ['node-dump', dumpSchema],
  ])('%s: every array says what it holds', (_, root) => {
    for (const [path, part] of parts(root, '#')) if (part.type === 'array') expect(part.items, path).toBeDefined();
  });

  test('a field more, a field less, or another word is refused', () => {
    const answer = () => JSON.parse(answerJson(session.trace(QUESTIONS[0] as Question))) as TraceAnswer;
    const broken: ((a: TraceAnswer) => unknown)[] = [
      (a) => ({ ...a, more: 1 }),
      (a) => ({ ...a, verdict: 'allowed' }),
      (a) => ({ ...a, apiVersion: 'podwire.dev/v1' }),
      ({ hints: _, ...a }) => a,
      (a) => ({ ...a, groups: [] }),
      (a) => {
        Object.assign(a.groups[0]?.outcomes[0]?.forward.hops[0]?.steps[0] ?? {}, { more: 1 });
        return a;
      },
    ];
    for (const change of broken) expect(validate(change(answer())), String(change)).toBe(false);
  });

  test('every field of the schema stands in one of the answers', async () => {
    const seen = new Set<string>();
    const note = (value: unknown): void => {
      if (Array.isArray(value)) value.forEach(note);
      else if (typeof value === 'object' && value !== null) {
        for (const [key, inner] of Object.entries(value)) {
          seen.add(key);
          note(inner);
        }
      }
    };
    for (const question of QUESTIONS) note(session.trace(question));
    const deaf = await openSession({ files: [source(SHOP)], machine: createReference() });
    const hook = { hook: Hook.INPUT, priority: 0, type: 'filter', policy: 'accept' } as const;
    for (const { host } of deaf.dataplane.nodes.values())
      host.netfilter.push({ family: 'arp', name: 'filter', chains: [{ name: 'INPUT', hook, rules: [LOST] }] });
    const answer: unknown = JSON.parse(answerJson(deaf.trace(QUESTIONS[0] as Question)));
    expect(validate(answer) || validate.errors).toBe(true);
    note(answer);
    const programs = await openSession({
      files: [source(SHOP)],
      machine: createReference(),
      overrides: { proxyMode: 'ebpf' },
    });
    const balanced: unknown = JSON.parse(answerJson(programs.trace(QUESTIONS[0] as Question)));
    expect(validate(balanced) || validate.errors).toBe(true);
    note(balanced);
    // Whoever the node's address leads to: a virtual service on it, and its server.
    const virtual = await openSession({ files: [source(SHOP)], machine: createReference() });
    const node = virtual.dataplane.nodes.get('node-1')?.host;
    const address = node?.addresses.find(({ link }) => link === 'eth0')?.address.split('/')[0] ?? '';
    const server = { address, port: 10250, method: 'masquerade', weight: 1 } as const;
    if (node) node.ipvs = [{ protocol: 'tcp', address, port: 7777, scheduler: 'rr', servers: [server] }];
    note(JSON.parse(answerJson(virtual.trace({ from: 'deploy/shop/web', to: 'node/node-1', port: 7777 }))));
    const fields = [...parts(schema, '#')].flatMap(([, part]) =>
      Object.keys(part.type === 'object' ? (part.properties ?? {}) : {}),
    );
    expect([...new Set(fields)].filter((field) => !seen.has(field))).toEqual([]);
  });
});
