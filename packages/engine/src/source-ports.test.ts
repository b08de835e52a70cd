/** Which source ports rules tell apart. */
import { describe, expect, test } from 'vitest';
import { base, netns, rule, table } from '../reference/testing/network.ts';
import type { Netns } from './network.ts';
import type { Statement, Table } from './rule.ts';
import { SourcePorts } from './source-ports.ts';
import { Hook } from './terms.ts';

const firsts = (more: Partial<Netns>, kind = 'vxlan', sysctls: Netns['sysctls'] = {}) =>
  new SourcePorts([{ ...netns('a', { links: [] }), ...more }]).of(kind, sysctls).map(({ first }) => first);

const withRule = (...body: Statement[]): Partial<Netns> => ({
  netfilter: [table('filter', [base('filter', Hook.INPUT, [rule(...body)])])],
});

// udp_flow_src_port: from the first port of the range up to, and not with, the last.
test.each([
  ['vxlan', {}, { first: 32768, count: 28231 }],
  ['vxlan', { 'net.ipv4.ip_local_port_range': '1000 2000' }, { first: 1000, count: 1000 }],
  ['geneve', {}, { first: 1, count: 65534 }],
])('%s draws from one range', (kind, sysctls, expected) => {
  expect(new SourcePorts([]).of(kind, sysctls)).toEqual([expected]);
});

const port = (from: number, to = from) => ({ from, to });

describe('tests that tell ports apart', () => {
  test.each<[string, Partial<Netns>, number[]]>([
    ['-p udp --sport', withRule({ kind: 'udp', sport: port(40000, 40009) }), [32768, 40000, 40010]],
    ['-p udp --dport', withRule({ kind: 'udp', dport: port(40000) }), [32768]],
    ['ports that it is not drawn from', withRule({ kind: 'udp', sport: port(53) }), [32768]],
    ['-p tcp --sport', withRule({ kind: 'tcp', sport: port(40000) }), [32768]],
    [
      '-m multiport',
      withRule({ kind: 'multiport', which: 'either', ports: [port(40000), port(50000, 65535)] }),
      [32768, 40000, 40001, 50000],
    ],
    ['-m conntrack', withRule({ kind: 'conntrack', origSrcPort: port(40000) }), [32768, 40000, 40001]],
    [
      'udp sport of nftables',
      withRule({ kind: 'compare', key: [{ field: 'th sport' }], op: 'lt', values: [40000] }),
      [32768, 40000, 40001],
    ],
    [
      'a set of nftables',
      withRule({
        kind: 'lookup',
        key: [{ field: 'ip saddr' }, { field: 'th sport' }],
        set: { type: ['ipv4_addr', 'integer'], elements: [{ key: ['10.0.0.1', port(40000, 40009)] }] },
      }),
      [32768, 40000, 40010],
    ],
    [
      'ip rule sport',
      { rules: [{ family: 4, priority: 1, sport: port(40000), action: { kind: 'nop' } }] },
      [32768, 40000, 40001],
    ],
    [
      'an ipset',
      {
        ...withRule({ kind: 'set', set: 's', flags: ['dst', 'src'] }),
        sets: [{ name: 's', type: 'hash:ip,port', entries: [{ value: '10.0.0.1,udp:40000' }] }],
      },
      [32768, 40000, 40001],
    ],
  ])('%s', (_, more, expected) => {
    expect(firsts(more)).toEqual(expected);
  });

  test('in a table that is shared, too', () => {
    const [shared] = withRule({ kind: 'udp', sport: port(40000) }).netfilter as [Table];
    expect(firsts({ netfilter: [{ ...shared, base: shared, chains: [] }] })).toEqual([32768, 40000, 40001]);
  });
});
