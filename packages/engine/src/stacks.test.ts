/** Links that stand on others, on both machines: what the kernel's source and its documentation say; this kernel has none of them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, route, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Link } from './link.ts';
import type { Machine } from './machine.ts';
import type { Netns } from './network.ts';
import type { Statement } from './rule.ts';
import { Disposition, Hook, Protocol, Reason } from './terms.ts';
import type { Walk } from './walk.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

const eth = (more: Partial<Link> = {}): Link => ({ name: 'eth0', kind: 'device', segment: 'lan', ...more });
const told = ({ end }: Walk) => `${Disposition[end.disposition]} ${Reason[end.reason]} ${end.netns}`;
const DELIVERED = (name: string) => `DELIVERED LISTENER_ASSUMED ${name}`;

const vlan = (id: number): Link => ({
  name: `eth0.${id}`,
  kind: 'vlan',
  vlanId: id,
  lower: { netns: '', link: 'eth0' },
});
const on = (name: string, link: Link): Link => ({
  ...link,
  ...(link.lower && { lower: { ...link.lower, netns: name } }),
});

/** Two hosts behind a bridge that knows VLANs, and a third that has a tagged link. */
function behindBridge(of1: Link['vlans'], of2: Link['vlans'], filtering = true): Netns[] {
  const pod = (n: number) =>
    netns(`p${n}`, {
      links: [{ name: 'eth0', kind: 'veth', peer: { netns: 'br', link: `v${n}` } }],
      addresses: [`eth0 10.0.0.${n}/24`],
    });
  const port = (n: number, vlans: Link['vlans']): Link => ({
    name: `v${n}`,
    kind: 'veth',
    peer: { netns: `p${n}`, link: 'eth0' },
    master: 'br0',
    ...(vlans && { vlans }),
  });
  return [
    netns('br', { links: [{ name: 'br0', kind: 'bridge', vlanFiltering: filtering }, port(1, of1), port(2, of2)] }),
    pod(1),
    pod(2),
  ];
}

const access = (id: number): Link['vlans'] => [{ id, pvid: true, untagged: true }];

/** A router with a VRF of two ports, and a third link outside of it. */
function vrf(more: Partial<Netns> = {}): Netns[] {
  const link = (name: string, segment: string, master?: string): Link => ({
    name,
    kind: 'device',
    segment,
    ...(master && { master }),
  });
  const router = netns('r', {
    links: [
      link('eth0', 'a', 'blue'),
      link('eth1', 'b', 'blue'),
      link('eth2', 'c'),
      { name: 'blue', kind: 'vrf', table: 10 },
    ],
    addresses: ['eth0 10.0.0.254/24', 'eth1 10.0.1.254/24', 'eth2 10.0.2.254/24'],
    sysctls: { 'net.ipv4.ip_forward': 1 },
  });
  const routes = (router.tables[0]?.routes ?? []) as Netns['tables'][number]['routes'];
  const inside = routes.filter(({ nexthops }) => nexthops[0]?.dev !== 'eth2');
  const host = (name: string, segment: string, n: number) =>
    netns(name, {
      links: [eth({ segment })],
      addresses: [`eth0 10.0.${n}.1/24`],
      routes: [`default via 10.0.${n}.254 dev eth0`],
    });
  return [
    {
      ...router,
      tables: [
        { id: 254, routes: routes.filter((r) => !inside.includes(r)) },
        { id: 10, routes: inside },
      ],
      ...more,
    },
    host('a', 'a', 0),
    host('b', 'b', 1),
    host('c', 'c', 2),
  ];
}

