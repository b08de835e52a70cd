/** Questions about hosts that are known by their dumps: alone, and in the place of a cluster's nodes. */
import { readdirSync, readFileSync } from 'node:fs';
import { createReference } from '@podwire/engine/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { type NodeDump, readNode } from '../linux/index.ts';
import { answerJson } from './answer-json.ts';
import { describeDump } from './dump-answer.ts';
import { netnsText } from './netns-text.ts';
import type { Question } from './question.ts';
import { openSession, type Session } from './session.ts';

const EXAMPLES = new URL('../../../../examples/', import.meta.url);
const encoder = new TextEncoder();

function folder(name: string): { name: string; bytes: Uint8Array }[] {
  const at = new URL(`${name}/`, EXAMPLES);
  return readdirSync(at)
    .sort()
    .map((file) => ({ name: file, bytes: new Uint8Array(readFileSync(new URL(file, at))) }));
}

const router = () =>
  readNode(
    'router',
    folder('router').filter(({ name }) => name.endsWith('.txt')),
  );

async function ask(question: Question, dumps: NodeDump[] = [router()]): Promise<ReturnType<Session['trace']>> {
  const session = await openSession({ files: [], dumps, machine: createReference() });
  return session.trace(question);
}

const schemaOf = (name: string) => {
  const text = readFileSync(new URL(`../schema/${name}.schema.json`, EXAMPLES), 'utf8');
  return new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(JSON.parse(text) as object);
};

