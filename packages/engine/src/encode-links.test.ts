/** Links that the engine does not follow are refused by name; those that contradict the network, too. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { netns, network } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Link, Netns } from './network.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.wasm', import.meta.url)));

async function load(link: Link, more: Partial<Netns> = {}): Promise<void> {
  const engine = await createEngine({ wasm });
  const others: Link[] = [
    { name: 'br0', kind: 'bridge' },
    { name: 'eth0', kind: 'device', segment: 'lan' },
  ];
  engine.load(network({ ...netns('a', { links: [...others, link] }), ...more }));
}

const lower = (link: string) => ({ netns: 'a', link });

test.each<[string, Link, code: string, message: RegExp]>([
  ['VXLAN routed nowhere', { name: 'x', kind: 'vxlan', tunnel: { underlay: 'b' } }, 'UNKNOWN_NETNS', /namespace b/],
  ['VXLAN to no address', { name: 'x', kind: 'vxlan', tunnel: { remote: '10.0.0' } }, 'BAD_ADDRESS', /10\.0\.0/],
  [
    'WireGuard with prefixes that are none',
    { name: 'x', kind: 'wireguard', tunnel: { peers: [{ allowedIps: ['10.0.0.0/33'] }] } },
    'BAD_ADDRESS',
    /10\.0\.0\.0\/33/,
  ],
  ['macvlan on nothing', { name: 'x', kind: 'macvlan', lower: lower('eth9') }, 'UNKNOWN_LINK', /not there/],
  [
    'a VLAN that cannot be',
    { name: 'x', kind: 'vlan', vlanId: 4095, lower: lower('eth0') },
    'BAD_VALUE',
    /number 4095/,
  ],
  ['a VLAN on itself', { name: 'x', kind: 'vlan', vlanId: 5, lower: lower('x') }, 'BAD_VALUE', /stands on itself/],
  ['a VLAN of a bridge that cannot be', { name: 'x', kind: 'bridge', vlans: [{ id: 0 }] }, 'BAD_VALUE', /number 0/],
  ['a port of what has none', { name: 'x', kind: 'dummy', master: 'eth0' }, 'UNKNOWN_MASTER', /no bridge, bond or VRF/],
  ['a VRF without a table', { name: 'x', kind: 'vrf' }, 'BAD_VALUE', /without a table/],
  ['an ipvlan mode', { name: 'x', kind: 'ipvlan', lower: lower('eth0'), mode: 'l4' }, 'BAD_VALUE', /mode l4/],
  ['a macvlan mode', { name: 'x', kind: 'macvlan', lower: lower('eth0'), mode: 'source' }, 'BAD_VALUE', /mode source/],
])('%s is refused', async (_, link, code, message) => {
  await expect(load(link)).rejects.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

test('a link under a bridge is not under a macvlan too', async () => {
  const links: Link[] = [
    { name: 'br0', kind: 'bridge' },
    { name: 'eth0', kind: 'device', segment: 'lan', master: 'br0' },
    { name: 'x', kind: 'macvlan', lower: lower('eth0') },
  ];
  await expect(load({ name: 'y', kind: 'dummy' }, { links })).rejects.toThrow(/eth0 cannot be under a/);
});

test('ipvlan devices of one link have one mode', async () => {
  const links = (mode: string): Link[] => [
    { name: 'eth0', kind: 'device', segment: 'lan' },
    { name: 'x', kind: 'ipvlan', lower: lower('eth0') },
    { name: 'y', kind: 'ipvlan', lower: lower('eth0'), mode },
  ];
  const other: Link = { name: 'z', kind: 'dummy' };
  await expect(load(other, { links: links('l2') })).rejects.toThrow(/ipvlan mode l2, other devices on eth0 have l3/);
  await expect(load(other, { links: links('l3') })).resolves.toBeUndefined();
});

test.each<Link>([
  { name: 'x', kind: 'vxlan', tunnel: { id: 1 } },
  { name: 'x', kind: 'vxlan', tunnel: { unmodelled: 'external' } },
  { name: 'x', kind: 'geneve', tunnel: { id: 1, remote: '10.0.0.2' } },
  { name: 'x', kind: 'wireguard' },
  { name: 'x', kind: 'ipip' },
  { name: 'x', kind: 'macvlan', lower: lower('eth0') },
  { name: 'x', kind: 'tun' },
  { name: 'x', kind: 'vlan', vlanId: 5, lower: lower('eth0') },
  { name: 'x', kind: 'vlan', vlanId: 5 },
  { name: 'x', kind: 'ipvlan', lower: lower('eth0') },
  { name: 'x', kind: 'bond' },
  { name: 'x', kind: 'vrf', table: 10 },
  { name: 'x', kind: 'bridge', vlanFiltering: true },
])('$kind is followed', async (link) => {
  await expect(load(link)).resolves.toBeUndefined();
});
