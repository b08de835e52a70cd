import { createEngine, Hook, type Machine, type Table } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import type { TraceAnswer, TraceGroup } from './answer.ts';
import type { Question } from './question.ts';
import { openSession } from './session.ts';
import { lineOf, SHOP, source } from './shop.ts';

/** Both machines give the same answers; the slow one is the oracle of the other. */
const MACHINES: Readonly<Record<string, () => Machine | Promise<Machine>>> = {
  engine: () => createEngine(),
  reference: () => createReference(),
};

describe.each(Object.keys(MACHINES))('%s', (name) => {
  async function open(text: string, overrides: ClusterOverrides = {}) {
    const machine = await MACHINES[name]?.();
    return openSession({ files: [source(text)], overrides, ...(machine && { machine }) });
  }

  async function ask(text: string, question: Question, overrides?: ClusterOverrides): Promise<TraceAnswer> {
    return (await open(text, overrides)).trace(question);
  }

  const only = ({ groups }: TraceAnswer): TraceGroup => {
    expect(groups.length).toBe(1);
    return groups[0] as TraceGroup;
  };

  describe('a Service from pods', () => {
    test('reaches each endpoint with the same odds, and the pods keep their address', async () => {
      const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http' });
      expect(answer).toMatchObject({ verdict: 'delivered', reason: 'listener-assumed' });
      const group = only(answer);
      expect(group.sources.length).toBe(3);
      expect(group.outcomes.map((o) => o.odds)).toEqual(Array(2).fill({ numerator: '1', denominator: '2' }));
      expect(new Set(group.outcomes.map((o) => o.receiver?.place.name)).size).toBe(2);
      for (const { receiver, reply } of group.outcomes) {
        expect(receiver).toMatchObject({
          port: 8080,
          sourceKept: true,
          sees: { address: group.sources[0]?.address, port: 40000 },
        });
        // The client sees the Service's address answer: the reply is translated back.
        expect(reply).toMatchObject({
          verdict: 'delivered',
          packet: { saddr: group.destinations[0]?.address, sport: 80 },
        });
      }
    });

    test('each replica by itself where that is asked for', async () => {
      const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http', ungrouped: true });
      expect(answer.groups.map((g) => g.sources.length)).toEqual([1, 1, 1]);
    });

    test('the rule that chose the Service leads to its line', async () => {
      const { outcomes } = only(await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http' }));
      const rules = outcomes[0]?.forward.hops.flatMap((h) => h.steps).filter((s) => s.kind === 'rule') ?? [];
      const service = rules.find((r) => r.target?.startsWith('KUBE-SVC-'));
      expect(service?.object).toMatchObject({
        kind: 'Service',
        name: 'api',
        field: 'spec.ports[0]',
        file: 'shop.yaml',
        line: lineOf(SHOP, 'name: http, port: 80, targetPort: http'),
      });
      expect(service?.text).toMatch(/^-A KUBE-SERVICES -d 10\.\d+\.\d+\.\d+\/32 -p tcp .*--dport 80 -j KUBE-SVC-/);
    });

    test('a pod that reaches itself sees its node, and is a group of its own', async () => {
      const answer = await ask(SHOP, { from: 'deploy/shop/api', to: 'svc/shop/api:http' });
      expect(answer.verdict).toBe('delivered');
      for (const { sources, outcomes } of answer.groups) {
        const itself = outcomes.find((o) => o.receiver?.place.name === sources[0]?.name);
        expect(itself?.receiver?.sourceKept).toBe(false);
        expect(outcomes.filter((o) => o !== itself).every((o) => o.receiver?.sourceKept)).toBe(true);
      }
      expect(answer.groups.flatMap((g) => g.sources).length).toBe(2);
    });

    test('the packet after the reply goes the same way, without rules to be asked again', async () => {
      const { outcomes } = only(
        await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http', connection: 'established' }),
      );
      expect(outcomes.map((o) => o.verdict)).toEqual(['delivered', 'delivered']);
      const steps = outcomes[0]?.forward.hops.flatMap((h) => h.steps) ?? [];
      expect(steps.filter((s) => s.kind === 'conntrack').every((s) => s.state === 'ESTABLISHED')).toBe(true);
      expect(steps.filter((s) => s.kind === 'nat')).toMatchObject([{ what: 'destination', remembered: true }]);
      expect(steps.some((s) => s.kind === 'rule' && s.table === 'nat')).toBe(false);
    });
  });

  test('a headless Service is one answer for all its pods', async () => {
    const { destinations, outcomes } = only(
      await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api-direct:http' }),
    );
    expect(new Set(destinations.map((d) => d.address)).size).toBe(2);
    expect(outcomes[0]).toMatchObject({ verdict: 'delivered', receiver: { port: 8080, sourceKept: true } });
  });

  describe('a Service without endpoints', () => {
    test.each([
      ['svc/shop/mistyped', 'selector-matches-nothing', 'app: apii'],
      ['svc/shop/misnamed', 'target-port-name-missing', 'targetPort: htpp'],
      ['svc/shop/byhand', 'no-selector', undefined],
    ])('%s is rejected, and %s is why', async (to, code, part) => {
      const answer = await ask(SHOP, { from: 'deploy/shop/web', to });
      expect(answer).toMatchObject({ verdict: 'rejected', reason: 'no-endpoints' });
      expect(only(answer).symptom).toBe('connection refused');
      expect(answer.hints.map((h) => h.code)).toContain(code);
      if (part !== undefined) expect(answer.hints.find((h) => h.code === code)?.object?.line).toBe(lineOf(SHOP, part));
    });

    test('an endpoint whose address nobody has is named', async () => {
      const slice = `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: byhand-1, namespace: shop, labels: {kubernetes.io/service-name: byhand}}
addressType: IPv4
endpoints: [{addresses: [10.244.77.7]}]
ports: [{name: "", port: 80}]
`;
      const answer = await ask(SHOP + slice, { from: 'deploy/shop/web', to: 'svc/shop/byhand' });
      expect(answer.verdict).not.toBe('delivered');
      expect(answer.hints).toMatchObject([
        { code: 'endpoint-of-nobody', object: { line: lineOf(SHOP + slice, '10.244.77.7') } },
      ]);
    });

    test('read from a running cluster without selector and slices: nobody knows', async () => {
      const live = SHOP.replace(
        'metadata: {name: byhand, namespace: shop}',
        'metadata: {name: byhand, namespace: shop, uid: u}',
      );
      const answer = await ask(live, { from: 'deploy/shop/web', to: 'svc/shop/byhand' });
      expect(answer).toMatchObject({ verdict: 'unknown', reason: 'endpoints-not-shown', hints: [] });
    });

    test('headless: there is no address to send to', async () => {
      const answer = await ask(
        SHOP.replace('clusterIP: None\n  selector: {app: api}', 'clusterIP: None\n  selector: {app: nobody}'),
        { from: 'deploy/shop/web', to: 'svc/shop/api-direct' },
      );
      expect(answer).toMatchObject({ verdict: 'unreachable', reason: 'no-endpoints' });
      expect(answer.hints.map((h) => h.code)).toContain('selector-matches-nothing');
    });
  });

  test('two pods with one address: the answer that went astray names them', async () => {
    const pod = (name: string) => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, uid: u-${name}}
spec: {nodeName: n1, containers: [{name: c}]}
status: {phase: Running, podIP: 10.244.0.9, conditions: [{type: Ready, status: "True"}]}
`;
    const answer = await ask(SHOP + pod('first') + pod('second'), { from: 'pod/shop/second', to: 'svc/shop/api:http' });
    expect(answer.verdict).not.toBe('delivered');
    const hint = answer.hints.find((h) => h.code === 'shared-address');
    expect(hint?.text).toContain('Pod shop/first');
    expect(hint?.text).toContain('Pod shop/second');
  });

  describe('a port that the Service does not have', () => {
    test('leads nowhere, and the ports it has are named', async () => {
      const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:8080' });
      expect(answer).toMatchObject({ verdict: 'dropped', reason: 'no-such-service-port' });
      expect(answer.hints[0]).toMatchObject({ code: 'no-such-service-port' });
      expect(answer.hints[0]?.text).toContain('80 (http), 9090 (metrics)');
    });

    test.each([
      [{ to: 'svc/shop/web:8080' }, 'It is a targetPort', 'Ask svc/web:80.'],
      [{ to: 'svc/shop/web:30080' }, 'It is a node port', 'Ask svc/web:80.'],
      [{ to: 'svc/shop/web:80', protocol: 'udp' as const }, 'Its port 80 is TCP', 'Ask svc/web:80 with tcp.'],
      [{ to: 'svc/shop/web:1' }, 'it has 80', 'Ask one of its ports: svc/web:80.'],
    ])('%j: %s', async (question, text, mend) => {
      const [hint] = (await ask(SHOP, { from: 'deploy/shop/api', ...question })).hints;
      expect(hint?.text).toContain(text);
      expect(hint?.mend).toBe(mend);
    });

    test('ping: a cluster IP answers none', async () => {
      const answer = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api', protocol: 'icmp' });
      expect(answer).toMatchObject({ verdict: 'dropped', reason: 'no-ping-to-service' });
    });
  });

  describe('from outside', () => {
    test('a node port is reached through every node, and the pod sees a node instead of the client', async () => {
      const answer = await ask(SHOP, { from: 'external', to: 'svc/shop/web' });
      expect(answer.verdict).toBe('delivered');
      expect(answer.groups.flatMap((g) => g.destinations).length).toBe(3);
      for (const { outcomes } of answer.groups)
        for (const { receiver } of outcomes) expect(receiver?.sourceKept).toBe(false);
    });

    test('externalTrafficPolicy Local: nodes without an endpoint drop, and that is how it is meant', async () => {
      const local = SHOP.replace('type: NodePort', 'type: NodePort\n  externalTrafficPolicy: Local').replace(
        'replicas: 3',
        'replicas: 1',
      );
      const answer = await ask(local, { from: 'external', to: 'svc/shop/web' });
      expect(answer).toMatchObject({ verdict: 'depends', reason: 'outcomes-differ' });
      const dropped = answer.groups.filter((g) => g.verdict === 'dropped');
      expect(dropped.flatMap((g) => g.destinations).length).toBe(2);
      for (const group of dropped) {
        expect(group.reason).toBe('no-local-endpoint');
        expect(group.decisive?.object).toMatchObject({
          kind: 'Service',
          name: 'web',
          field: 'spec.externalTrafficPolicy',
          line: lineOf(local, 'externalTrafficPolicy'),
        });
      }
      const delivered = answer.groups.filter((g) => g.verdict === 'delivered');
      expect(delivered.flatMap((g) => g.outcomes).every((o) => o.receiver?.sourceKept)).toBe(true);
    });

    test('a cluster IP is no address outside', async () => {
      const answer = await ask(SHOP, { from: 'external', to: 'svc/shop/api:80' });
      expect(answer).toMatchObject({ verdict: 'unreachable', reason: 'cluster-ip-from-outside' });
    });
  });

  describe('out of the cluster', () => {
    test('pods reach the world with the address of their node', async () => {
      const { outcomes, sources } = only(await ask(SHOP, { from: 'deploy/shop/web', to: 'external' }));
      expect(sources.length).toBe(3);
      expect(outcomes[0]).toMatchObject({
        verdict: 'delivered',
        receiver: { place: { kind: 'external' }, port: 443, sourceKept: false },
      });
    });
  });

  const POLICY = (spec: string) => `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: ${spec}
`;

  describe('NetworkPolicies are not judged', () => {
    test.each([
      ['{podSelector: {matchLabels: {app: api}}}', 'unknown'],
      ['{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}', 'unknown'],
      ['{podSelector: {matchLabels: {app: web}}}', 'delivered'],
      ['{podSelector: {matchLabels: {app: other}}}', 'delivered'],
    ])('%s: %s', async (spec, verdict) => {
      const answer = await ask(SHOP + POLICY(spec), { from: 'deploy/shop/web', to: 'svc/shop/api:http' });
      expect(answer.verdict).toBe(verdict);
      expect(answer.notes.some((n) => n.code === 'policy-not-judged')).toBe(verdict === 'unknown');
      if (verdict === 'unknown') expect(answer.reason).toBe('policy-not-judged');
    });

    test('what is lost anyway stays lost', async () => {
      const answer = await ask(SHOP + POLICY('{podSelector: {}, policyTypes: [Egress]}'), {
        from: 'deploy/shop/web',
        to: 'svc/shop/mistyped',
      });
      expect(answer).toMatchObject({ verdict: 'rejected', reason: 'no-endpoints' });
      expect(answer.notes.map((n) => n.code)).toContain('policy-not-judged');
    });
  });

  describe('what is not modelled', () => {
    test('without kube-proxy Services are unknown, pods are not', async () => {
      const proxyMode = 'none';
      const service = await ask(SHOP, { from: 'deploy/shop/web', to: 'svc/shop/api:http' }, { proxyMode });
      expect(service).toMatchObject({ verdict: 'unknown', reason: 'proxy-mode-not-modelled' });
      const pods = await ask(SHOP, { from: 'deploy/shop/web', to: 'deploy/shop/api:http' }, { proxyMode });
      expect(pods.verdict).toBe('delivered');
    });

    const magic = (then: 'drop' | 'accept'): Table => ({
      family: 'ip',
      name: 'filter',
      chains: [
        {
          name: 'FORWARD',
          hook: { hook: Hook.FORWARD, priority: -1, type: 'filter', policy: 'accept' },
          rules: [{ body: [{ kind: 'unmodelled', text: '-m magic --really' }, { kind: then }] }],
        },
      ],
    });

    test('a match without a model: both ways are followed, and the verdict hangs on it', async () => {
      const session = await open(SHOP);
      for (const { host } of session.dataplane.nodes.values()) host.netfilter = [magic('drop'), ...host.netfilter];
      const answer = session.trace({ from: 'deploy/shop/web', to: 'svc/shop/api:http' });
      expect(answer).toMatchObject({ verdict: 'unknown', reason: 'construct-not-modelled' });
      const outcomes = answer.groups.flatMap((g) => g.outcomes);
      expect(new Set(outcomes.map((o) => o.verdict))).toEqual(new Set(['dropped', 'delivered']));
      for (const { conditions, odds } of outcomes) {
        expect(odds).toBeUndefined();
        expect(conditions.map((c) => c.construct)).toEqual(expect.arrayContaining(['-m magic --really']));
      }
    });

    test('whose process sends: asked where the question does not say', async () => {
      const session = await open(SHOP);
      // As a service mesh has it: what does not come from its own proxy is not let out.
      const mesh: Table = {
        family: 'ip',
        name: 'filter',
        chains: [
          {
            name: 'OUTPUT',
            hook: { hook: Hook.OUTPUT, priority: 0, type: 'filter', policy: 'accept' },
            rules: [
              {
                body: [
                  { kind: 'owner', uid: { from: 1337, to: 1337, not: true }, text: '-m owner ! --uid-owner 1337' },
                  { kind: 'drop' },
                ],
              },
            ],
          },
        ],
      };
      const { network, describe } = session.dataplane;
      for (const netns of network.netnses)
        if (describe(netns.name).kind === 'pod' && netns.name.includes('web')) netns.netfilter = [mesh];
      const question = { from: 'deploy/shop/web', to: 'deploy/shop/api:http' };
      expect(session.trace(question)).toMatchObject({ verdict: 'unknown', reason: 'construct-not-modelled' });
      expect(session.trace({ ...question, uid: 0 }).verdict).toBe('dropped');
      const proxied = session.trace({ ...question, uid: 1337 });
      expect(proxied.verdict).toBe('delivered');
      expect(proxied.question.uid).toBe(1337);
    });

    test('a match without a model that changes nothing does not matter', async () => {
      const session = await open(SHOP);
      for (const { host } of session.dataplane.nodes.values()) host.netfilter = [magic('accept'), ...host.netfilter];
      expect(session.trace({ from: 'deploy/shop/web', to: 'svc/shop/api:http' }).verdict).toBe('delivered');
    });
  });
});
