import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import { openSession } from '../answer/session.ts';
import { type NodeDump, readNode } from '../linux/index.ts';

const encoder = new TextEncoder();

const CLUSTER = `
apiVersion: v1
kind: Node
metadata: {name: w1}
spec: {podCIDR: 10.244.1.0/24}
status: {addresses: [{type: InternalIP, address: 10.0.0.11}]}
---
apiVersion: v1
kind: Node
metadata: {name: w2}
spec: {podCIDR: 10.244.2.0/24}
status: {addresses: [{type: InternalIP, address: 10.0.0.12}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: default}
spec: {nodeName: w1, containers: [{name: c, image: c}]}
status: {phase: Running, podIP: 10.244.1.5, podIPs: [{ip: 10.244.1.5}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: default}
spec: {nodeName: w1, containers: [{name: c, image: c}]}
status: {phase: Running, podIP: 10.244.1.6, podIPs: [{ip: 10.244.1.6}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: default}
spec: {nodeName: w2, containers: [{name: c, image: c}]}
status: {phase: Running, podIP: 10.244.2.7, podIPs: [{ip: 10.244.2.7}]}
`;

const UP = '<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue';
const link = (index: number, name: string, more: string, lines: string) =>
  `${index}: ${name}: ${UP}${more} state UP group default\n    link/ether 02:00:00:00:00:0${index} brd ff:ff:ff:ff:ff:ff\n${lines}`;

const ETH0 = link(2, 'eth0', '', '    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0\n');
const TO_OTHERS =
  'default via 10.0.0.1 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.11 \n10.244.2.0/24 via 10.0.0.12 dev eth0 \n';
const FORWARDING = 'net.ipv4.ip_forward = 1\n';

const POINT_TO_POINT = {
  addr:
    ETH0 +
    link(3, 'vethb@if2', '', '    inet 10.244.1.1/32 scope global vethb\n') +
    link(4, 'vetha@if2', '', '    inet 10.244.1.1/32 scope global vetha\n'),
  route: `${TO_OTHERS}10.244.1.5 dev vetha scope host \n10.244.1.6 dev vethb scope host \n`,
  sysctl: FORWARDING,
};

const BRIDGE = {
  addr:
    ETH0 +
    link(3, 'cni0', '', '    inet 10.244.1.1/24 brd 10.244.1.255 scope global cni0\n') +
    link(4, 'veth1@if2', ' master cni0', '') +
    link(5, 'veth2@if2', ' master cni0', ''),
  route: `${TO_OTHERS}10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1 \n`,
  neigh: '10.244.1.5 dev cni0 lladdr 02:aa:00:00:00:05 REACHABLE\n10.244.1.6 dev cni0 lladdr 02:aa:00:00:00:06 STALE\n',
  fdb: '02:aa:00:00:00:05 dev veth2 master cni0 \n02:aa:00:00:00:06 dev veth1 master cni0 \n02:00:00:00:00:04 dev veth1 master cni0 permanent\n',
  sysctl: FORWARDING,
};

const dumpOf = (name: string, files: Readonly<Record<string, string>>): NodeDump =>
  readNode(
    name,
    Object.entries(files).map(([file, text]) => ({ name: file, bytes: encoder.encode(text) })),
  );

async function open(dumps: NodeDump[], wiring: 'bridge' | 'point-to-point') {
  const files = [{ name: 'cluster.yaml', bytes: encoder.encode(CLUSTER) }];
  return openSession({ files, dumps, overrides: { wiring }, machine: createReference() });
}

