import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readSources } from './read.ts';

/** Numerical Recipes' linear congruential generator: the same mistakes for the same seed. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

const yaml = `# comment
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: &meta
    name: api
    labels: {app: web, "tier": 'front'}
  spec:
    ports:
    - {port: 80, targetPort: http}
    - port: 0x1F
      name: "a\\tb"
    note: |
      text
        more
- {apiVersion: v1, kind: Pod, metadata: *meta}
---
{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "b"}}
---
kind: Deployment
apiVersion: extensions/v1beta1
metadata: {<<: {name: w}, annotations: {a: on}}
spec: {template: {spec: {containers: [{env: [{name: A, value: b}]}]}}}
`;
const json = `{"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a\\u0041"}}, null, [1.5e3, {}]]}
{"items": [{"kind": "Pod", "spec": {"hostNetwork": true, "containers": []}}]}
`;
const seeds = [yaml, json, yaml.replaceAll('\n', '\r\n')];
const pieces = [
  '\n---\n',
  '&a ',
  '*a',
  '{',
  '[',
  '}',
  ']',
  '"',
  "'",
  '\n',
  '\t',
  ': ',
  '- ',
  '|\n',
  '<<: ',
  '!!int ',
  '\0',
  '\u00e9',
  '%',
  '? ',
];

function mutate(text: string, dice: Dice): Uint8Array {
  let mutated = text;
  for (let times = dice.below(4); times >= 0; times--) {
    const at = dice.below(mutated.length);
    const before = mutated.slice(0, at);
    const after = mutated.slice(at);
    const how = dice.below(6);
    if (how === 0) mutated = before;
    else if (how === 1) mutated = before + dice.of(pieces) + after;
    else if (how === 2) mutated = before + after.slice(1 + dice.below(20));
    else if (how === 3) mutated = before + dice.of(pieces).repeat(dice.below(2000)) + after;
    else if (how === 4) mutated = after + before;
    else mutated = before + dice.of(seeds) + after;
  }
  const bytes = new TextEncoder().encode(mutated);
  if (bytes.length > 0 && dice.below(3) === 0) bytes[dice.below(bytes.length)] = dice.below(256);
  if (dice.below(10) > 0) return bytes;
  const zipped = gzipSync(bytes);
  if (dice.below(2) === 0) zipped[dice.below(zipped.length)] = dice.below(256);
  return zipped;
}

const ROUNDS = 400;

describe('readSources on broken input', () => {
  const seed = Number(process.env.PODWIRE_SEED ?? 20251121);

  it(`neither throws nor hangs, and points into the file (PODWIRE_SEED=${seed})`, async () => {
    const dice = new Dice(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(dice.of(seeds), dice);
      const started = process.cpuUsage();
      const result = await readSources([{ name: dice.of(['in.yaml', 'in.json', '-', 'pods.json']), bytes }]);
      const places = [
        ...result.objects.map(({ origin }) => origin.line),
        ...result.objects.map(({ origin }) => result.lineOf(origin, ['spec', 'ports', 0, 'port'])),
        ...result.problems.flatMap(({ line }) => (line === undefined ? [] : [line])),
      ];
      for (const line of places) expect(line, `round ${round}`).toBeGreaterThan(0);
      for (const { object } of result.objects) {
        expect(typeof object.metadata.name, `round ${round}`).toBe('string');
        expect(object.kind, `round ${round}`).not.toBe('');
        expect(JSON.stringify(object).length, `round ${round}`).toBeGreaterThan(0);
      }
      for (const problem of result.problems) expect(problem.message, `round ${round}`).not.toBe('');
      expect(process.cpuUsage(started).user, `round ${round} took`).toBeLessThan(5_000_000);
    }
  });
});
