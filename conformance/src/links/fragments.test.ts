/** Packets that leave in pieces: both machines and this kernel, piece by piece. */
import {
  type Chain,
  CtState,
  createEngine,
  Disposition,
  Hook,
  type Machine,
  type Network,
  Protocol,
  type Rule,
  type Table,
} from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import type { Lab } from '../lab/lab.ts';
import { planOf } from '../lab/plan.ts';
import { PORT, packetOf, path, requestOf, type Sent } from './paths.ts';
import { host, wire } from './topology.ts';

const labOf = useLab();
const engine = await createEngine();
const reference = createReference();

const SERVERS = ['10.2.0.2', 'fd02::2'];

/** A client and a server on two ports of a bridge. */
function bridged(far: number, rules: Table[], sysctls: Record<string, number> = {}): Network {
  const near = wire({ netns: 'client', link: 'eth0' }, { netns: 'switch', link: 'near' });
  const behind = wire({ netns: 'switch', link: 'far' }, { netns: 'server', link: 'eth0' }, { mtu: far });
  const end = (name: string, link: typeof near, n: number) =>
    host(name, { links: [link[n === 1 ? 0 : 1]], addresses: [`eth0 10.2.0.${n}/24`, `eth0 fd02::${n}/64`] });
  const ports = [near[1], behind[0]].map((link) => ({ ...link, master: 'br0' }));
  const middle = host('switch', {
    links: [...ports, { name: 'br0', kind: 'bridge', mtu: 1500 }],
    addresses: [],
    sysctls: { 'net.bridge.bridge-nf-call-iptables': 1, 'net.bridge.bridge-nf-call-ip6tables': 1, ...sysctls },
  });
  middle.netfilter = rules;
  return { netnses: [end('client', near, 1), middle, end('server', behind, 2)] };
}

/** `netns link: bytes @ offset` of each piece that came in there, and whether the server has them. */
function askMachine(machine: Machine, network: Network, sent: Sent): string[] {
  machine.load(network);
  const { steps, end } = machine.send('client', packetOf(sent));
  const seen = steps.flatMap((step) => {
    if (step.kind !== 'enter' || !step.link) return [];
    const { length, fragment } = step.packet;
    return [`${step.netns.name} ${step.link.name}: ${length} @ ${fragment?.offset ?? 0}${fragment?.more ? '+' : ''}`];
  });
  return [...seen, end.disposition === Disposition.DELIVERED ? 'arrives' : 'lost'];
}

/** Where a packet on the wire stands in the whole; undefined: it is no part of what was sent. */
function pieceText(hex: string): string | undefined {
  const data = Buffer.from(hex, 'hex');
  if ((data[0] ?? 0) >>> 4 === 4) {
    const field = data.readUInt16BE(6);
    if (data[9] !== Protocol.UDP || !SERVERS.includes([...data.subarray(16, 20)].join('.'))) return undefined;
    return `${data.readUInt16BE(2)} @ ${(field & 0x1fff) * 8}${field & 0x2000 ? '+' : ''}`;
  }
  if (data[39] !== 2 || data[25] !== 2) return undefined;
  const length = data.readUInt16BE(4) + 40;
  if (data[6] === Protocol.UDP) return `${length} @ 0`;
  if (data[6] !== 44) return undefined;
  const field = data.readUInt16BE(42);
  return `${length} @ ${field & 0xfff8}${field & 1 ? '+' : ''}`;
}

async function askKernel(lab: Lab, network: Network, sent: Sent): Promise<string[]> {
  await lab.build(planOf(network, [{ netns: 'server', protocol: 'udp', port: PORT }], 'nft'));
  await lab.listen(
    network.netnses.map(({ name }) => name),
    [],
  );
  const send = requestOf('client', packetOf(sent));
  const answer = await lab.event({ send, patienceMs: 700, tracking: [] });
  const seen = answer.frames.flatMap(([netns, link, , hex]) => {
    const text = pieceText(hex);
    return text === undefined || link === 'br0' ? [] : [`${netns} ${link}: ${text}`];
  });
  return [...seen, answer.error ?? (answer.arrivals.length > 0 ? 'arrives' : 'lost')];
}

/** A walk ends with the first piece that is lost; in the kernel those behind it come on, and wait in vain. */
function comparable(machine: readonly string[], kernel: readonly string[]): string[] {
  if (!machine.includes('lost')) return [...kernel].sort();
  const rest = [...machine];
  return kernel.filter((text) => rest.includes(text) && rest.splice(rest.indexOf(text), 1)).sort();
}

const base = (hook: Hook, policy: 'accept' | 'drop', bodies: Rule['body'][], priority = 0): Chain => ({
  name: Hook[hook],
  hook: { hook, priority, type: 'filter', policy },
  rules: bodies.map((body) => ({ body })),
});