describe("pods hang on the links of the node's dump", () => {
  test.each([
    ['point-to-point', POINT_TO_POINT, { 'default/a': 'vetha', 'default/b': 'vethb' }],
    // What the bridge learnt says behind which port each pod is.
    ['bridge', BRIDGE, { 'default/a': 'veth2', 'default/b': 'veth1' }],
  ] as const)('%s', async (wiring, files, wanted) => {
    const session = await open([dumpOf('w1', files)], wiring);
    const { nodes, network } = session.dataplane;
    expect(session.dumpProblems).toEqual([]);
    const host = nodes.get('w1')?.host;
    for (const [pod, name] of Object.entries(wanted)) {
      expect(host?.links.find((l) => l.name === name)?.peer).toEqual({ netns: pod, link: 'eth0' });
      const eth0 = network.netnses.find((n) => n.name === pod)?.links.find((l) => l.name === 'eth0');
      expect(eth0?.peer).toEqual({ netns: 'w1', link: name });
    }
    const ways: [string, string][] = [
      ['pod/a', 'tcp:10.244.1.6:80'],
      ['pod/b', 'tcp:10.244.2.7:80'],
      ['pod/far', 'tcp:10.244.1.5:80'],
      ['node/w2', 'tcp:10.0.0.11:10250'],
      ['pod/a', 'external:443'],
    ];
    for (const [from, to] of ways) {
      const answer = session.trace({ from, to });
      // Nothing in this dump masquerades: what goes outside gets no answer, and the trace says so.
      const verdict = to.startsWith('external') ? 'dropped' : 'delivered';
      expect([from, to, answer.verdict === 'delivered' ? 'delivered' : 'dropped']).toEqual([from, to, verdict]);
    }
  });

  test('a pod that the dump knows no way to is told of', async () => {
    const { route, ...rest } = POINT_TO_POINT;
    const session = await open(
      [dumpOf('w1', { ...rest, route: route.replace(/10.244.1.6.*\n/, '') })],
      'point-to-point',
    );
    void session.dataplane;
    expect(session.dumpProblems.map((p) => [p.code, p.message.includes('default/b')])).toEqual([['dump-pod', true]]);
    expect(session.trace({ from: 'pod/a', to: 'tcp:10.244.1.6:80' }).verdict).not.toBe('delivered');
    expect(session.trace({ from: 'pod/a', to: 'tcp:10.244.2.7:80' }).verdict).toBe('delivered');
  });
});

