/** What is told of eBPF mode: the same questions as of the other modes, answered by Cilium's programs. */
import { createEngine, type Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { TraceAnswer } from './answer.ts';
import type { Question } from './question.ts';
import { openSession } from './session.ts';
import { lineOf, SHOP, source } from './shop.ts';
import { stagesOf } from './stages.ts';

const MACHINES: Readonly<Record<string, () => Machine | Promise<Machine>>> = {
  engine: () => createEngine(),
  reference: () => createReference(),
};

const CONFIG = (data: Record<string, string>) => `---
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: ${JSON.stringify({ 'kube-proxy-replacement': 'true', ...data })}
`;

describe.each(Object.keys(MACHINES))('%s', (name) => {
  async function ask(text: string, question: Question): Promise<TraceAnswer> {
    const machine = await MACHINES[name]?.();
    const overrides = text === SHOP ? { proxyMode: 'ebpf' as const } : {};
    return (await openSession({ files: [source(text)], overrides, ...(machine && { machine }) })).trace(question);
  }
  const outcomesOf = ({ groups }: TraceAnswer) => groups.flatMap((g) => g.outcomes);
  const stepsOf = (answer: TraceAnswer) =>
    outcomesOf(answer).flatMap((o) => o.forward.hops.flatMap((h) => h.steps.map((step) => ({ step, place: h.place }))));

  test('a process is turned to an endpoint before there is a packet; the step leads to the Service', async () => {
    const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http' });
    expect(answer).toMatchObject({ verdict: 'delivered', cluster: { proxyMode: 'ebpf' } });
    expect(outcomesOf(answer).map((o) => o.odds)).toEqual(Array(2).fill({ numerator: '1', denominator: '2' }));
    expect(outcomesOf(answer).every((o) => o.receiver?.sourceKept)).toBe(true);
    const line = lineOf(SHOP, 'name: http, port: 80, targetPort: http');
    const balanced = stepsOf(answer).find(({ step }) => step.kind === 'balance');
    expect(balanced).toMatchObject({
      place: { kind: 'pod' },
      step: { object: { kind: 'Service', name: 'api', line } },
    });
    const [first] = outcomesOf(answer);
    expect(first && stagesOf(first.forward).map((s) => s.stage)).toContain('service');
  });

  test('a pod that reaches itself sees itself', async () => {
    const answer = await ask(SHOP, { from: 'deploy/shop/api', to: 'svc/shop/api:http' });
    expect(answer.verdict).toBe('delivered');
    expect(outcomesOf(answer).every(({ receiver }) => receiver?.sourceKept)).toBe(true);
  });

  test('nobody behind the Service: connect fails', async () => {
    const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/mistyped' });
    expect(answer).toMatchObject({ verdict: 'unreachable', reason: 'no-endpoints' });
  });

  test('node ports from outside keep the source where the endpoint is on the node, and only there', async () => {
    const answer = await ask(SHOP, { from: 'external', to: 'svc/shop/web' });
    expect(answer.verdict).toBe('delivered');
    for (const { forward, receiver } of outcomesOf(answer)) {
      const past = forward.hops.flatMap((h) => h.steps).filter((s) => s.kind === 'balance' && s.what === 'source');
      expect(receiver?.sourceKept).toBe(past.length === 0);
      expect(receiver?.sourceLost?.code).toBe(past.length === 0 ? undefined : 'external-traffic');
    }
  });

  test('DSR: an endpoint elsewhere is unknown, by name', async () => {
    const answer = await ask(SHOP + CONFIG({ 'bpf-lb-mode': 'dsr' }), { from: 'external', to: 'svc/shop/web' });
    expect(answer.verdict).not.toBe('delivered');
    expect(outcomesOf(answer).map((o) => o.reason)).toContain('unmodelled-balancer');
  });

  test("only the node's sockets: pods' packets are turned at their link", async () => {
    const text = SHOP + CONFIG({ 'bpf-lb-sock-hostns-only': 'true' });
    const answer = await ask(text, { from: 'deploy/shop/web', to: 'svc/shop/api:http' });
    expect(answer.verdict).toBe('delivered');
    const balanced = stepsOf(answer).filter(({ step }) => step.kind === 'balance');
    expect(balanced.length).toBeGreaterThan(0);
    expect(
      balanced.every(({ place, step }) => place.kind === 'node' && step.kind === 'balance' && step.link),
    ).toBeTruthy();
  });
});
