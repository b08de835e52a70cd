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
  ['a VLAN', { name: 'x', kind: 'vlan', vlanId: 5, lower: lower('eth0') }, 'BAD_VALUE', /link x .* kind vlan/],
  ['a bond', { name: 'x', kind: 'bond' }, 'BAD_VALUE', /kind bond/],
  ['a VRF', { name: 'x', kind: 'vrf', table: 10 }, 'BAD_VALUE', /kind vrf/],
  ['WireGuard', { name: 'x', kind: 'wireguard' }, 'BAD_VALUE', /kind wireguard/],
  ['IPIP', { name: 'x', kind: 'ipip' }, 'BAD_VALUE', /kind ipip/],
  ['a bridge that filters VLANs', { name: 'x', kind: 'bridge', vlanFiltering: true }, 'BAD_VALUE', /VLANs/],
  ['VXLAN in external mode', { name: 'x', kind: 'vxlan', tunnel: { external: true } }, 'BAD_VALUE', /external/],
  ['VXLAN routed nowhere', { name: 'x', kind: 'vxlan', tunnel: { underlay: 'b' } }, 'UNKNOWN_NETNS', /namespace b/],
  ['VXLAN to no address', { name: 'x', kind: 'vxlan', tunnel: { remote: '10.0.0' } }, 'BAD_ADDRESS', /10\.0\.0/],
  ['macvlan on nothing', { name: 'x', kind: 'macvlan', lower: lower('eth9') }, 'UNKNOWN_LINK', /not there/],
  ['macvlan on a bridge', { name: 'x', kind: 'macvlan', lower: lower('br0') }, 'BAD_VALUE', /plain links/],
  ['macvlan as a port', { name: 'x', kind: 'macvlan', lower: lower('eth0'), master: 'br0' }, 'BAD_VALUE', /port/],
  ['a macvlan mode', { name: 'x', kind: 'macvlan', lower: lower('eth0'), mode: 'source' }, 'BAD_VALUE', /mode source/],
])('%s is refused', async (_, link, code, message) => {
  await expect(load(link)).rejects.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

test('a rule for VRFs is refused', async () => {
  const rules: Netns['rules'] = [{ family: 4, priority: 1000, l3mdev: true, action: { kind: 'lookup', table: 0 } }];
  await expect(load({ name: 'x', kind: 'dummy' }, { rules })).rejects.toThrow(/rules for VRFs/);
});

test.each<Link>([
  { name: 'x', kind: 'vxlan', tunnel: { id: 1 } },
  { name: 'x', kind: 'macvlan', lower: lower('eth0') },
  { name: 'x', kind: 'tun' },
])('$kind is followed', async (link) => {
  await expect(load(link)).resolves.toBeUndefined();
});
