/** What the machine says: every way an attempt, or several in a row, can go. */
import {
  ChoiceKind,
  type ConntrackEntry,
  type Conversation,
  continueConversation,
  converse,
  Disposition,
  explore,
  fractionToNumber,
  type Machine,
  type Packet,
  Protocol,
  plainPacket,
  tally,
} from '@podwire/engine';
import { PROTOCOLS, type Tracked, type Transport, type Tried } from '../lab/terms.ts';
import type { Probe } from './scenario.ts';
import { endText, portName, type Seen, tellsWho, trackedText } from './seen.ts';

/** Seen by each attempt of a probe, in order. */
export type Course = Seen[];

export interface Expectation {
  /** By their text, with the probability of each: the least that it can be. */
  courses: Map<string, { course: Course; odds: number }>;
  /** Courses that can be had by one client: which way a router sends it depends on its address alone. */
  groups: Map<string, { courses: Map<string, number> }>;
  truncated: boolean;
  /**
   * A packet may come to a router with several ways more than once. Between namespaces of one kernel it keeps the hash of the socket that
   * sent it (`skb->l4_hash`), so that the router chooses alike each time; between machines it would not.
   */
  circles: boolean;
}

export const courseText = (course: Course): string => JSON.stringify(course);

/** The ports the machine's attempts come from: any that no service uses. */
export const FIRST_PORT = 20000;
/** Answers to answers: a reset to an unknown segment, an ICMP error about a stray datagram. */
const MOST_ANSWERS = 8;

/** Packets that are led in a circle by several ways have more courses than anybody wants to see. */
const MOST_BRANCHES = 128;

/** Bytes behind the IP header: a SYN with its options, a datagram, INIT, an echo with the attempt's number. */
const LENGTHS: Readonly<Record<Tried, number>> = { tcp: 40, udp: 20, sctp: 32, icmp: 14 };
const ECHO = { 4: { protocol: Protocol.ICMP, icmpType: 8 }, 6: { protocol: Protocol.ICMPV6, icmpType: 128 } };

/** The packet of an attempt that sends from the port. */
export function packetOf({ protocol, saddr = '', daddr, dport }: Probe, sport: number): Packet {
  const family = daddr.includes(':') ? 6 : 4;
  const length = (family === 4 ? 20 : 40) + LENGTHS[protocol];
  const addressed = { saddr, daddr, length };
  if (protocol === 'icmp') return plainPacket({ ...ECHO[family], ...addressed, icmpId: sport });
  return plainPacket({ protocol: PROTOCOLS[protocol], ...addressed, sport, dport });
}

const NAMES = new Map<number, Transport>(
  Object.entries(PROTOCOLS).map(([name, number]) => [number, name as Transport]),
);

function trackedOf(netns: string, entry: ConntrackEntry): Tracked[] {
  const protocol = NAMES.get(entry.protocol);
  if (protocol === undefined) return [];
  const { original, reply, tcpState: state = '', seenReply, assured, mark } = entry;
  const flags = [
    ...(seenReply ? [] : ['UNREPLIED']),
    ...(assured ? ['ASSURED'] : []),
    ...(mark === 0 ? [] : [`mark=${mark}`]),
  ];
  return [{ netns, protocol, original, reply, state, flags }];
}

/** What the client and the endpoint can tell of it. */
function seenOf(talk: Conversation, probe: Probe, sport: number, conntrack: string[]): Seen {
  const { outcome, error, icmp, endpoint, saw, client } = talk;
  const result = outcome === 'reply' ? 'reply' : error === undefined ? 'timeout' : 'error';
  // A lost SYN/ACK leaves the server half open: it does not tell. Neither does whoever refuses.
  const isDelivered = talk.there.end.disposition === Disposition.DELIVERED;
  const arrived = result === 'reply' || (result === 'timeout' && probe.protocol !== 'tcp' && isDelivered);
  return {
    result,
    ...(error !== undefined && { error }),
    ...(icmp && { icmp: `${icmp.type}/${icmp.code} from ${icmp.sender}` }),
    ...(client.address !== '' && { client: client.address }),
    ...(arrived &&
      tellsWho(probe.protocol) &&
      endpoint && { endpoint: `${endpoint.netns} ${endText(endpoint.address, endpoint.port)}` }),
    ...(arrived && tellsWho(probe.protocol) && saw && { saw: endText(saw.address, portName(saw.port, sport)) }),
    conntrack,
  };
}

function attempt(machine: Machine, probe: Probe, sport: number, tracking: readonly string[]): Seen {
  const talk = converse(machine, probe.from, packetOf(probe, sport));
  // A client that has its datagram says no more.
  let last = probe.protocol !== 'tcp' && talk.outcome === 'reply' ? undefined : talk.back;
  for (let i = 0; i < MOST_ANSWERS && last?.end.answers; i++) last = machine.answer();
  const whole =
    talk.outcome === 'reply' && probe.protocol === 'tcp'
      ? { ...talk, outcome: continueConversation(machine, talk).outcome }
      : talk;
  const all = tracking.flatMap((netns) => machine.conntrack(netns).flatMap((entry) => trackedOf(netns, entry)));
  return seenOf(whole, probe, sport, trackedText(all, probe.protocol, sport));
}

/** The machine has to hold the network. */
export function expectationOf(machine: Machine, probe: Probe, tracking: readonly string[]): Expectation {
  const run = (): Course =>
    Array.from({ length: probe.times ?? 1 }, (_, i) => attempt(machine, probe, FIRST_PORT + i, tracking));
  const exploration = explore(machine, run, { limit: MOST_BRANCHES });
  const odds = tally(exploration, courseText);
  const courses = new Map<string, { course: Course; odds: number }>();
  const groups: Expectation['groups'] = new Map();
  let circles = false;
  for (const { result, choices, odds: branchOdds } of exploration.branches) {
    const text = courseText(result);
    courses.set(text, {
      course: result,
      odds: fractionToNumber(odds.get(text)?.least ?? { numerator: 0n, denominator: 1n }),
    });
    const ways = choices.filter((choice) => choice.kind === ChoiceKind.MULTIPATH);
    circles ||= ways.length > (probe.times ?? 1);
    const key = ways.map((choice) => choice.taken).join(' ');
    const group = groups.get(key) ?? { courses: new Map() };
    groups.set(key, group);
    const ofWays = ways.reduce((p, { weights, taken }) => {
      const sum = (weights ?? []).reduce((a, b) => a + b, 0);
      return sum === 0 ? p : (p * (weights?.[taken] ?? 0)) / sum;
    }, 1);
    group.courses.set(text, (group.courses.get(text) ?? 0) + fractionToNumber(branchOdds) / ofWays);
  }
  return { courses, groups, truncated: exploration.truncated, circles };
}
