import { describe, expect, it } from 'vitest';
import { parseArptablesRule } from '../arptables/index.ts';
import { parseEbtablesRule } from '../ebtables/index.ts';
import { type IpFamily, parseIptablesRule, splitShellWords } from '../iptables/index.ts';
import { type NftStatement, printRuleBody, Ruleset, readRule, readScript } from '../nft/index.ts';
import { translateRule } from './rule.ts';

/** As nft lists it. */
function listed(
  expr: readonly NftStatement[],
  comment: string | undefined,
  family: IpFamily | 'bridge' | 'arp',
): string {
  const ruleset = new Ruleset({ numericProtocol: true });
  for (const line of [`add table ${family} t`, `add chain ${family} t c`]) {
    for (const command of readScript(line).commands) ruleset.apply(command);
  }
  const { expr: list } = ruleset.rule({ family, table: 't', chain: 'c', expr: [...expr] });
  return printRuleBody({ expr: list, ...(comment !== undefined && { comment }) }, { family, stateless: true });
}

function translated(rule: string, family: IpFamily | 'bridge' | 'arp') {
  const words = splitShellWords(rule) ?? [];
  const read =
    family === 'bridge'
      ? parseEbtablesRule(words)
      : family === 'arp'
        ? parseArptablesRule(words)
        : parseIptablesRule(words, family);
  if ('error' in read) throw new Error(read.error);
  return translateRule(read.rule, family);
}

/** Rule -> what iptables-translate 1.8.9 makes of it. */
const rows: [string, string, IpFamily?][] = [
  [
    '-s 10.0.0.0/8 ! -d 10.1.2.3 -i eth+ -p tcp --dport 80 --syn -j ACCEPT',
    'iifname "eth*" ip saddr 10.0.0.0/8 ip daddr != 10.1.2.3 tcp dport 80 tcp flags syn / fin,syn,rst,ack counter accept',
  ],
  ['-m conntrack ! --ctstate INVALID,NEW -j RETURN', 'ct state ! invalid,new counter return'],
  ['-m conntrack --ctstate DNAT -j ACCEPT', 'ct status dnat counter accept'],
  ['-p udp -m multiport --dports 53,67:68 -j DROP', 'ip protocol udp udp dport { 53, 67-68 } counter drop'],
  ['-p tcp -m multiport ! --sports 22,80 -g X', 'ip protocol tcp tcp sport != { 22, 80 } counter goto X'],
  [
    '-m mark --mark 0x1/0xff -j MARK --set-xmark 0x4000/0x4000',
    'mark and 0xff == 0x1 counter meta mark set mark or 0x4000',
  ],
  ['-j CONNMARK --restore-mark', 'counter meta mark set ct mark'],
  [
    '-m addrtype ! --dst-type LOCAL -m comment --comment "a comment" -j X',
    'fib daddr type != local counter jump X comment "a comment"',
  ],
  ['-m limit --limit 7/hour -j NFLOG --nflog-group 3', 'limit rate 7/hour burst 5 packets counter log group 3'],
  [
    '-p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j ACCEPT',
    'meta l4proto ipv6-icmp icmpv6 type echo-request counter accept',
    'ip6',
  ],
  ['-s fd00::/8 -m length --length 100 -j REJECT', 'ip6 saddr fd00::/8 meta length 100 counter reject', 'ip6'],
  [
    '-s 10.0.0.0/8 -o eth0 -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.6:1000-2000 --random',
    'oifname "eth0" ip protocol tcp ip saddr 10.0.0.0/8 counter snat to 1.2.3.4-1.2.3.6:1000-2000 random',
  ],
  ['-p tcp -j REDIRECT --to-ports 8080', 'ip protocol tcp counter redirect to :8080'],
  ['-m statistic --mode nth --every 3 --packet 2 -j DROP', 'numgen inc mod 3 2 counter drop'],
  ['-m iprange ! --src-range 10.0.0.1-10.0.0.9 -j DROP', 'ip saddr != 10.0.0.1-10.0.0.9 counter drop'],
  ['-m mac ! --mac-source 02:00:00:00:00:01 -j DROP', 'ether saddr != 02:00:00:00:00:01 counter drop'],
  ['-m owner --uid-owner 5-9 -j DROP', 'skuid 5-9 counter drop'],
  [
    '-m connbytes ! --connbytes 5:9 --connbytes-mode packets --connbytes-dir reply -j DROP',
    'ct reply packets != 5-9 counter drop',
  ],
  ['-m ttl --ttl-lt 5 -j DROP', 'ip ttl lt 5 counter drop'],
  ['-j CLASSIFY --set-class 1:20', 'counter meta priority set 1:20'],
  ['-m pkttype --pkt-type unicast -j DROP', 'pkttype unicast counter drop'],
  ['-p tcp -j TCPMSS --set-mss 1400', 'ip protocol tcp counter tcp option maxseg size set 1400'],
  [
    '-m time --weekdays Mon,Tue --timestart 10:00 --timestop 12:00 -j DROP',
    'meta hour "10:00:00"-"12:00:00" meta day { 1, 2 } counter drop',
  ],
  ['-p tcp --tcp-option 5 -j DROP', 'tcp option 5 exists counter drop'],
  ['-m connlabel --label 40 -j DROP', 'ct label 40 counter drop'],
  ['-m realm ! --realm 5/5', 'rtclassid and 0x5 != 0x5 counter'],
  ['-m devgroup ! --src-group 4 -j DROP', 'iifgroup != 0x4 counter drop'],
  ['-m rpfilter --loose -j DROP', 'fib saddr oif != 0 counter drop'],
  ['-m quota ! --quota 1000 -j DROP', 'quota over 1000 bytes counter drop'],
  [
    '-p tcp -m hashlimit --hashlimit-above 20kb/s --hashlimit-burst 1mb --hashlimit-mode dstip --hashlimit-name x --hashlimit-dstmask 24',
    'ip protocol tcp meter x { ip daddr & 255.255.255.0 timeout 60s limit rate over 20 kbytes/second burst 1 mbytes } counter',
  ],
  // xt_cluster.c counts nodes from 0: `(1 << hash) & node_mask`.
  [
    '-m cluster --cluster-total-nodes 7 --cluster-local-nodemask 9 --cluster-hash-seed 5 -j DROP',
    'jhash ct original saddr mod 7 seed 0x5 { 0, 3 } meta pkttype set host counter drop',
  ],
  [
    '-m cluster --cluster-total-nodes 7 --cluster-local-node 3 --cluster-hash-seed 5 -j DROP',
    'jhash ct original saddr mod 7 seed 0x5 == 2 meta pkttype set host counter drop',
  ],
  // A packet that is no TCP has no option, either (nft_exthdr_tcp_eval()).
  ['-p tcp ! --tcp-option 5 -j DROP', 'ip protocol tcp tcp option 5 missing counter drop'],
  ['-m connmark --mark 1 -j CONNMARK --save-mark --nfmask 0xff', 'ct mark 1 counter ct mark set meta mark & 0xff'],
  ['-m tos --tos 0x10/0xfc -j DROP', 'ip dscp 4 counter drop'],
  ['-p sctp --chunk-types all DATA,INIT -j DROP', 'sctp chunk data exists sctp chunk init exists counter drop'],
];

