/**
 * Who sees whose address. What must come of it is in Kubernetes' documentation: externalTrafficPolicy Cluster obscures the client's address and
 * Local keeps it (docs/reference/networking/virtual-ips); pods see pods; what kube-proxy takes for no pod is masqueraded; so is a hairpin.
 */
import { createEngine, type Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { why } from '../why/why.ts';
import type { Receiver } from './answer.ts';
import type { Question } from './question.ts';
import { openSession, type Session } from './session.ts';
import { source } from './shop.ts';

const node = (name: string, octet: number, external = ''): string => `
---
apiVersion: v1
kind: Node
metadata: {name: ${name}}
spec: {podCIDR: 10.244.${octet}.0/24, podCIDRs: [10.244.${octet}.0/24]}
status: {addresses: [{type: InternalIP, address: 192.168.10.1${octet}}${external}]}`;

const pod = (name: string, octet: number, host: number, more = ''): string => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: a, labels: {app: ${name}}}
spec: {nodeName: n${octet}, containers: [{name: c, image: c, ports: [{containerPort: 80${more}}]}]}
status: {phase: Running, podIP: 10.244.${octet}.${host}, podIPs: [{ip: 10.244.${octet}.${host}}], conditions: [{type: Ready, status: 'True'}]}`;

const service = (name: string, app: string, spec = ''): string => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: a}
spec: {selector: {app: ${app}}, ports: [{port: 80}]${spec}}`;

const CLUSTER = [
  node('n1', 1),
  node('n2', 2, ', {type: ExternalIP, address: 198.51.100.7}'),
  pod('web', 1, 5, ', hostPort: 8080'),
  pod('near', 1, 6),
  pod('far', 2, 5),
  service('web', 'web'),
  service('open', 'web', ', type: NodePort'),
  service('local', 'web', ', type: NodePort, externalTrafficPolicy: Local'),
].join('');

const MACHINES: Readonly<Record<string, () => Machine | Promise<Machine>>> = {
  engine: () => createEngine(),
  reference: () => createReference(),
};

