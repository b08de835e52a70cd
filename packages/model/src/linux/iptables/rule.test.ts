import { describe, expect, it } from 'vitest';
import {
  type IpFamily,
  parseIptablesRule,
  parseIptablesRules,
  printIptablesRule,
  type RulePlace,
  splitRestoreWords,
} from './index.ts';

/**
 * What is written -> what iptables-save 1.8.9 printed after `iptables -A FORWARD` of it (Linux 6.18), but for the names of protocols,
 * of which 1.8.11 prints fewer; null: it refused.
 */
const rows: [string, string | null, IpFamily?][] = [
  ['-s 10/8', '-s 10.0.0.0/8'],
  ['-s 10.1/16', '-s 10.1.0.0/16'],
  ['-s 10.1.2.3/255.0.12.0', '-s 10.0.0.0/255.0.12.0'],
  ['-s 0.0.0.0/0', ''],
  ['-i + -o eth+', '-o eth+'],
  ['! -i +', '! -i +'],
  ['-p tcp -f -i eth0', '-i eth0 -p tcp -f'],
  ['-p 4', '-p 4'],
  ['-p 200', '-p 200'],
  ['-p gre', '-p 47'],
  ['-p udp --dport 0x10', null],
  ['-p tcp --dport 0x10', '-p tcp -m tcp --dport 16'],
  ['-m recent --name a/b --set', null],
  ['-p ICMPv6', '-p ipv6-icmp'],
  ['-p tcp ! --syn', '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN'],
  ['-p tcp --tcp-flags ALL NONE', '-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE'],
  [
    '-p tcp -m tcp --tcp-option 5 --tcp-flags SYN SYN --dport 5',
    '-p tcp -m tcp --dport 5 --tcp-option 5 --tcp-flags SYN SYN',
  ],
  ['-p tcp --destination-port http', '-p tcp -m tcp --dport 80'],
  ['-p tcp --dpor 80', '-p tcp -m tcp --dport 80'],
  ['--dport 80 -p tcp', null],
  ['-p tcp -m udp --dport 5', null],
  ['-p tcp -m comment --comment x --dport 80 -j ACCEPT', '-p tcp -m comment --comment x -m tcp --dport 80 -j ACCEPT'],
  [
    '-m conntrack --ctdir REPLY --ctexpire 1:2 --ctstatus ASSURED,EXPECTED --ctrepldstport 1 --ctreplsrcport 2 --ctorigdstport 3 --ctorigsrcport 4 --ctrepldst 1.2.3.4/24 --ctreplsrc 0.0.0.0/0 --ctorigdst 1.2.3.4 --ctorigsrc 5.6.7.8 --ctproto 17 --ctstate DNAT,NEW,UNTRACKED,INVALID,SNAT',
    '-m conntrack --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT --ctproto 17 --ctorigsrc 5.6.7.8 --ctorigdst 1.2.3.4 --ctreplsrc 0.0.0.0/0 --ctrepldst 1.2.3.4/24 --ctorigsrcport 4 --ctorigdstport 3 --ctreplsrcport 2 --ctrepldstport 1 --ctstatus EXPECTED,ASSURED --ctexpire 1:2 --ctdir REPLY',
  ],
  [
    '-m physdev --physdev-is-bridged --physdev-out a ! --physdev-in b ! --physdev-is-in',
    '-m physdev ! --physdev-is-in ! --physdev-in b --physdev-out a --physdev-is-bridged',
  ],
  ['-m mac --mac-source aA:bb:cc:00:11:22', '-m mac --mac-source aa:bb:cc:00:11:22'],
  ['-m tos --tos 0x10', '-m tos --tos 0x10/0xff'],
  ['-m ttl --ttl 5', '-m ttl --ttl-eq 5'],
  ['-m iprange --src-range 1.1.1.1', '-m iprange --src-range 1.1.1.1-1.1.1.1'],
  ['-m statistic --mode random --probability 0.000244140625', '-m statistic --mode random --probability 0.00024414062'],
  ['-m statistic --mode random ! --probability 0.3333', '-m statistic --mode random ! --probability 0.33330000006'],
  ['-m statistic --mode nth --every 3', null],
  [
    '-m recent --update --seconds 10 --reap --hitcount 3 --rttl --name X --rdest',
    '-m recent --update --seconds 10 --reap --hitcount 3 --rttl --name X --mask 255.255.255.255 --rdest',
  ],
  ['-p udp -m multiport ! --dports 53,1024:2000', '-p udp -m multiport ! --dports 53,1024:2000'],
  ['-p udp -m multiport --dports 53 --sports 53', null],
  ['-p icmp --icmp-type echo-request', '-p icmp -m icmp --icmp-type 8'],
  ['-p icmp ! --icmp-type 3/1', '-p icmp -m icmp ! --icmp-type 3/1'],
  [
    '-m state --state ESTABLISHED,NEW,RELATED,UNTRACKED,INVALID',
    '-m state --state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED',
  ],
  ['-m comment --comment ab.c', '-m comment --comment "ab.c"'],
  ['-m comment --comment "a b\'c\\"d"', '-m comment --comment "a b\\\'c\\"d"'],
  ['-m connmark --mark 5/7', '-m connmark --mark 0x5/0x7'],
  [
    '-m addrtype --dst-type LOCAL,UNICAST ! --src-type BROADCAST --limit-iface-in',
    '-m addrtype ! --src-type BROADCAST --dst-type UNICAST,LOCAL --limit-iface-in',
  ],
  ['-s ! 1.2.3.4', null],
  ['-m limit --limit 5/minute', '-m limit --limit 5/min'],
  ['-m limit --limit 5/m --limit-burst 10', '-m limit --limit 5/min --limit-burst 10'],
  [
    '-m hashlimit --hashlimit 10/min --hashlimit-name x --hashlimit-mode dstip,srcip --hashlimit-srcmask 24 --hashlimit-htable-expire 60000',
    '-m hashlimit --hashlimit-upto 10/min --hashlimit-burst 5 --hashlimit-mode srcip,dstip --hashlimit-name x --hashlimit-srcmask 24',
  ],
  [
    '-m hashlimit --hashlimit-above 4kb/s --hashlimit-name x',
    '-m hashlimit --hashlimit-above 4kb/s --hashlimit-name x',
  ],
  ['-m connlimit --connlimit-above 3', '-m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr'],
  ['-m dscp --dscp-class af11', '-m dscp --dscp 0x0a'],
  ['-m string --algo bm --from 0 --to 65535 --string "a b"', '-m string --string "a b" --algo bm'],
  ['-m string --algo kmp --hex-string "|0a|" --icase', '-m string --hex-string "|0a|" --algo kmp --icase'],
  [
    '-m policy --pol ipsec --dir in --strict --reqid 1 --proto esp',
    '-m policy --dir in --pol ipsec --strict --reqid 1 --proto esp',
  ],
  ['-m u32 --u32 "6&0xFF=1"', '-m u32 --u32 "0x6&0xff=0x1"'],
  [
    '-m connbytes --connbytes 5: --connbytes-dir both --connbytes-mode bytes',
    '-m connbytes --connbytes 5 --connbytes-mode bytes --connbytes-dir both',
  ],
  ['-p esp -m esp --espspi :5', '-p esp -m esp --espspi 0:5'],
  ['-m helper --helper ftp-21', '-m helper --helper ftp-21'],
  ['-j TOS --set-tos Minimize-Delay', '-j TOS --set-tos 0x10/0x3f'],
  ['-j TOS --or-tos 0x10', '-j TOS --set-tos 0x10/0x10'],
  ['-j DSCP --set-dscp-class EF', '-j DSCP --set-dscp 0x2e'],
  ['-j NFQUEUE --queue-bypass', '-j NFQUEUE --queue-num 0 --queue-bypass'],
  ['-j CLASSIFY --set-class 1:10', '-j CLASSIFY --set-class 0001:0010'],
  ['-j TTL --ttl-dec 1 --ttl-inc 1', null],
  ['-j LOG --log-level 4', '-j LOG'],
  ['-p tcp -j REJECT --reject-with tcp-rst', '-p tcp -j REJECT --reject-with tcp-reset'],
  ['-j REJECT --reject-with icmp-admin-p', '-j REJECT --reject-with icmp-admin-prohibited'],
];

