import { describe, expect, it } from 'vitest';
import { type NftFamily, NftRefusal, printRuleBody, Ruleset, readRule, readScript, statementJson } from './index.ts';

const CHAINS = `
add table ip t
add table ip6 t
add table inet t
add table bridge t
add table netdev t
add table arp t
${['ip', 'ip6', 'inet']
  .map(
    (family) => `
add chain ${family} t other
add chain ${family} t in { type filter hook input priority 0; }
add chain ${family} t out { type filter hook output priority 0; }
add chain ${family} t pre { type filter hook prerouting priority 0; }
add chain ${family} t natpre { type nat hook prerouting priority 0; }
add chain ${family} t natpost { type nat hook postrouting priority 0; }`,
  )
  .join('')}
add chain arp t in { type filter hook input priority 0; }
add chain bridge t in { type filter hook input priority 0; }
add chain netdev t ing { type filter hook ingress device lo priority 0; }
`;

/** Family and chain, what is written -> what `nft -s -p list` of nftables 1.0.6 printed then (Linux 6.18); null: it refused. */
const rows: [string, string, string | null][] = [
  ['ip in', 'tcp dport 22 accept', 'tcp dport 22 accept'],
  ['ip in', 'ip protocol tcp tcp dport {ssh, 80, 443}', 'tcp dport { 22, 80, 443 }'],
  ['ip in', 'ip protocol tcp counter tcp dport 22', 'ip protocol 6 counter tcp dport 22'],
  ['inet in', 'meta nfproto ipv4 tcp dport 80', 'meta nfproto ipv4 tcp dport 80'],
  ['inet in', 'meta l4proto udp ip saddr 10.0.0.0/8 udp dport 53', 'ip saddr 10.0.0.0/8 udp dport 53'],
  [
    'inet in',
    'ip saddr 10.1.2.3/8 ip daddr != 192.168.0.0-192.168.0.255',
    'ip saddr 10.0.0.0/8 ip daddr != 192.168.0.0-192.168.0.255',
  ],
  [
    'inet in',
    'ip6 saddr fe80::/10 icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept',
    'ip6 saddr fe80::/10 icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept',
  ],
  ['ip in', 'ip saddr & 255.255.255.0 == 10.0.0.0', 'ip saddr 10.0.0.0/24'],
  ['ip in', 'ip saddr 10.0.0.0/9', 'ip saddr 10.0.0.0/9'],
  [
    'ip in',
    'ip daddr { 10.0.0.0/8, 10.1.0.0/16, 192.168.1.0-192.168.1.255, 172.16.0.1 } drop',
    'ip daddr { 10.0.0.0/8, 172.16.0.1, 192.168.1.0/24 } drop',
  ],
  ['ip in', 'ip dscp ef ip ecn ce', 'ip dscp ef ip ecn ce'],
  ['ip in', 'ip dscp 0x2e', 'ip dscp ef'],
  ['ip in', '@nh,8,8 & 0xfc == 0xb8', 'ip dscp ef'],
  ['ip in', '@nh,96,64 0x0a0000010a000002', 'ip saddr 10.0.0.1 ip daddr 10.0.0.2'],
  ['ip in', '@th,0,16 22', 'th sport 22'],
  ['ip in', 'tcp flags & (fin|syn|rst|ack) == syn', 'tcp flags syn / fin,syn,rst,ack'],
  ['ip in', 'tcp flags syn / syn,ack', 'tcp flags syn / syn,ack'],
  ['ip in', 'tcp flags & syn == syn', 'tcp flags & syn == syn'],
  ['ip in', 'tcp flags & (syn|rst) != 0', 'tcp flags syn,rst'],
  ['ip in', 'tcp flags == syn|ack', 'tcp flags == 0x12'],
  ['ip in', 'tcp flags != { syn, fin | ack }', 'tcp flags != { fin | ack, syn }'],
  ['ip in', 'ct state established, related accept', 'ct state established,related accept'],
  ['ip in', 'ct state != { invalid }', 'ct state != invalid'],
  ['ip in', 'ct status & dnat == dnat', 'ct status & dnat == dnat'],
  ['ip in', 'ct status dnat,snat', 'ct status snat,dnat'],
  [
    'ip in',
    'ct state . ct mark { new . 0x10, established . 1 } drop',
    'ct state . ct mark { established . 0x00000001, new . 0x00000010 } drop',
  ],
  ['ip in', 'ct original ip daddr 10.96.0.1 ct direction reply', 'ct original ip daddr 10.96.0.1 ct direction reply'],
  ['ip in', 'ct reply proto-dst 80', null],
  ['ip in', 'meta l4proto tcp ct original proto-dst 8080', 'meta l4proto 6 ct original proto-dst 8080'],
  ['ip in', 'meta mark & 0xff000000 == 0x11000000', 'meta mark 0x11000000/8'],
  ['ip in', 'meta mark and 0x4000 == 0x4000 return', 'meta mark & 0x00004000 == 0x00004000 return'],
  ['ip in', 'meta mark set meta mark or 0x4000', 'meta mark set meta mark | 0x00004000'],
  ['ip in', 'meta mark set mark and 0xff0 xor 0x3', 'meta mark set meta mark & 0x00000ff3 | 0x00000003'],
  ['ip in', 'meta mark set ct mark and 0xffff', 'meta mark set ct mark & 0x0000ffff'],
  ['ip in', 'ct mark set 0x1 or 0x2', 'ct mark set 0x00000003'],
  ['ip in', 'meta mark xor 0xff == 0x10', 'meta mark 0x000000ef'],
  ['ip in', 'meta iifname "eth*" oifname != "lo"', 'iifname "eth*" oifname != "lo"'],
  [
    'ip in',
    'iifname . oifname { "eth0" . "eth1", "eth2" . "lo" } accept',
    'iifname . oifname { "eth2" . "lo", "eth0" . "eth1" } accept',
  ],
  ['ip in', 'meta skuid root meta skgid 100', 'meta skuid 0 meta skgid 100'],
  ['ip in', 'meta pkttype unicast', 'meta pkttype host'],
  ['ip in', 'meta length 1000-2000 meta cpu != 3', 'meta length 1000-2000 meta cpu != 3'],
  ['ip in', 'meta day 1-5', 'meta day 1-5'],
  ['ip in', 'meta priority 1:20', 'meta priority 1:20'],
  [
    'ip in',
    'icmp type echo-request limit rate 10/second burst 20 packets accept',
    'icmp type echo-request limit rate 10/second burst 20 packets accept',
  ],
  ['ip in', 'icmp id 5', 'icmp type { echo-reply, echo-request } icmp id 5'],
  ['ip in', 'icmp type echo-request icmp id 5', 'icmp type echo-request icmp id 5'],
  ['ip in', 'icmp mtu 1280', 'icmp mtu 1280'],
  ['ip in', 'icmp type destination-unreachable icmp code 4', 'icmp type destination-unreachable icmp code frag-needed'],
  ['ip in', 'icmp code != 1 icmp type 2 icmp mtu 5', null],
  ['ip in', 'tcp sport >= 1024 tcp sport <= 65535', 'tcp sport 1024-65535'],
  [
    'ip in',
    'tcp dport vmap { 22 : accept, 80-90 : jump other, 443 : drop }',
    'tcp dport vmap { 22 : accept, 80-90 : jump other, 443 : drop }',
  ],
  [
    'ip in',
    'ip saddr . tcp dport vmap { 10.0.0.1 . 22 : accept, 10.0.0.0/8 . 80-90 : drop }',
    'ip saddr . tcp dport vmap { 10.0.0.1 . 22 : accept, 10.0.0.0/8 . 80-90 : drop }',
  ],
  [
    'ip in',
    'meta mark set tcp dport map { 22 : 0x1, 80-90 : 0x2 }',
    'meta mark set tcp dport map { 22 : 0x00000001, 80-90 : 0x00000002 }',
  ],
  [
    'ip in',
    'limit rate over 10 mbytes/second burst 2048 kbytes drop',
    'limit rate over 10 mbytes/second burst 2 mbytes drop',
  ],
  ['ip in', 'quota over 2048 kbytes drop', 'quota over 2 mbytes drop'],
  ['ip in', 'counter packets 5 bytes 10 log prefix "drop: " level warn drop', 'counter log prefix "drop: " drop'],
  ['ip in', 'log group 3 snaplen 64 queue-threshold 5', 'log group 3 snaplen 64 queue-threshold 5'],
  ['ip in', 'reject', 'reject'],
  ['ip in', 'reject with icmp port-unreachable', 'reject'],
  ['ip in', 'reject with icmp host-prohibited', 'reject with icmp host-prohibited'],
  ['ip in', 'reject with icmpv6 no-route', null],
  ['inet in', 'reject with icmpx admin-prohibited', 'reject with icmpx admin-prohibited'],
  ['inet in', 'ip saddr 10.0.0.1 reject', 'ip saddr 10.0.0.1 reject with icmp port-unreachable'],
  ['inet in', 'log prefix "x" reject with tcp reset', 'meta l4proto 6 log prefix "x" reject with tcp reset'],
  ['inet in', 'udp dport 53 reject with tcp reset', null],
  ['ip natpre', 'tcp dport 80 dnat to 10.0.0.1:8080', 'tcp dport 80 dnat to 10.0.0.1:8080'],
  ['ip natpre', 'dnat to 10.0.0.1:8080', null],
  [
    'ip natpre',
    'meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 80 }',
    'meta l4proto 6 dnat ip to numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 80 }',
  ],
  ['inet natpre', 'tcp dport 80 dnat ip to 10.0.0.0-10.0.0.255', 'tcp dport 80 dnat ip to 10.0.0.0/24'],
  ['inet natpre', 'dnat to 10.0.0.1', null],
  [
    'ip natpost',
    'ip saddr 10.0.0.0/8 masquerade persistent,random',
    'ip saddr 10.0.0.0/8 masquerade random,persistent',
  ],
  ['ip natpost', 'masquerade counter', null],
  ['ip in', 'masquerade', null],
  ['ip natpre', 'tcp dport 80 redirect to :8080-8090 random', 'tcp dport 80 redirect to :8080-8090 random'],
  ['ip6 natpre', 'tcp dport 80 dnat to [fd00::1]:8080', 'tcp dport 80 dnat to [fd00::1]:8080'],
  ['ip natpost', 'snat to 10.0.0.1-10.0.0.5 fully-random', 'snat to 10.0.0.1-10.0.0.5 fully-random'],
  ['ip pre', 'notrack', 'notrack'],
  ['ip pre', 'fib daddr type local', 'fib daddr type local'],
  ['ip pre', 'fib saddr . iif oif missing drop', 'fib saddr . iif oif missing drop'],
  ['ip in', 'fib daddr . oif type local', null],
  ['ip pre', 'meta l4proto tcp tproxy to :50080', 'meta l4proto 6 tproxy to :50080'],
  ['ip in', 'dup to 10.0.0.9 device "lo"', 'dup to 10.0.0.9 device "lo"'],
  ['ip in', 'tcp option maxseg size set 1360', 'tcp option maxseg size set 1360'],
  ['ip out', 'tcp flags syn tcp option maxseg size set rt mtu', 'tcp flags syn tcp option maxseg size set rt mtu'],
  ['ip in', 'reset tcp option sack-perm', 'reset tcp option sack-perm'],
  ['ip in', 'ip ttl set 64 ip dscp set af11', 'ip ttl set 64 ip dscp set af11'],
  ['ip in', 'ip option rr exists', 'ip option rr exists'],
  ['ip6 in', 'exthdr frag exists frag more-fragments 1', 'exthdr frag exists frag more-fragments 1'],
  ['ip6 in', 'ip6 nexthdr { tcp, udp } ip6 flowlabel 0x12345', 'ip6 nexthdr { 6, 17 } ip6 flowlabel 74565'],
  ['ip6 in', 'ip6 saddr ::ffff:10.0.0.1', 'ip6 saddr ::ffff:10.0.0.1'],
  ['ip6 in', 'ip saddr 10.0.0.1', null],
  ['bridge in', 'ip saddr 10.0.0.1 tcp dport 80', 'ip saddr 10.0.0.1 tcp dport 80'],
  ['bridge in', 'ether type vlan vlan id 5 ip saddr 10.0.0.1', 'vlan id 5 ip saddr 10.0.0.1'],
  ['bridge in', 'vlan id 5 vlan pcp 3', 'vlan id 5 vlan pcp 3'],
  [
    'bridge in',
    'ether saddr 00:11:22:33:44:5 ether daddr ff:ff:ff:ff:ff:ff',
    'ether daddr ff:ff:ff:ff:ff:ff ether saddr 00:11:22:33:44:05',
  ],
  ['bridge in', 'arp operation request arp daddr ip 10.0.0.1', 'arp operation request arp daddr ip 10.0.0.1'],
  ['netdev ing', 'udp dport 67 drop', 'udp dport 67 drop'],
  ['netdev ing', 'fwd to "lo"', 'fwd to "lo"'],
  [
    'arp in',
    'arp operation reply arp saddr ether aa:bb:cc:dd:ee:ff',
    'arp operation reply arp saddr ether aa:bb:cc:dd:ee:ff',
  ],
  ['arp in', 'ct state new', null],
  ['ip in', 'sctp chunk data exists sctp dport 80', 'sctp chunk data exists sctp dport 80'],
  ['ip in', 'tcp dport 70000', null],
  ['ip in', 'tcp dport 90-80', null],
  ['ip in', 'ip saddr 300.1.1.1', null],
  ['ip in', 'ip saddr @nosuch', null],
  ['ip in', 'tcp dport { 80, 81 } 82', null],
  ['ip in', 'accept drop', null],
  ['ip in', 'meta nfproto ipv4', null],
  ['ip in', 'ct helper "a-name-that-is-too-long"', null],
  ['ip in', 'ip saddr "x"', null],
  ['ip in', 'ip protocol tcp udp dport 53', null],
  ['inet in', 'ip saddr 10.0.0.1 ip6 daddr ::1', null],
  ['inet in', 'iifname { "wg*", "veth12", "eth0", "zz", "e" }', 'iifname { "e", "eth0", "veth12", "wg*", "zz" }'],
  ['inet in', 'oifname { "eth0", "eth*", "lo", "eth1" }', 'oifname { "eth*", "lo" }'],
  ['inet in', 'iifname vmap { "wg*" : drop, "b" : accept }', 'iifname vmap { "b" : accept, "wg*" : drop }'],
  ['inet in', 'iifname vmap { "eth*" : drop, "eth0" : accept }', null],
  [
    'inet in',
    'iifname . oifname { "wg*" . "lo", "eth0" . "a*", "eth1" . "b" }',
    'iifname . oifname { "wg*" . "lo", "eth0" . "a*", "eth1" . "b" }',
  ],
  ['inet in', 'iif { 2, 1 }', 'iif { "lo", 2 }'],
  ['inet in', 'tcp option 254 exists', 'tcp option 254 exists'],
  ['inet in', 'tcp option @254,0,8 200', 'tcp option @254,0,8 200'],
  ['inet in', 'tcp option @255,8,16 0x1234', 'tcp option @255,8,16 4660'],
  ['inet in', 'tcp option @5,80,32 1', 'tcp option sack1 left 1'],
  ['ip in', 'ct count over 20 drop', 'ct count over 20 drop'],
  ['ip in', 'ct expiration 1m-2h', 'ct expiration 60s-7200s'],
  ['ip in', 'ct expiration > 90', 'ct expiration > 1m30s'],
  [
    'ip in',
    'jhash ip saddr . tcp sport mod 4 seed 0x10 offset 2 1',
    'jhash ip saddr . tcp sport mod 4 seed 0x10 offset 2 1',
  ],
  ['ip in', 'socket transparent 1 accept', 'socket transparent 1 accept'],
  [
    'ip in',
    'meta time >= "2024-01-01 00:00:00" meta hour "10:00"-"12:00"',
    'meta time >= "2024-01-01 00:00:00" meta hour "10:00"-"12:00"',
  ],
];

