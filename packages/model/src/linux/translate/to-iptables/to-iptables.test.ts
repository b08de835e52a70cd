import { describe, expect, it, test } from 'vitest';
import { proveAlike } from '../proof.ts';
import { readRuleFiles } from '../read-rules.ts';
import { translateToIptables } from './index.ts';

function toIptables(text: string) {
  const read = readRuleFiles([{ name: 'fw.nft', text }]);
  expect(read.problems).toEqual([]);
  const made = translateToIptables(read.objects, read.placeOf);
  return { ...made, proof: proveAlike(made.kept, made.tables) };
}

const input = (family: string, rules: string, more = ''): string =>
  `table ${family} fw {\n${more}\n\tchain other {\n\t}\n\tchain in {\n\t\ttype filter hook input priority 0;\n${rules}\n\t}\n}\n`;

const rulesOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('-A '));

/** Rule of nftables -> rules of iptables. */
test.each<[nft: string, rules: string[]]>([
  ['ip saddr 10.0.0.0/8 tcp dport 80-90 accept', ['-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 80:90 -j ACCEPT']],
  ['ip daddr 10.0.0.1-10.0.0.9 drop', ['-A INPUT -m iprange --dst-range 10.0.0.1-10.0.0.9 -j DROP']],
  ['ip saddr & 255.0.0.255 == 10.0.0.1 drop', ['-A INPUT -s 10.0.0.1/255.0.0.255 -j DROP']],
  ['tcp dport { 22, 80, 443-445 } jump other', ['-A INPUT -p tcp -m multiport --dports 22,80,443:445 -j other']],
  ['udp sport != { 1, 2 } drop', ['-A INPUT -p udp -m multiport ! --sports 1,2 -j DROP']],
  ['ct state established,related accept', ['-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT']],
  ['ct status dnat accept', ['-A INPUT -m conntrack --ctstate DNAT -j ACCEPT']],
  [
    'meta mark & 0xff == 0x1 meta mark set meta mark | 0x10 ',
    ['-A INPUT -m mark --mark 0x1/0xff -j MARK --set-xmark 0x10/0x10'],
  ],
  ['tcp flags & (fin|syn) == syn drop', ['-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN SYN -j DROP']],
  ['icmp type 3 icmp code 1 drop', ['-A INPUT -p icmp -m icmp --icmp-type 3/1 -j DROP']],
  [
    'iifname "eth*" meta l4proto { tcp, udp } th dport 53 accept',
    [
      '-A INPUT -i eth+ -p tcp -m multiport --dports 53 -j ACCEPT',
      '-A INPUT -i eth+ -p udp -m multiport --dports 53 -j ACCEPT',
    ],
  ],
  ['ip ttl < 5 drop', ['-A INPUT -m ttl --ttl-lt 5 -j DROP']],
  [
    'log prefix "x" level info reject with tcp reset',
    ['-A INPUT -p tcp -j LOG --log-prefix x --log-level 6', '-A INPUT -p tcp -j REJECT --reject-with tcp-reset'],
  ],
  [
    'ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 } accept',
    [
      '-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT',
      '-A INPUT -s 10.0.0.2/32 -p tcp -m tcp --dport 443 -j ACCEPT',
    ],
  ],
  [
    'tcp dport vmap { 22 : jump other, 80 : drop }',
    ['-A INPUT -p tcp -m tcp --dport 22 -j other', '-A INPUT -p tcp -m tcp --dport 80 -j DROP'],
  ],
  [
    'fib daddr type local accept comment "mine"',
    ['-A INPUT -m addrtype --dst-type LOCAL -m comment --comment mine -j ACCEPT'],
  ],
  // What none of several addresses may be takes a chain of its own.
  [
    'ip saddr != { 10.0.0.1, 10.0.0.2 } drop',
    [
      '-A INPUT -j INPUT-part',
      '-A INPUT-part -s 10.0.0.1/32 -j RETURN',
      '-A INPUT-part -s 10.0.0.2/32 -j RETURN',
      '-A INPUT-part -j DROP',
    ],
  ],
  // One limit for both.
  [
    'ip saddr { 10.0.0.1, 10.0.0.2 } limit rate 3/second accept',
    [
      '-A INPUT -j INPUT-part',
      '-A INPUT-part -s 10.0.0.1/32 -g INPUT-part-1',
      '-A INPUT-part -s 10.0.0.2/32 -g INPUT-part-1',
      '-A INPUT-part-1 -m limit --limit 3/sec -g INPUT-part-2',
      '-A INPUT-part-2 -j ACCEPT',
    ],
  ],
  // Once set the mark is another, which no further test may see.
  [
    'meta mark { 1, 2 } meta mark set 2',
    [
      '-A INPUT -j INPUT-part',
      '-A INPUT-part -m mark --mark 0x1 -g INPUT-part-1',
      '-A INPUT-part -m mark --mark 0x2 -g INPUT-part-1',
      '-A INPUT-part-1 -j MARK --set-xmark 0x2/0xffffffff',
    ],
  ],
])('%s', (nft, rules) => {
  const { texts, untranslated, proof } = toIptables(input('ip', nft));
  expect(untranslated).toEqual([]);
  expect(rulesOf(texts.ip)).toEqual(rules);
  expect(proof).toMatchObject({ kind: 'alike' });
});

