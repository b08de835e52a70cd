/** Links that stand on others as the tools print them, and back: `ip -d link`, its `-j`, `ip rule`, `bridge vlan`, files of /proc. */
import type { BridgeVlan, Link, Netns } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { printBridgeVlan, readBridgeVlan } from '../bridge/index.ts';
import { portVlans } from '../node/stacks.ts';
import { printBonding, printVlanConfig, readBonding, readVlanConfig } from '../proc/index.ts';
import { Chance } from '../random.fixture.ts';
import { emptyNetns } from './batch.ts';
import { linkRecords, printLinks } from './print-link.ts';
import { printRules } from './print-rule.ts';
import { readIpAddr } from './read-link.ts';
import { readIpRule } from './read-rule.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251122);
const title = (what: string) => `${what} (PODWIRE_SEED=${SEED})`;
const chance = new Chance(SEED);
const ROUNDS = 40;

const lower = { netns: 'r', link: 'eth0' };
const mac = (n: number) => `02:00:00:00:00:${String(n + 10).padStart(2, '0')}`;
const settled = (link: Link, n: number): Link => ({
  mtu: 1500,
  up: true,
  carrier: true,
  mac: mac(n),
  index: n + 2,
  ...link,
});

/** A host with one of each, set at random. */
function randomHost(): Netns {
  const links: Link[] = [
    { name: 'eth0', kind: 'device' },
    { name: 'eth1', kind: 'device', master: 'bond0' },
    {
      name: 'bond0',
      kind: 'bond',
      mode: chance.of(['active-backup', '802.3ad', 'balance-xor', 'balance-rr']),
      ...(chance.below(2) === 0 && { active: 'eth1' }),
    },
    { name: 'blue', kind: 'vrf', table: 1 + chance.below(100) },
    {
      name: 'eth0.5',
      kind: 'vlan',
      vlanId: 1 + chance.below(4094),
      lower,
      ...(chance.below(2) === 0 && { master: 'blue' }),
    },
    { name: 'mv0', kind: 'macvlan', mode: chance.of(['private', 'vepa', 'bridge', 'passthru']), lower },
    { name: 'iv0', kind: 'ipvlan', mode: chance.of(['l2', 'l3', 'l3s']), lower },
    { name: 'br0', kind: 'bridge', ...(chance.below(2) === 0 && { vlanFiltering: true }) },
    { name: 'v0', kind: 'dummy', master: 'br0', ...(chance.below(2) === 0 && { hairpin: true }) },
  ];
  return { ...emptyNetns('r'), links: links.map(settled) };
}

describe('ip -d link', () => {
  test(title('what is printed is read as it was, as text and as JSON'), () => {
    for (let round = 0; round < ROUNDS; round++) {
      const netns = randomHost();
      for (const text of [
        printLinks(netns, [], { details: true }),
        JSON.stringify(linkRecords(netns, { details: true })),
      ]) {
        const { links, problems } = readIpAddr(text, { netns: 'r' });
        expect(problems, text).toEqual([]);
        expect(links.slice(1), text).toEqual(netns.links);
      }
    }
  });

  // As iproute2 6.1 prints them.
  test.each<[string, string, Partial<Link>]>([
    ['a VLAN', 'vlan protocol 802.1Q id 20 <REORDER_HDR> numtxqueues 1', { kind: 'vlan', vlanId: 20, lower }],
    ['a bond', 'bond mode active-backup active_slave eth1 miimon 100 updelay 0', { kind: 'bond', active: 'eth1' }],
    ['an ipvlan', 'ipvlan  mode l2 bridge addrgenmode eui64', { kind: 'ipvlan', mode: 'l2', lower }],
    ['a VRF', 'vrf table 1001 addrgenmode eui64', { kind: 'vrf', table: 1001 }],
    [
      'a bridge',
      'bridge forward_delay 1500 vlan_filtering 1 vlan_protocol 802.1Q',
      { kind: 'bridge', vlanFiltering: true },
    ],
  ])('%s', (_, details, expected) => {
    const text = `9: x0@eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n    link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff\n    ${details}\n`;
    const { links, problems, strange } = readIpAddr(text, { netns: 'r' });
    expect(problems).toEqual([]);
    expect([...strange]).toEqual([]);
    expect(links[0]).toMatchObject(expected);
  });

  test.each([
    ['vlan protocol 802.1ad id 20 <REORDER_HDR>', 'protocol 802.1ad'],
    ['ipvlan  mode l2 private', 'private'],
    ['macvlan mode source', 'mode source'],
  ])('%s is named, and stands on nothing', (details, expected) => {
    const text = `9: x0@eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n    link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff\n    ${details}\n`;
    const { links, strange } = readIpAddr(text, { netns: 'r' });
    expect(strange.get('x0')).toBe(expected);
    expect(links[0]?.lower).toBeUndefined();
  });

  test('a bond says what it is without details, too', () => {
    const text = '5: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n';
    expect(readIpAddr(text).links[0]?.kind).toBe('bond');
  });
});

test('the rule of VRFs', () => {
  const netns = { ...emptyNetns('r'), links: [{ name: 'blue', kind: 'vrf', table: 10 } as const] };
  const text = printRules(netns, 4);
  expect(text.split('\n')[1]).toBe('1000:\tfrom all lookup [l3mdev-table]');
  const { rules, problems } = readIpRule(text, 4);
  expect(problems).toEqual([]);
  expect(printRules({ ...netns, rules }, 4)).toBe(text);
  const json = '[{"priority":1000,"src":"all","l3mdev":null}]';
  expect(readIpRule(json, 4).rules).toMatchObject([{ priority: 1000, l3mdev: true }]);
});

test(title('bridge vlan'), () => {
  const vlans = (): BridgeVlan[] =>
    [1, 7, 20, 4094].flatMap((id) =>
      chance.below(2) === 0 ? [] : [{ id, ...(chance.below(2) === 0 && { pvid: true, untagged: true }) }],
    );
  for (let round = 0; round < ROUNDS; round++) {
    const links: Link[] = ['br0', 'v0', 'v1'].map((name) => ({ name, kind: 'dummy', vlans: vlans() }));
    const listed = portVlans(links);
    expect(readBridgeVlan(printBridgeVlan(listed))).toEqual({ vlans: listed, problems: [] });
  }
});

describe('/proc/net', () => {
  test('vlan/config', () => {
    const vlans = [
      { name: 'eth0.100', id: 100, lower: 'eth0' },
      { name: 'a-long-name-eh', id: 4094, lower: 'bond0' },
    ];
    expect(readVlanConfig(printVlanConfig(vlans))).toEqual({ vlans, problems: [] });
    expect(readVlanConfig('eth0.5 | 5000 | eth0\n').problems).toHaveLength(1);
  });

  test('bonding/bond0', () => {
    const bond = { name: 'bond0', mode: 'active-backup', active: 'eth1', ports: ['eth0', 'eth1'] };
    expect(readBonding(printBonding(bond), 'bond0')).toEqual({ bond, problems: [] });
    // As the driver writes them.
    const text =
      'Ethernet Channel Bonding Driver: v5.10\n\nBonding Mode: IEEE 802.3ad Dynamic link aggregation\nTransmit Hash Policy: layer2 (0)\n802.3ad info\nSlave Interface: eth0\nMII Status: up\ndetails actor lacp pdu:\n    system priority: 65535\n';
    expect(readBonding(text, 'bond1')).toEqual({
      bond: { name: 'bond1', mode: '802.3ad', ports: ['eth0'] },
      problems: [],
    });
  });
});
