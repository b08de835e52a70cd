/** What rules of nftables mean, statement by statement: nft(8), and the numbers of the kernel's own headers. */
import { CtState, Hook, RouteType, type Statement } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { parseNftRuleset } from '../nft/index.ts';
import { nftRuleText, nftTables, printNftTables } from './index.ts';

const SETS = `
  set hosts { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
  set recent { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 100; }
  map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.10 . udp . 53 : goto dns } }
  map backends { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.96.0.1 : 10.0.0.1 . 6443 } }
  set owners { typeof meta skuid; elements = { 0 } }
`;

/** The statements of one rule of a table of the family. */
function compiled(rule: string, family = 'ip'): Statement[] {
  const chains = 'chain dns { }\nchain other { }';
  const text = `table ${family} t {\n${family === 'ip' ? SETS : ''}\n${chains} \nchain c {\n${rule}\n}\n}`;
  const { objects, problems } = parseNftRuleset(text);
  expect(problems).toEqual([]);
  const body = nftTables(objects)[0]?.chains.find((chain) => chain.name === 'c')?.rules[0]?.body;
  return body ?? [];
}

describe('tests that iptables has, too', () => {
  test.each<[rule: string, expected: Statement]>([
    ['ip saddr 10.0.0.0/8', { kind: 'saddr', prefix: '10.0.0.0/8' }],
    ['ip daddr != 10.0.0.1', { kind: 'daddr', prefix: '10.0.0.1/32', not: true }],
    ['iifname "eth*"', { kind: 'iif', name: 'eth+' }],
    ['oifname != "lo"', { kind: 'oif', name: 'lo', not: true }],
    ['meta l4proto udp', { kind: 'protocol', protocol: 17 }],
    ['tcp dport 22', { kind: 'tcp', dport: { from: 22, to: 22 } }],
    ['udp sport != 1024-65535', { kind: 'udp', sport: { from: 1024, to: 65535, not: true } }],
    ['meta mark 0x4000', { kind: 'mark', value: 0x4000, mask: 0xffffffff }],
    ['meta mark & 0x4000 == 0x4000', { kind: 'mark', value: 0x4000, mask: 0x4000 }],
    ['ct mark != 1', { kind: 'connmark', value: 1, mask: 0xffffffff, not: true }],
    ['ct state established,related', { kind: 'state', states: CtState.ESTABLISHED | CtState.RELATED }],
    ['ct state invalid', { kind: 'state', states: CtState.INVALID }],
  ])('%s', (rule, expected) => expect(compiled(rule)).toEqual([expected]));
});

