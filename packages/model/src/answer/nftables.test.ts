/** What is told of kube-proxy's nftables mode: the same questions as of iptables mode, answered by maps. */
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

describe.each(Object.keys(MACHINES))('%s', (name) => {
  async function ask(text: string, question: Question): Promise<TraceAnswer> {
    const machine = await MACHINES[name]?.();
    const overrides = { proxyMode: 'nftables' as const };
    return (await openSession({ files: [source(text)], overrides, ...(machine && { machine }) })).trace(question);
  }

  test('a Service is spread over its endpoints, and the element of the map leads to its line', async () => {
    const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http' });
    expect(answer).toMatchObject({ verdict: 'delivered', cluster: { proxyMode: 'nftables' } });
    const outcomes = answer.groups.flatMap((g) => g.outcomes);
    expect(outcomes.map((o) => o.odds)).toEqual(Array(2).fill({ numerator: '1', denominator: '2' }));
    expect(outcomes.every((o) => o.receiver?.sourceKept)).toBe(true);
    const steps = outcomes[0]?.forward.hops.flatMap((h) => h.steps) ?? [];
    const found = steps.find((s) => s.kind === 'rule' && s.target?.startsWith('service-'));
    expect(found).toMatchObject({
      chain: 'services',
      text: 'add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips',
      object: { kind: 'Service', name: 'api', line: lineOf(SHOP, 'name: http, port: 80, targetPort: http') },
    });
    const stages = outcomes[0] ? stagesOf(outcomes[0].forward) : [];
    expect(stages.map((s) => s.stage)).toContain('service');
  });

  test('a pod that reaches itself sees its node', async () => {
    const answer = await ask(SHOP, { from: 'deploy/shop/api', to: 'svc/shop/api:http' });
    for (const { sources, outcomes } of answer.groups)
      for (const { receiver } of outcomes) expect(receiver?.sourceKept).toBe(receiver?.place.name !== sources[0]?.name);
  });

  test.each([
    [{ to: 'svc/shop/mistyped' }, 'rejected', 'no-endpoints'],
    [{ to: 'svc/shop/web:8080' }, 'rejected', 'no-such-service-port'],
    [{ to: 'svc/shop/api', protocol: 'icmp' as const }, 'rejected', 'no-ping-to-service'],
  ])('%j: %s, %s', async (question, verdict, reason) => {
    expect(await ask(SHOP, { from: 'deploy/shop/web', ...question })).toMatchObject({ verdict, reason });
  });

  test('node ports from outside: masqueraded; under policy Local only where there is an endpoint', async () => {
    const answer = await ask(SHOP, { from: 'external', to: 'svc/shop/web' });
    expect(answer.verdict).toBe('delivered');
    const all = answer.groups.flatMap((g) => g.outcomes);
    expect(all.every((o) => o.receiver?.sourceKept === false)).toBe(true);
    const stages = all[0] ? stagesOf(all[0].forward) : [];
    expect(stages.map((s) => s.stage)).toContain('masquerade');
    const local = SHOP.replace('type: NodePort', 'type: NodePort\n  externalTrafficPolicy: Local').replace(
      'replicas: 3',
      'replicas: 1',
    );
    const { groups } = await ask(local, { from: 'external', to: 'svc/shop/web' });
    const dropped = groups.filter((g) => g.verdict === 'dropped');
    expect(dropped.flatMap((g) => g.destinations).length).toBe(2);
    for (const group of dropped) {
      expect(group.reason).toBe('no-local-endpoint');
      expect(group.decisive?.object).toMatchObject({ name: 'web', line: lineOf(local, 'externalTrafficPolicy') });
    }
  });

  test('loadBalancerSourceRanges: others are dropped, and the ranges are why', async () => {
    const ranged = SHOP.replace('type: NodePort', 'type: LoadBalancer\n  loadBalancerSourceRanges: [192.0.2.0/24]');
    const status = 'status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}\n';
    const text = ranged.replace(/(kind: Service\nmetadata: \{name: web[^\n]*\n)/, `$1${status}`);
    const answer = await ask(text, { from: 'external', to: 'svc/shop/web' });
    expect(answer).toMatchObject({ verdict: 'dropped', reason: 'source-range' });
    expect(answer.groups[0]?.decisive?.object?.line).toBe(lineOf(text, 'loadBalancerSourceRanges'));
  });
});