describe('tunnels', () => {
  const flannel = (own: number, other: number) => ({
    addr:
      ETH0.replace('10.0.0.11/24', `10.0.0.1${own}/24`) +
      link(3, 'cni0', '', `    inet 10.244.${own}.1/24 brd 10.244.${own}.255 scope global cni0\n`) +
      link(4, 'veth1@if2', ' master cni0', '') +
      link(5, 'veth2@if2', ' master cni0', '') +
      `6: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default\n    link/ether 02:bb:00:00:00:0${own} brd ff:ff:ff:ff:ff:ff\n` +
      `    vxlan id 1 local 10.0.0.1${own} dev eth0 srcport 0 0 dstport 8472 nolearning ageing 300\n    inet 10.244.${own}.0/32 scope global flannel.1\n`,
    route: `default via 10.0.0.1 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1${own} \n10.244.${own}.0/24 dev cni0 proto kernel scope link src 10.244.${own}.1 \n10.244.${other}.0/24 via 10.244.${other}.0 dev flannel.1 onlink \n`,
    neigh: `10.244.${other}.0 dev flannel.1 lladdr 02:bb:00:00:00:0${other} PERMANENT\n`,
    fdb: `02:bb:00:00:00:0${other} dev flannel.1 dst 10.0.0.1${other} self permanent\n`,
    sysctl: FORWARDING,
  });

  test('carry packets where both ends were dumped', async () => {
    const both = await open([dumpOf('w1', flannel(1, 2)), dumpOf('w2', flannel(2, 1))], 'bridge');
    const answer = both.trace({ from: 'pod/a', to: 'tcp:10.244.2.7:80' });
    expect(both.dumpProblems).toEqual([]);
    expect(answer.verdict).toBe('delivered');
    const steps = answer.groups[0]?.outcomes[0]?.forward.hops.flatMap((hop) => hop.steps) ?? [];
    const wrapped = steps.flatMap((s) => (s.kind === 'encapsulate' || s.kind === 'decapsulate' ? [s] : []));
    expect(wrapped.map((s) => [s.kind, s.link, s.packet.saddr, s.packet.daddr])).toEqual([
      ['encapsulate', 'flannel.1', '10.0.0.11', '10.0.0.12'],
      ['decapsulate', 'flannel.1', '10.244.1.5', '10.244.2.7'],
    ]);
  });

  test('and where one end was: the other node gets what the dump says of it', async () => {
    const one = await open([dumpOf('w1', flannel(1, 2))], 'bridge');
    const answer = one.trace({ from: 'pod/a', to: 'tcp:10.244.2.7:80' });
    expect(one.dumpProblems).toEqual([]);
    expect(answer.verdict).toBe('delivered');
    const outcome = answer.groups[0]?.outcomes[0];
    const links = [outcome?.forward, outcome?.reply].map((walk) =>
      walk?.hops.flatMap((hop) => hop.steps).flatMap((s) => (s.kind === 'encapsulate' ? [s.link] : [])),
    );
    expect(links).toEqual([['flannel.1'], ['flannel.1']]);
    expect(one.trace({ from: 'pod/far', to: 'tcp:10.244.1.5:80' }).verdict).toBe('delivered');
  });

  const KEYS = ['', 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=', 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0='];
  const packets = (kind: 'ipip' | 'wireguard', own: number, other: number) => {
    const { addr, route, neigh: _neigh, fdb: _fdb, ...rest } = flannel(own, other);
    const details = {
      ipip: [
        'tunl0',
        'ipip',
        'ipip any remote any local any ttl inherit nopmtudisc',
        `via 10.0.0.1${other} dev tunl0 onlink`,
      ],
      wireguard: ['wg0', 'none', 'wireguard', 'dev wg0 scope link'],
    } as const;
    const [name, type, line, way] = details[kind];
    const wg =
      `wg0\t(none)\t${KEYS[own]}\t51820\toff\n` +
      `wg0\t${KEYS[other]}\t(none)\t10.0.0.1${other}:51820\t10.244.${other}.0/24\t0\t0\t0\toff\n`;
    return {
      ...rest,
      addr: `${addr.slice(0, addr.indexOf('6: flannel'))}6: ${name}: <NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default\n    link/${type} 0.0.0.0 brd 0.0.0.0\n    ${line}\n`,
      route: route.replace(/via \S+ dev flannel.1 onlink/, way),
      ...(kind === 'wireguard' && { wg_show_all_dump: wg }),
    };
  };

  test.each([
    ['ipip', 'tunl0', ['w1', 'w2']],
    ['ipip', 'tunl0', ['w1']],
    ['wireguard', 'wg0', ['w1', 'w2']],
    ['wireguard', 'wg0', ['w1']],
  ] as const)('of packets: %s by %s, dumps of %o', async (kind, name, dumped) => {
    const dumps = dumped.map((node) => dumpOf(node, node === 'w1' ? packets(kind, 1, 2) : packets(kind, 2, 1)));
    const session = await open(dumps, 'bridge');
    const answer = session.trace({ from: 'pod/a', to: 'tcp:10.244.2.7:80' });
    expect(session.dumpProblems).toEqual([]);
    expect(answer.verdict).toBe('delivered');
    const outcome = answer.groups[0]?.outcomes[0];
    const ways = [outcome?.forward, outcome?.reply].map((walk) =>
      walk?.hops
        .flatMap((hop) => hop.steps)
        .flatMap((s) => (s.kind === 'encapsulate' || s.kind === 'decapsulate' ? [`${s.kind} ${s.link}`] : [])),
    );
    const through = [`encapsulate ${name}`, `decapsulate ${name}`];
    expect(ways).toEqual([through, through]);
    expect(session.trace({ from: 'pod/far', to: 'tcp:10.244.1.5:80' }).verdict).toBe('delivered');
  });

  test('that lead to no node are told of', async () => {
    const strange = { ...flannel(1, 2), fdb: '02:bb:00:00:00:02 dev flannel.1 dst 10.0.0.99 self permanent\n' };
    const session = await open([dumpOf('w1', strange)], 'bridge');
    void session.dataplane;
    expect(session.dumpProblems.map((p) => p.code)).toEqual(['dump-tunnel']);
  });
});
