import { describe, expect, test } from 'vitest';
import { parseArptablesSave, printArptablesSave } from '../arptables-save.ts';
import { parseEbtablesSave, printEbtablesSave } from '../ebtables-save.ts';
import { readNode } from '../node/index.ts';
import { frameTable } from './index.ts';

const EBTABLES = `*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
-A FORWARD -p ARP --arp-op Request --arp-ip-dst 10.0.0.1 -j ACCEPT
-A FORWARD -p IPv4 -s 02:00:00:00:00:00/ff:ff:ff:00:00:00 --ip-tos 0x10 -j DROP
-A FORWARD -d BGA --stp-type config -j DROP
-A FORWARD --mark /0x3 -j RETURN
*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
-A PREROUTING -j redirect 
-A PREROUTING -p ARP -j arpreply --arpreply-mac 02:00:00:00:00:02
`;
const ARPTABLES = `*filter
:INPUT ACCEPT
:OUTPUT ACCEPT
-A INPUT -j DROP -s 10.0.0.1 --opcode 1
-A OUTPUT -j mangle -o eth0 --mangle-ip-s 10.0.0.9
`;

const eq = (field: string, value: string | number, more = {}) => ({
  kind: 'compare',
  key: [{ field, ...more }],
  op: 'eq',
  values: [value],
});

describe('rules of frames', () => {
  test('of ebtables are run in the words of nftables, and printed as they were', () => {
    const tables = parseEbtablesSave(EBTABLES).tables.map((table) => frameTable(table));
    const bodies = tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.map(({ body }) => body)));
    expect(bodies).toEqual([
      [eq('ether type', 0x0806), eq('arp operation', 1), eq('arp daddr ip', '10.0.0.1'), { kind: 'accept' }],
      [
        eq('ether type', 0x0800),
        eq('ether saddr', '02:00:00:00:00:00', { mask: 'ff:ff:ff:00:00:00' }),
        eq('ip tos', 0x10),
        { kind: 'drop' },
      ],
      [
        eq('ether daddr', '01:80:c2:00:00:00'),
        { kind: 'lookup', key: [{ field: 'meta length' }], set: { type: ['integer'], elements: [] } },
        { kind: 'drop' },
      ],
      [{ kind: 'compare', key: [{ field: 'meta mark', mask: 3 }], op: 'ne', values: [0] }, { kind: 'return' }],
      [
        {
          kind: 'set-header',
          field: 'ether daddr',
          value: { kind: 'selectors', key: [{ field: 'meta ibrhwaddr' }] },
        },
        { kind: 'accept' },
      ],
      [eq('ether type', 0x0806), { kind: 'unmodelled-target', text: '-j arpreply --arpreply-mac 02:00:00:00:00:02' }],
    ]);
    expect(printEbtablesSave(tables)).toBe(EBTABLES);
  });

  test('of arptables likewise', () => {
    const tables = parseArptablesSave(ARPTABLES).tables.map((table) => frameTable(table));
    const bodies = tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.map(({ body }) => body)));
    expect(bodies).toEqual([
      [eq('arp saddr ip', '10.0.0.1'), eq('arp operation', 1), { kind: 'drop' }],
      [
        { kind: 'oif', name: 'eth0' },
        { kind: 'set-header', field: 'arp saddr ip', value: { kind: 'value', values: ['10.0.0.9'] } },
        { kind: 'accept' },
      ],
    ]);
    expect(printArptablesSave(tables)).toBe(ARPTABLES);
  });

  test("of ebtables-legacy hang what the host sends at that one's own priority", () => {
    const [filter] = parseEbtablesSave(EBTABLES).tables;
    const hooks = (legacy: boolean) => filter && frameTable(filter, legacy).chains.map(({ hook }) => hook?.priority);
    expect(hooks(false)).toEqual([-200, -200, -200]);
    expect(hooks(true)).toEqual([-200, -200, 200]);
  });

  test('are told among the dumps of a node, saved or listed', () => {
    const listing =
      'Bridge table: filter\n\nBridge chain: INPUT, entries: 0, policy: ACCEPT\n\nBridge chain: FORWARD, entries: 1, policy: DROP\n-p ARP -j ACCEPT\n\nBridge chain: OUTPUT, entries: 0, policy: ACCEPT\n';
    const arp = 'Chain INPUT (policy ACCEPT)\n-j DROP -s 10.0.0.1\n\nChain OUTPUT (policy ACCEPT)\n';
    const read = (files: Record<string, string>) =>
      readNode(
        'n',
        Object.entries(files).map(([name, text]) => ({ name, bytes: new TextEncoder().encode(text) })),
      );
    const saved = read({ a: EBTABLES, b: ARPTABLES });
    expect(saved.found.map(({ kind, notUnderstood }) => [kind, notUnderstood])).toEqual([
      ['ebtables-save', 0],
      ['arptables-save', 0],
    ]);
    const listed = read({ a: listing, b: arp });
    expect(listed.found.map(({ kind, notUnderstood }) => [kind, notUnderstood])).toEqual([
      ['ebtables-list', 0],
      ['arptables-list', 0],
    ]);
    const [netns] = listed.netnses;
    const tables = netns?.netns.netfilter ?? [];
    expect(tables.map(({ family, name }) => `${family} ${name}`)).toEqual(['bridge filter', 'arp filter']);
    expect(tables[0]?.chains[1]).toMatchObject({
      hook: { policy: 'drop' },
      rules: [{ body: [{}, { kind: 'accept' }] }],
    });
  });
});
