/** Extensions of iptables in the machine's words. Expected: net/netfilter/xt_*.c, by hand. */
import type { Match, Statement } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { parseIptablesRule, printIptablesRule, splitShellWords } from '../index.ts';

type Family = 'ip' | 'ip6';

function body(text: string, family: Family = 'ip', place: { table?: string; chain?: string } = {}): Statement[] {
  const read = parseIptablesRule(splitShellWords(text) ?? [], family, place);
  if ('error' in read) throw new Error(read.error);
  return read.rule.body;
}

const last = (text: string, family: Family = 'ip', place = {}): Statement | undefined =>
  body(text, family, place).at(-1);

const equals = (field: string, value: number, more: object = {}, op = 'eq') => ({
  kind: 'compare',
  key: [{ field, ...more }],
  op,
  values: [value],
});
const asked = (text: string): Match => ({ kind: 'unmodelled', text });

describe('a match that says what it asks', () => {
  test.each<[text: string, family: Family, tests: unknown[]]>([
    ['-m dscp --dscp-class EF', 'ip', [equals('ip tos', 46, { mask: 0xfc, shift: 2 })]],
    ['-m dscp ! --dscp 0x02', 'ip6', [equals('ip6 tclass', 2, { mask: 0xfc, shift: 2 }, 'ne')]],
    [
      '-p tcp -m ecn ! --ecn-tcp-cwr --ecn-ip-ect 2',
      'ip',
      [equals('ip tos', 2, { mask: 3 }), equals('tcp flags', 0, { mask: 0x80 })],
    ],
    ['-m pkttype ! --pkt-type multicast', 'ip', [equals('meta pkttype', 2, {}, 'ne')]],
    ['-m rt --rt-type 0', 'ip6', [equals('ip6 nexthdr', 43), asked('-m rt --rt-type 0')]],
    ['-m frag', 'ip6', [equals('ip6 nexthdr', 44)]],
    ['-p esp -m esp', 'ip', [{ kind: 'protocol', protocol: 50 }]],
    ['-m connlabel --label 3', 'ip', [equals('ct direction', 0, { mask: 0 }), asked('-m connlabel --label "3"')]],
    [
      '-m ipv6header --header frag --soft',
      'ip6',
      [
        {
          kind: 'lookup',
          key: [{ field: 'ip6 nexthdr' }],
          set: { type: ['integer'], elements: [0, 43, 44, 51, 60].map((one) => ({ key: [one] })) },
        },
        asked('-m ipv6header --header ipv6-frag --soft'),
      ],
    ],
    [
      '-m conntrack --ctproto tcp --ctexpire 1:5',
      'ip',
      [
        { kind: 'conntrack', protocol: { protocol: 6 } },
        equals('ct direction', 0, { mask: 0 }),
        asked('-m conntrack --ctproto 6 --ctexpire 1:5'),
      ],
    ],
    [
      '-m set --match-set s src --packets-gt 3',
      'ip',
      [{ kind: 'set', set: 's', flags: ['src'] }, asked('-m set --match-set s src --packets-gt 3')],
    ],
  ])('%s', (text, family, tests) => expect(last(text, family)).toMatchObject({ kind: 'extension', tests }));

  test.each([
    // Without a connection or a socket they hold, so that nothing has to be there first.
    '-m connlabel ! --label 3',
    '-m helper ! --helper ftp',
    '-p tcp -m tcpmss ! --mss 1:5',
    '-m set ! --match-set s src --bytes-lt 3',
    '-m cpu --cpu 1',
    '-m string --algo bm --string x',
  ])('%s is asked as a whole', (text) => expect(last(text)?.kind).toBe('unmodelled'));
});

