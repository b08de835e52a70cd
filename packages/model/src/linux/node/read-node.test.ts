import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type NodeDump, openNode, readNode } from './index.ts';

const encoder = new TextEncoder();
const dumpOf = (files: Readonly<Record<string, string>>): NodeDump =>
  readNode(
    'n1',
    Object.entries(files).map(([name, text]) => ({ name, bytes: encoder.encode(text) })),
  );
const host = (dump: NodeDump) => {
  const [first] = dump.netnses;
  if (!first) throw new Error('nothing was read');
  return first.netns;
};
const kinds = (dump: NodeDump) => dump.found.map(({ file, kind }) => `${file} ${kind}`);

const ADDR = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global dynamic eth0
       valid_lft 3000sec preferred_lft 3000sec
`;
const ROUTE =
  'default via 10.0.0.254 dev eth0 proto dhcp metric 100 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n';
const SAVE =
  '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n';

describe('files are told by what is in them', () => {
  test('whatever they are called', () => {
    const dump = dumpOf({ 'a.bin': ADDR, b: ROUTE, 'notes.md': SAVE, 'c.txt': 'hello\nworld\n' });
    expect(kinds(dump)).toEqual(['a.bin ip-addr', 'b ip-route', 'notes.md iptables-save']);
    expect(dump.ignored).toEqual([{ file: 'c.txt', why: 'no dump that is known' }]);
    expect(host(dump).links.map((l) => l.name)).toEqual(['lo', 'eth0']);
    expect(host(dump).tables[0]?.routes).toHaveLength(2);
    expect(host(dump).netfilter[0]?.chains.map((c) => c.name)).toEqual(['INPUT', 'FORWARD', 'OUTPUT']);
  });

  test('by prompts and titles, where one file holds several', () => {
    const session = `root@node:~# ip addr\n${ADDR}root@node:~# ip route\n${ROUTE}[admin@node ~]$ sudo iptables-save\n${SAVE}=== sysctl -a ===\nnet.ipv4.ip_forward = 1\n+ ss -lnt\nState  Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0      128          0.0.0.0:22        0.0.0.0:*\ncore@node ~/dir $ ip rule\n0:\tfrom all lookup local\nroot@node:~# \n`;
    const dump = dumpOf({ 'session.txt': session });
    expect(dump.found.map((f) => [f.line, f.kind, f.notUnderstood])).toEqual([
      [2, 'ip-addr', 0],
      [10, 'ip-route', 0],
      [13, 'iptables-save', 0],
      [20, 'sysctl', 0],
      [22, 'ss', 0],
      [25, 'ip-rule', 0],
    ]);
    expect(dump.problems.filter((p) => p.severity === 'error')).toEqual([]);
    expect(host(dump).listeners).toEqual([{ protocol: 6, address: '0.0.0.0', port: 22 }]);
  });

  test('by the prompts of containers and of text that stands further in', () => {
    const text = `Some words:

    node-1:/# ip route
    ${ROUTE.trimEnd().replaceAll('\n', '\n    ')}
    / # ip rule
    0:      from all lookup local
    [core@node ~]ip -4 rule
    32766:  from all lookup main
    root@node:~  # ip route get 10.0.0.7
    10.0.0.7 dev eth0 src 10.0.0.1 uid 0
        cache
`;
    const dump = dumpOf({ 'thread.md': text });
    expect(dump.found.map((f) => [f.line, f.kind, f.items, f.notUnderstood])).toEqual([
      [4, 'ip-route', 2, 0],
      [7, 'ip-rule', 1, 0],
      [9, 'ip-rule', 1, 0],
      [11, 'ip-route-get', 0, 0],
    ]);
  });

  test('what ran in a container is of its own namespace', () => {
    const text = `$ kubectl exec -n kube-system web-1 -c app -- ip addr\n${ADDR}docker exec -it box ip route\n${ROUTE}`;
    const dump = dumpOf({ 'thread.md': text });
    expect(dump.found.map(({ kind, netns }) => [kind, netns])).toEqual([
      ['ip-addr', 'web-1'],
      ['ip-route', 'box'],
    ]);
  });

  test('a mark that something was left out is no JSON', () => {
    const dump = dumpOf({ x: `[...]\n${ADDR}` });
    expect(host(dump).links.map((l) => l.name)).toEqual(['lo', 'eth0']);
    expect(dump.problems.filter((p) => p.severity === 'error').map((p) => [p.line, p.code])).toEqual([[1, 'ip-addr']]);
  });

  test('but not by rules of nftables that somebody left out', () => {
    const text = `table ip t {
\tchain c {
#\t\tip saddr 10.0.0.1 tcp dport { 80, 443 } accept
# ip daddr 10.0.0.2 drop
\t\ttcp dport 22 accept
\t}
}
`;
    const dump = dumpOf({ 'nftables.conf': text });
    expect(dump.found.map(({ line, kind, notUnderstood }) => [line, kind, notUnderstood])).toEqual([[1, 'nft', 0]]);
    expect(host(dump).netfilter[0]?.chains[0]?.rules).toHaveLength(1);
  });

  test('listings of iptables with the numbers of rules are none of arptables', () => {
    const head = 'Chain INPUT (policy ACCEPT)\n';
    const plain = `${head}num  target     prot opt source               destination\n1    ACCEPT     all  --  anywhere             anywhere\n`;
    const counted = `${head}num   pkts bytes target     prot opt in     out     source               destination\n1        0     0 ACCEPT     all  --  lo     any     anywhere             anywhere\n`;
    expect(kinds(dumpOf({ plain, counted }))).toEqual(['plain iptables-list', 'counted iptables-list']);
  });

  test('with carriage returns and colours', () => {
    const dump = dumpOf({
      x: `\u001b[36m${ADDR.replaceAll('\n', '\r\n')}\u001b[0m`,
      y: ROUTE.replaceAll('\n', '\r\n'),
    });
    expect(dump.problems.filter((p) => p.severity === 'error')).toEqual([]);
    expect(host(dump).addresses.map((a) => a.address)).toEqual(['127.0.0.1/8', '10.0.0.1/24']);
    expect(host(dump).tables[0]?.routes).toHaveLength(2);
  });

  test('out of sos reports, with their names for commands', () => {
    const dump = dumpOf({
      'sos_commands/networking/ip_-d_address': ADDR,
      'sos_commands/networking/ip_route_show_table_all': ROUTE,
      'sos_commands/networking/ip_-6_rule': '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n',
      'sos_commands/firewall_tables/iptables_-t_filter_-nvL':
        'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n',
      'sos_commands/networking/ip_netns_exec_red_ip_address_show': ADDR.replace('10.0.0.1/24', '10.9.0.1/24'),
      'proc/sys/net/ipv4/conf/eth0/rp_filter': '2\n',
      'proc/net/arp':
        'IP address       HW type     Flags       HW address            Mask     Device\n10.0.0.9         0x1         0x2         02:00:00:00:00:09     *        eth0\n',
    });
    expect(dump.netnses.map(({ netns }) => netns.name)).toEqual(['n1', 'n1/red']);
    expect(host(dump).rules?.filter((r) => r.family === 6)).toHaveLength(2);
    expect(host(dump).sysctls['net.ipv4.conf.eth0.rp_filter']).toBe(2);
    expect(host(dump).neighbors).toEqual([
      { link: 'eth0', address: '10.0.0.9', lladdr: '02:00:00:00:00:09', state: 'reachable' },
    ]);
    expect(dump.found.find((f) => f.kind === 'iptables-list')?.note).toMatch(/iptables-save/);
    expect(dump.netnses[1]?.netns.addresses.map((a) => a.address)).toContain('10.9.0.1/24');
  });

  test('out of an archive', async () => {
    const header = new Uint8Array(512);
    const put = (at: number, text: string) => header.set(encoder.encode(text), at);
    const body = encoder.encode(ADDR);
    put(0, 'bundle/host-collectors/ip-address.txt');
    put(100, '0000644\u0000');
    put(124, `${body.length.toString(8).padStart(11, '0')}\u0000`);
    put(148, '        ');
    put(156, '0');
    put(257, 'ustar\u000000');
    const sum = header.reduce((a, b) => a + b, 0);
    put(148, `${sum.toString(8).padStart(6, '0')}\u0000 `);
    const archive = new Uint8Array(512 + Math.ceil(body.length / 512) * 512 + 1024);
    archive.set(header);
    archive.set(body, 512);
    const dump = await openNode('n1', [{ name: 'bundle.tgz', bytes: new Uint8Array(gzipSync(archive)) }]);
    expect(kinds(dump)).toEqual(['bundle.tgz/bundle/host-collectors/ip-address.txt ip-addr']);
  });
});