describe('tests of its own', () => {
  test('a range of addresses', () =>
    expect(compiled('ip saddr 10.0.0.2-10.0.0.9')).toEqual([
      { kind: 'compare', key: [{ field: 'ip saddr' }], op: 'eq', values: [{ from: '10.0.0.2', to: '10.0.0.9' }] },
    ]));
  test('in a table of both families an address says the family', () =>
    expect(compiled('ip saddr 10.0.0.0/8', 'inet')).toEqual([
      { kind: 'compare', key: [{ field: 'ip saddr' }], op: 'eq', values: [{ from: '10.0.0.0', to: '10.255.255.255' }] },
    ]));
  test('bits of a byte', () =>
    expect(compiled('ip dscp cs1')).toEqual([
      { kind: 'compare', key: [{ field: 'ip tos', mask: 0xfc, shift: 2 }], op: 'eq', values: [8] },
    ]));
  test('flags under a mask', () =>
    expect(compiled('tcp flags & (fin | syn | rst | ack) == syn')).toEqual([
      { kind: 'protocol', protocol: 6 },
      { kind: 'compare', key: [{ field: 'tcp flags', mask: 0x17 }], op: 'eq', values: [2] },
    ]));
  test('the echo id asks for an echo', () =>
    expect(compiled('icmp id 7')).toEqual([
      { kind: 'protocol', protocol: 1 },
      {
        kind: 'lookup',
        key: [{ field: 'icmp type' }],
        set: { type: ['integer'], elements: [{ key: [0] }, { key: [8] }] },
      },
      { kind: 'protocol', protocol: 1 },
      { kind: 'compare', key: [{ field: 'icmp id' }], op: 'eq', values: [7] },
    ]));
  test('the type of a frame by its place', () =>
    expect(compiled('@ll,96,16 0x800', 'inet')).toEqual([
      { kind: 'compare', key: [{ field: 'ether type' }], op: 'eq', values: [0x800] },
    ]));
  test("devices by their number, in sets too: by their names, which are the machine's", () => {
    expect(compiled('iif { "lo", "eth0" }')).toMatchObject([
      { kind: 'lookup', key: [{ field: 'meta iifname' }], set: { elements: [{ key: ['lo'] }, { key: ['eth0'] }] } },
    ]);
    expect(compiled('fib saddr . iif oif . ip ttl { "lo" . 1, "eth0" . 2 }')).toMatchObject([
      { kind: 'lookup', key: [{ field: 'fib', result: 'oifname' }, { field: 'ip ttl' }] },
    ]);
    expect(compiled('oif vmap { "lo" : accept, "eth0" : drop }')).toMatchObject([
      { kind: 'verdict-map', key: [{ field: 'meta oifname' }], map: { type: ['ifname'] } },
    ]);
  });
  test("the connection's own mark with other bits: where there is no connection, there is nothing to read", () =>
    expect(compiled('ct mark set ct mark & 0xff | 0x100')).toEqual([
      {
        kind: 'set-meta',
        target: 'ct mark',
        value: { kind: 'selectors', key: [{ field: 'ct mark', mask: 0xff, xor: 0x100 }] },
      },
    ]));
  test('a question to the routing tables', () =>
    expect(compiled('fib daddr type local')).toEqual([
      {
        kind: 'compare',
        key: [{ field: 'fib', flags: ['daddr'], result: 'type' }],
        op: 'eq',
        values: [RouteType.LOCAL],
      },
    ]));
  test('a way back that is missing', () =>
    expect(compiled('fib saddr . iif oif missing')).toEqual([
      { kind: 'compare', key: [{ field: 'fib', flags: ['saddr', 'iif'], result: 'oif' }], op: 'eq', values: [0] },
    ]));
  test('a named set, not', () =>
    expect(compiled('ip saddr != @hosts')).toEqual([
      { kind: 'lookup', key: [{ field: 'ip saddr' }], set: 'hosts', not: true },
    ]));
  test('a set in braces', () =>
    expect(compiled('tcp dport { 80, 8000-8080 }')).toEqual([
      { kind: 'protocol', protocol: 6 },
      {
        kind: 'lookup',
        key: [{ field: 'th dport' }],
        set: { type: ['integer'], elements: [{ key: [80] }, { key: [{ from: 8000, to: 8080 }] }] },
      },
    ]));
});

