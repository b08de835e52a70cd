import { describe, expect, it } from 'vitest';
import { nftCommandsJson, nftRulesetJson, parseNftRuleset, printNftRuleset } from './index.ts';

/** As `nft -a -s list ruleset` of nftables 1.0.6 printed it. */
const LISTED = `table inet t { # handle 2810
	flags dormant
	comment "hello"

	counter c1 { # handle 6
		comment "x"
	}

	quota q1 { # handle 7
		over 25 mbytes
	}

	limit l1 { # handle 8
		rate over 400/minute burst 7 packets
	}

	limit l2 { # handle 9
		rate 1 kbytes/second burst 512 bytes
	}

	ct helper h1 { # handle 10
		type "ftp" protocol tcp
		l3proto ip
	}

	ct timeout tt { # handle 11
		protocol tcp
		l3proto ip
		policy = { established : 100, close : 20 }
	}

	ct expectation e1 { # handle 12
		protocol tcp
		dport 9876
		timeout 2m
		size 12
		l3proto ip
	}

	synproxy s1 { # handle 13
		mss 1460
		wscale 7
		timestamp sack-perm
	}

	set a { # handle 14
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 10.0.0.0/8, 192.168.1.1-192.168.1.5,
			     192.168.1.7 }
	}

	set b { # handle 15
		type ipv4_addr . inet_service
		timeout 1h
		gc-interval 5m
		elements = { 1.2.3.5 . 81 timeout 10h comment "late" }
	}

	set c { # handle 16
		typeof ip saddr . tcp dport
		size 128
		flags dynamic
		counter
		elements = { 1.2.3.4 . 80 counter }
	}

	set d { # handle 17
		type mark
		policy memory
		comment "no"
		elements = { 0x00000001, 0x00000002, 0x00000003 }
	}

	set dyn { # handle 18
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 5m
	}

	map m { # handle 19
		type ipv4_addr : verdict
		elements = { 1.1.1.1 : drop, 2.2.2.2 : jump foo }
	}

	map n { # handle 20
		type inet_service : ipv4_addr . inet_service
		flags interval
		elements = { 80-90 : 1.1.1.1 . 8080 }
	}

	map o { # handle 21
		type ipv4_addr : counter
		elements = { 1.1.1.1 : "c1" }
	}

	map p { # handle 22
		typeof ip saddr : ct mark
		elements = { 1.2.3.4 : 0x00000010 }
	}

	map iv { # handle 23
		type ipv4_addr : interval ipv4_addr
		elements = { 1.2.3.4 : 10.0.0.0/24, 1.2.3.5 : 10.0.0.1-10.0.0.9 }
	}

	map many { # handle 24
		type ipv4_addr : verdict
		elements = { 1.1.1.1 : drop, 2.2.2.2 : drop,
			     3.3.3.3 : drop, 4.4.4.4 : drop,
			     5.5.5.5 : drop }
	}

	set strs { # handle 25
		type ifname
		elements = { "lo",
			     "eth0",
			     "eth1" }
	}

	set six { # handle 26
		type ipv6_addr
		elements = { ::1,
			     ::2,
			     2001:db8::1,
			     fe80::1 }
	}

	chain foo { # handle 1
		comment "sub"
		ip saddr @a counter accept comment "x y" # handle 27
		counter # handle 28
		update @dyn { ip saddr limit rate 5/second } accept # handle 29
		add @c { ip saddr . tcp dport } # handle 30
	}

	chain in { # handle 2
		type filter hook input priority filter + 5; policy drop;
		ct state established,related accept # handle 31
		ip saddr . tcp dport @b drop # handle 32
		tcp dport { 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 80, 443, 8080, 9090 } accept # handle 34
		ip saddr vmap @m # handle 35
	}

	chain nat { # handle 3
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to tcp dport map @n # handle 36
	}

	chain ing { # handle 4
		type filter hook ingress device "lo" priority filter + 7; policy accept;
	}

	chain raw { # handle 5
		type filter hook output priority raw; policy accept;
	}
}
`;

const messages = (text: string): [number | undefined, string][] =>
  parseNftRuleset(text).problems.map(({ line, message }) => [line, message]);