describe('what is wrong with a dump is named', () => {
  test('lines that are not understood, with file and line', () => {
    const dump = dumpOf({
      addr: ADDR,
      route: `${ROUTE}10.7.0.0/16 strange 100 via 10.0.0.9 dev eth0 \nwhat is this\n`,
    });
    expect(dump.problems.filter((p) => p.severity === 'error').map((p) => [p.file, p.line])).toEqual([
      ['route', 3],
      ['route', 4],
    ]);
    expect(dump.found.find((f) => f.file === 'route')).toMatchObject({ lines: 4, notUnderstood: 2, items: 2 });
  });

  test('JSON that ends early is read as far as it goes', () => {
    const json =
      '[{"ifindex":2,"ifname":"eth0","flags":["UP","LOWER_UP"],"mtu":1500,"addr_info":[]},{"ifindex":3,"ifname":"eth1","fl';
    const dump = dumpOf({ addr: json });
    expect(host(dump).links.map((l) => l.name)).toEqual(['eth0']);
    expect(dump.problems.some((p) => p.message.startsWith('not JSON'))).toBe(true);
  });

  test('rules in both implementations of iptables', () => {
    const legacy = `# Generated by iptables-save v1.8.7 on Mon\n${SAVE}`;
    const nft = `# Generated by iptables-nft-save v1.8.7 (nf_tables) on Mon\n${SAVE.replace('22', '23')}# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n`;
    const both = dumpOf({ addr: ADDR, 'legacy-save': legacy, 'nft-save': nft });
    expect(host(both).netfilter).toHaveLength(2);
    expect(both.problems.map((p) => p.code)).toContain('mixed-iptables');
    const alone = dumpOf({ addr: ADDR, 'nft-save': nft });
    expect(alone.problems.map((p) => p.code)).toContain('legacy-missing');
    expect(host(alone).netfilter).toHaveLength(1);
  });

  test('what a route, an address or a port names and nobody has', () => {
    const dump = dumpOf({ addr: ADDR, route: `${ROUTE}10.8.0.0/16 via 10.0.0.9 dev gone \n` });
    expect(host(dump).tables[0]?.routes).toHaveLength(2);
    expect(dump.problems.map((p) => p.code)).toContain('route-link');
  });

  test('an error message where a dump should be', () => {
    const dump = dumpOf({ addr: ADDR, 'ip-rule.txt': 'sh: ip: not found\n' });
    expect(dump.problems).toContainEqual(expect.objectContaining({ code: 'not-a-dump', file: 'ip-rule.txt', line: 1 }));
  });
});