test('a table of both families is one for each, without what the other is about', () => {
  const { texts, proof } = toIptables(
    input(
      'inet',
      'ip saddr 10.0.0.1 drop\nip6 saddr fd00::1 drop\nudp dport 53 reject\nicmpv6 type echo-request accept',
    ),
  );
  expect(rulesOf(texts.ip)).toEqual([
    '-A INPUT -s 10.0.0.1/32 -j DROP',
    '-A INPUT -p udp -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable',
  ]);
  expect(rulesOf(texts.ip6)).toEqual([
    '-A INPUT -s fd00::1/128 -j DROP',
    '-A INPUT -p udp -m udp --dport 53 -j REJECT --reject-with icmp6-port-unreachable',
    '-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
  ]);
  expect(proof.kind).toBe('alike');
});

test('named sets and maps that stay as they are', () => {
  const more = '\tset s {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 10.0.0.0/8, 192.0.2.1 }\n\t}\n';
  const { texts, proof } = toIptables(input('ip', 'ip saddr @s drop', more));
  expect(rulesOf(texts.ip)).toEqual(['-A INPUT -s 10.0.0.0/8 -j DROP', '-A INPUT -s 192.0.2.1/32 -j DROP']);
  expect(proof.kind).toBe('alike');
});

test('translations to what a map says', () => {
  const text =
    'table ip n {\n\tchain pre {\n\t\ttype nat hook prerouting priority -100;\n\t\tdnat to tcp dport map { 80 : 10.0.0.1, 443 : 10.0.0.2 }\n\t}\n}\n';
  const { texts, proof } = toIptables(text);
  expect(rulesOf(texts.ip)).toEqual([
    '-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1',
    '-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.2',
  ]);
  expect(proof.kind).toBe('alike');
});

test('chains of one place stand one behind the other', () => {
  const chain = (name: string, prio: number, rule: string) =>
    `\tchain ${name} {\n\t\ttype nat hook postrouting priority ${prio};\n\t\t${rule}\n\t}\n`;
  const text = `table ip n {\n${chain('b', 110, 'ip saddr 10.0.0.0/9 masquerade')}${chain('a', 90, 'ip saddr 10.0.0.0/8 snat to 192.0.2.1')}}\n`;
  const { texts, proof } = toIptables(text);
  expect(rulesOf(texts.ip).slice(0, 2)).toEqual(['-A POSTROUTING -j a', '-A POSTROUTING -j b']);
  expect(proof.kind).toBe('alike');
});

describe('what iptables has no words for is named', () => {
  it.each<[rule: string, part: string]>([
    ['ip saddr @dyn drop', '@dyn'],
    ['limit rate over 3/second drop', 'limit rate over'],
    ['meta random < 5 accept', 'meta random'],
    ['ip saddr != { 10.0.0.1, 10.0.0.2 } return', 'return or goto'],
    ['ct status == dnat drop', 'ct status =='],
    ['th dport 53 drop', '-m multiport --dports 53'],
  ])('%s', (rule, part) => {
    const more = '\tset dyn {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t}\n';
    const read = readRuleFiles([{ name: 'fw.nft', text: input('ip', rule, more) }]);
    const { untranslated } = translateToIptables(read.objects, read.placeOf);
    expect(untranslated.map((one) => [one.part.startsWith(part), one.file])).toEqual([[true, 'fw.nft']]);
  });

  it('tables and chains that iptables has not', () => {
    const text =
      'table netdev n {\n}\ntable ip p {\n\tchain a {\n\t\ttype filter hook prerouting priority 0;\n\t\tip saddr 10.0.0.1 drop\n\t}\n}\n';
    const { untranslated, texts } = toIptables(text);
    expect(untranslated.map(({ part }) => part)).toEqual(['table netdev n', 'chain a']);
    expect(texts).toEqual({ ip: '', ip6: '' });
  });
});
