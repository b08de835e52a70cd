/** Links that this kernel has not: what their documentation and the kernel's source say. VXLAN and macvlan are judged by the kernel (conformance). */
import { expect, test } from 'vitest';
import { Disposition, type Link, type Netns, Protocol, Reason, type Walk } from '../src/index.ts';
import { createReference } from './index.ts';
import { netns, network, packet, route } from './testing/network.ts';

const eth = (more: Partial<Link> = {}): Link => ({ name: 'eth0', kind: 'device', segment: 'lan', ...more });

function send(netnses: Netns[], from: string, daddr: string, more: Parameters<typeof packet>[2] = {}): Walk {
  const machine = createReference();
  machine.load(network(...netnses));
  return machine.send(from, packet('', daddr, more));
}

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

test.each([
  ['the same VLAN', 5, 5, DELIVERED('b')],
  ['another VLAN', 5, 6, 'UNREACHABLE NO_NEIGHBOR a'],
])('VLAN devices of one segment: %s', (_, one, two, expected) => {
  const end = (name: string, id: number, n: number) =>
    netns(name, { links: [eth(), on(name, vlan(id))], addresses: [`eth0.${id} 10.5.0.${n}/24`] });
  expect(told(send([end('a', one, 1), end('b', two, 2)], 'a', '10.5.0.2'))).toBe(expected);
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
