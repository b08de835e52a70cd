/** Load balancers of sockets and links, on both machines. By documentation: bpf/bpf_sock.c, bpf/lib/nodeport.h, bpf/lib/lb.h of Cilium. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { netns, network, packet } from '../reference/testing/network.ts';
import type { BalancerFrontend, LinkBalancing } from './balancer.ts';
import { converse } from './converse.ts';
import { createEngine } from './engine.ts';
import type { Machine } from './machine.ts';
import type { Netns } from './network.ts';
import { Protocol, Reason, TcpFlag } from './terms.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

const VIP = '10.96.0.1';
const NODE = '192.0.2.1';
const backend = (host: number) => ({ address: `192.0.2.${host}`, port: 8080 });
const front = (more: Partial<BalancerFrontend> = {}): BalancerFrontend => ({
  protocol: 'tcp',
  address: VIP,
  port: 80,
  backends: [backend(2)],
  ...more,
});

/** Hosts 192.0.2.1 to .3 on a segment, and a client behind a router at .254. */
function hosts(
  sockets: BalancerFrontend[],
  link: Partial<LinkBalancing> & { frontends?: BalancerFrontend[] } = {},
): Netns[] {
  const { frontends = [], ...rest } = link;
  const balancing: LinkBalancing = { balancer: { frontends }, nodes: [NODE], local: [NODE], sources: [NODE], ...rest };
  const host = (n: number): Netns =>
    netns(`h${n}`, {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan', ...(n === 1 && frontends.length > 0 && { balancing }) }],
      addresses: [`eth0 192.0.2.${n}/24`],
      routes: ['default via 192.0.2.254 dev eth0'],
    });
  const [one, ...others] = [1, 2, 3].map(host);
  const router = netns('router', {
    links: [
      { name: 'lan', kind: 'device', segment: 'lan' },
      { name: 'wan', kind: 'device', segment: 'wan' },
    ],
    addresses: ['lan 192.0.2.254/24', 'wan 198.51.100.254/24'],
    sysctls: { 'net.ipv4.ip_forward': 1 },
  });
  const client = netns('client', {
    links: [{ name: 'eth0', kind: 'device', segment: 'wan' }],
    addresses: ['eth0 198.51.100.7/24'],
    routes: ['default via 198.51.100.254 dev eth0'],
  });
  const first = {
    ...(one as Netns),
    ...(sockets.length > 0 && { balancing: { balancer: { frontends: sockets }, nodes: [NODE] } }),
  };
  return [first, ...others, router, client];
}

const syn = (daddr: string, dport: number, sport = 40000) =>
  packet('', daddr, { dport, sport, protocol: Protocol.TCP, tcpFlags: TcpFlag.SYN });

