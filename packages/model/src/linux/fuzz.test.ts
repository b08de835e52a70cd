/** Damaged dumps: whatever is lost or mixed up in them, reading ends, in time, and what is not understood is a problem with its place. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readNode } from './index.ts';
import { Chance } from './random.fixture.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);

const FOLDER = new URL('../../../../examples/router/', import.meta.url);

const MORE: Readonly<Record<string, string>> = {
  fdb: '02:00:00:00:00:07 dev v0 master br0 static\n00:00:00:00:00:00 dev vx0 dst 10.0.0.9 self permanent\n',
  ipset: 'create nets hash:net family inet timeout 300\nadd nets 10.0.0.0/8 timeout 5 nomatch comment "a b"\n',
  list: 'Name: nets\nType: hash:net\nRevision: 7\nHeader: family inet\nMembers:\n10.0.0.0/8\n',
  xml: '<ipsets>\n<ipset name="nets">\n<type>hash:net</type>\n<header><family>inet</family></header>\n<members>\n<member><elem>10.0.0.0/8</elem></member>\n</members>\n</ipset>\n</ipsets>\n',
  ctxml:
    '<conntrack>\n<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.1</src><dst>10.0.0.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>1</sport><dport>2</dport></layer4></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.2</src><dst>10.0.0.1</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>2</sport><dport>1</dport></layer4></meta><meta direction="independent"><state>ESTABLISHED</state><timeout>5</timeout><assured/></meta></flow>\n</conntrack>\n',
  json: '[{"ifindex":2,"ifname":"eth0","flags":["UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"02:00:00:00:00:01","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global"}]}]',
  routes:
    '[{"type":"unicast","dst":"default","gateway":"10.0.0.9","dev":"eth0","metric":5,"flags":[],"metrics":[{"mtu":1400}]}]',
  tcp: '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7410406\n',
  route:
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\nbr0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n',
  route6:
    'fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001      br0\n',
  trie: 'Main:\n  +-- 0.0.0.0/1 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n',
  ifconfig:
    'eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet 10.0.0.1  netmask 255.255.255.0  broadcast 10.0.0.255\n        ether 7a:3c:67:af:3d:f2  txqueuelen 1000  (Ethernet)\n',
  ipvs: '-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -m -w 1\n',
  nft: 'table inet fw {\n\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established accept\n\t}\n}\n',
  netstat:
    'Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State\ntcp        0      0 127.0.0.1:8080          0.0.0.0:*               LISTEN\n',
  session: 'root@node:~# ip route\ndefault via 10.0.0.1 dev eth0\nroot@node:~# ip rule\n0:\tfrom all lookup local\n',
};

const texts: [string, string][] = [
  ...readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt'))
    .map((name): [string, string] => [name, readFileSync(new URL(name, FOLDER), 'utf8')]),
  ...Object.entries(MORE),
];

const chance = new Chance(SEED);
const PIECES = [
  '"',
  '\u0000',
  '\\',
  '/',
  ':',
  '::',
  '/33',
  '-1',
  '99999999999999999999',
  '[',
  '{',
  '<',
  ']]>',
  '\r',
  '\u001b[0m',
  '=',
  '%',
  'dev',
  'via',
  '\t',
  '0x',
  'é',
  'nexthop',
  '__proto__',
];

function mutate(text: string): string {
  const lines = text.split('\n');
  const at = chance.below(text.length);
  switch (chance.below(8)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(at);
    case 2:
      return `${text.slice(0, at)}${chance.of(PIECES)}${text.slice(at)}`;
    case 3:
      return text.slice(0, at) + text.slice(at + 1 + chance.below(8));
    case 4: {
      const [a, b] = [chance.below(lines.length), chance.below(lines.length)];
      [lines[a], lines[b]] = [lines[b] as string, lines[a] as string];
      return lines.join('\n');
    }
    case 5:
      return lines.join(chance.of(['\r\n', '\n\n', ' ']));
    case 6: {
      const words = text.split(' ');
      words.splice(chance.below(words.length), 1, chance.of(text.split(/\s/)), chance.of(PIECES));
      return words.join(' ');
    }
    default:
      return `${text}${chance.of(texts)[1]}`;
  }
}

test(`damaged dumps neither throw nor hang (PODWIRE_SEED=${SEED})`, () => {
  const encoder = new TextEncoder();
  const start = process.cpuUsage();
  let read = 0;
  for (let round = 0; round < 150; round++) {
    const files = texts.map(([name, text]) => {
      let damaged = text;
      for (let i = 0; i <= chance.below(4); i++) damaged = mutate(damaged);
      return { name, bytes: encoder.encode(damaged) };
    });
    const dump = readNode('damaged', files);
    read += dump.found.length;
    for (const { file, line } of dump.problems) {
      if (line === undefined || file === undefined) continue;
      const bytes = files.find((f) => f.name === file)?.bytes;
      const count = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/).length;
      expect(line, `${file} has ${count} lines`).toBeLessThanOrEqual(count);
      expect(line).toBeGreaterThan(0);
    }
  }
  expect(read).toBeGreaterThan(1000);
  // A quarter of a second is usual.
  expect(process.cpuUsage(start).user).toBeLessThan(30_000_000);
});

test('long lines and deep nesting take time in proportion', () => {
  const encoder = new TextEncoder();
  const hard = [
    `${'<a>'.repeat(20_000)}<ipsets>`,
    `[${'['.repeat(20_000)}`,
    `1: eth0: <UP> mtu 1500${' '.repeat(100_000)}x`,
    `default via 10.0.0.1 ${'dev eth0 '.repeat(20_000)}`,
    `add x ${'"'.repeat(50_000)}`,
    `tcp 6 5 src=${'1'.repeat(100_000)}`,
    `${'+ '.repeat(50_000)}ip addr`,
    `root@${'a'.repeat(100_000)}`,
    `${' '.repeat(100_000)}x\n`.repeat(3),
    `-A ${'"a'.repeat(50_000)}`,
    `*filter\n${'-A INPUT -j ACCEPT '.repeat(5_000)}\nCOMMIT`,
  ];
  for (const [i, text] of hard.entries()) {
    const start = process.cpuUsage();
    readNode('hard', [{ name: `hard-${i}`, bytes: encoder.encode(text) }]);
    expect(process.cpuUsage(start).user, `text ${i}`).toBeLessThan(5_000_000);
  }
});