describe('rulesets of nftables', () => {
  it('prints a listing back as it was', () => {
    const { objects, problems } = parseNftRuleset(LISTED);
    expect(problems).toEqual([]);
    expect(printNftRuleset(objects, { handles: true, stateless: true })).toBe(LISTED);
  });

  it('goes through JSON and back', () => {
    const { objects } = parseNftRuleset(LISTED);
    const again = parseNftRuleset(JSON.stringify(nftCommandsJson(objects)));
    expect(again.problems).toEqual([]);
    const untyped = (text: string): string =>
      text
        .replaceAll('typeof ip saddr . tcp dport', 'type ipv4_addr . inet_service')
        .replaceAll('typeof ip saddr : ct mark', 'type ipv4_addr : mark')
        .replaceAll(/\t\tflags dynamic(,timeout)?\n/g, '');
    expect(printNftRuleset(again.objects, { handles: true, stateless: true })).toBe(untyped(LISTED));
  });

  it('lists objects as nft -j does', () => {
    const { objects } = parseNftRuleset(LISTED);
    const kinds = nftRulesetJson(objects).nftables.map((object) => Object.keys(object)[0]);
    expect(kinds.slice(0, 5)).toEqual(['metainfo', 'table', 'counter', 'quota', 'limit']);
    expect(kinds.lastIndexOf('chain')).toBeLessThan(kinds.indexOf('rule'));
    const map = nftRulesetJson(objects).nftables.find((object) => 'map' in object && object.map.name === 'n');
    expect(map).toMatchObject({ map: { type: 'inet_service', map: 'ipv4_addr . inet_service', flags: ['interval'] } });
  });

  it('names the line of an object', () => {
    const { objects, lineOf } = parseNftRuleset(LISTED);
    const rule = objects.flatMap((object) => ('rule' in object ? [object.rule] : []))[0];
    expect(rule && LISTED.split('\n')[(lineOf(rule) ?? 0) - 1]).toContain('ip saddr @a counter accept');
    const set = objects.flatMap((object) => ('set' in object ? [object.set] : []))[0];
    expect(set && LISTED.split('\n')[(lineOf(set) ?? 0) - 1]).toContain('set a {');
  });

  it('reads what it can of a broken text and names the rest', () => {
    const text = [
      '$ sudo nft list ruleset',
      '# Warning: table ip nat is managed by iptables-nft, do not touch!',
      'table ip nat {',
      '\tchain a {',
      '\t\ttcp dport 22 accept',
      '\t\tfrobnicate the packet',
      '\t\ttcp dport { 80, nosuch } drop',
      '\t\tudp dport 53 accept',
      '\t}',
      '',
      '\tchain b {',
      '\t\ttcp dport 4',
    ].join('\r\n');
    const { objects, problems } = parseNftRuleset(text, { file: 'node/nft.txt' });
    expect(problems.map(({ line, code, file }) => [line, code, file])).toEqual([
      [1, 'nft-syntax', 'node/nft.txt'],
      [6, 'nft-syntax', 'node/nft.txt'],
      [12, 'nft-syntax', 'node/nft.txt'],
      [7, 'nft-refused', 'node/nft.txt'],
    ]);
    expect(objects.filter((object) => 'rule' in object)).toHaveLength(4);
  });

  it('reads scripts: variables, comments, continued lines, order of rules', () => {
    const script = `
define lan = { 10.0.0.0/8, 192.168.0.0/16 }   # private
define port = 8080
table inet f
flush table inet f
add chain inet f c { type filter hook input priority filter - 5; policy drop; }
add rule inet f c tcp dport $port accept; add rule inet f c \\
  ip saddr $lan accept comment "lan"
insert rule inet f c iif lo accept
add rule inet f c index 0 ct state invalid drop
add set inet f s { type ipv4_addr; flags interval; }
add element inet f s { 1.1.1.1, 2.2.2.0/24 }
add element inet f s { 3.3.3.3 }
delete element inet f s { 1.1.1.1 }
rename chain inet f c d
`;
    const { objects, problems } = parseNftRuleset(script);
    expect(problems).toEqual([]);
    expect(printNftRuleset(objects)).toBe(`table inet f {
\tset s {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 2.2.2.0/24, 3.3.3.3 }
\t}

\tchain d {
\t\ttype filter hook input priority filter - 5; policy drop;
\t\tiif "lo" accept
\t\tct state invalid drop
\t\ttcp dport 8080 accept
\t\tip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept comment "lan"
\t}
}
`);
  });

  it('lists the elements of sets as nft does: each once, in order, by their names', () => {
    const script = `
table inet t {
 set a { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 80, 10.0.0.1 . ssh, 10.0.0.1 . 80 }; }
 set b { type ipv4_addr; flags interval; auto-merge; elements = { 192.168.0.0/16, 10.0.0.0/8, 10.0.0.1 }; }
 set c { type icmp_type; elements = { echo-request, 3 }; }
 set d { type ifname; flags interval; elements = { "lo", "eth*" }; }
 map e { type inet_proto . inet_service : verdict; elements = { tcp . 80 : accept, udp . 53 : drop }; }
}
add element inet t c { 8, 0 }
delete element inet t a { 10.0.0.1 . 22 }
`;
    const { objects, problems } = parseNftRuleset(script);
    expect(problems).toEqual([]);
    // What nftables 1.0.6 lists then.
    expect(printNftRuleset(objects)).toBe(`table inet t {
\tset a {
\t\ttype ipv4_addr . inet_service
\t\telements = { 10.0.0.1 . 80 }
\t}

\tset b {
\t\ttype ipv4_addr
\t\tflags interval
\t\tauto-merge
\t\telements = { 10.0.0.0/8, 192.168.0.0/16 }
\t}

\tset c {
\t\ttype icmp_type
\t\telements = { echo-reply,
\t\t\t     destination-unreachable,
\t\t\t     echo-request }
\t}

\tset d {
\t\ttype ifname
\t\tflags interval
\t\telements = { "eth*",
\t\t\t     "lo" }
\t}

\tmap e {
\t\ttype inet_proto . inet_service : verdict
\t\telements = { udp . 53 : drop,
\t\t\t     tcp . 80 : accept }
\t}
}
`);
  });

  it.each([
    'table inet t {\n}\nadd chain inet t x { type nat hook forward priority 0; }',
    'table inet t {\n}\nadd chain inet t x { type filter hook nosuch priority 0; }',
    'table arp t {\n}\nadd chain arp t x { type filter hook forward priority 0; }',
    'table bridge t {\n}\nadd chain bridge t x { type nat hook prerouting priority 0; }',
    'table ip t {\n}\nadd set ip t s { type integer; }',
    'table ip t {\n}\nadd map ip t m { type mark : mark; elements = { 1 : 1, 1 : 2 }; }',
  ])('refuses as nft does: %s', (script) => {
    expect(parseNftRuleset(script).problems.map(({ code, line }) => [code, line])).toEqual([['nft-refused', 3]]);
  });

  it('says what it does not follow', () => {
    expect(messages('include "/etc/nftables.d/*.nft"\n')[0]?.[1]).toBe('include "/etc/nftables.d/*.nft" is not read');
    expect(messages('table ip t { }\nadd rule ip t c tcp dport $nope accept\n')).toEqual([
      [2, "unknown identifier 'nope'"],
    ]);
    expect(messages('add rule ip none c accept\n')).toEqual([[1, 'No such file or directory: table ip none']]);
    expect(messages('{"nftables":[{"frob":{}}]}')[0]?.[1]).toBe('command "frob" is not read');
  });

  it('keeps what other programs wrote though nft would refuse it', () => {
    const text = 'table ip nat {\n\tchain POSTROUTING {\n\t\tmasquerade counter packets 1 bytes 2\n\t}\n}\n';
    const { objects, problems } = parseNftRuleset(text);
    expect(problems).toEqual([]);
    expect(printNftRuleset(objects)).toBe(text);
  });

  it('leaves rules as they are written where asked to', () => {
    const text = 'table ip t {\n\tchain c {\n\t\tmeta l4proto tcp tcp dport 80 accept\n\t}\n}\n';
    expect(printNftRuleset(parseNftRuleset(text, { raw: true }).objects)).toContain('meta l4proto tcp tcp dport 80');
    expect(printNftRuleset(parseNftRuleset(text).objects)).toContain('\t\ttcp dport 80 accept');
  });
});
