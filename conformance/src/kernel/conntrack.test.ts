/** Connection tracking, judged by the kernel: the machines are asked the same packets, one by one. */
import {
  CtState,
  createEngine,
  Hook,
  type Packet,
  Protocol,
  plainPacket,
  type Table,
  TcpFlag,
  type TcpNumbers,
} from '@podwire/engine';
import { createReference, type Random, random, sctpChunks, tcpNumbers } from '@podwire/engine/reference';
import { expect, type TestContext, test } from 'vitest';
import {
  askKernel,
  askMachine,
  differ,
  type Outcome,
  type RouterEvent,
  routerMissing,
  type Script,
  type Side,
  timesOf,
} from './router.ts';

const missing = routerMissing();
const skipWithoutRouter = ({ skip }: TestContext) => skip(missing !== undefined, missing);
const engine = await createEngine();
const reference = createReference();

const { SYN, ACK, FIN, RST, PSH } = TcpFlag;
const SERVICE = { saddr: '10.9.1.2', daddr: '10.96.0.1', sport: 4000, dport: 80 };
const DIRECT = { saddr: '10.9.1.2', daddr: '10.9.2.2', sport: 4000, dport: 80 };
/** What the server sends back. */
const BACK = { saddr: '10.9.2.2', daddr: '10.9.1.2', sport: 8080, dport: 4000 };

const packet = (ends: Pick<Packet, 'saddr' | 'daddr' | 'sport' | 'dport'>, more: Partial<Packet>): Packet =>
  plainPacket({
    tcpFlags: 0,
    protocol: Protocol.TCP,
    length: 40,
    ...ends,
    ...more,
  });

const segment = (ends: typeof SERVICE, tcpFlags: number, tcp: TcpNumbers, data = 0): Packet =>
  packet(ends, { tcpFlags, tcp, length: 20 + (tcp.header ?? 20) + data });

/** DNAT of the service; with `drop`, what is INVALID is dropped. */
function ruleset(drop: boolean): Pick<Script, 'netfilter' | 'rules'> {
  const nat: Table = {
    family: 'ip',
    name: 'nat',
    chains: [
      {
        name: 'PREROUTING',
        hook: { hook: Hook.PREROUTING, priority: -100, type: 'nat', policy: 'accept' },
        rules: [
          {
            body: [
              { kind: 'daddr', prefix: '10.96.0.1/32' },
              {
                kind: 'dnat',
                range: { addresses: { from: '10.9.2.2', to: '10.9.2.2' }, ports: { from: 8080, to: 8080 } },
              },
            ],
          },
        ],
      },
    ],
  };
  (nat.chains[0] as { rules: { body: object[] }[] }).rules[0]?.body.unshift({ kind: 'protocol', protocol: 6 });
  const filter: Table = {
    family: 'ip',
    name: 'filter',
    chains: [
      {
        name: 'FORWARD',
        hook: { hook: Hook.FORWARD, priority: 0, type: 'filter', policy: 'accept' },
        rules: [{ body: [{ kind: 'state', states: CtState.INVALID }, { kind: 'drop' }] }],
      },
    ],
  };
  const dnat = '-t nat -A PREROUTING -d 10.96.0.1 -p tcp -j DNAT --to-destination 10.9.2.2:8080';
  const invalid = '-A FORWARD -m conntrack --ctstate INVALID -j DROP';
  return {
    netfilter: drop ? [nat, filter] : [nat],
    rules: [dnat, ...(drop ? [invalid] : [])].map((line) => line.split(' ')),
  };
}

/** Asks all three; returns what the kernel said. */
function judge(script: Script): Outcome[] {
  const awaited = askMachine(reference, script, timesOf(script)).map(({ out }) => out !== undefined);
  const kernel = askKernel(script, awaited);
  const times = kernel.map(({ at }) => at);
  for (const machine of [reference, engine]) {
    const answers = askMachine(machine, script, times);
    for (const [i, outcome] of kernel.entries()) {
      // A source port that has to move is drawn: from here on the kernel's is another.
      if (answers[i]?.connections.some((text) => text.includes(' SNAT '))) break;
      const what = differ(outcome, answers[i] as Outcome);
      if (what !== undefined) expect.fail(`event ${i} of ${JSON.stringify(script)}\n${what}`);
    }
  }
  return kernel;
}

const open: RouterEvent[] = [
  { side: 'c', packet: segment(SERVICE, SYN, { seq: 99, ack: 0, window: 1000, header: 28, windowScale: 7 }) },
  { side: 's', packet: segment(BACK, SYN | ACK, { seq: 4999, ack: 100, window: 1000, header: 28, windowScale: 7 }) },
  { side: 'c', packet: segment(SERVICE, ACK, { seq: 100, ack: 5000, window: 8 }) },
];
const stray: RouterEvent = { side: 's', packet: segment(BACK, ACK | PSH, { seq: 900000, ack: 100, window: 8 }, 100) };

test('a segment out of window reaches the client as the endpoint sent it', (context) => {
  skipWithoutRouter(context);
  const outs = judge({ sysctls: {}, ...ruleset(false), events: [...open, stray] }).map(({ out }) => out);
  expect(outs).toEqual([
    's: 6 10.9.1.2:4000 > 10.9.2.2:8080',
    'c: 6 10.96.0.1:80 > 10.9.1.2:4000',
    's: 6 10.9.1.2:4000 > 10.9.2.2:8080',
    'c: 6 10.9.2.2:8080 > 10.9.1.2:4000',
  ]);
});

