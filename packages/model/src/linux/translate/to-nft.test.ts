import { expect, it } from 'vitest';
import { proveAlike } from './proof.ts';
import { readRuleFiles, tablesOfNft } from './read-rules.ts';
import { translateToNft } from './to-nft.ts';

function toNft(text: string) {
  const read = readRuleFiles([{ name: 'node.rules', text }]);
  expect(read.problems).toEqual([]);
  const made = translateToNft(read.tables, read.placeOf);
  const renamed = new Map(made.renamed.map(({ place, to }) => [place, to]));
  const proof = proveAlike(
    made.kept,
    tablesOfNft(made.text),
    ({ family, name }, chain) => renamed.get(`${family} ${name} ${chain}`) ?? chain,
  );
  return { ...made, proof };
}

it('a ruleset loads as tables of the same names, and decides alike', () => {
  const made = toNft(`*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -p tcp -m multiport --dports 80,443 -j web
-A INPUT -m connlimit --connlimit-above 3 -j REJECT
-A INPUT -m connlimit --connlimit-above 9 -j DROP
-A web -s 10.0.0.0/8 -m comment --comment "says \\"hi\\"" -j ACCEPT
COMMIT
*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -j MARK --set-xmark 0x1/0x1
COMMIT
`);
  expect(made.untranslated).toEqual([]);
  expect(made.proof).toMatchObject({ kind: 'alike' });
  expect(made.text).toBe(`table ip filter {
	set connlimit0 {
		type ipv4_addr
		flags dynamic
	}

	set connlimit1 {
		type ipv4_addr
		flags dynamic
	}

	chain INPUT {
		type filter hook input priority filter; policy drop;
		tcp dport { 80, 443 } counter jump web
		add @connlimit0 { ip saddr ct count over 3 } counter reject
		add @connlimit1 { ip saddr ct count over 9 } counter drop
	}

	chain web {
		ip saddr 10.0.0.0/8 counter accept comment "says 'hi'"
	}
}
table ip mangle {
	chain OUTPUT {
		type route hook output priority mangle; policy accept;
		counter meta mark set meta mark | 0x00000001
	}
}
`);
});

it('what there are no words for stands as a comment, and is named with its line', () => {
  const made = toNft('iptables -A INPUT -m recent --name x --set\nip6tables -A FORWARD -j DROP\n');
  expect(made.untranslated).toEqual([
    {
      place: 'ip filter INPUT',
      rule: '-A INPUT -m recent --set --name x --mask 255.255.255.255 --rsource',
      part: '-m recent',
      why: 'sets of nftables do not count how often an element was seen',
      file: 'node.rules',
      line: 1,
    },
  ]);
  expect(made.text).toMatch(/^\t\t# not translated: -A INPUT -m recent .*$/m);
  expect(made.text).toContain('table ip6 filter');
  expect(made.proof.kind).toBe('alike');
});

it('names that nft cannot read are others', () => {
  const made = toNft('*filter\n:tcp - [0:0]\n:INPUT ACCEPT [0:0]\n-A INPUT -g tcp\n-A tcp -j DROP\nCOMMIT\n');
  expect(made.renamed).toEqual([{ place: 'ip filter tcp', to: 'chain-tcp' }]);
  expect(made.text).toContain('goto chain-tcp');
  expect(made.proof.kind).toBe('alike');
});

it('a rule that says something else is found, with a packet', () => {
  const { tables } = readRuleFiles([
    { name: 'a', text: '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.0.0.0/8 -j DROP\nCOMMIT\n' },
  ]);
  const other =
    'table ip filter {\n chain INPUT {\n  type filter hook input priority 0;\n  ip saddr 10.0.0.0/9 drop\n }\n}\n';
  const proof = proveAlike(tables, tablesOfNft(other));
  expect(proof.kind === 'differs' && proof.difference.packet.packet.saddr).toMatch(/^10\.(12[89]|1[3-9]\d|2\d\d)\./);
});

it('chains that nothing leads to are compared, too', () => {
  const { tables } = readRuleFiles([{ name: 'a', text: '*filter\n:x - [0:0]\n-A x -s 10.0.0.0/8 -j DROP\nCOMMIT\n' }]);
  const proof = proveAlike(tables, tablesOfNft('table ip filter {\n chain x {\n  ip saddr 10.0.0.0/8 accept\n }\n}\n'));
  expect(proof).toMatchObject({ kind: 'differs', where: 'ip filter x' });
});
