/** Each setting has one fate, and `docs/sysctls.md` says the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FOLLOWED, fateOf, IDLE, UNFOLLOWED, unfollowedSettings } from './fate.ts';

const page = readFileSync(new URL('../../../../../docs/sysctls.md', import.meta.url), 'utf8');

/** Rows of the table below a heading: the cells, without backquotes around names. */
const rows = (heading: string): string[][] =>
  (page.split(`## ${heading}\n`)[1] ?? '')
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(' | ')) ?? [];

const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(' ');

describe('docs/sysctls.md', () => {
  test('has what is followed, with its judge', () => {
    expect(rows('Followed')).toEqual(
      FOLLOWED.map(({ name, by }) => [`\`${name}\``, by === undefined ? 'kernel' : `documentation: \`${by}\``]),
    );
  });

  test('has what is not followed, and what is taken', () => {
    expect(rows('Not followed')).toEqual(UNFOLLOWED.map(({ name, value, does }) => [`\`${name}\``, `${value}`, does]));
  });

  test('has what decides nothing, and why', () => {
    const reasons = [...new Set(IDLE.map(({ why }) => why))];
    expect(rows('Of no influence')).toEqual(
      reasons.map((why) => [quoted(IDLE.filter((one) => one.why === why).map(({ name }) => name)), why]),
    );
  });
});

test.each([
  ['net.ipv4.conf.all.arp_filter', 'followed'],
  ['net.ipv4.conf.eth0/5.rp_filter', 'followed'],
  ['net.netfilter.nf_conntrack_tcp_timeout_close', 'followed'],
  ['net.netfilter.nf_conntrack_frag6_timeout', 'idle'],
  ['net.ipv4.conf.eth0.bc_forwarding', 'unfollowed'],
  ['net.ipv4.tcp_reflect_tos', 'unfollowed'],
  ['net.ipv4.tcp_sack', 'idle'],
  ['net.ipv6.neigh.eth0.gc_thresh1', 'idle'],
  ['net.ipv4.conf.all.of_tomorrow', undefined],
  ['net.ipv4.conf.rp_filter', undefined],
])('%s', (name, fate) => {
  expect(fateOf(name)).toBe(fate);
});

test('only values that differ are named', () => {
  const settings = {
    'net.ipv4.conf.all.bc_forwarding': 0,
    'net.ipv4.conf.eth0.bc_forwarding': 1,
    'net.ipv4.icmp_echo_ignore_broadcasts': '0',
    'net.ipv4.conf.all.rp_filter': 1,
    'net.ipv4.tcp_sack': 0,
  };
  expect(unfollowedSettings(settings).map(({ name, value }) => `${name} = ${value}`)).toEqual([
    'net.ipv4.conf.eth0.bc_forwarding = 1',
    'net.ipv4.icmp_echo_ignore_broadcasts = 0',
  ]);
});
