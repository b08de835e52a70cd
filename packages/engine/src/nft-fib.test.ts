/** `fib` in a VRF, on both machines: what nft_fib_ipv4.c and nft_fib_ipv6.c of Linux 6.18 say; this kernel has no VRF. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { netns, network, packet, route } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Machine } from './machine.ts';
import type { Netns } from './network.ts';
import type { Statement } from './rule.ts';
import type { Selector } from './selector.ts';
import { Disposition, Hook, Protocol, RouteType } from './terms.ts';
import { accept, chain, drop, rule } from './testing/nft.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

const fib = (flags: ('saddr' | 'daddr' | 'iif' | 'oif')[], result: 'type' | 'oif'): Selector => ({
  field: 'fib',
  flags,
  result,
});

const is = (selector: Selector, value: number, op: 'eq' | 'ne' = 'eq'): Statement => ({
  kind: 'compare',
  key: [selector],
  op,
  values: [value],
});

/** A router whose two links belong to a VRF: what a chain of it does not take is dropped. */
function router(hook: Hook, test: Statement): Netns[] {
  const host = (name: string, segment: string, n: number) =>
    netns(name, {
      links: [{ name: 'eth0', kind: 'device', segment }],
      addresses: [`eth0 10.0.${n}.1/24`, `eth0 fd00:${n}::1/64`],
      routes: [`default via 10.0.${n}.254 dev eth0`, `default via fd00:${n}::254 dev eth0`],
    });
  const addresses = [1, 2].flatMap((n) => [`eth${n - 1} 10.0.${n}.254/24`, `eth${n - 1} fd00:${n}::254/64`]);
  const made = netns('r', {
    links: [
      { name: 'eth0', kind: 'device', segment: 'a', master: 'blue' },
      { name: 'eth1', kind: 'device', segment: 'b', master: 'blue' },
      { name: 'blue', kind: 'vrf', table: 10 },
    ],
    addresses,
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, 'net.ipv4.udp_l3mdev_accept': 1 },
    netfilter: [
      {
        family: 'inet',
        name: 't',
        syntax: 'nft',
        chains: [
          chain(
            'c',
            [
              rule({ kind: 'compare', key: [{ field: 'meta l4proto' }], op: 'ne', values: [17] }, accept),
              rule(test, accept),
              rule(drop),
            ],
            {
              hook,
              priority: 0,
              type: 'filter',
              policy: 'accept',
            },
          ),
        ],
      },
    ],
  });
  const inside = (made.tables[0]?.routes ?? []) as Netns['tables'][number]['routes'];
  // Nothing outside of the VRF knows these networks, but for one that would lead astray.
  const astray = [route('10.0.0.0/8 dev lo'), route('fd00::/16 dev lo')];
  const tables = [
    { id: 254, routes: astray },
    { id: 10, routes: inside },
  ];
  return [{ ...made, tables }, host('a', 'a', 1), host('b', 'b', 2)];
}

describe.each(machines)('%s', (_name, make) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await make();
  });

  const reaches = (hook: Hook, test: Statement, daddr: string): boolean => {
    machine.load(network(...router(hook, test)));
    const { end } = machine.send('a', packet('', daddr, { protocol: Protocol.UDP, tcpFlags: 0 }));
    return end.disposition === Disposition.DELIVERED;
  };

  test.each([
    ['10.0.1.254', RouteType.LOCAL],
    ['fd00:1::254', RouteType.LOCAL],
  ])('the type of an own address, unless a device is named: %s', (daddr, type) => {
    expect(reaches(Hook.INPUT, is(fib(['daddr'], 'type'), type), daddr)).toBe(true);
    expect(reaches(Hook.INPUT, is(fib(['daddr'], 'type'), RouteType.UNICAST), daddr)).toBe(false);
  });

  test('the type through the VRF, which has no address itself', () => {
    expect(reaches(Hook.INPUT, is(fib(['daddr', 'iif'], 'type'), RouteType.UNICAST), '10.0.1.254')).toBe(true);
  });

  test.each(['10.0.2.1', 'fd00:2::1'])('the way on and back, looked up in the table of the VRF: %s', (daddr) => {
    const [eth0, eth1, blue] = [2, 3, 4];
    expect(reaches(Hook.FORWARD, is(fib(['daddr'], 'oif'), eth1), daddr)).toBe(true);
    expect(reaches(Hook.FORWARD, is(fib(['saddr'], 'oif'), eth0), daddr)).toBe(true);
    // A VRF has the devices that it holds: the packet came in by it.
    expect(reaches(Hook.FORWARD, is(fib(['saddr', 'iif'], 'oif'), blue), daddr)).toBe(true);
    expect(reaches(Hook.FORWARD, is(fib(['saddr', 'oif'], 'oif'), 0), daddr)).toBe(true);
    expect(reaches(Hook.POSTROUTING, is(fib(['daddr', 'oif'], 'oif'), eth1), daddr)).toBe(true);
  });
});
