/** A router between two wires, in the kernel (`router.py`) and in a machine: what it lets through, and what it knows of connections. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ConntrackEntry, Machine, Netns, Network, Packet, Table } from '@podwire/engine';
import { readConntrack } from '@podwire/model';
import { kernelMissing, PATH, PYTHON } from '../lab/lab.ts';

export type Side = 'c' | 's';

export type RouterEvent = { side: Side; packet: Packet } | { sleep: number };

export interface Script {
  sysctls: Record<string, number>;
  /** The router's rules, as the machine and as iptables has them. */
  netfilter: Table[];
  rules: string[][];
  events: RouterEvent[];
}

/** What an event led to: a packet that came out, if any, and the router's connections as compared. */
export interface Outcome {
  /** Milliseconds since the first event: when the packet was sent, or the sleep was over. */
  at: number;
  out: string | undefined;
  connections: string[];
  /** Seconds left, in the order of `connections`. */
  timeouts: number[];
}

const ADDRESSES = { c: '10.9.1.1', s: '10.9.2.1' };

/** Why the kernel cannot be asked here; undefined where it can. */
export const routerMissing = (): string | undefined => kernelMissing(['ip', 'iptables', 'conntrack']);

interface Seen extends Pick<Packet, 'protocol' | 'saddr' | 'daddr' | 'sport' | 'dport'> {
  side: Side;
}

const seenText = ({ side, protocol, saddr, daddr, sport, dport }: Seen): string =>
  `${side}: ${protocol} ${saddr}:${sport} > ${daddr}:${dport}`;

function outcomeOf(at: number, seen: readonly Seen[], entries: readonly ConntrackEntry[]): Outcome {
  const rows = entries.map((entry) => {
    const { original, reply, protocol, tcpState, state, seenReply, assured, snat, dnat, timeout = 0 } = entry;
    const ends = [original, reply].map(({ saddr, daddr, sport, dport }) => `${saddr}:${sport}>${daddr}:${dport}`);
    const words = [
      protocol,
      tcpState ?? state ?? '',
      ...ends,
      seenReply ? '' : 'UNREPLIED',
      assured ? 'ASSURED' : '',
      snat ? 'SNAT' : '',
      dnat ? 'DNAT' : '',
    ];
    return { text: words.join(' '), timeout };
  });
  rows.sort((a, b) => (a.text < b.text ? -1 : 1));
  return {
    at,
    out: seen.length === 0 ? undefined : seen.map(seenText).join(', '),
    connections: rows.map(({ text }) => text),
    timeouts: rows.map(({ timeout }) => timeout),
  };
}

/** `awaited`: whether something should come out at an event. It is waited for; that nothing comes is believed soon. */
export function askKernel({ sysctls, rules, events }: Script, awaited: readonly boolean[]): Outcome[] {
  const script = {
    addresses: ADDRESSES,
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.netfilter.nf_conntrack_checksum': 0, ...sysctls },
    rules,
    events: events.map((event, i) => ({ ...event, awaited: awaited[i] })),
  };
  const program = fileURLToPath(new URL('./router.py', import.meta.url));
  const done = spawnSync(PYTHON, ['-B', program], {
    input: JSON.stringify(script),
    encoding: 'utf8',
    env: { ...process.env, PATH },
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0) throw new Error(`router.py: ${done.stderr}`);
  const answers = JSON.parse(done.stdout) as { at: number; seen: Seen[]; conntrack: string }[];
  return answers.map(({ at, seen, conntrack }, i) => {
    const { entries, problems } = readConntrack(conntrack);
    if (problems.length > 0) throw new Error(`conntrack -L is not understood: ${JSON.stringify(problems)}`);
    const event = events[i] as RouterEvent;
    // What the router itself has to say, such as "net unreachable", is an answer, not the packet.
    const through = 'sleep' in event ? [] : seen.filter(({ protocol }) => protocol === event.packet.protocol);
    return outcomeOf(at - (answers[0]?.at ?? at), through, entries);
  });
}

function end(name: Side, address: string): Netns {
  const gateway = ADDRESSES[name];
  return {
    name,
    links: [{ name: 'far', kind: 'veth', peer: { netns: 'router', link: name } }],
    addresses: [{ link: 'far', address: `${address}/24` }],
    tables: [
      {
        id: 254,
        routes: [{ family: 4, type: 'unicast', destination: '0.0.0.0/0', nexthops: [{ dev: 'far', via: gateway }] }],
      },
    ],
    sysctls: {},
    netfilter: [],
  };
}

function networkOf({ sysctls, netfilter }: Script): Network {
  const near = (dev: Side) => ({
    family: 4 as const,
    type: 'unicast' as const,
    destination: ADDRESSES[dev].replace(/\.1$/, '.0/24'),
    nexthops: [{ dev }],
  });
  const router: Netns = {
    name: 'router',
    links: (['c', 's'] as const).map((name) => ({ name, kind: 'veth', peer: { netns: name, link: 'far' } })),
    addresses: (['c', 's'] as const).map((link) => ({ link, address: `${ADDRESSES[link]}/24` })),
    tables: [{ id: 254, routes: [near('c'), near('s')] }],
    sysctls: { 'net.ipv4.ip_forward': 1, ...sysctls },
    netfilter,
  };
  return { netnses: [router, end('c', '10.9.1.2'), end('s', '10.9.2.2')] };
}

/** When each event is if all but sleep takes no time. */
export function timesOf({ events }: Script): number[] {
  let now = 0;
  return events.map((event) => {
    if ('sleep' in event) now += event.sleep;
    return now;
  });
}

/** `times`: when the kernel came to each event. A busy machine takes longer for each; the clock is the same for both. */
export function askMachine(machine: Machine, script: Script, times: readonly number[]): Outcome[] {
  machine.load(networkOf(script));
  let now = 0;
  return script.events.map((event, i) => {
    const at = times[i] as number;
    machine.advance(Math.round(at) - now);
    now = Math.round(at);
    if ('sleep' in event) return outcomeOf(at, [], machine.conntrack('router'));
    const { end } = machine.send('router', event.packet, { link: event.side });
    const { netns, packet } = end;
    const { protocol, saddr, daddr } = packet;
    const ports = protocol === 1 ? { sport: packet.icmpId, dport: 0 } : { sport: packet.sport, dport: packet.dport };
    const seen = netns === 'router' ? [] : [{ side: netns as Side, protocol, saddr, daddr, ...ports }];
    return outcomeOf(at, seen, machine.conntrack('router'));
  });
}

/** Where two outcomes differ; the kernel's clock went on a little until its connections were listed. */
export function differ(kernel: Outcome, machine: Outcome): string | undefined {
  if (kernel.out !== machine.out) return `out: kernel ${kernel.out}, machine ${machine.out}`;
  const [one, two] = [kernel.connections.join('\n'), machine.connections.join('\n')];
  if (one !== two) return `connections:\n${one}\nmachine:\n${two}`;
  const off = kernel.timeouts.findIndex((seconds, i) => Math.abs(seconds - (machine.timeouts[i] as number)) > 2);
  if (off < 0) return undefined;
  return `timeout of ${kernel.connections[off]}: ${kernel.timeouts[off]}, machine ${machine.timeouts[off]}`;
}