describe('a rule', () => {
  it.each(rows)('%s', (written, expected, family = 'ip') => {
    const read = parseIptablesRule(splitRestoreWords(written) ?? [], family);
    if (expected === null) {
      expect(read).toHaveProperty('error');
      return;
    }
    if ('error' in read) throw new Error(read.error);
    const printed = printIptablesRule(read.rule, family);
    expect(printed).toBe(expected);
    expect(parseIptablesRule(splitRestoreWords(printed) ?? [], family)).toEqual(read);
  });

  it.each<[string, RulePlace, string]>([
    ['-o eth0 -j DROP', { chain: 'INPUT' }, "Can't use --out-interface with INPUT"],
    ['-i eth0 -j DROP', { chain: 'POSTROUTING' }, "Can't use --in-interface with POSTROUTING"],
    ['-j MASQUERADE', { table: 'filter' }, 'MASQUERADE target: only valid in nat table, not filter'],
    [
      '-j MASQUERADE',
      { table: 'nat', chain: 'OUTPUT' },
      'MASQUERADE target: used from hooks OUTPUT, but only usable from POSTROUTING',
    ],
    [
      '-j DROP',
      { table: 'nat' },
      'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.',
    ],
    ['-m geoip --cc DE', { stock: true }, "Couldn't load match `geoip':No such file or directory"],
    ['-j X', { stock: true, objects: { chains: new Set(['Y']) } }, "Chain 'X' does not exist"],
    [
      '! -s 0.0.0.0/0',
      { backend: 'nft' },
      'RULE_APPEND failed (Invalid argument): nothing is outside of all addresses',
    ],
  ])('%s is refused in %o', (written, place, error) => {
    expect(parseIptablesRule(splitRestoreWords(written) ?? [], 'ip', place)).toEqual({ error });
    expect(parseIptablesRule(splitRestoreWords(written) ?? [], 'ip')).toHaveProperty('rule');
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('takes %s for a name like any', (name) => {
    expect(parseIptablesRule(['-j', name], 'ip')).toEqual({ rule: { body: [{ kind: 'jump', chain: name }] } });
    for (const option of [
      '-m tos --tos',
      '-m pkttype --pkt-type',
      '-j LOG --log-level',
      '-p',
      '-m dscp --dscp-class',
    ]) {
      expect(parseIptablesRule([...option.split(' '), name], 'ip')).toHaveProperty('error');
    }
  });

  it('becomes several for a list of addresses', () => {
    const read = parseIptablesRules(['-s', '1.2.3.4,5.6.7.8', '-d', '10.0.0.1,10.0.0.2', '-j', 'DROP'], 'ip');
    if ('error' in read) throw new Error(read.error);
    expect(read.rules.map((rule) => printIptablesRule(rule, 'ip'))).toEqual([
      '-s 1.2.3.4/32 -d 10.0.0.1/32 -j DROP',
      '-s 1.2.3.4/32 -d 10.0.0.2/32 -j DROP',
      '-s 5.6.7.8/32 -d 10.0.0.1/32 -j DROP',
      '-s 5.6.7.8/32 -d 10.0.0.2/32 -j DROP',
    ]);
  });

  it('keeps the text of an extension that nobody knows', () => {
    const read = parseIptablesRule(
      splitRestoreWords('-p tcp -m geoip ! --source-country "A B" --x -j FANCY --to a:b') ?? [],
      'ip',
    );
    expect(read).toEqual({
      rule: {
        body: [
          { kind: 'protocol', protocol: 6 },
          { kind: 'unmodelled', text: '-m geoip ! --source-country "A B" --x' },
          { kind: 'unmodelled-target', text: '-j FANCY --to a:b' },
        ],
      },
    });
  });

  it('keeps its counters', () => {
    expect(parseIptablesRule(['-c', '2', '3', '-j', 'ACCEPT'], 'ip')).toEqual({
      rule: { body: [{ kind: 'accept' }], counters: { packets: 2, bytes: 3 } },
    });
  });
});
