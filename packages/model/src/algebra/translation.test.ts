/** The same rule in the words of two tools, and rules that are alike in all but one kind of packet. */
import type { Table } from '@podwire/engine';
import { expect, test } from 'vitest';
import { parseIptablesRule, splitShellWords } from '../linux/iptables/index.ts';
import { parseNftRuleset } from '../linux/nft/index.ts';
import { nftTables } from '../linux/nft-compile/index.ts';
import { decideChain } from './decision.ts';
import { type Difference, differenceOf } from './equivalent.ts';
import { PacketSet } from './packet-set.ts';
import { PacketSpace } from './space/packet-space.ts';

type Family = 'ip' | 'ip6';

function iptables(family: Family, rules: readonly string[]): Table {
  const parsed = rules.map((text) => {
    const found = parseIptablesRule(splitShellWords(text) ?? [], family);
    if ('error' in found) throw new Error(found.error);
    return found.rule;
  });
  return {
    family,
    name: 'filter',
    chains: [
      { name: 'c', rules: parsed },
      { name: 'other', rules: [] },
    ],
  };
}

function nft(family: Family, rules: readonly string[], more = ''): Table {
  const text = `table ${family} filter {\n${more}\nchain other {\n}\nchain c {\n${rules.join('\n')}\n}\n}\n`;
  const { objects, problems } = parseNftRuleset(text);
  expect(problems).toEqual([]);
  return nftTables(objects)[0] as Table;
}

function difference(one: Table, other: Table): Difference | undefined {
  const space = new PacketSpace();
  return differenceOf(decideChain(space, one, 'c'), decideChain(space, other, 'c'), PacketSet.unfragmented(space));
}

test.each<[family: Family, iptables: string, nft: string[]]>([
  [
    'ip',
    '-s 10.0.0.0/8 ! -d 10.1.2.3 -p tcp --dport 80:90 -j ACCEPT',
    ['ip saddr 10.0.0.0/8 ip daddr != 10.1.2.3 tcp dport 80-90 counter accept'],
  ],
  ['ip', '-i eth+ -m conntrack --ctstate NEW,ESTABLISHED -j DROP', ['iifname "eth*" ct state new,established drop']],
  [
    'ip',
    '-p tcp --tcp-flags SYN,ACK SYN -j REJECT --reject-with tcp-reset',
    ['tcp flags & (syn | ack) == syn reject with tcp reset'],
  ],
  ['ip', '-p udp -m multiport --dports 53,5353 -j ACCEPT', ['udp dport { 5353, 53 } accept']],
  ['ip', '-m mark --mark 0x4000/0x4000 -j RETURN', ['meta mark & 0x4000 == 0x4000 return']],
  ['ip', '-j MARK --set-xmark 0x4000/0x4000', ['meta mark set meta mark | 0x4000']],
  ['ip', '-m iprange --src-range 10.0.0.5-10.0.0.9 -j DROP', ['ip saddr 10.0.0.5-10.0.0.9 drop']],
  ['ip', '-p icmp --icmp-type echo-request -j ACCEPT', ['icmp type echo-request accept']],
  ['ip', '-m ttl --ttl-lt 5 -j DROP', ['ip ttl < 5 drop']],
  ['ip', '-s 10.0.0.1/255.0.0.255 -j other', ['ip saddr & 255.0.0.255 == 10.0.0.1 jump other']],
  ['ip6', '-d fd00::/8 -p udp --sport 53 -j ACCEPT', ['ip6 daddr fd00::/8 udp sport 53 accept']],
  ['ip6', '-p ipv6-icmp --icmpv6-type 128 -j ACCEPT', ['icmpv6 type 128 accept']],
])('%s %s', (family, one, other) => {
  expect(difference(iptables(family, [one]), nft(family, other))).toBeUndefined();
});

test('a verdict map is rules one after the other', () => {
  const map =
    'map m { type ipv4_addr . inet_service : verdict; elements = { 10.0.0.1 . 80 : accept, 10.0.0.2 . 443 : drop } }';
  const rules = ['-d 10.0.0.1 -p tcp --dport 80 -j ACCEPT', '-d 10.0.0.2 -p tcp --dport 443 -j DROP'];
  const one = iptables('ip', rules);
  expect(difference(one, nft('ip', ['ip daddr . tcp dport vmap @m'], map))).toBeUndefined();
  const found = difference(one, nft('ip', ['ip daddr . th dport vmap @m'], map));
  expect(found?.packet.packet.protocol).not.toBe(6);
  expect(found?.outcomes.map(({ verdict }) => verdict).sort()).toEqual(['accept', 'return']);
});

test.each<[what: string, one: string, other: string, shows: (difference: Difference) => unknown, as: unknown]>([
  [
    'an address more',
    'ip saddr 10.0.0.0/24 drop',
    'ip saddr 10.0.0.0-10.0.1.0 drop',
    ({ packet }) => packet.packet.saddr,
    '10.0.1.0',
  ],
  ['a state less', 'ct state new,established accept', 'ct state new accept', ({ packet }) => packet.state, 4],
  [
    'a mark that was there before',
    'meta mark set 1',
    'meta mark set meta mark | 1',
    ({ packet }) => packet.packet.mark > 1,
    true,
  ],
])('%s makes a difference', (_what, one, other, shows, as) => {
  const found = difference(nft('ip', [one]), nft('ip', [other]));
  expect(found && shows(found)).toBe(as);
});

test.each<[family: Family, iptables: string, nft: string[]]>([
  ['ip', '-m addrtype ! --dst-type LOCAL -j DROP', ['fib daddr type != local drop']],
  [
    'ip',
    '-m addrtype --src-type MULTICAST,BROADCAST --limit-iface-in -j DROP',
    ['fib saddr . iif type { multicast, broadcast } drop'],
  ],
  ['ip6', '-m addrtype --dst-type LOCAL -j DROP', ['fib daddr type local drop']],
  // match_type6(): an own address is UNICAST, too; nft_fib6_eval_type() says LOCAL alone.
  ['ip6', '-m addrtype --dst-type UNICAST -j DROP', ['fib daddr type != { unspec, multicast } drop']],
  ['ip', '-f -j DROP', ['ip frag-off & 0x1fff != 0 drop']],
  ['ip', '! -f -j DROP', ['ip frag-off & 0x1fff 0 drop']],
])('%s %s, fragments too', (family, one, other) => {
  const space = new PacketSpace();
  const [a, b] = [iptables(family, [one]), nft(family, other)].map((table) => decideChain(space, table, 'c'));
  expect(a && b && differenceOf(a, b)).toBeUndefined();
});

test('a type of IPv6 addresses is not all of what iptables asks for', () => {
  const one = iptables('ip6', ['-m addrtype --dst-type UNICAST -j DROP']);
  expect(difference(one, nft('ip6', ['fib daddr type unicast drop']))).toBeDefined();
});