/** Neighbours must find each other. */
const discovery: Rule = { body: [{ kind: 'protocol', protocol: Protocol.ICMPV6 }, { kind: 'accept' }] };

const filter = (chain: Chain): Table[] => [
  { family: 'ip', name: 'filter', chains: [chain] },
  { family: 'ip6', name: 'filter', chains: [{ ...chain, rules: [discovery, ...chain.rules] }] },
];

const toPort: Rule['body'] = [
  { kind: 'protocol', protocol: Protocol.UDP },
  { kind: 'udp', dport: { from: PORT, to: PORT } },
  { kind: 'accept' },
];
const udp: Rule['body'] = [{ kind: 'protocol', protocol: Protocol.UDP }, { kind: 'accept' }];
const known: Rule['body'] = [{ kind: 'state', states: CtState.ESTABLISHED }, { kind: 'accept' }];
const pieces = (verdict: 'accept' | 'drop'): Rule['body'] => [{ kind: 'fragment' }, { kind: verdict }];
const long = (from: number, to: number): Rule['body'] => [{ kind: 'length', from, to }, { kind: 'drop' }];

const through = (chain: Chain, far = 1500) => path({ far, rules: { router: filter(chain) } });
const FORWARD = Hook.FORWARD;
const v4 = (chain: Chain, far = 1500) => path({ far, rules: { router: filter(chain).slice(0, 1) } });
const by4: Sent = { length: 3000, df: false };
const by6: Sent = { length: 3000, df: false, to: 'fd02::2' };
const odd: Sent = { length: 4321, df: false };

const cases: [string, Network, Sent[]][] = [
  ['nobody minds', path({ far: 1500 }), [by4, by6, odd]],
  ['pieces of pieces', path({ far: 1300 }), [by4, odd, { length: 1400, df: false }]],
  ['no router cuts IPv6', path({ far: 1300 }), [by6]],
  ['a rule for a port lets the first piece pass', through(base(FORWARD, 'drop', [toPort])), [by4, by6]],
  ['a rule for the protocol', through(base(FORWARD, 'drop', [udp])), [by4, by6]],
  ['-f lets the others pass', v4(base(FORWARD, 'drop', [toPort, pieces('accept')])), [by4]],
  ['-f stops the others', v4(base(FORWARD, 'accept', [pieces('drop')])), [by4]],
  ['connection tracking sees the whole', through(base(FORWARD, 'drop', [known, toPort])), [by4, by6, odd]],
  ['connection tracking leaves no pieces for -f', v4(base(FORWARD, 'accept', [known, pieces('drop')])), [by4]],
  ['pieces of another size behind connection tracking', through(base(FORWARD, 'accept', [known]), 1300), [by4, by6]],
  [
    'pieces of another size behind connection tracking, both ways',
    path({ far: 9000, rules: { router: filter(base(FORWARD, 'accept', [known])) } }),
    [by4, by6],
  ],
  ['length of each piece', through(base(FORWARD, 'accept', [long(1000, 1500)])), [by4, by6]],
  ['length of the whole', through(base(FORWARD, 'accept', [known, long(1000, 1500)])), [by4, by6]],
  [
    'INPUT of IPv4 sees the whole, INPUT of IPv6 the pieces',
    path({ far: 1500, rules: { server: filter(base(Hook.INPUT, 'drop', [toPort])) } }),
    [by4, by6],
  ],
  [
    'OUTPUT sees the whole',
    path({ far: 1500, rules: { client: filter(base(Hook.OUTPUT, 'drop', [toPort])) } }),
    [by4, by6],
  ],
  ['a bridge passes pieces on', bridged(1500, []), [by4, by6]],
  ['a bridge whose port is too narrow', bridged(1300, [], { 'net.bridge.bridge-nf-call-iptables': 0 }), [by4]],
  ['bridge netfilter cuts pieces', bridged(1300, []), [by4, by6]],
  ['bridge netfilter and a port', bridged(1500, filter(base(FORWARD, 'drop', [toPort]))), [by4, by6]],
  [
    'bridge netfilter with connection tracking',
    bridged(1500, filter(base(FORWARD, 'drop', [known, toPort]))),
    [by4, by6, odd],
  ],
  [
    'bridge netfilter with connection tracking and too narrow a port',
    bridged(1300, filter(base(FORWARD, 'drop', [known, toPort]))),
    [by4, by6],
  ],
];

test.for(cases)('%s', async ([, network, all], context) => {
  const lab = labOf(context);
  for (const sent of all) {
    const kernel = await askKernel(lab, network, sent);
    const about = `${sent.length} bytes to ${sent.to ?? 'IPv4'}`;
    for (const machine of [reference, engine]) {
      const seen = askMachine(machine, network, sent);
      expect({ about, seen: [...seen].sort() }).toEqual({ about, seen: comparable(seen, kernel) });
    }
  }
});