describe('what a namespace is put together from', () => {
  test('ip before ifconfig and route, family by family', () => {
    const older =
      'Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n0.0.0.0         10.0.0.200      0.0.0.0         UG    0      0        0 eth0\n';
    const both = dumpOf({ addr: ADDR, route: ROUTE, old: older });
    expect(host(both).tables.flatMap((t) => t.routes.map((r) => r.nexthops[0]?.via))).toEqual([
      '10.0.0.254',
      undefined,
    ]);
    const alone = dumpOf({ addr: ADDR, old: older });
    expect(host(alone).tables.flatMap((t) => t.routes.map((r) => r.nexthops[0]?.via))).toEqual(['10.0.0.200']);
  });

  test('bridges with their ports, from what says it', () => {
    const links = `${ADDR}3: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff\n4: veth1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default\n    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n`;
    const port =
      '4: veth1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n    hairpin on guard off isolated off \n';
    const { links: found } = host(dumpOf({ links, port }));
    expect(found.find((l) => l.name === 'br0')).toMatchObject({ kind: 'bridge' });
    expect(found.find((l) => l.name === 'veth1')).toMatchObject({ kind: 'veth', master: 'br0', hairpin: true });
  });

  test('wires between two namespaces of one node', () => {
    const outer = `${ADDR}7: vethx@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff link-netns red\n`;
    const inner =
      '2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n    link/ether 02:00:00:00:01:02 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n    inet 10.9.0.2/24 scope global eth0\n';
    const dump = dumpOf({ addr: outer, 'netns/red/ip-addr.txt': inner });
    expect(host(dump).links.find((l) => l.name === 'vethx')?.peer).toEqual({ netns: 'n1/red', link: 'eth0' });
    expect(dump.netnses[1]?.netns.links[0]?.peer).toEqual({ netns: 'n1', link: 'vethx' });
  });

  test('macvlan devices of two namespaces on one link of the host', () => {
    const inside = (last: string) =>
      `2: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default\n    link/ether 02:00:00:00:01:0${last} brd ff:ff:ff:ff:ff:ff link-netnsid 0 promiscuity 0\n    macvlan mode private bcqueuelen 1000 usedbcqueuelen 1000 addrgenmode eui64\n    inet 10.0.0.7${last}/24 scope global eth0\n`;
    const dump = dumpOf({ addr: ADDR, 'netns/red/ip-addr.txt': inside('2'), 'netns/blue/ip-addr.txt': inside('3') });
    const onEth0 = { kind: 'macvlan', mode: 'private', lower: { netns: 'n1', link: 'eth0' } };
    expect(dump.netnses.slice(1).map(({ netns }) => netns.links[0])).toMatchObject([onEth0, onEth0]);
    const alone = dumpOf({ 'netns/red/ip-addr.txt': inside('2') });
    expect(alone.netnses.map(({ netns }) => netns.links[0]?.kind)).toEqual(['device']);
  });

  test('tables by the names of the host itself, and by names nobody explains', () => {
    const files = {
      addr: ADDR,
      rule: '0:\tfrom all lookup local\n10:\tfrom 10.0.0.0/8 lookup vpn\n11:\tfrom all lookup odd\n32766:\tfrom all lookup main\n',
      'ip-route-table-all': 'default via 10.0.0.7 dev eth0 table vpn \ndefault via 10.0.0.8 dev eth0 table odd \n',
    };
    const named = host(
      dumpOf({ ...files, 'etc/iproute2/rt_tables': '255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n42\tvpn\n' }),
    );
    expect(named.rules?.find((r) => r.priority === 10)?.action).toEqual({ kind: 'lookup', table: 42 });
    expect(named.tables.find((t) => t.id === 42)?.routes[0]?.nexthops[0]?.via).toBe('10.0.0.7');
    const odd = named.rules?.find((r) => r.priority === 11)?.action;
    expect(odd?.kind === 'lookup' && named.tables.find((t) => t.id === odd.table)?.routes[0]?.nexthops[0]?.via).toBe(
      '10.0.0.8',
    );
  });

  test('nothing secret, and no settings of other things', () => {
    const { sysctls } = host(
      dumpOf({
        addr: ADDR,
        sysctl:
          'kernel.hostname = x\nnet.ipv4.ip_forward = 1\nnet.ipv4.tcp_fastopen_key = 1-2-3-4\nnet.ipv6.conf.eth0.stable_secret = fd00::1\n',
      }),
    );
    expect(sysctls).toEqual({ 'net.ipv4.ip_forward': 1 });
  });

  test('rulesets of nftables, but for the tables that iptables-save gave already', () => {
    const ruleset =
      'table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport 22 accept\n\t}\n}\n' +
      'table inet fw {\n\tchain in {\n\t\ttype filter hook input priority filter - 10; policy drop;\n\t\tct state established accept\n\t}\n}\n';
    const alone = dumpOf({ addr: ADDR, nft: ruleset });
    expect(alone.nftables).toBe(1);
    expect(alone.problems.filter((p) => p.severity === 'error')).toEqual([]);
    const tables = (dump: NodeDump) =>
      host(dump).netfilter.map((t) => `${t.syntax ?? 'iptables'} ${t.family} ${t.name}`);
    expect(tables(alone)).toEqual(['nft ip filter', 'nft inet fw']);
    const both = dumpOf({ addr: ADDR, nft: ruleset, save: SAVE });
    expect(tables(both)).toEqual(['iptables ip filter', 'nft inet fw']);
    // Legacy tables are none of nftables': both are run.
    const legacy = dumpOf({ addr: ADDR, nft: ruleset, save: `# Generated by iptables-save v1.6.1 on Mon\n${SAVE}` });
    expect(tables(legacy)).toEqual(['iptables ip filter', 'nft ip filter', 'nft inet fw']);
  });
});