describe('a rule of iptables in nftables', () => {
  it.each(rows)('%s', (rule, expected, family = 'ip') => {
    const own = translated(rule, family);
    const { expr, comment } = readRule(expected);
    expect(listed(own.expr, own.comment, family)).toBe(listed(expr, comment, family));
  });

  it.each([
    '-m physdev --physdev-in a -j DROP',
    '-m set --match-set foo src -j DROP',
    '-m recent --name x --set',
    '-m conntrack --ctstate NEW,DNAT',
    '-j CONNMARK --save-mark --mask 0xff',
    '-p sctp --chunk-types any DATA,INIT',
    '-p sctp --chunk-types only DATA',
    '-m geoip --cc DE',
    '-j FANCY --x',
    '-j LOG --log-prefix "a\\"b"',
  ])('has no words for %s', (rule) => {
    expect(() => translated(rule, 'ip')).toThrow();
  });
});

it('what a rule needs in its table', () => {
  const { needs, expr } = translated(
    '-m connlimit --connlimit-above 2 --connlimit-mask 24 -m nfacct --nfacct-name x',
    'ip',
  );
  expect(needs).toEqual([
    { kind: 'set', name: 'connlimit0', text: 'type ipv4_addr; flags dynamic;' },
    { kind: 'counter', name: 'x', text: 'packets 0 bytes 0' },
  ]);
  expect(expr).toEqual(
    readRule('add @connlimit0 { ip saddr & 255.255.255.0 ct count over 2 } counter name "x" counter').expr,
  );
});

describe('a rule of ebtables in nftables', () => {
  it.each([
    ['-p ip ! --ip-src 10.0.0.0/8 -i eth0 -j ACCEPT', 'iifname "eth0" ip saddr != 10.0.0.0/8 counter accept'],
    ['-s Multicast -j DROP', 'ether saddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 counter drop'],
    ['-p 802_1Q --vlan-id 7 -j mark --mark-or 1', 'vlan id 7 counter meta mark set meta mark or 0x1 accept'],
    ['--log-level info --log-prefix x -j DROP', 'log prefix "x" level info flags ether counter drop'],
  ])('%s', (rule, expected) => {
    const own = translated(rule, 'bridge');
    expect(listed(own.expr, own.comment, 'bridge')).toBe(listed(readRule(expected).expr, undefined, 'bridge'));
  });

  it('has no words for what nftables lacks', () => {
    expect(() => translated('-p ARP -j arpreply', 'bridge')).toThrow();
    expect(() => translated('-d BGA --stp-type 1', 'bridge')).toThrow();
  });
});

describe('a rule of arptables in nftables', () => {
  it.each([
    // What arptables tests unless told otherwise (iptables/nft-arp.c:nft_arp_init_cs()) must be said.
    [
      '-s 10.0.0.0/8 -i eth0 -j DROP',
      'iifname "eth0" arp htype 1 arp hlen 6 arp plen 4 arp saddr ip 10.0.0.0/8 counter drop',
    ],
    [
      '--opcode 1 ! --src-mac 02:00:00:00:00:01 --h-type 6/0xff -j ACCEPT',
      'arp htype & 0xff == 6 arp hlen 6 arp plen 4 arp operation 1 arp saddr ether != 02:00:00:00:00:01 counter accept',
    ],
    [
      '-d 10.0.0.1 -j mangle --mangle-ip-s 10.0.0.2 --mangle-target DROP',
      'arp htype 1 arp hlen 6 arp plen 4 arp daddr ip 10.0.0.1 counter arp saddr ip set 10.0.0.2 drop',
    ],
  ])('%s', (rule, expected) => {
    const own = translated(rule, 'arp');
    expect(listed(own.expr, own.comment, 'arp')).toBe(listed(readRule(expected).expr, undefined, 'arp'));
  });
});