/** The same, as `nft -s -j list` printed it, protocols by name. */
const jsonRows: [string, string, string][] = [
  [
    'ip in',
    'tcp dport 22 accept',
    '[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},{"accept":null}]',
  ],
  [
    'inet in',
    'ip6 saddr fe80::/10 icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept',
    '[{"match":{"op":"==","left":{"payload":{"protocol":"ip6","field":"saddr"}},"right":{"prefix":{"addr":"fe80::","len":10}}}},{"match":{"op":"==","left":{"payload":{"protocol":"icmpv6","field":"type"}},"right":{"set":["nd-router-advert","nd-neighbor-solicit"]}}},{"accept":null}]',
  ],
  [
    'ip in',
    '@nh,8,8 & 0xfc == 0xb8',
    '[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"dscp"}},"right":"ef"}}]',
  ],
  [
    'ip in',
    'tcp flags & (syn|rst) != 0',
    '[{"match":{"op":"in","left":{"payload":{"protocol":"tcp","field":"flags"}},"right":["syn","rst"]}}]',
  ],
  ['ip in', 'ct status dnat,snat', '[{"match":{"op":"in","left":{"ct":{"key":"status"}},"right":["snat","dnat"]}}]'],
  [
    'ip in',
    'meta mark set meta mark or 0x4000',
    '[{"mangle":{"key":{"meta":{"key":"mark"}},"value":{"|":[{"meta":{"key":"mark"}},16384]}}}]',
  ],
  [
    'ip in',
    'iifname . oifname { "eth0" . "eth1", "eth2" . "lo" } accept',
    '[{"match":{"op":"==","left":{"concat":[{"meta":{"key":"iifname"}},{"meta":{"key":"oifname"}}]},"right":{"set":[{"concat":["eth2","lo"]},{"concat":["eth0","eth1"]}]}}},{"accept":null}]',
  ],
  [
    'ip in',
    'icmp type echo-request limit rate 10/second burst 20 packets accept',
    '[{"match":{"op":"==","left":{"payload":{"protocol":"icmp","field":"type"}},"right":"echo-request"}},{"limit":{"rate":10,"burst":20,"per":"second"}},{"accept":null}]',
  ],
  [
    'ip in',
    'tcp dport vmap { 22 : accept, 80-90 : jump other, 443 : drop }',
    '[{"vmap":{"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":{"set":[[22,{"accept":null}],[{"range":[80,90]},{"jump":{"target":"other"}}],[443,{"drop":null}]]}}}]',
  ],
  ['ip in', 'log group 3 snaplen 64 queue-threshold 5', '[{"log":{"group":3,"snaplen":64,"queue-threshold":5}}]'],
  [
    'inet in',
    'log prefix "x" reject with tcp reset',
    '[{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":"tcp"}},{"log":{"prefix":"x"}},{"reject":{"type":"tcp reset"}}]',
  ],
  [
    'ip6 natpre',
    'tcp dport 80 dnat to [fd00::1]:8080',
    '[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":80}},{"dnat":{"addr":"fd00::1","port":8080}}]',
  ],
];

