/** Connections that conntrack holds before the first packet: of the same ends as packets to come, translated to where nothing may be any more. */
import { type ConntrackEntry, type Netns, type Packet, Protocol, type Tuple } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import type { Event } from './scenario.ts';
import { type Plan, plain } from './topology.ts';
import { MARKS, PORTS } from './values.ts';

/** By far enough for a configuration. */
const SECONDS = 100;

const TCP_STATES = [
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
];

/** Rules of these ask for connections: without any the kernel looks for none, whatever it holds. */
const TRACKING = new Set(['state', 'conntrack', 'connmark', 'set-connmark', 'dnat', 'snat', 'masquerade', 'redirect']);

const tracks = ({ netfilter }: Netns, family: string): boolean =>
  netfilter.some(
    (table) =>
      table.family === family &&
      table.chains.some((chain) => chain.rules.some(({ body }) => body.some(({ kind }) => TRACKING.has(kind)))),
  );

/** Without a chain of NAT nothing is translated: whoever has the address itself answers, and those answers are taken for something else. */
const translates = ({ netfilter }: Netns, family: string): boolean =>
  netfilter.some((table) => table.family === family && table.chains.some(({ hook }) => hook?.type === 'nat'));

const reversed = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({
  saddr: daddr,
  daddr: saddr,
  sport: dport,
  dport: sport,
});

function entryFor(r: Random, plan: Plan, packet: Packet): ConntrackEntry {
  const { family, protocol, saddr, daddr, sport, dport } = packet;
  const original = { saddr, daddr, sport, dport };
  const dnat = r.chance(0.6);
  const to = { saddr: r.pick([...plan.addresses[family], ...plan.strangers[family]]), sport: r.pick(PORTS) };
  const reply = { ...reversed(original), ...(dnat && to) };
  const moved = reply.saddr !== daddr || reply.sport !== dport;
  // Chains of NAT would be asked again and again about one that is neither translated nor answered.
  const seenReply = !moved || r.chance(0.5);
  return {
    family,
    protocol,
    original,
    reply,
    ...(protocol === Protocol.TCP && { tcpState: seenReply ? r.pick(TCP_STATES.slice(2)) : r.pick(TCP_STATES) }),
    timeout: SECONDS,
    seenReply,
    assured: seenReply && r.chance(0.6),
    snat: false,
    dnat: moved,
    mark: r.chance(0.3) ? r.pick(MARKS) : 0,
    zone: 0,
  };
}

const key = (protocol: number, { saddr, daddr, sport, dport }: Tuple): string =>
  `${protocol} ${saddr} ${sport} ${daddr} ${dport}`;

/** The answers of a packet to come would be taken for what a translated one is about: the kernel finds that when it is too late, and drops it. */
const isAnswered = ({ protocol, original, dnat }: ConntrackEntry, packets: readonly Packet[]) =>
  dnat && packets.some((packet) => key(packet.protocol, packet) === key(protocol, reversed(original)));

export function addStale(r: Random, plan: Plan, events: readonly Event[]): void {
  const all = events
    .map(({ packet }) => packet)
    .filter(
      ({ protocol, saddr, inner }) =>
        !inner && saddr !== '' && (protocol === Protocol.TCP || protocol === Protocol.UDP),
    );
  for (const netns of plan.netnses) {
    // Of what passes by: what a host itself answers to such a packet is another connection, whose ends are taken.
    const own = new Set(netns.addresses.map(({ address }) => plain(address)));
    const packets = all.filter(
      ({ saddr, daddr }) => ![saddr, daddr].some((a) => own.has(a) || ['127.0.0.1', '::1'].includes(a)),
    );
    if (packets.length === 0 || !r.chance(0.5)) continue;
    const entries: ConntrackEntry[] = [];
    for (let i = r.between(1, 3); i > 0; i--) {
      const entry = entryFor(r, plan, r.pick(packets));
      const family = entry.family === 4 ? 'ip' : 'ip6';
      if (!tracks(netns, family) || (entry.dnat && !translates(netns, family)) || isAnswered(entry, all)) continue;
      // One that has a tuple of another is refused.
      const taken = new Set(entries.flatMap((e) => [key(e.protocol, e.original), key(e.protocol, e.reply)]));
      const ends = [key(entry.protocol, entry.original), key(entry.protocol, entry.reply)];
      if (ends[0] !== ends[1] && !ends.some((tuple) => taken.has(tuple))) entries.push(entry);
    }
    if (entries.length > 0) netns.conntrack = entries;
  }
}
