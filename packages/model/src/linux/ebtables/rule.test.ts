import { describe, expect, it } from 'vitest';
import type { OptionSpec, RulePlace } from '../iptables/base/extension.ts';
import { splitRestoreWords } from '../iptables/base/words.ts';
import { Dice, mend, randomOptions } from '../iptables/testing/random-rule.ts';
import { parseEbtablesRule, printEbtablesRule } from './index.ts';
import { extensions } from './rule.ts';
import { targets } from './targets.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20261121);

/**
 * What is written -> what ebtables-save 1.8.9 printed (Linux 6.18), but for the place of `!`, which 1.8.11 prints before the option;
 * null: it refused.
 */
const rows: [string, string | null, RulePlace?][] = [
  ['-j ACCEPT', '-j ACCEPT'],
  ['', '-j CONTINUE'],
  ['-p ip -j DROP', '-p IPv4 -j DROP'],
  ['-p 0x0806 -j DROP', '-p ARP -j DROP'],
  ['-p LENGTH --802_3-type EF --802_3-sap 1', '-p Length --802_3-sap 0x01 --802_3-type 0x00ef -j CONTINUE'],
  ['-p LENGTH ! --802_3-sap 010', '-p Length ! --802_3-sap 0x10 -j CONTINUE'],
  ['-p 5', null],
  ['-s 0:1:2:3:4:5 ! -d BGA', '-s 00:01:02:03:04:05 ! -d BGA -j CONTINUE'],
  [
    '-p ARP ! --arp-ip-src 10.0.0.0/8 --arp-gratuitous --arp-ip-dst 1/2',
    '-p ARP ! --arp-ip-src 10.0.0.0/8 --arp-ip-dst 0.0.0.0/2 --arp-gratuitous -j CONTINUE',
  ],
  [
    '-p 802_1Q --vlan-prio 1 ! --vlan-encap 64 --vlan-id 2012',
    '-p 802_1Q --vlan-id 2012 ! --vlan-encap 0064 -j CONTINUE',
  ],
  ['--vlan-id 5', null],
  [
    '-d BGA --stp-sender-addr a:b:c:d:e:f ! --stp-max-age 3: ! --stp-root-cost 1000',
    '-d BGA ! --stp-root-cost 1000 --stp-sender-addr 0a:0b:0c:0d:0e:0f ! --stp-max-age 3:65535 -j CONTINUE',
  ],
  ['! --among-dst 01:00:5E:00:00:01', '! --among-dst 1:0:5e:0:0:1 -j CONTINUE'],
  ['! --mark 010', '! --mark 0x8 -j CONTINUE'],
  ['--limit-burst 0', '--limit 3/hour --limit-burst 5 -j CONTINUE'],
  ['--log-level 0.5', null],
  ['-j mark --mark-set 3', '-j mark --mark-set 0x3 --mark-target ACCEPT'],
  ['-j redirect', '-j redirect ', { table: 'nat', chain: 'PREROUTING' }],
  ['-j redirect', null, { table: 'filter', chain: 'INPUT' }],
  ['-j snat --to-src 0:1:2:3:4:5', null, { table: 'nat', chain: 'PREROUTING' }],
  ['-o eth0', null, { table: 'filter', chain: 'INPUT' }],
  ['-j arpreply', null, { table: 'nat', chain: 'PREROUTING' }],
  ['-j "a b"', null],
  ['-j constructor', '-j constructor'],
  ['--toString', null],
];

describe('a rule of ebtables', () => {
  it.each(rows)('%s', (written, expected, place = {}) => {
    const read = parseEbtablesRule(splitRestoreWords(written) ?? [], place);
    if (expected === null) {
      expect(read).toHaveProperty('error');
      return;
    }
    if ('error' in read) throw new Error(read.error);
    const printed = printEbtablesRule(read.rule);
    expect(printed).toBe(expected);
    expect(parseEbtablesRule(splitRestoreWords(printed) ?? [], place)).toEqual(read);
  });
});

/** Of extensions that a frame's protocol must allow. */
const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  ip: ['-p', 'IPv4'],
  ip6: ['-p', 'IPv6'],
  arp: ['-p', 'ARP'],
  arpreply: ['-p', 'ARP'],
  vlan: ['-p', '802_1Q'],
  stp: ['-d', 'BGA'],
  '802_3': ['-p', 'LENGTH'],
};
const PLACES: Readonly<Record<string, RulePlace>> = {
  snat: { table: 'nat', chain: 'POSTROUTING' },
  dnat: { table: 'nat', chain: 'PREROUTING' },
  redirect: { table: 'nat', chain: 'PREROUTING' },
  arpreply: { table: 'nat', chain: 'PREROUTING' },
};
const TRIES = 200;
const MENDS = 40;

describe(`random rules of ebtables (PODWIRE_SEED=${SEED})`, () => {
  const all = [
    ...extensions.map((extension) => [extension.name, extension, []] as const),
    ...targets.map((extension) => [extension.name, extension, ['-j', extension.name]] as const),
  ];

  it.each(all)('%s is read again as it is printed', (name, { rows: options }, lead) => {
    const dice = new Dice(SEED);
    const specs: readonly OptionSpec[] = options;
    const family = name === 'ip6' ? 'ip6' : 'ip';
    const place = PLACES[name] ?? { table: 'filter', chain: 'FORWARD' };
    const seen = new Set<string>();
    for (let i = 0; i < TRIES; i++) {
      const chosen = randomOptions(dice, specs, family);
      const words = () => [...(PROTOCOLS[name] ?? []), ...lead, ...[...chosen.values()].flat()];
      for (let k = 0; k < MENDS; k++) {
        const read = parseEbtablesRule(words(), place);
        if ('rule' in read) break;
        mend(dice, chosen, read.error, specs, family);
      }
      const read = parseEbtablesRule(words(), place);
      // The group that goes without saying is 1, and group 0 is not printed: ebtables forgets it.
      if ('error' in read || (name === 'nflog' && /^0/.test(chosen.get('nflog-group')?.at(-1) ?? ''))) continue;
      const text = printEbtablesRule(read.rule);
      expect(parseEbtablesRule(splitRestoreWords(text) ?? [], place), `${words().join(' ')}\n=> ${text}`).toEqual(read);
      seen.add(text);
    }
    expect(seen.size, 'rules that were not refused').toBeGreaterThan(0);
  });
});