describe.each(machines)('%s', (_, make) => {
  const load = async (netnses: Netns[]): Promise<Machine> => {
    const machine = await make();
    machine.load(network(...netnses));
    return machine;
  };

  test('a socket turns to the backend, which sees the client itself, and hears from the address it asked for', async () => {
    const machine = await load(hosts([front()]));
    const { outcome, endpoint, saw, back } = converse(machine, 'h1', syn(VIP, 80));
    expect({ outcome, endpoint, saw }).toEqual({
      outcome: 'reply',
      endpoint: { netns: 'h2', ...backend(2) },
      saw: { address: NODE, port: 40000 },
    });
    expect(back?.end.packet).toMatchObject({ saddr: VIP, sport: 80 });
    expect(machine.conntrack('h1')).toEqual([]);
  });

  test('nobody behind the address: connect says so, and nothing leaves', async () => {
    const { outcome, error, local } = converse(await load(hosts([front({ backends: [] })])), 'h1', syn(VIP, 80));
    expect({ outcome, error, local }).toEqual({ outcome: 'unreachable', error: 'EHOSTUNREACH', local: true });
  });

  test('one of several, all alike; with affinity the same again, until its time is over', async () => {
    const backends = [backend(2), backend(3)];
    const machine = await load(hosts([front({ backends, affinity: 10 })]));
    const to = (sport: number) => converse(machine, 'h1', syn(VIP, 80, sport)).endpoint?.netns;
    machine.script([1, 0]);
    expect(to(1)).toBe('h3');
    expect(machine.choices()).toMatchObject([{ alternatives: 2, weights: [1, 1], taken: 1, frontend: { port: 80 } }]);
    expect(to(2)).toBe('h3');
    machine.advance(10_000);
    expect(to(3)).toBe('h2');
  });

  test('from outside to another host: past the stack, from the own address; answers are turned back', async () => {
    const machine = await load(hosts([], { frontends: [front({ address: '0.0.0.0', port: 30080 })] }));
    const { outcome, endpoint, saw, there, back } = converse(machine, 'client', syn(NODE, 30080));
    expect({ outcome, endpoint, saw }).toEqual({
      outcome: 'reply',
      endpoint: { netns: 'h2', ...backend(2) },
      saw: { address: NODE, port: 40000 },
    });
    expect(there.steps.filter((s) => s.kind === 'balance').map((s) => s.manip)).toEqual(['dst', 'src']);
    expect(back?.end.packet).toMatchObject({ saddr: NODE, sport: 30080, ttl: 62 });
  });

  test('a client port of the node port range, or one that is taken, becomes another', async () => {
    const machine = await load(hosts([], { frontends: [front({ address: '0.0.0.0', port: 30080 })] }));
    const sees = (sport: number) => converse(machine, 'client', syn(NODE, 30080, sport)).saw?.port;
    expect([sees(1000), sees(32768), sees(40000)]).toEqual([32768, 32769, 40000]);
  });

  test('from outside to this host: up the stack, with the source kept', async () => {
    const own = front({ address: '0.0.0.0', port: 30080, backends: [{ address: NODE, port: 8080 }] });
    const { outcome, saw, back } = converse(await load(hosts([], { frontends: [own] })), 'client', syn(NODE, 30080));
    expect({ outcome, saw }).toEqual({ outcome: 'reply', saw: { address: '198.51.100.7', port: 40000 } });
    expect(back?.end.packet).toMatchObject({ saddr: NODE, sport: 30080 });
  });

  test.each([
    ['not in the ranges', { sourceRanges: ['203.0.113.0/24'] }, Reason.NOT_ADMITTED],
    ['in the ranges that may not', { sourceRanges: ['198.51.100.0/24'], denies: true }, Reason.NOT_ADMITTED],
    ['for the cluster alone', { sourceRanges: [] }, Reason.NOT_ADMITTED],
    ['nobody behind it', { backends: [] }, Reason.NO_BACKEND],
    ['direct answers', { away: 'DSR' }, Reason.UNMODELLED_BALANCER],
    ['a proxy', { unmodelled: 'a proxy' }, Reason.UNMODELLED_BALANCER],
  ])('from outside, %s', async (_name, more, reason) => {
    const machine = await load(hosts([], { frontends: [front({ address: NODE, port: 30080, ...more })] }));
    expect(machine.send('client', syn(NODE, 30080)).end).toMatchObject({ reason, netns: 'h1' });
  });

  test('a client that is its own backend comes from the loopback address', async () => {
    const own = front({ backends: [{ address: '198.51.100.7', port: 8080 }] });
    const machine = await load(hosts([], { frontends: [own], local: ['198.51.100.7'], loopback: ['169.254.42.1'] }));
    const { steps } = machine.send('h1', { ...syn(VIP, 80), saddr: '198.51.100.7' }, { link: 'eth0' });
    const to = steps.flatMap((step) => (step.kind === 'balance' ? (step.to ?? []) : []));
    expect(to).toEqual([
      { address: '198.51.100.7', port: 8080 },
      { address: '169.254.42.1', port: 40000 },
    ]);
  });
});
