/** What is written: names and numbers, jumps judged once for shared tables, the local table as local-table.ts derives it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeNetwork } from '../reference/fuzz/fuzz.ts';
import { readAbi } from './abi.ts';
import { formatAddress, number4 } from './address.ts';
import { Arena, getWords } from './arena.ts';
import { encodeNetwork } from './encode.ts';
import { JumpCheck } from './encode-jumps.ts';
import { LinkList, macOf, maskedOf, nameBytes } from './encoding.ts';
import { localRoutes } from './local-table.ts';
import type { Network } from './network.ts';
import type { Packet } from './packet.ts';
import { readPacket, writeNested } from './packet-record.ts';
import type { Chain, Table } from './rule.ts';
import { RouteType } from './terms.ts';
import { Views } from './views.ts';

const engineBytes = (file: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../dist/${file}`, import.meta.url)));

test.each([
  ['10.0.0.1', 0x0a000001],
  ['255.255.255.255', 0xffffffff],
  ['0.0.0.0', 0],
  ['10.0.0', -1],
  ['10.0.0.0.1', -1],
  ['10.0.0.256', -1],
  ['10.0.00.1', -1],
  ['10.0..1', -1],
  ['10.0.0.', -1],
  [' 10.0.0.1', -1],
  ['fd00::1', -1],
])('%s is the number %i', (text, value) => {
  expect(number4(text)).toBe(value);
});

test('masks may have holes, and host bits go', () => {
  expect(maskedOf('10.1.2.3/255.0.255.0', 'x')).toEqual({
    family: 4,
    value: [0, 0, 0, 0x0a000200],
    mask: [0, 0, 0, 0xff00ff00],
  });
  expect(maskedOf('10.1.2.3/8', 'x').value).toEqual([0, 0, 0, 0x0a000000]);
  expect(() => maskedOf('10.0.0.1/ffff::', 'x')).toThrow(/mixes families/);
});

test('link-layer addresses are two halves', () => {
  expect(macOf('02:70:00:01:fe:ff', 'x')).toEqual([0x0001feff, 0x0270]);
  expect(() => macOf('02:70:00:01:fe', 'x')).toThrow(/not a link-layer address/);
});

test('names are bytes under a mask as long as the part before +', () => {
  const { bytes, mask } = nameBytes('cali');
  expect(new TextDecoder().decode(new Uint8Array(new Uint32Array(bytes).buffer)).slice(0, 5)).toBe('cali\0');
  expect(mask).toEqual([0xffffffff, 0, 0, 0]);
});

test('links are found by name in their own namespace, few or many', () => {
  const list = new LinkList();
  const named = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, i) => ({ name: `${prefix}${i}`, kind: 'device' as const }));
  list.push('a', named(3, 'eth'));
  list.push('b', named(100, 'veth'));
  list.push('c', named(2, 'eth'));
  expect([list.find(0, 'eth2'), list.find(1, 'veth99'), list.find(2, 'eth1')]).toEqual([2, 102, 104]);
  expect([list.find(0, 'veth0'), list.find(2, 'eth2'), list.find(3, 'eth0')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

const jumping = (name: string, ...targets: string[]): Chain => ({
  name,
  rules: targets.map((target) => ({ body: [{ kind: 'jump', chain: target }] })),
});
const tableOf = (chains: Chain[], base?: Table): Table => ({
  family: 'ip',
  name: 't',
  chains,
  ...(base ? { base } : {}),
});
const hook = { hook: 1, priority: 0, type: 'filter', policy: 'accept' } as const;

test('a shared table may name chains that only the tables above it have', () => {
  const base = tableOf([jumping('A', 'OWN'), jumping('B')]);
  const jumps = new JumpCheck();
  expect(() => jumps.check(tableOf([jumping('OWN', 'B')], base))).not.toThrow();
  expect(() => jumps.check(tableOf([jumping('OTHER')], base))).toThrow(/chain A jumps to OWN/);
  // Hidden is the chain that would have missed it.
  expect(() => jumps.check(tableOf([jumping('A')], base))).not.toThrow();
  expect(() => jumps.check(tableOf([{ ...jumping('OWN'), hook }], base))).toThrow(/jumps to OWN/);
});

test('circles are found in one table, in a base, and through both', () => {
  const circle = (table: Table) => () => new JumpCheck().check(table);
  expect(circle(tableOf([jumping('A', 'B'), jumping('B', 'A')]))).toThrow(/comes back/);
  expect(circle(tableOf([jumping('A', 'A')]))).toThrow(/comes back/);
  expect(circle(tableOf([jumping('OWN')], tableOf([jumping('A', 'B'), jumping('B', 'A')])))).toThrow(/comes back/);
  const base = tableOf([jumping('A', 'B'), jumping('B', 'OWN'), jumping('C', 'A')]);
  expect(circle(tableOf([jumping('OWN', 'C')], base))).toThrow(/comes back/);
  expect(circle(tableOf([jumping('OWN', 'D'), jumping('D')], base))).not.toThrow();
});

const instance = new WebAssembly.Instance(new WebAssembly.Module(engineBytes('engine.wasm')), { env: { abort() {} } });
const { abi, calls } = readAbi(instance.exports);

function encode(network: Network) {
  const views = new Views(new WebAssembly.Memory({ initial: 512 }));
  const arena = new Arena(views, 1024, 1024);
  const { objects } = encodeNetwork(abi, arena, network);
  return { u8: views.u8, u32: views.u32, objects };
}

/** The local table of a namespace as it was written. */
function writtenLocal({ u8, u32, objects }: ReturnType<typeof encode>, number: number): string[] {
  const word = (at: number) => u32[at >>> 2] as number;
  const slot = word((objects.netnsAt[number] as number) + abi.NETNS_TABLES);
  expect(word(slot + abi.TABLE_SLOT_ID)).toBe(255);
  const layer = word(slot + abi.TABLE_SLOT_LAYER);
  const first = word(layer + abi.LAYER_ROUTES);
  return Array.from({ length: word(layer + abi.LAYER_ROUTE_COUNT) }, (_, i) => {
    const at = first + i * abi.ROUTE_SIZE;
    const family = u8[at + abi.ROUTE_FAMILY] as 4 | 6;
    const source = word(at + abi.ROUTE_PREFSRC);
    return [
      RouteType[u8[at + abi.ROUTE_TYPE] as number]?.toLowerCase(),
      `${formatAddress({ family, words: getWords(u32, at + abi.ROUTE_PREFIX) })}/${u8[at + abi.ROUTE_LENGTH]}`,
      objects.interfaces[word(word(at + abi.ROUTE_NEXTHOPS) + abi.NEXTHOP_DEV) - 1],
      word(at + abi.ROUTE_METRIC),
      source === 0 ? '' : formatAddress({ family, words: getWords(u32, source) }),
    ].join(' ');
  });
}