function place(text: string): { family: NftFamily; table: string; chain: string } {
  const [family, chain] = text.split(' ') as [NftFamily, string];
  return { family, table: 't', chain };
}

function ruleset(numericProtocol: boolean): Ruleset {
  const made = new Ruleset({ numericProtocol });
  for (const command of readScript(CHAINS).commands) made.apply(command);
  return made;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe('rules of nftables', () => {
  const numeric = ruleset(true);
  it.each(rows)('%s: %s', (where, written, listed) => {
    const at = place(where);
    const style = { family: at.family, stateless: true, numericProtocol: true };
    const list = (text: string): string =>
      printRuleBody({ expr: numeric.rule({ ...at, expr: readRule(text).expr }).expr }, style);
    if (listed === null) expect(() => list(written)).toThrow(NftRefusal);
    else {
      expect(list(written)).toBe(listed);
      expect(list(listed)).toBe(listed);
    }
  });

  const named = ruleset(false);
  it.each(jsonRows)('%s: %s as JSON', (where, written, json) => {
    const at = place(where);
    const { expr } = named.rule({ ...at, expr: readRule(written).expr });
    const listed = expr.map((statement) => statementJson(statement, { stateless: true }));
    expect(sorted(listed)).toEqual(sorted(JSON.parse(json)));
    const again = named.rule({ ...at, expr: JSON.parse(JSON.stringify(listed)) });
    expect(again.expr.map((statement) => statementJson(statement, { stateless: true }))).toEqual(listed);
  });

  it('refuses what cannot stand in a chain, unless it stands there', () => {
    const at = place('ip in');
    const { expr } = readRule('masquerade');
    expect(() => numeric.rule({ ...at, expr })).toThrow('masquerade at hook input');
    const present = new Ruleset({ present: true });
    for (const command of readScript(CHAINS).commands) present.apply(command);
    expect(present.rule({ ...at, expr }).expr).toEqual([{ masquerade: null }]);
  });

  it('reads dates and hours in the time of the node', () => {
    const eastern = new Ruleset({ utcOffset: 7200 });
    for (const command of readScript(CHAINS).commands) eastern.apply(command);
    const { expr } = eastern.rule({ ...place('ip in'), expr: readRule('meta time 12341234 meta hour "01:00"').expr });
    expect(printRuleBody({ expr }, { utcOffset: 7200 })).toBe('meta time "1970-05-23 22:07:14" meta hour "01:00"');
  });
});