describe('the shapes of answers', () => {
  test('what is said of a dump fits its schema', () => {
    const validate = schemaOf('node-dump');
    const odd = { name: 'odd', bytes: encoder.encode('10.7.0.0/16 encap mpls 100 dev gone \n10.8.0.0/16 dev gone \n') };
    const wg = { name: 'wg-show', bytes: encoder.encode('interface: wg0\n  listening port: 51820\n') };
    const tunnel = {
      name: 'ip-tunnel-show',
      bytes: encoder.encode('gre1: gre/ip remote 192.0.2.2 local any ttl 64\n'),
    };
    const files = [...folder('router'), odd, wg, tunnel];
    for (const dump of [router(), readNode('n', files), readNode('n', [odd])]) {
      validate(JSON.parse(answerJson(describeDump(dump))));
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  test('answers about a plain router fit the schema of all answers', async () => {
    const validate = schemaOf('trace');
    for (const to of ['tcp:93.184.216.34:443', 'tcp:10.0.0.1:23', 'icmp:10.0.0.1', 'tcp:93.184.216.34:25']) {
      validate(JSON.parse(answerJson(await ask({ from: '10.0.0.5', to }))));
      expect(validate.errors ?? []).toEqual([]);
    }
  });
});

describe('a plain router', () => {
  test('its dump is understood to the last line', () => {
    expect(router().problems).toEqual([]);
    expect(router().found.map((f) => f.kind)).toEqual([
      'conntrack',
      'ip-addr',
      'ip-neigh',
      'ip-route',
      'ip-rule',
      'iptables-save',
      'iptables-save',
      'ss',
      'sysctl',
    ]);
  });

  // What the routes and rules of the dump say in plain words.
  test.each([
    ['10.0.0.5', 'tcp:93.184.216.34:443', 'delivered', 'leaves-by-link'],
    ['router', 'tcp:93.184.216.34:443', 'delivered', 'leaves-by-link'],
    ['10.0.0.5', 'tcp:93.184.216.34:25', 'rejected', 'reject-rule'],
    ['10.0.0.5', 'tcp:10.0.0.1:22', 'delivered', 'listener'],
    ['10.0.0.5', 'tcp:10.0.0.1:23', 'dropped', 'policy'],
    ['198.51.100.7', 'tcp:203.0.113.2:443', 'delivered', 'leaves-by-link'],
    ['198.51.100.7', 'tcp:203.0.113.2:80', 'dropped', 'policy'],
    ['198.51.100.7', 'tcp:10.0.0.5:80', 'dropped', 'policy'],
    ['10.0.0.5', 'tcp:10.99.1.1:80', 'dropped', 'route-blackhole'],
    ['10.0.0.5', 'icmp:10.0.0.1', 'delivered', 'icmp-local'],
    ['10.0.0.5', 'udp:10.0.0.1:53', 'dropped', 'policy'],
    ['2001:db8:10::5', 'tcp:[2606:2800:21f::1]:443', 'delivered', 'leaves-by-link'],
    ['2606:2800:21f::1', 'tcp:[2001:db8:10::5]:443', 'dropped', 'policy'],
    // Nobody lets the web server call out.
    ['192.168.50.80', 'tcp:93.184.216.34:443', 'dropped', 'policy'],
  ])('%s to %s: %s (%s)', async (from, to, verdict, reason) => {
    const answer = await ask({ from, to });
    expect([answer.verdict, answer.reason]).toEqual([verdict, reason]);
  });

  test('without a port, a ping is asked for', async () => {
    const { question, summary } = await ask({ from: '10.0.0.5', to: '93.184.216.34' });
    expect(question).toMatchObject({ protocol: 'icmp', to: '93.184.216.34' });
    expect(summary).toContain('leaves by wan0 of router');
  });

  test('what leaves is masqueraded and says by which link', async () => {
    const { groups, notes, summary } = await ask({ from: '10.0.0.5', to: 'tcp:93.184.216.34:443' });
    const [outcome] = groups[0]?.outcomes ?? [];
    expect(outcome?.forward.packet.saddr).toBe('203.0.113.2');
    expect(outcome?.forward.hops.map((hop) => hop.place.name)).toEqual([
      'beyond lan0 of router',
      'router',
      'beyond wan0 of router',
    ]);
    expect(outcome?.reply?.packet.daddr).toBe('10.0.0.5');
    expect(summary).toBe(
      'The packet to 93.184.216.34:443 leaves by wan0 of router, and an answer from there comes back.',
    );
    expect(notes.map((n) => n.code)).toContain('answer-assumed');
  });

  test('what was read prints back, and reads back as it was', async () => {
    const more = {
      sets: 'create nets hash:net family inet hashsize 1024 maxelem 65536\nadd nets 10.0.0.0/8\n',
      nexthop: 'id 1 via 203.0.113.1 dev wan0 scope link \n',
      proxy: '10.0.0.9 dev lan0 proxy \n',
    };
    const extra = Object.entries(more).map(([name, text]) => ({ name, bytes: encoder.encode(text) }));
    const files = [...folder('router').filter(({ name }) => name.endsWith('.txt')), ...extra];
    const host = readNode('router', files).netnses[0]?.netns;
    if (!host) throw new Error('nothing was read');
    const print = (netns: typeof host) =>
      netnsText(netns, [netns])
        .map((section) => `# ${section.command}\n${section.text}`)
        .join('\n');
    const text = print(host);
    for (const part of [
      '# ipset save',
      '# ip nexthop',
      '# ip neigh show proxy',
      '# ss -lntup',
      '# conntrack -L',
      '# ip -6 rule',
    ]) {
      expect(text).toContain(part);
    }
    const again = readNode('router', [{ name: 'all', bytes: encoder.encode(text) }]);
    expect(again.problems).toEqual([]);
    expect(print(again.netnses[0]?.netns ?? host)).toBe(text);
  });

  test('marks choose another table, and lines that nobody understood are counted', async () => {
    const files = folder('router').map((file) =>
      file.name === 'iptables-save.txt'
        ? {
            ...file,
            bytes: encoder.encode('*mangle\n-A PREROUTING -i lan0 -j MARK --set-mark 1\nCOMMIT\n-A what --is this\n'),
          }
        : file,
    );
    const dump = readNode(
      'router',
      files.filter(({ name }) => name.endsWith('.txt')),
    );
    const answer = await ask({ from: '10.0.0.5', to: 'tcp:93.184.216.34:443' }, [dump]);
    const steps = answer.groups[0]?.outcomes[0]?.forward.hops[1]?.steps ?? [];
    expect(steps.find((s) => s.kind === 'route')).toMatchObject({ table: '100' });
    expect(answer.notes.map((n) => n.code)).toContain('dump-not-understood');
  });

  test('settings that decide something and are not followed are named where they differ', async () => {
    const set = (text: string) => ({ name: 'more', bytes: encoder.encode(text) });
    const files = folder('router').filter(({ name }) => name.endsWith('.txt'));
    const told = async (text: string) => {
      const dump = readNode('router', [...files, set(text)]);
      const { notes } = await ask({ from: '10.0.0.5', to: 'tcp:93.184.216.34:443' }, [dump]);
      return notes.filter(({ code }) => code === 'sysctl-not-followed').map(({ text }) => text);
    };
    expect(await told('net.ipv4.tcp_reflect_tos = 0\nnet.ipv4.tcp_sack = 0\n')).toEqual([]);
    expect(await told('net.ipv4.tcp_reflect_tos = 1\nnet.ipv4.conf.lan0.bc_forwarding = 1\n')).toEqual([
      'router has settings that podwire does not follow: net.ipv4.conf.lan0.bc_forwarding = 1 (broadcasts to another network are forwarded); net.ipv4.tcp_reflect_tos = 1 (a SYN/ACK has the TOS of the SYN).',
    ]);
  });

  test('a packet that leaves by the link it came in by is one that redirects are sent about', async () => {
    const files = folder('router').filter(({ name }) => name.endsWith('.txt'));
    const told = async (more: string, to: string) => {
      const dump = readNode('router', [...files, { name: 'more', bytes: encoder.encode(more) }]);
      const { notes } = await ask({ from: '10.0.0.5', to }, [dump]);
      return notes.filter(({ code }) => code === 'redirects').map(({ text }) => text.split(':')[0]);
    };
    const back = '10.98.0.0/16 via 10.0.0.9 dev lan0 \n';
    expect(await told(back, 'tcp:93.184.216.34:443')).toEqual([]);
    expect(await told(back, 'tcp:10.98.0.1:443')).toEqual(['router sends the packet out of lan0, by which it came']);
  });

  test('rules of nftables decide as those of iptables do', async () => {
    const ruleset =
      'table inet fw {\n\tchain f {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\tip daddr 93.184.216.0/24 tcp dport { 80, 443 } drop\n\t}\n}\n';
    const files = [
      ...folder('router').filter(({ name }) => name.endsWith('.txt')),
      { name: 'nft', bytes: encoder.encode(ruleset) },
    ];
    const dump = readNode('router', files);
    expect(dump.problems).toEqual([]);
    const stopped = await ask({ from: '10.0.0.5', to: 'tcp:93.184.216.34:443' }, [dump]);
    expect([stopped.verdict, stopped.reason]).toEqual(['dropped', 'rule']);
    expect(stopped.groups[0]?.decisive?.text).toContain('tcp dport { 80, 443 } drop');
    const passes = await ask({ from: '10.0.0.5', to: 'tcp:93.184.216.34:8443' }, [dump]);
    expect(passes.verdict).toBe('delivered');
  });

  test('two hosts on one network meet', async () => {
    const text = (index: number, own: string, more: string) =>
      `${index}: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default\n    link/ether 02:00:00:00:00:0${index} brd ff:ff:ff:ff:ff:ff\n    inet ${own} scope global eth0\n${more}`;
    const far =
      '9: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default\n    link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff\n    inet 10.2.0.1/24 scope global eth1\n';
    const make = (name: string, addr: string, route: string) =>
      readNode(name, [
        { name: 'addr', bytes: encoder.encode(addr) },
        { name: 'route', bytes: encoder.encode(route) },
      ]);
    const a = make(
      'a',
      text(2, '10.0.0.1/24', ''),
      '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 \n10.2.0.0/24 via 10.0.0.2 dev eth0 \n',
    );
    const b = make(
      'b',
      text(3, '10.0.0.2/24', far),
      '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 \n10.2.0.0/24 dev eth1 proto kernel scope link src 10.2.0.1 \n',
    );
    const answer = await ask({ from: 'a', to: 'tcp:10.2.0.7:80' }, [a, b]);
    expect(answer.verdict).toBe('delivered');
    expect(answer.groups[0]?.outcomes[0]?.forward.hops.map((h) => h.place.name)).toEqual([
      'a',
      'b',
      'beyond eth1 of b',
    ]);
  });
});

/** A node as `podwire rules` prints it: what Linux would print there. */
async function printed(name: string, node: string): Promise<NodeDump> {
  const session = await openSession({ files: folder(name) });
  const { netnses } = session.dataplane.network;
  const host = session.dataplane.nodes.get(node)?.host;
  if (!host) throw new Error(`no node ${node}`);
  const text = netnsText(host, netnses)
    .map((section) => `# ${section.command}\n${section.text}`)
    .join('\n');
  return readNode(node, [{ name: `${node}.txt`, bytes: encoder.encode(text) }]);
}

describe('a node of a cluster, by its dump', () => {
  const questions: Question[] = [
    { from: 'external', to: 'svc/front:http', namespace: 'photos' },
    { from: 'deploy/web', to: 'svc/front:http', namespace: 'photos' },
    { from: 'external', to: 'svc/front:http', namespace: 'photos', family: 4 },
  ];

  test('a dump of what was compiled answers as what was compiled', async () => {
    const plain = await openSession({ files: folder('snapshot'), machine: createReference() });
    const names = [...plain.dataplane.nodes.keys()];
    const dumps = await Promise.all(names.map((name) => printed('snapshot', name)));
    expect(dumps.flatMap((d) => d.problems.filter((p) => p.severity === 'error'))).toEqual([]);
    const dumped = await openSession({ files: folder('snapshot'), dumps, machine: createReference() });
    let asked = 0;
    for (const question of questions) {
      let wanted: ReturnType<Session['trace']>;
      try {
        wanted = plain.trace(question);
      } catch {
        continue;
      }
      const got = dumped.trace(question);
      asked++;
      const short = (a: typeof got) =>
        a.groups.map((g) => [g.verdict, g.reason, g.outcomes.length, g.outcomes[0]?.receiver?.address]);
      expect(short(got)).toEqual(short(wanted));
    }
    expect(asked).toBeGreaterThan(0);
    expect(dumped.dumpProblems).toEqual([]);
  });

  test('a rule of the dump decides', async () => {
    const plain = await openSession({ files: folder('snapshot') });
    const [name] = plain.dataplane.nodes.keys();
    const dump = await printed('snapshot', name as string);
    const host = dump.netnses[0]?.netns;
    const filter = host?.netfilter.find((t) => t.family === 'ip' && t.name === 'filter');
    filter?.chains
      .find((c) => c.name === 'OUTPUT')
      ?.rules.unshift({ body: [{ kind: 'protocol', protocol: 6 }, { kind: 'drop' }] });
    const session = await openSession({ files: folder('snapshot'), dumps: [dump], machine: createReference() });
    const answer = session.trace({ from: `node/${name}`, to: 'tcp:203.0.113.77:443' });
    expect(answer.groups[0]?.decisive?.text).toBe('-A OUTPUT -p tcp -j DROP');
  });

  test('a dump of another node is not believed', async () => {
    const files = folder('snapshot');
    const stranger = await openSession({ files, dumps: [router()] });
    expect(stranger.dataplane.nodes.has('router')).toBe(false);
    expect(stranger.dumpProblems.map((p) => p.code)).toEqual(['dump-node']);
    const [name = ''] = stranger.dataplane.nodes.keys();
    const wrong = { ...router(), name };
    const session = await openSession({
      files,
      dumps: [{ ...wrong, netnses: wrong.netnses.map((n) => ({ ...n, netns: { ...n.netns, name } })) }],
    });
    expect(session.dataplane.nodes.get(name)?.host.links.map((l) => l.name)).toContain('wan0');
    expect(session.dumpProblems.map((p) => p.code)).toContain('dump-address');
  });
});
