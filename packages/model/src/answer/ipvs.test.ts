/** kube-proxy's IPVS mode, in both machines: what upstream's documents and issues say of it. */
import { createEngine, type Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { type NodeDump, readNode } from '../linux/node/index.ts';
import type { Outcome } from './answer.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const service = (name: string, spec: string, ingress = '') => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 80, targetPort: 8080}], ${spec}}
${ingress === '' ? '' : `status: {loadBalancer: {ingress: [{ip: ${ingress}}]}}`}
`;
const MORE = [
  service('balanced', 'type: LoadBalancer', '203.0.113.5'),
  service('near', 'type: LoadBalancer, externalTrafficPolicy: Local', '203.0.113.6'),
  service('inside', 'internalTrafficPolicy: Local'),
  service('guarded', 'type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24]', '203.0.113.7'),
  service('outer', 'externalIPs: [198.51.100.7]'),
].join('');

const MACHINES: Readonly<Record<string, () => Machine | Promise<Machine>>> = {
  engine: () => createEngine(),
  reference: () => createReference(),
};

describe.each(Object.keys(MACHINES))('%s', (name) => {
  async function open(overrides: ClusterOverrides = {}, text = SHOP + MORE, dumps: NodeDump[] = []) {
    const machine = await MACHINES[name]?.();
    return openSession({
      files: [source(text)],
      overrides: { proxyMode: 'ipvs', ...overrides },
      dumps,
      ...(machine && { machine }),
    });
  }
  const ask = async (from: string, to: string, overrides?: ClusterOverrides) =>
    (await open(overrides)).trace({ from, to });
  const outcomes = async (from: string, to: string, overrides?: ClusterOverrides): Promise<Outcome[]> =>
    (await ask(from, to, overrides)).groups[0]?.outcomes ?? [];
  /** Of every endpoint its node and the source that it sees. */
  const seen = async (...question: Parameters<typeof outcomes>) =>
    (await outcomes(...question)).map(({ receiver }) => `${receiver?.place.node} ${receiver?.sees.address}`);

  test('a cluster IP leads to each endpoint, and pods keep their address', async () => {
    const found = await outcomes('deploy/shop/web', 'svc/shop/api:http');
    expect(found.map(({ verdict, odds }) => [verdict, odds?.denominator])).toEqual([
      ['delivered', '2'],
      ['delivered', '2'],
    ]);
    expect(found.every(({ receiver }) => receiver?.sourceKept)).toBe(true);
    // The client sees the Service's address answer.
    expect(found.every(({ reply }) => reply?.packet.sport === 80)).toBe(true);
  });

  test('the virtual service and its server lead to their objects', async () => {
    const [first] = await outcomes('deploy/shop/web', 'svc/shop/api:http');
    const steps = first?.forward.hops.flatMap((hop) => hop.steps) ?? [];
    const chosen = steps.find((step) => step.kind === 'ipvs');
    expect(chosen).toMatchObject({ how: 'scheduled', object: { name: expect.stringMatching(/^api/) } });
  });

  test('the node takes the address of the Service for its own, and is masqueraded', async () => {
    expect(await seen('node/node-1', 'svc/shop/api:http')).toEqual(['node-1 10.244.0.1', 'node-2 172.18.0.2']);
  });

  test('without a way to tell who is local only the node itself is masqueraded', async () => {
    const blind = { proxy: { clusterCIDRs: [] } };
    expect(await seen('node/node-1', 'svc/shop/api:http', blind)).toEqual(['node-1 10.244.0.1', 'node-2 172.18.0.2']);
    const pods = await outcomes('deploy/shop/web', 'svc/shop/api:http', blind);
    expect(pods.every(({ receiver }) => receiver?.sourceKept)).toBe(true);
    const all = await outcomes('deploy/shop/web', 'svc/shop/api:http', { proxy: { masqueradeAll: true } });
    expect(all.some(({ receiver }) => receiver?.sourceKept)).toBe(false);
  });

  test('a pod that reaches itself is masqueraded (KUBE-LOOP-BACK)', async () => {
    const found = await outcomes('deploy/shop/api', 'svc/shop/api:http');
    const own = found.filter(({ receiver, forward }) => receiver?.place.name === forward.hops[0]?.place.name);
    expect(own.map(({ verdict, receiver }) => [verdict, receiver?.sourceKept])).toEqual([['delivered', false]]);
  });

  test.each([
    ['a port that the cluster IP does not have', 'svc/shop/api:1234', 'no-such-service-port'],
    ['a ping to a cluster IP', 'icmp:svc/shop/api', 'no-ping-to-service'],
    ['a Service without endpoints', 'svc/shop/mistyped', 'no-endpoints'],
  ])('%s is rejected', async (_, to, reason) => {
    expect(await ask('deploy/shop/web', to)).toMatchObject({ verdict: 'rejected', reason });
  });

  test('node ports are served on every address of the node but loopback', async () => {
    expect(await seen('external', 'node/node-1:30080')).toEqual([
      'node-1 10.244.0.1',
      'node-2 172.18.0.2',
      'node-3 172.18.0.2',
    ]);
    expect((await ask('node/node-1', 'tcp:10.244.0.1:30080')).verdict).toBe('delivered');
    expect(await ask('node/node-1', 'tcp:127.0.0.1:30080')).toMatchObject({
      verdict: 'refused',
      reason: 'node-port-not-served',
    });
  });

  test('the address of a load balancer is taken by the node that is asked, also from inside', async () => {
    const [first] = await outcomes('deploy/shop/web', 'tcp:203.0.113.5:80');
    expect(first?.verdict).toBe('delivered');
    const places = first?.forward.hops.map(({ place }) => place.kind);
    expect(places).not.toContain('gateway');
    expect((await ask('deploy/shop/web', 'tcp:203.0.113.5:81')).verdict).toBe('rejected');
    expect((await ask('deploy/shop/web', 'tcp:198.51.100.7:80')).verdict).toBe('delivered');
  });

  test('an older kube-proxy lets the node answer pings to Services', async () => {
    const bytes = new TextEncoder().encode(
      '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n',
    );
    const session = await open({}, SHOP, [readNode('node-1', [{ name: 'iptables-save', bytes }])]);
    const { verdict, notes } = session.trace({ from: 'node/node-1', to: 'icmp:svc/shop/api' });
    expect(verdict).toBe('delivered');
    expect(notes.map(({ code }) => code)).toContain('ping-answered-by-node');
  });

  describe('policy Local', () => {
    test('gives clients inside the endpoints of their node alone', async () => {
      const found = await outcomes('node/node-1', 'tcp:203.0.113.6:80');
      expect(found.map(({ receiver }) => receiver?.place.node)).toEqual(['node-1']);
    });

    test('on a node without endpoints sends on, and the answer is lost', async () => {
      const session = await open();
      const { groups } = session.trace({ from: 'external', to: 'tcp:203.0.113.6:80' });
      const ends = groups[0]?.outcomes.map(({ verdict, receiver, direction }) => [
        verdict,
        receiver?.place.node,
        direction,
      ]);
      expect(ends?.every(([verdict, , direction]) => verdict === 'delivered' || direction === 'reply')).toBe(true);
    });

    test('for the cluster IP leaves a node without endpoints none', async () => {
      expect(await ask('node/node-3', 'svc/shop/inside')).toMatchObject({
        verdict: 'rejected',
        reason: 'no-local-endpoint',
      });
      expect((await ask('node/node-1', 'svc/shop/inside')).verdict).toBe('delivered');
    });
  });

  test('source ranges guard the address of the load balancer', async () => {
    expect(await ask('external:198.51.100.99', 'tcp:203.0.113.7:80')).toMatchObject({
      verdict: 'dropped',
      reason: 'source-range',
    });
    expect((await ask('external:192.0.2.9', 'tcp:203.0.113.7:80')).verdict).toBe('delivered');
  });
});
