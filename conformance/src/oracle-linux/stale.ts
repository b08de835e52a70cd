/** Connections that conntrack holds before the first packet: of the same ends as packets to come, translated to where nothing may be any more. */
import { type ConntrackEntry, type Netns, type Packet, Protocol, type Tuple } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import type { Event } from './scenario.ts';
import type { Plan } from './topology.ts';
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

const reversed = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({
  saddr: daddr,
  daddr: saddr,
  sport: dport,
  dport: sport,
});

/** Zones that rules here give packets, and the usual one. */
const zonesOf = ({ netfilter }: Netns): number[] => [
  0,
  ...netfilter.flatMap(({ chains }) =>
    chains.flatMap(({ rules }) =>
      rules.flatMap(({ body }) => body.flatMap((part) => (part.kind === 'ct-zone' ? [part.zone] : []))),
    ),
  ),
];

function entryFor(r: Random, plan: Plan, packet: Packet, zones: readonly number[]): ConntrackEntry {
  const { family, protocol, saddr, daddr, sport, dport } = packet;
  const original = { saddr, daddr, sport, dport };
  const address = () => r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  const reply = {
    ...reversed(original),
    ...(r.chance(0.6) && { saddr: address(), sport: r.pick(PORTS) }),
    ...(r.chance(0.25) && { daddr: address(), dport: r.pick(PORTS) }),
  };
  const dnat = reply.saddr !== daddr || reply.sport !== dport;
  const snat = reply.daddr !== saddr || reply.dport !== sport;
  const moved = dnat || snat;
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
    snat,
    dnat,
    mark: r.chance(0.3) ? r.pick(MARKS) : 0,
    zone: r.chance(0.3) ? r.pick(zones) : 0,
  };
}

const key = ({ protocol, zone }: ConntrackEntry, { saddr, daddr, sport, dport }: Tuple): string =>
  `${protocol} ${zone} ${saddr} ${sport} ${daddr} ${dport}`;

export function addStale(r: Random, plan: Plan, events: readonly Event[]): void {
  const all = events
    .map(({ packet }) => packet)
    .filter(
      ({ protocol, saddr, inner }) =>
        !inner && saddr !== '' && (protocol === Protocol.TCP || protocol === Protocol.UDP),
    );
  for (const netns of plan.netnses) {
    // Of what goes out of lo a host sees both ends at once.
    const packets = all.filter(({ saddr, daddr }) => ![saddr, daddr].some((a) => ['127.0.0.1', '::1'].includes(a)));
    if (packets.length === 0 || !r.chance(0.5)) continue;
    const entries: ConntrackEntry[] = [];
    for (let i = r.between(1, 3); i > 0; i--) {
      const entry = entryFor(r, plan, r.pick(packets), zonesOf(netns));
      const family = entry.family === 4 ? 'ip' : 'ip6';
      if (!tracks(netns, family)) continue;
      // One that has a tuple of another is refused.
      const taken = new Set(entries.flatMap((e) => [key(e, e.original), key(e, e.reply)]));
      const ends = [key(entry, entry.original), key(entry, entry.reply)];
      if (ends[0] !== ends[1] && !ends.some((tuple) => taken.has(tuple))) entries.push(entry);
    }
    if (entries.length > 0) netns.conntrack = entries;
  }
}