describe.each(Object.keys(MACHINES))('%s', (name) => {
  async function open(overrides: ClusterOverrides = {}): Promise<Session> {
    const machine = await (MACHINES[name] as () => Machine | Promise<Machine>)();
    return openSession({ files: [source(CLUSTER)], overrides, machine });
  }

  function receiver(session: Session, from: string, to: string, more: Partial<Question> = {}): Receiver | undefined {
    const { groups } = session.trace({ from, to, namespace: 'a', ...more });
    return groups[0]?.outcomes[0]?.receiver;
  }

  describe.each(['iptables', 'nftables'] as const)('%s', (proxyMode) => {
    test.each([
      ['pod/a/far', 'svc/a/web', undefined, '10.244.2.5'],
      ['pod/a/web', 'svc/a/web', 'hairpin', '10.244.1.1'],
      ['node/n1', 'svc/a/web', 'outside-pod-network', '10.244.1.1'],
      ['external', 'node/n2:NODE_PORT', 'external-traffic', '192.168.10.12'],
      ['external', 'node/n1:LOCAL_PORT', undefined, '203.0.113.10'],
      ['node/n1', 'node/n1:LOCAL_PORT', 'node-itself', '10.244.1.1'],
      ['pod/a/near', '192.168.10.11:8080', 'host-port', '10.244.1.1'],
      ['external', '192.168.10.11:8080', undefined, '203.0.113.10'],
      ['pod/a/far', 'external', 'leaves-cluster', '192.168.10.12'],
    ])('%s > %s: %s', async (from, to, code, seen) => {
      const session = await open({ proxyMode });
      const port = (key: string) => String(session.cluster.services.get(key)?.object.spec.ports?.[0]?.nodePort);
      const target = to.replace('NODE_PORT', port('a/open')).replace('LOCAL_PORT', port('a/local'));
      const got = receiver(session, from, target);
      expect(got?.sees.address).toBe(seen);
      expect(got?.sourceKept).toBe(code === undefined);
      expect(got?.sourceLost?.code).toBe(code);
      expect(got?.sourceLost?.address).toBe(code && seen);
      // A later packet of the connection is told by the rules that the first one met.
      const later = receiver(session, from, target, { connection: 'established' });
      expect(later?.sourceLost).toEqual(got?.sourceLost);
      expect(later?.sees.address).toBe(seen);
    });

    test('the rule and the object that ask for it are named, and what would keep the address', async () => {
      const session = await open({ proxyMode });
      const nodePort = session.cluster.services.get('a/open')?.object.spec.ports?.[0]?.nodePort;
      const lost = receiver(session, 'external', `node/n2:${nodePort}`)?.sourceLost;
      expect(lost).toMatchObject({ place: { kind: 'node', name: 'n2' }, object: { kind: 'Service', name: 'open' } });
      expect(lost?.object?.field).toBe('spec.externalTrafficPolicy');
      expect(lost?.keep).toContain('externalTrafficPolicy: Local');
      expect(lost?.rule).toContain('masquerade');
    });

    test('masqueradeAll, and a clusterCIDR that is not the pod network', async () => {
      const all = await open({ proxyMode, proxy: { masqueradeAll: true } });
      expect(receiver(all, 'pod/a/far', 'svc/a/web')?.sourceLost?.code).toBe('masquerade-all');
      const other = await open({ proxyMode, proxy: { clusterCIDRs: ['10.9.0.0/16'] } });
      const lost = receiver(other, 'pod/a/far', 'svc/a/web')?.sourceLost;
      expect(lost?.code).toBe('outside-pod-network');
      expect(lost?.keep).toContain('clusterCIDR');
    });
  });

  test('eBPF programs translate what they send on to other nodes, and nothing else', async () => {
    const session = await open({ proxyMode: 'ebpf' });
    const nodePort = session.cluster.services.get('a/open')?.object.spec.ports?.[0]?.nodePort;
    expect(receiver(session, 'external', `node/n1:${nodePort}`)).toMatchObject({ sourceKept: true });
    const far = receiver(session, 'external', `node/n2:${nodePort}`);
    expect(far).toMatchObject({ sourceKept: false, sees: { address: '192.168.10.12' } });
    expect(far?.sourceLost).toMatchObject({ code: 'external-traffic', place: { name: 'n2' } });
  });

  test("the AWS VPC CNI's own rule: out of the VPC with the node's address, within it with the pod's", async () => {
    const session = await open({ cni: 'aws-vpc-cni' });
    const lost = receiver(session, 'pod/a/far', 'external');
    expect(lost).toMatchObject({ sees: { address: '192.168.10.12' }, sourceLost: { code: 'leaves-cluster' } });
    expect(lost?.sourceLost?.rule).toBe(
      '-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source 192.168.10.12 --random-fully',
    );
    expect(lost?.sourceLost?.keep).toContain('AWS_VPC_K8S_CNI_EXTERNALSNAT=true');
    expect(receiver(session, 'pod/a/far', 'node/n1:22')?.sourceKept).toBe(true);
    expect(receiver(session, 'pod/a/far', 'pod/a/web')?.sourceKept).toBe(true);
  });

  test('outside, a private address is translated once more; a node with an ExternalIP has it', async () => {
    const session = await open();
    expect(receiver(session, 'pod/a/far', 'external')?.beyond).toEqual({ address: '198.51.100.7' });
    expect(receiver(session, 'pod/a/near', 'external')?.beyond).toEqual({});
    expect(receiver(session, 'pod/a/far', 'svc/a/web')?.beyond).toBeUndefined();
    const { notes } = session.trace({ from: 'pod/a/near', to: 'external' });
    expect(notes.map(({ code }) => code)).toContain('nat-beyond');
  });

  test('no room in the table', async () => {
    const session = await open();
    const question = { from: 'pod/a/near', to: 'external' };
    expect(session.trace({ ...question, full: 'table' })).toMatchObject({
      verdict: 'dropped',
      reason: 'conntrack-full',
    });
    expect(session.trace(question).verdict).toBe('delivered');
    const { fault } = why(session, { ...question, full: 'table' });
    expect(fault).toMatchObject({ link: 'conntrack', setting: 'net.netfilter.nf_conntrack_max on n1' });
  });
});

// The reference interpreter looks through its connections one by one: 64,512 are too many for it.
test('no port left', async () => {
  const session = await openSession({ files: [source(CLUSTER)], machine: createEngine() });
  const question = { from: 'pod/a/near', to: 'external', full: 'ports' } as const;
  expect(session.trace(question)).toMatchObject({ verdict: 'dropped', reason: 'nat-exhausted' });
  expect(why(session, question).fault).toMatchObject({ link: 'conntrack' });
  // Where no source is translated, ports do not matter.
  expect(session.trace({ ...question, to: 'svc/a/web' }).verdict).toBe('delivered');
});