describe('what rules do', () => {
  test('a verdict map', () =>
    expect(compiled('ip daddr . meta l4proto . th dport vmap @services')).toEqual([
      {
        kind: 'verdict-map',
        key: [{ field: 'ip daddr' }, { field: 'meta l4proto' }, { field: 'th dport' }],
        map: 'services',
      },
    ]));
  test('one of two by turns', () =>
    expect(compiled('numgen inc mod 2 vmap { 0 : goto dns, 1 : goto other }')).toEqual([
      {
        kind: 'verdict-map',
        key: [{ field: 'numgen', mode: 'inc', mod: 2, offset: 0 }],
        map: {
          type: ['integer'],
          data: 'verdict',
          elements: [
            { key: [0], verdict: { kind: 'goto', chain: 'dns' } },
            { key: [1], verdict: { kind: 'goto', chain: 'other' } },
          ],
        },
      },
    ]));
  test.each<[rule: string, expected: Statement[]]>([
    ['meta mark set 0x4000', [{ kind: 'set-mark', value: 0x4000, mask: 0xffffffff }]],
    ['meta mark set meta mark | 0x4000', [{ kind: 'set-mark', value: 0x4000, mask: 0x4000 }]],
    ['meta mark set meta mark ^ 0x4000', [{ kind: 'set-mark', value: 0x4000, mask: 0 }]],
    ['meta mark set meta mark & 0xff', [{ kind: 'set-mark', value: 0, mask: 0xffffff00 }]],
    [
      'ct mark set meta mark',
      [{ kind: 'set-meta', target: 'ct mark', value: { kind: 'selectors', key: [{ field: 'meta mark' }] } }],
    ],
    ['ct zone set 5', [{ kind: 'ct-zone', zone: 5, native: true }]],
    ['notrack', [{ kind: 'notrack', native: true }]],
    ['counter', []],
    ['continue', []],
    ['log prefix "x"', [{ kind: 'note', text: 'log prefix "x"' }]],
    ['limit rate 5/second accept', [{ kind: 'limit', text: 'limit rate 5/second' }, { kind: 'accept' }]],
    ['reject', [{ kind: 'reject', with: 'icmp-port-unreachable' }]],
    ['reject with icmp admin-prohibited', [{ kind: 'reject', with: 'icmp-admin-prohibited' }]],
    [
      'reject with tcp reset',
      [
        { kind: 'protocol', protocol: 6 },
        { kind: 'reject', with: 'tcp-reset' },
      ],
    ],
    ['masquerade fully-random', [{ kind: 'masquerade', range: { randomFully: true } }]],
    [
      'meta l4proto tcp redirect to :8080',
      [
        { kind: 'protocol', protocol: 6 },
        { kind: 'redirect', range: { ports: { from: 8080, to: 8080 } } },
      ],
    ],
    ['snat to 10.0.0.1-10.0.0.4', [{ kind: 'snat', range: { addresses: { from: '10.0.0.1', to: '10.0.0.4' } } }]],
    [
      'meta l4proto tcp dnat to 10.0.0.1:80',
      [
        { kind: 'protocol', protocol: 6 },
        { kind: 'dnat', range: { addresses: { from: '10.0.0.1', to: '10.0.0.1' }, ports: { from: 80, to: 80 } } },
      ],
    ],
    [
      'meta l4proto tcp dnat to ip daddr map @backends',
      [
        { kind: 'protocol', protocol: 6 },
        {
          kind: 'nat-to',
          nat: 'dnat',
          gives: ['address', 'port'],
          value: { kind: 'map', key: [{ field: 'ip daddr' }], map: 'backends' },
        },
      ],
    ],
    [
      'update @recent { ip saddr }',
      [{ kind: 'set-update', op: 'update', set: 'recent', key: [{ field: 'ip saddr' }] }],
    ],
    [
      'dnat prefix to 10.8.0.0/24',
      [{ kind: 'dnat', range: { addresses: { from: '10.8.0.0', to: '10.8.0.255' }, netmap: true } }],
    ],
    ['dnat to 10.8.0.0/24', [{ kind: 'dnat', range: { addresses: { from: '10.8.0.0', to: '10.8.0.255' } } }]],
    [
      'snat ip prefix to ip saddr map { 10.1.0.0/16 : 10.2.0.0/16 }',
      [
        {
          kind: 'nat-to',
          nat: 'snat',
          gives: ['address'],
          value: {
            kind: 'map',
            key: [{ field: 'ip saddr' }],
            map: {
              type: ['ipv4_addr'],
              data: ['ipv4_addr'],
              elements: [
                { key: [{ from: '10.1.0.0', to: '10.1.255.255' }], data: [{ from: '10.2.0.0', to: '10.2.255.255' }] },
              ],
            },
          },
          netmap: true,
        },
      ],
    ],
    ['meta skuid 101', [{ kind: 'compare', key: [{ field: 'meta skuid' }], op: 'eq', values: [101] }]],
    [
      'counter name ip saddr map { 10.0.0.1 : "a" } accept',
      [
        {
          kind: 'lookup',
          key: [{ field: 'ip saddr' }],
          set: { type: ['ipv4_addr'], elements: [{ key: ['10.0.0.1'] }] },
        },
        { kind: 'accept' },
      ],
    ],
    ['ip ttl set 1', [{ kind: 'set-header', field: 'ip ttl', value: { kind: 'value', values: [1] } }]],
    [
      'ip dscp set cs1',
      [{ kind: 'set-header', field: 'ip tos', mask: 0xfc, value: { kind: 'value', values: [0x20] } }],
    ],
  ])('%s', (rule, expected) => expect(compiled(rule)).toEqual(expected));
});