test('the local table as records is the one that local-table.ts derives, route by route, in its order', () => {
  let routes = 0;
  for (let ruleset = 0; ruleset < 40; ruleset++) {
    const { netnses } = makeNetwork(20251121, ruleset).plan;
    const written = encode({ netnses });
    for (const [number, netns] of netnses.entries()) {
      if (netns.tables.some(({ id }) => id === 255) || netns.links.some(({ kind }) => kind === 'vrf')) continue;
      const expected = localRoutes(netns).map(({ type, destination, nexthops, metric, prefsrc }) =>
        [type, destination, nexthops[0]?.dev, metric ?? 0, prefsrc ?? ''].join(' '),
      );
      expect(writtenLocal(written, number), `ruleset ${ruleset}, ${netns.name}`).toEqual(expected);
      routes += expected.length;
    }
  }
  expect(routes).toBeGreaterThan(1000);
});

test('what namespaces share is written once', () => {
  const route = {
    family: 4 as const,
    type: 'unicast' as const,
    destination: '10.0.0.0/8',
    nexthops: [{ dev: 'eth0' }],
  };
  const base = { id: 254, routes: Array.from({ length: 500 }, () => route) };
  const rules = {
    family: 'ip' as const,
    name: 'filter',
    chains: [jumping('A', ...new Array<string>(500).fill('B')), jumping('B')],
  };
  const size = (netnses: number): number => {
    const views = new Views(new WebAssembly.Memory({ initial: 512 }));
    const arena = new Arena(views, 1024, 1024);
    const one = (i: number) => ({
      name: `n${i}`,
      links: [],
      addresses: [],
      tables: [{ id: 254, base, routes: [] }],
      sysctls: {},
      netfilter: [{ family: 'ip' as const, name: 'filter', base: rules, chains: [] }],
    });
    encodeNetwork(abi, arena, { netnses: Array.from({ length: netnses }, (_, i) => one(i)) });
    return arena.end;
  };
  expect((size(101) - size(1)) / 100).toBeLessThan(956);
});

test('views are renewed when the memory grows', () => {
  const views = new Views(new WebAssembly.Memory({ initial: 1, maximum: 200 }));
  const before = views.u32;
  before[5] = 77;
  const arena = new Arena(views, 1024, 1024);
  const at = arena.alloc(100_000);
  arena.u32[at >>> 2] = 78;
  expect(before.length).toBe(0);
  expect([views.u32[5], views.u32[at >>> 2]]).toEqual([77, 78]);
  expect(() => arena.alloc(200 * 65536)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
});

const full: Packet = {
  family: 6,
  protocol: 58,
  saddr: 'fd00:1:2:3:4:5:6:7',
  daddr: '2001:db8::1',
  sport: 65535,
  dport: 1,
  tcpFlags: 0x3f,
  icmpType: 1,
  icmpCode: 4,
  icmpId: 0x1234,
  ttl: 255,
  tos: 0xb8,
  mark: 0xfffffffe,
  length: 70000,
  dontFragment: true,
};

test.each<[string, Packet]>([
  ['every field', full],
  ['no source', { ...full, saddr: '' }],
  ['IPv4', { ...full, family: 4, saddr: '0.0.0.0', daddr: '255.255.255.255', dontFragment: false }],
  ['an error about a packet', { ...full, inner: { ...full, saddr: '::', icmpId: 7 } }],
])('a packet with %s comes back as it was written', (_, packet) => {
  const views = new Views(calls.memory);
  writeNested(abi, views, abi.PACKET_BASE, packet);
  expect(readPacket(abi, views, abi.PACKET_BASE)).toEqual(packet);
});