test('with INVALID dropped it does not arrive, and the connection lives', (context) => {
  skipWithoutRouter(context);
  const events = [
    ...open,
    stray,
    { side: 's' as Side, packet: segment(BACK, ACK, { seq: 5000, ack: 100, window: 8 }, 10) },
  ];
  const outs = judge({ sysctls: {}, ...ruleset(true), events }).map(({ out }) => out);
  expect(outs.slice(3)).toEqual([undefined, 'c: 6 10.96.0.1:80 > 10.9.1.2:4000']);
});

test("with be_liberal it arrives from the service's address", (context) => {
  skipWithoutRouter(context);
  const sysctls = { 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 };
  const outs = judge({ sysctls, ...ruleset(true), events: [...open, stray] }).map(({ out }) => out);
  expect(outs[3]).toBe('c: 6 10.96.0.1:80 > 10.9.1.2:4000');
});

test('connections end by time; UDP becomes a stream after two seconds', (context) => {
  skipWithoutRouter(context);
  const there = packet(DIRECT, { protocol: Protocol.UDP, length: 30 });
  const back = packet(
    { saddr: '10.9.2.2', daddr: '10.9.1.2', sport: 80, dport: 4000 },
    { protocol: Protocol.UDP, length: 30 },
  );
  const echo = packet(
    { ...DIRECT, sport: 0, dport: 0 },
    { protocol: Protocol.ICMP, icmpType: 8, icmpId: 7, length: 48 },
  );
  const sysctls = {
    'net.netfilter.nf_conntrack_udp_timeout': 4,
    'net.netfilter.nf_conntrack_udp_timeout_stream': 90,
    'net.netfilter.nf_conntrack_icmp_timeout': 1,
  };
  const events: RouterEvent[] = [
    { side: 'c', packet: there },
    { side: 's', packet: back },
    { side: 'c', packet: { ...there, sport: 4001 } },
    { side: 'c', packet: echo },
    { sleep: 2100 },
    { side: 'c', packet: there },
    { sleep: 2100 },
  ];
  const kernel = judge({ sysctls, ...ruleset(false), events });
  expect(kernel.map(({ connections }) => connections.length)).toEqual([1, 1, 2, 3, 2, 2, 1]);
});

const FLAGS = [SYN, SYN | ACK, ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK];

/** A conversation of two ends that mostly do what the other expects. */
function conversation(r: Random, protocol: number, length: number): RouterEvent[] {
  const ends = r.pick([SERVICE, DIRECT]);
  const nat = ends === SERVICE && protocol === Protocol.TCP;
  const back = { saddr: '10.9.2.2', daddr: '10.9.1.2', sport: nat ? 8080 : 80, dport: 4000 };
  const there = protocol === Protocol.TCP ? ends : DIRECT;
  const said: { side: Side; packet: Packet }[] = [];
  const order = [SYN, SYN | ACK, ACK];
  while (said.length < length) {
    const step = said.length;
    const regular = step < 3 && r.chance(5, 6);
    const side: Side = regular ? (step === 1 ? 's' : 'c') : r.pick(['c', 's']);
    const tcpFlags = protocol !== Protocol.TCP ? 0 : regular ? (order[step] as number) : r.pick(FLAGS);
    const before = said.findLast((one) => one.side === side) ?? said.at(-1);
    const after = r.chance(1, 2) ? said.at(-1) : before;
    const bare = packet(side === 'c' ? there : back, { protocol, tcpFlags, length: r.pick([60, 60, 100, 540, 1440]) });
    const isBack = after?.side !== side;
    if (protocol === Protocol.TCP) {
      const { tcp } = tcpNumbers(r, tcpFlags, after?.packet, isBack);
      if (!tcp) continue;
      const options = (tcp.windowScale === undefined ? 0 : 3) + (tcp.sackPermitted ? 2 : 0);
      const header = Math.max(20, Math.ceil(options / 4) * 4 + 20, tcp.header ?? 0);
      const { sackPermitted: _, ...rest } = tcp;
      said.push({
        side,
        packet: {
          ...bare,
          length: Math.max(bare.length, 20 + header),
          tcp: { ...rest, header, ...(tcp.sackPermitted ? { sackPermitted: true } : {}) },
        },
      });
    } else {
      const { sctp } = sctpChunks(r, after?.packet);
      if (!sctp) continue;
      said.push({ side, packet: { ...bare, sctp, length: 32 } });
    }
  }
  return said;
}

const SETTINGS: [string, number[]][] = [
  ['tcp_be_liberal', [0, 0, 0, 1]],
  ['tcp_loose', [1, 1, 0]],
  ['tcp_ignore_invalid_rst', [0, 0, 1]],
  ['tcp_max_retrans', [3, 1]],
  ['tcp_timeout_max_retrans', [300, 40]],
  ['tcp_timeout_unacknowledged', [300, 150]],
];

test.for([
  ['TCP by its windows', Protocol.TCP, 30],
  ['SCTP by its states', Protocol.SCTP, 15],
] as const)('%s: conversations at random', ([, protocol, conversations], context) => {
  skipWithoutRouter(context);
  const seed = Number(process.env.PODWIRE_SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  for (let i = 0; i < conversations; i++) {
    const r = random(seed + i);
    const sysctls = Object.fromEntries(
      SETTINGS.map(([name, values]) => [`net.netfilter.nf_conntrack_${name}`, r.pick(values)]),
    );
    const script = { sysctls, ...ruleset(r.chance(1, 2)), events: conversation(r, protocol, 14) };
    judge(script);
  }
});