describe('what is not modelled keeps its text', () => {
  test.each<[rule: string, expected: Statement[]]>([
    ['meta cpu 0 accept', [{ kind: 'unmodelled', text: 'meta cpu 0' }, { kind: 'accept' }]],
    [
      'tcp option maxseg size 1-500 drop',
      [
        { kind: 'compare', key: [{ field: 'tcp flags', mask: 2 }], op: 'ne', values: [0] },
        { kind: 'unmodelled', text: 'tcp option maxseg size 1-500' },
        { kind: 'drop' },
      ],
    ],
    [
      'ct helper "ftp" accept',
      [
        { kind: 'compare', key: [{ field: 'ct direction', mask: 0 }], op: 'eq', values: [0] },
        { kind: 'unmodelled', text: 'ct helper "ftp"' },
        { kind: 'accept' },
      ],
    ],
    ['queue num 0', [{ kind: 'queue', text: 'queue to 0' }]],
    [
      'synproxy mss 1460 wscale 7',
      [
        { kind: 'protocol', protocol: 6 },
        { kind: 'unmodelled-target', text: 'synproxy mss 1460 wscale 7' },
      ],
    ],
  ])('%s', (rule, expected) => expect(compiled(rule)).toEqual(expected));
  test.each(['99', '9'.repeat(400)])('a prefix of %s bits, which nft refuses', (length) => {
    const { objects, problems } = parseNftRuleset(`table ip t { chain c { ip daddr 10.0.0.0/${length} accept; }; }`);
    expect(problems.map(({ code }) => code)).toEqual(['nft-refused']);
    const text = `ip daddr 10.0.0.0/${Number(length)}`;
    expect(nftTables(objects)[0]?.chains[0]?.rules[0]?.body).toEqual([
      { kind: 'unmodelled', text },
      { kind: 'accept' },
    ]);
  });
  test('reject of a bridge', () =>
    expect(compiled('reject with icmp port-unreachable', 'bridge').at(-1)).toEqual({
      kind: 'unmodelled-target',
      text: 'reject with icmp port-unreachable',
    }));
});

test('chains hang at their hooks; sets hold their elements; dormant tables hang nowhere', () => {
  const { objects } = parseNftRuleset(`
    table inet a {
      chain in { type filter hook input priority filter - 5; policy drop; }
    }
    table netdev b {
      chain i { type filter hook ingress devices = { eth0, eth1 } priority 0; }
    }
    table ip off {
      flags dormant
      chain c { type filter hook input priority 0; }
    }
    table ip s {
${SETS}
      chain dns { }
    }
  `);
  const [a, b, off, s] = nftTables(objects);
  expect(a?.chains[0]?.hook).toEqual({ hook: Hook.INPUT, priority: -5, type: 'filter', policy: 'drop' });
  expect(b?.chains[0]?.hook).toMatchObject({ hook: Hook.INGRESS, devices: ['eth0', 'eth1'] });
  expect(off?.chains[0]?.hook).toBeUndefined();
  expect(s?.sets?.map(({ name, type, dynamic, timeout, size }) => ({ name, type, dynamic, timeout, size }))).toEqual([
    { name: 'hosts', type: ['ipv4_addr'] },
    { name: 'recent', type: ['ipv4_addr'], dynamic: true, timeout: 60, size: 100 },
    { name: 'services', type: ['ipv4_addr', 'integer', 'integer'] },
    { name: 'backends', type: ['ipv4_addr'] },
    { name: 'owners', type: ['integer'] },
  ]);
});

test('a rule is quoted as nft prints it', () => {
  const { objects } = parseNftRuleset(
    'table ip t {\nchain c {\nip saddr 10.0.0.0/8 counter packets 5 bytes 60 accept\n}\n}',
  );
  const rule = nftTables(objects)[0]?.chains[0]?.rules[0];
  expect(rule?.counters).toEqual({ packets: 5, bytes: 60 });
  expect(rule && nftRuleText(rule, 'ip')).toBe('ip saddr 10.0.0.0/8 counter accept');
});

test('tables are printed as they were read', () => {
  const text =
    'table ip t {\n\tset hosts {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1 }\n\t}\n\n\tchain c {\n\t\tip saddr @hosts drop\n\t}\n}\n';
  expect(printNftTables(nftTables(parseNftRuleset(text).objects))).toBe(text);
});