describe('u32', () => {
  const tests = (text: string): unknown => {
    const match = last(`-m u32 --u32 "${text}"`);
    return match?.kind === 'extension' ? match.tests : match?.kind;
  };
  const lookup = (field: string, more: object, elements: unknown[]) => ({
    kind: 'lookup',
    key: [{ field, ...more }],
    set: { type: ['integer'], elements: elements.map((key) => ({ key: [key] })) },
  });
  const protocol = lookup('ip protocol', { mask: 0xff }, [6]);

  test.each<[text: string, expected: unknown]>([
    ['6&0xFF=6', [protocol]],
    // One byte of the word, wherever it stands.
    ['8>>24=64:255', [lookup('ip ttl', { mask: 0xff }, [{ from: 64, to: 255 }])]],
    ['0&0xFFFF=100:1500', [lookup('ip length', { mask: 0xffff }, [{ from: 100, to: 1500 }])]],
    ['0>>16&0xFC=0x10,0x20', [lookup('ip tos', { mask: 0xfc }, [0x10, 0x20])]],
    // Values that meet are one range.
    ['8>>24=5,1:4', [lookup('ip ttl', { mask: 0xff }, [{ from: 1, to: 5 }])]],
    [
      '12=0x0A000001',
      [
        {
          kind: 'lookup',
          key: [{ field: 'ip saddr' }],
          set: { type: ['ipv4_addr'], elements: [{ key: ['10.0.0.1'] }] },
        },
      ],
    ],
    // The header is 20 bytes long, so that this is known: true, and nothing is left to test.
    ['0>>24&0x0F=5', []],
    // Behind the protocol's own test the transport header is known.
    ['6&0xFF=6&&0>>22&0x3C@0&0xFFFF=80', [protocol, lookup('th dport', { mask: 0xffff }, [80])]],
    ['6&0xFF=6&&0>>22&0x3C@12>>16&0x02=2', [protocol, lookup('tcp flags', { mask: 2 }, [2])]],
    // Nobody knows sequence numbers, identifiers or what is behind the headers.
    ['6&0xFF=6&&0>>22&0x3C@4=1', [protocol, asked('-m u32 --u32 "0x6&0xff=0x6&&0x0>>0x16&0x3c@0x4=0x1"')]],
    ['4>>16=1', 'unmodelled'],
    ['20=1', 'unmodelled'],
    // Two fields at once are no field.
    ['8&0xFFFF0000=1', 'unmodelled'],
  ])('%s', (text, expected) => expect(tests(text)).toEqual(expected));

  test('a constant that is not wanted never holds', () =>
    expect(tests('0>>28=6')).toEqual([
      { kind: 'lookup', key: [{ field: 'meta length' }], set: { type: ['integer'], elements: [] } },
    ]));
  test('inverted it is asked as a whole', () => expect(last('-m u32 ! --u32 "6&0xFF=6"')?.kind).toBe('unmodelled'));
});

describe('whose socket, and the way back', () => {
  test('owner', () =>
    expect(last('-m owner ! --uid-owner 101-110 --gid-owner 7 --suppl-groups')).toEqual({
      kind: 'owner',
      uid: { from: 101, to: 110, not: true },
      gid: { from: 7, to: 7 },
      suppl: true,
      text: '-m owner ! --uid-owner 101-110 --gid-owner 7 --suppl-groups',
    }));
  test('rpfilter', () =>
    expect(last('-m rpfilter --validmark --loose --invert')).toEqual({
      kind: 'rpfilter',
      loose: true,
      validMark: true,
      not: true,
    }));
});

describe('a target that says what it does', () => {
  const mangle = { table: 'mangle' };
  test.each<[text: string, family: Family, action: unknown]>([
    ['-j TTL --ttl-set 7', 'ip', { field: 'ip ttl', value: { kind: 'value', values: [7] } }],
    ['-j DSCP --set-dscp 0x2e', 'ip6', { field: 'ip6 tclass', mask: 0xfc, value: { kind: 'value', values: [0xb8] } }],
    [
      '-j TOS --set-tos 0x08/0x3f',
      'ip',
      { field: 'ip tos', value: { kind: 'selectors', key: [{ field: 'ip tos', mask: 0xc0, xor: 8 }] } },
    ],
    ['-p tcp -j ECN --ecn-tcp-remove', 'ip', { field: 'tcp flags', mask: 0xc0, value: { values: [0] } }],
  ])('%s', (text, family, action) =>
    expect(last(text, family, mangle)).toMatchObject({ kind: 'extension-target', actions: [action] }),
  );

  test.each([
    ['-j TTL --ttl-dec 3', 2, 0],
    ['-j TTL --ttl-dec 3', 64, 61],
    ['-j TTL --ttl-inc 3', 254, 255],
    ['-j TTL --ttl-inc 3', 64, 67],
  ])('%s of %i gives %i', (text, before, after) => {
    const target = last(text, 'ip', mangle);
    const [action] = target?.kind === 'extension-target' ? target.actions : [];
    const map = action?.kind === 'set-header' && action.value.kind === 'map' ? action.value.map : undefined;
    const element = typeof map === 'object' ? map.elements.find(({ key }) => key[0] === before) : undefined;
    expect(element?.data).toEqual([after]);
  });

  test('a program decides', () =>
    expect(last('-j NFQUEUE --queue-num 2 --queue-bypass')).toEqual({
      kind: 'queue',
      text: '-j NFQUEUE --queue-num 2 --queue-bypass',
    }));

  test.each<[chain: string, kind: string]>([
    ['PREROUTING', 'dnat'],
    ['POSTROUTING', 'snat'],
  ])('NETMAP in %s', (chain, kind) => {
    const text = '-j NETMAP --to 10.8.0.0/22';
    const netmap = last(text, 'ip', { table: 'nat', chain });
    expect(netmap).toEqual({ kind, range: { addresses: { from: '10.8.0.0', to: '10.8.3.255' }, netmap: true } });
    expect(netmap && printIptablesRule({ body: [netmap] }, 'ip')).toBe(text);
  });
  // iptables 1.8.9, both back-ends, as iptables-save lists it.
  test('a mask with holes is that of one host', () =>
    expect(printIptablesRule({ body: body('-j NETMAP --to 10.9.8.3/255.0.0.255') }, 'ip')).toBe(
      '-j NETMAP --to 10.9.8.3/32',
    ));
});