describe.each(machines)('%s', (_name, make) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await make();
  });

  function send(netnses: Netns[], from: string, daddr: string, more: Parameters<typeof packet>[2] = {}): Walk {
    machine.load(network(...netnses));
    return machine.send(from, packet('', daddr, more));
  }

  test.each([
    ['the same VLAN', 5, 5, DELIVERED('b')],
    ['another VLAN', 5, 6, 'UNREACHABLE NO_NEIGHBOR a'],
  ])('VLAN devices of one segment: %s', (_, one, two, expected) => {
    const end = (name: string, id: number, n: number) =>
      netns(name, { links: [eth(), on(name, vlan(id))], addresses: [`eth0.${id} 10.5.0.${n}/24`] });
    expect(told(send([end('a', one, 1), end('b', two, 2)], 'a', '10.5.0.2'))).toBe(expected);
  });

  test.each([
    ['both in the default VLAN', undefined, undefined, true, DELIVERED('p2')],
    ['both in VLAN 7', access(7), access(7), true, DELIVERED('p2')],
    ['in different VLANs', access(7), access(8), true, 'UNREACHABLE NO_NEIGHBOR p1'],
    ['in different VLANs that nobody filters', access(7), access(8), false, DELIVERED('p2')],
    ['a port without a VLAN for what has no tag', [{ id: 7 }], access(7), true, 'UNREACHABLE NO_NEIGHBOR p1'],
    ['a frame that leaves with a tag nobody there knows', access(7), [{ id: 7 }], true, 'UNREACHABLE NO_NEIGHBOR p1'],
  ])('bridge VLAN filtering: %s', (_, one, two, filtering, expected) => {
    expect(told(send(behindBridge(one, two, filtering), 'p1', '10.0.0.2'))).toBe(expected);
  });

  test('a trunk port leads to a VLAN device', () => {
    const [br, p1, p2] = behindBridge(access(7), [{ id: 7 }]) as [Netns, Netns, Netns];
    const trunk: Netns = {
      ...netns('p2', { links: [...p2.links, on('p2', vlan(7))], addresses: ['eth0.7 10.0.0.2/24'] }),
    };
    expect(told(send([br, p1, trunk], 'p1', '10.0.0.2'))).toBe(DELIVERED('p2'));
  });

  test.each([
    ['the active port', 'eth1', DELIVERED('b')],
    ['the first that is up', undefined, DELIVERED('b')],
  ])('a bond sends by %s', (_, active, expected) => {
    const port = (n: number): Link => ({ name: `eth${n}`, kind: 'device', segment: 'lan', master: 'bond0' });
    const bond: Link = { name: 'bond0', kind: 'bond', mode: 'active-backup', ...(active && { active }) };
    const a = netns('a', { links: [port(0), port(1), bond], addresses: ['bond0 10.0.0.1/24'] });
    const walk = send([a, netns('b', { links: [eth()], addresses: ['eth0 10.0.0.2/24'] })], 'a', '10.0.0.2');
    expect(told(walk)).toBe(expected);
    const last = walk.steps.filter((s) => s.kind === 'transmit').at(-1);
    expect(last?.link.name).toBe(active ?? 'eth0');
  });

  test.each([
    ['tun', 'UNKNOWN TUN a'],
    ['nlmon', 'UNKNOWN UNMODELLED_LINK a'],
  ] as const)('what leaves by %s is not followed', (kind, expected) => {
    const a = netns('a', { links: [{ name: 'x0', kind }], addresses: ['x0 10.0.0.1/24'] });
    expect(told(send([a], 'a', '10.0.0.2'))).toBe(expected);
  });

  test('ipvlan devices of layer 2 share an address and are told apart by IP', () => {
    const pod = (n: number) =>
      netns(`p${n}`, {
        links: [{ name: 'ip0', kind: 'ipvlan', mode: 'l2', lower: { netns: 'node', link: 'eth0' } }],
        addresses: [`ip0 10.0.0.1${n}/24`],
      });
    const node = netns('node', { links: [eth()], addresses: ['eth0 10.0.0.1/24'] });
    const far = netns('far', { links: [eth()], addresses: ['eth0 10.0.0.2/24'] });
    const all = [node, pod(1), pod(2), far];
    expect(told(send(all, 'p1', '10.0.0.12'))).toBe(DELIVERED('p2'));
    expect(told(send(all, 'far', '10.0.0.11'))).toBe(DELIVERED('p1'));
    expect(told(send(all, 'far', '10.0.0.12'))).toBe(DELIVERED('p2'));
    expect(told(send(all, 'p2', '10.0.0.2'))).toBe(DELIVERED('far'));
  });

  test('a VRF routes between its ports; what its table does not know, the other tables may', () => {
    expect(told(send(vrf(), 'a', '10.0.1.1'))).toBe(DELIVERED('b'));
    expect(told(send(vrf(), 'c', '10.0.1.1'))).toBe('UNREACHABLE NO_ROUTE r');
    expect(told(send(vrf(), 'a', '10.0.2.1'))).toBe(DELIVERED('c'));
    // The kernel's documentation has VRFs end by such a route.
    const [router, ...others] = vrf() as [Netns, ...Netns[]];
    const closed = router.tables.map((t) =>
      t.id === 10 ? { ...t, routes: [...t.routes, route('unreachable default')] } : t,
    );
    expect(told(send([{ ...router, tables: closed }, ...others], 'a', '10.0.2.1'))).toBe(
      'UNREACHABLE ROUTE_UNREACHABLE r',
    );
  });

  test.each([
    ['bound to nothing', undefined, 0, 'REFUSED NO_LISTENER r'],
    ['bound to the VRF', 'blue', 0, 'DELIVERED LISTENER r'],
    ['bound to nothing, with tcp_l3mdev_accept', undefined, 1, 'DELIVERED LISTENER r'],
  ])('a socket %s hears a port of a VRF', (_, device, accept, expected) => {
    const listeners = [{ protocol: Protocol.TCP, address: '0.0.0.0', port: 80, ...(device && { device }) }];
    const sysctls = { 'net.ipv4.ip_forward': 1, 'net.ipv4.tcp_l3mdev_accept': accept };
    expect(told(send(vrf({ listeners, sysctls }), 'a', '10.0.0.254'))).toBe(expected);
  });

  test('a packet of a VRF passes PREROUTING for its port, then for the VRF', () => {
    const named = (name: string) => rule({ kind: 'iif', name }, { kind: 'note', text: name });
    const pre = base('raw', Hook.PREROUTING, [named('eth0'), named('blue')]);
    const walk = send(vrf({ netfilter: [table('raw', [pre])] }), 'a', '10.0.1.1');
    expect(told(walk)).toBe(DELIVERED('b'));
    expect(walk.steps.flatMap((s) => (s.kind === 'rule' && s.netns.name === 'r' ? [s.index] : []))).toEqual([0, 1]);
    const [input] = walk.steps.flatMap((s) => (s.kind === 'route' && s.purpose === 'input' ? [s] : []));
    expect(input).toMatchObject({ table: 10, rule: { priority: 1000, l3mdev: true } });
  });

  test('a route that leads through a VRF is looked up once more, in its table (vrf_process_v4_outbound)', () => {
    const [router, ...others] = vrf() as [Netns, ...Netns[]];
    const tables = router.tables.map((t) =>
      t.id === 254 ? { ...t, routes: [...t.routes, route('10.0.1.0/24 dev blue')] } : t,
    );
    const walk = send([{ ...router, tables }, ...others], 'c', '10.0.1.1');
    expect(told(walk)).toBe('DELIVERED LISTENER_ASSUMED b');
    expect(walk.steps.flatMap((s) => (s.kind === 'route' && s.netns.name === 'r' ? [s.table] : []))).toEqual([254, 10]);
    const out = walk.steps.flatMap((s) => (s.kind === 'transmit' && s.netns.name === 'r' ? [s.link.name] : []));
    expect(out).toEqual(['blue', 'eth1']);
  });

  test('what a VRF answers goes back by its own table', () => {
    const walk = send(vrf(), 'a', '10.0.0.254', { protocol: Protocol.ICMP, icmpType: 8, tcpFlags: 0 });
    expect(told(walk)).toBe('DELIVERED ICMP_LOCAL r');
    expect(machine.answer()?.end.netns).toBe('a');
  });

  test('a bond hears by the port in use alone, and sends by another when that is down', () => {
    const port = (n: number, up = true): Link => ({
      name: `eth${n}`,
      kind: 'device',
      peer: { netns: 'sw', link: `p${n}` },
      master: 'bond0',
      up,
    });
    const bond: Link = { name: 'bond0', kind: 'bond', mode: 'active-backup', active: 'eth0', mac: '02:00:00:00:00:aa' };
    const far = netns('b', {
      links: [{ name: 'eth0', kind: 'device', peer: { netns: 'sw', link: 'p9' } }],
      addresses: ['eth0 10.0.0.2/24'],
    });
    const sw = netns('sw', {
      links: [
        { name: 'br0', kind: 'bridge' },
        ...[0, 1].map(
          (n): Link => ({
            name: `p${n}`,
            kind: 'device',
            peer: { netns: 'a', link: `eth${n}` },
            master: 'br0',
          }),
        ),
        { name: 'p9', kind: 'device', peer: { netns: 'b', link: 'eth0' }, master: 'br0' },
      ],
    });
    const a = (up: boolean) => netns('a', { links: [port(0, up), port(1), bond], addresses: ['bond0 10.0.0.1/24'] });
    const walk = send([a(true), sw, far], 'b', '10.0.0.1');
    expect(told(walk)).toBe(DELIVERED('a'));
    expect(walk.steps.flatMap((s) => (s.kind === 'enter' && s.netns.name === 'a' ? [s.link?.name] : []))).toEqual([
      'eth0',
      'bond0',
    ]);
    expect(told(machine.send('a', packet('10.0.0.2', '10.0.0.1'), { link: 'eth1' }))).toBe('DROPPED OTHER_HOST a');
    const spare = send([a(false), sw, far], 'a', '10.0.0.2');
    expect(told(spare)).toBe(DELIVERED('b'));
    expect(spare.steps.flatMap((s) => (s.kind === 'transmit' && s.netns.name === 'a' ? [s.link.name] : []))).toEqual([
      'bond0',
      'eth1',
    ]);
  });

  test('a bond of another mode is a choice between its ports', () => {
    const port = (n: number): Link => ({ name: `eth${n}`, kind: 'device', segment: 'lan', master: 'bond0' });
    const bond: Link = { name: 'bond0', kind: 'bond', mode: '802.3ad' };
    const a = netns('a', { links: [port(0), port(1), bond], addresses: ['bond0 10.0.0.1/24'] });
    const b = netns('b', { links: [eth()], addresses: ['eth0 10.0.0.2/24'] });
    machine.load(network(a, b));
    machine.script([1]);
    const walk = machine.send('a', packet('', '10.0.0.2'));
    expect(told(walk)).toBe(DELIVERED('b'));
    expect(walk.steps.filter((s) => s.kind === 'transmit').at(-1)?.link.name).toBe('eth1');
    expect(machine.choices()).toMatchObject([{ alternatives: 2, taken: 1, text: 'bond bond0: which port' }]);
    machine.script([]);
  });

  test('pods of a bridge in VLAN 7 leave by a VLAN of a bond, to a far host in that VLAN', () => {
    const port = (n: number): Link => ({ name: `eth${n}`, kind: 'device', segment: 'lan', master: 'bond0' });
    const node = netns('node', {
      links: [
        port(0),
        port(1),
        { name: 'bond0', kind: 'bond', mode: 'active-backup' },
        { name: 'bond0.7', kind: 'vlan', vlanId: 7, lower: { netns: 'node', link: 'bond0' }, master: 'br0' },
        { name: 'br0', kind: 'bridge' },
        { name: 'v1', kind: 'veth', peer: { netns: 'pod', link: 'eth0' }, master: 'br0' },
      ],
      addresses: ['br0 10.0.0.254/24'],
    });
    const pod = netns('pod', {
      links: [{ name: 'eth0', kind: 'veth', peer: { netns: 'node', link: 'v1' } }],
      addresses: ['eth0 10.0.0.1/24'],
    });
    const far = netns('far', { links: [eth(), on('far', vlan(7))], addresses: ['eth0.7 10.0.0.2/24'] });
    const other = netns('other', { links: [eth(), on('other', vlan(8))], addresses: ['eth0.8 10.0.0.3/24'] });
    const all = [node, pod, far, other];
    expect(told(send(all, 'pod', '10.0.0.2'))).toBe(DELIVERED('far'));
    expect(told(send(all, 'far', '10.0.0.1'))).toBe(DELIVERED('pod'));
    expect(told(send(all, 'far', '10.0.0.254'))).toBe(DELIVERED('node'));
    expect(told(send(all, 'pod', '10.0.0.3'))).toBe('UNREACHABLE NO_NEIGHBOR pod');
  });

  test('frames with a tag pass bridge netfilter by; what leaves with one passes FORWARD by (br_nf_forward)', () => {
    const drop = base('filter', Hook.FORWARD, [rule({ kind: 'drop' })]);
    const filtered = (of1: Link['vlans'], of2: Link['vlans']): [Netns, Netns, Netns] => {
      const [br, p1, p2] = behindBridge(of1, of2) as [Netns, Netns, Netns];
      const sysctls = { 'net.bridge.bridge-nf-call-iptables': 1 };
      return [{ ...br, sysctls, netfilter: [table('filter', [drop])] }, p1, p2];
    };
    expect(told(send([...filtered(access(7), access(7))], 'p1', '10.0.0.2'))).toBe('DROPPED RULE br');
    const [br, p1, p2] = filtered(access(7), [{ id: 7 }]);
    const trunk = netns('p2', { links: [...p2.links, on('p2', vlan(7))], addresses: ['eth0.7 10.0.0.2/24'] });
    expect(told(send([br, p1, trunk], 'p1', '10.0.0.2'))).toBe(DELIVERED('p2'));
    expect(told(send([br, p1, trunk], 'p2', '10.0.0.1'))).toBe(DELIVERED('p1'));
  });

  test('a tag within a tag is not followed', () => {
    const inner: Link = { name: 'q', kind: 'vlan', vlanId: 9, lower: { netns: 'a', link: 'eth0.5' } };
    const a = netns('a', { links: [eth(), on('a', vlan(5)), inner], addresses: ['q 10.0.0.1/24'] });
    const known = { ...a, neighbors: [{ link: 'q', address: '10.0.0.2', lladdr: '02:00:00:00:00:09' }] };
    expect(told(send([known], 'a', '10.0.0.2'))).toBe('UNKNOWN UNMODELLED_LINK a');
  });

  test('what a VRF sends to itself has no device to leave by any more', () => {
    const kind: Statement = { kind: 'compare', key: [{ field: 'meta oifkind' }], op: 'ne', values: ['veth'] };
    const prerouting = base('filter', Hook.PREROUTING, [rule(kind)]);
    const r = netns('r', {
      links: [{ name: 'blue', kind: 'vrf', table: 10 }],
      routes: ['10.8.0.0/16 dev blue'],
      netfilter: [{ ...table('filter', [prerouting], 'ip'), syntax: 'nft' }],
    });
    machine.load(network(r));
    const { steps } = machine.send('r', packet('172.16.0.1', '10.8.8.8'));
    expect(steps.flatMap((step) => (step.kind === 'enter' ? [step.link?.name ?? ''] : []))).toContain('blue');
    expect(steps.filter((step) => step.kind === 'rule')).toEqual([]);
  });

  test('ipvlan devices of layer 3 are routed by the host of the link below, past its forwarding', () => {
    const pod = (n: number, mode: string) =>
      netns(`p${n}`, {
        links: [{ name: 'ip0', kind: 'ipvlan', mode, lower: { netns: 'node', link: 'eth0' } }],
        addresses: [`ip0 10.8.0.${n}/24`],
        routes: ['default dev ip0'],
      });
    const watch = base('filter', Hook.OUTPUT, [rule({ kind: 'oif', name: 'eth0' }, { kind: 'note', text: 'out' })]);
    const node = netns('node', {
      links: [eth()],
      addresses: ['eth0 10.0.0.1/24'],
      netfilter: [table('filter', [watch])],
    });
    const far = netns('far', {
      links: [eth()],
      addresses: ['eth0 10.0.0.2/24'],
      routes: ['10.8.0.0/24 via 10.0.0.1 dev eth0'],
    });
    const all = (mode: string) => [node, pod(1, mode), pod(2, mode), far];
    const walk = send(all('l3'), 'p1', '10.0.0.2');
    expect(told(walk)).toBe(DELIVERED('far'));
    expect(walk.steps.filter((s) => s.kind === 'rule' && s.netns.name === 'node')).toHaveLength(1);
    expect(walk.end.packet.ttl).toBe(64);
    expect(told(send(all('l3'), 'p1', '10.8.0.2'))).toBe(DELIVERED('p2'));
    expect(told(send(all('l3'), 'far', '10.8.0.2'))).toBe(DELIVERED('p2'));
    expect(told(send(all('l3s'), 'p1', '10.0.0.2'))).toBe(DELIVERED('far'));
    expect(told(send(all('l3s'), 'far', '10.8.0.2'))).toBe('UNKNOWN UNMODELLED_LINK node');
  });

  test('a macvlan on a VLAN of a bond reaches who is in that VLAN', () => {
    const node = netns('node', {
      links: [
        { name: 'p0', kind: 'device', segment: 'lan', master: 'bond0' },
        { name: 'bond0', kind: 'bond', mode: 'active-backup' },
        { name: 'bond0.5', kind: 'vlan', vlanId: 5, lower: { netns: 'node', link: 'bond0' } },
      ],
    });
    const pod = netns('pod', {
      links: [{ name: 'eth0', kind: 'macvlan', mode: 'bridge', lower: { netns: 'node', link: 'bond0.5' } }],
      addresses: ['eth0 10.0.0.1/24'],
    });
    const far = netns('far', { links: [eth(), on('far', vlan(5))], addresses: ['eth0.5 10.0.0.2/24'] });
    expect(told(send([node, pod, far], 'pod', '10.0.0.2'))).toBe(DELIVERED('far'));
    expect(told(send([node, pod, far], 'far', '10.0.0.1'))).toBe(DELIVERED('pod'));
  });
});
