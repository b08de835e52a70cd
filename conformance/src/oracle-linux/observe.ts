/** What the kernel says about an event, in the same words as the machine. */
import type { Netns } from '@podwire/engine';
import { Hook, Protocol, TcpFlag } from '@podwire/engine';
import type { EventAnswer, EventRequest, Lab, RuleEvent } from '../lab/lab.ts';
import { type Plugs, TRACING_TABLE } from '../lab/plan.ts';
import { endText } from '../oracle/seen.ts';
import { MADE_UP_MAC } from './names.ts';
import { connectionText } from './predict.ts';
import type { Event, Scenario } from './scenario.ts';
import { flowText, IGMP, isChatter, type PortName, packetText, type Seen } from './seen.ts';
import {
  decodePacket,
  encodeFrame,
  encodeTransport,
  hex,
  isError,
  type Numbers,
  numbersAfter,
  unhex,
  type WirePacket,
} from './wire.ts';

/** Directions that a packet socket knows (include/uapi/linux/if_packet.h): for us, and for somebody else. */
const FOR_US = 0;
const FOR_ANOTHER = 3;

/** `NFPROTO_*`. */
const FAMILIES: Readonly<Record<number, string>> = { 1: 'inet', 2: 'ip', 5: 'netdev', 7: 'bridge', 10: 'ip6' };
/** The lab's own tables: one asks for events, one keeps tunnels quiet. */
const LAB_TABLES: ReadonlySet<string> = new Set([TRACING_TABLE, 'quiet']);

/** Flags that a client which waits for an answer, or has one, takes in silence. */
const POLITE = TcpFlag.ACK | TcpFlag.PSH;

/** How long at most somebody asks for a neighbour; the lab's hosts give up after 20 ms of their clocks. */
const PATIENCE_MS = 5000;

const opens = ({ protocol, tcpFlags }: Pick<WirePacket, 'protocol' | 'tcpFlags'>) =>
  protocol === Protocol.TCP && (tcpFlags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN;

const flowKey = (a: string, aPort: number, b: string, bPort: number) => `${endText(a, aPort)} ${endText(b, bPort)}`;

/** Asks the kernel, through a lab that holds the scenario. */
export class Observer {
  readonly #lab: Lab;
  readonly #scenario: Scenario;
  readonly #plugs: Plugs;
  readonly #port: PortName;
  readonly #netnses: Map<string, Netns>;
  /** The last segment of each TCP flow, by its two ends. */
  readonly #segments = new Map<string, WirePacket>();

  /** TCP flows of which something more than a SYN was seen. */
  readonly #acknowledged = new Set<string>();

  /** TCP flows that an ICMP error may have ended. */
  readonly #closed = new Set<string>();

  constructor(lab: Lab, scenario: Scenario, plugs: Plugs, port: PortName) {
    this.#lab = lab;
    this.#scenario = scenario;
    this.#plugs = plugs;
    this.#port = port;
    this.#netnses = new Map(scenario.network.netnses.map((netns) => [netns.name, netns]));
  }

  async start(): Promise<void> {
    const { network, backend } = this.#scenario;
    const names = network.netnses.map(({ name }) => name);
    const traced = network.netnses.filter((netns) => backend === 'nft' && netns.netfilter.length > 0);
    await this.#lab.listen(
      names,
      traced.map(({ name }) => name),
    );
  }

  /**
   * Whether a packet can be put onto its wire, and TCP would take a segment for one of its own. A socket that has not been answered to judges numbers, which nobody here knows
   * before its first segment was seen.
   */
  canPlay({ netns, link, packet }: Event): boolean {
    if (link === undefined) return true;
    if (this.#leavesByRules(netns, link)) return false;
    if (!this.#carries(netns, link, packet.length)) return false;
    if (packet.protocol !== Protocol.TCP) return true;
    const { saddr, sport, daddr, dport } = packet;
    if (packet.tcp) return true;
    if (this.#isForClient(packet) && (packet.tcpFlags & ~POLITE) !== 0) return false;
    // A socket that has its handshake behind it takes a SYN for one that went astray.
    if (opens(packet)) return !this.#acknowledged.has(flowKey(saddr, sport, daddr, dport));
    const ports = new Set([sport, dport]);
    const isOpened = this.#scenario.events.some(
      ({ packet: other }) =>
        other.protocol === Protocol.TCP &&
        ports.has(other.sport) &&
        ports.has(other.dport) &&
        other.tcpFlags & TcpFlag.SYN,
    );
    const flow = flowKey(daddr, dport, saddr, sport);
    return !isOpened || (this.#segments.has(flow) && !this.#closed.has(flow));
  }

  /** What is put onto the wire passes the rules at EGRESS of its other end. */
  #leavesByRules(netns: string, link: string): boolean {
    const plug = this.#plugs[`${netns} ${link}`];
    const chains = this.#netnses.get(plug?.netns ?? '')?.netfilter.flatMap((table) => table.chains) ?? [];
    return chains.some(({ hook }) => hook?.hook === Hook.EGRESS && hook.devices?.includes(plug?.link ?? ''));
  }

  /** For the socket of a process that opened a connection. */
  #isForClient({ saddr, sport, dport }: WirePacket): boolean {
    return this.#scenario.events.some(
      ({ link, packet }) =>
        link === undefined &&
        packet.protocol === Protocol.TCP &&
        packet.sport === dport &&
        packet.dport === sport &&
        packet.daddr === saddr,
    );
  }

  #carries(netns: string, link: string, length: number): boolean {
    const own = this.#netnses.get(netns)?.links.find((l) => l.name === link);
    const plug = this.#plugs[`${netns} ${link}`];
    const other = this.#netnses.get(plug?.netns ?? '')?.links.find((l) => l.name === plug?.link);
    return [own, other].every((end) => end?.up !== false && length <= (end?.mtu ?? 1500));
  }

  async play(event: Event): Promise<Seen> {
    const tracking = this.#scenario.network.netnses
      .filter((netns) => netns.netfilter.length > 0)
      .map(({ name }) => name);
    const answer = await this.#lab.event({ ...this.#request(event), patienceMs: PATIENCE_MS, tracking });
    return this.#read(answer, event);
  }

  #request({ netns, link, packet }: Event): EventRequest {
    if (link === undefined) {
      const { family, protocol, saddr, sport, daddr, dport, ttl, tos, mark, dontFragment } = packet;
      const header = family === 4 ? 20 : 40;
      const payload =
        protocol === Protocol.UDP ? '00'.repeat(packet.length - header - 8) : hex(encodeTransport(packet));
      return {
        send: { from: netns, family, protocol, saddr, sport, daddr, dport, ttl, tos, mark, dontFragment, payload },
      };
    }
    const plug = this.#plugs[`${netns} ${link}`];
    const own = this.#netnses.get(netns)?.links.find((l) => l.name === link);
    // Who comes in by a port of a bridge is addressed to the host by the bridge's address.
    const device = own?.master === undefined ? own : this.#netnses.get(netns)?.links.find((l) => l.name === own.master);
    if (!plug || device?.mac === undefined) throw new RangeError(`nothing leads to ${netns} ${link}`);
    const numbers = packet.tcp ? undefined : this.#numbersFor(packet);
    const whole = { ...packet, ...(numbers && { numbers }) };
    return {
      inject: { netns: plug.netns, link: plug.link, frame: encodeFrame(whole, plug.mac ?? MADE_UP_MAC, device.mac) },
    };
  }

  /** TCP takes a segment as the answer to what was sent to its sender. */
  #numbersFor({ protocol, tcpFlags, saddr, sport, daddr, dport }: WirePacket): Numbers | undefined {
    if (protocol !== Protocol.TCP) return undefined;
    const seen = this.#segments.get(flowKey(daddr, dport, saddr, sport));
    // The same SYN once more is that of the same connection.
    if (seen && !opens({ protocol, tcpFlags })) return numbersAfter(seen);
    return { sequence: tcpFlags & TcpFlag.SYN ? 1000 : 1001, acknowledgement: tcpFlags & TcpFlag.ACK ? 1 : 0 };
  }

  #read({ frames, rules, arrivals, tracked }: EventAnswer, event: Event): Seen {
    const seen: Seen = { frames: [], rules: [], arrivals: [], conntrack: [] };
    for (const [netns, link, direction, data] of frames) {
      const packet = decodePacket(unhex(data));
      if (isChatter(packet) || !this.#isTaken(netns, link, direction)) continue;
      seen.frames.push(`${netns} ${link}: ${packetText(packet, this.#port)}`);
      if (packet.inner?.protocol === Protocol.TCP) {
        const { saddr, sport, daddr, dport } = packet.inner;
        this.#closed.add(flowKey(saddr, sport, daddr, dport));
      }
      if (packet.protocol !== Protocol.TCP) continue;
      const flow = flowKey(packet.saddr, packet.sport, packet.daddr, packet.dport);
      if (!opens(packet)) this.#acknowledged.add(flow);
      if (!isSpoofed(event, packet)) this.#segments.set(flow, packet);
    }
    const bytes = frames.map(([, , , data]) => unhex(data));
    for (const [netns, events] of Object.entries(rules)) seen.rules.push(...runsOf(netns, events, this.#port, bytes));
    for (const { netns, local, peer } of arrivals)
      seen.arrivals.push(
        `${netns} ${endText(local[0], this.#port(local[1]))} from ${endText(peer[0], this.#port(peer[1]))}`,
      );
    for (const { netns, state, flags, ...entry } of tracked) {
      if (entry.protocol === IGMP) continue;
      const mark = Number(flags.find((flag) => flag.startsWith('mark='))?.slice(5) ?? 0);
      const whole = {
        ...entry,
        mark,
        seenReply: !flags.includes('UNREPLIED'),
        assured: flags.includes('ASSURED'),
        ...(state !== '' && { tcpState: state }),
      };
      seen.conntrack.push(connectionText(netns, whole, this.#port));
    }
    for (const list of [seen.frames, seen.rules, seen.arrivals, seen.conntrack]) list.sort();
    return seen;
  }

  /** A bridge takes up everything that its ports see. */
  #isTaken(netns: string, link: string, direction: number): boolean {
    const own = this.#netnses.get(netns)?.links.find((l) => l.name === link);
    if (own?.kind === 'bridge') return false;
    if (direction === FOR_US) return true;
    if (direction !== FOR_ANOTHER || !own) return false;
    // Who is no port of a bridge gets frames for others by mistake, or because a bridge floods them.
    const other = this.#netnses.get(own.peer?.netns ?? '')?.links.find((l) => l.name === own.peer?.link);
    return own.master !== undefined || (other !== undefined && other.master === undefined);
  }
}

/** Numbers of a segment that somebody put on a wire say nothing about the socket that it seems to come from. */
const isSpoofed = ({ link, packet }: Event, seen: WirePacket): boolean =>
  link !== undefined &&
  packet.saddr === seen.saddr &&
  packet.sport === seen.sport &&
  packet.daddr === seen.daddr &&
  packet.dport === seen.dport;

/** An ICMPv6 error about neighbour discovery, whose header is cut off: it alone has a hop limit of 255. */
const isAboutDiscovery = (packet: WirePacket, bytes: Uint8Array): boolean =>
  packet.protocol === Protocol.ICMPV6 && isError(packet) && bytes[54] === Protocol.ICMPV6 && bytes[55] === 255;

/** Next header of a piece of IPv6. */
const FRAGMENT_HEADER = 44;

/** What is told of a piece of IPv6 behind the first: it ends within the source address. */
const CUT_SHORT = 20;
const HOP_LIMIT_AT = 7;

/** The whole header of what is told in part, from a packet that came by somewhere and is the same but for its hop limit. */
function wholeHeader(shown: Uint8Array, frames: readonly Uint8Array[]): Uint8Array {
  if (shown.length !== CUT_SHORT || (shown[0] ?? 0) >>> 4 !== 6) return shown;
  return frames.find((frame) => shown.every((byte, at) => at === HOP_LIMIT_AT || byte === frame[at])) ?? shown;
}

/** What is shown with a rule has the header of IP and that of the transport; a piece's own, between the two, is left out (nf_trace_fill_pkt_info). */
function shownPacket(bytes: Uint8Array): WirePacket {
  const packet = decodePacket(bytes);
  const isPiece = packet.family === 6 && bytes[6] === FRAGMENT_HEADER;
  return isPiece ? { ...packet, fragment: { offset: 0, more: true, whole: 0 } } : packet;
}

/** One packet's run of a base chain. */
interface Run {
  head: string;
  rules: string[];
}

function headOf(netns: string, { family, table, chain }: ShownEvent, packet: WirePacket, port: PortName): string {
  return `${netns} ${FAMILIES[family] ?? family} ${table}/${chain} (${flowText(packet, port)})`;
}

type ShownEvent = Extract<RuleEvent, { table: string }>;

const ruleText = ({ chain, rule, verdict = '', target }: ShownEvent): string =>
  `${chain}#${rule} ${verdict}${target === undefined ? '' : ` ${target}`}`;

/**
 * Events of one namespace as runs of base chains: each begins with the event that shows the packet. A packet that a rule makes goes its way
 * before that rule's own event is told. `frames`: what came in anywhere meanwhile.
 */
export function runsOf(
  netns: string,
  events: readonly RuleEvent[],
  port: PortName,
  frames: readonly Uint8Array[] = [],
): string[] {
  const runs: Run[] = [];
  const byPacket = new Map<string, Run>();
  for (const event of events) {
    // The packet is gone; another run may have its number.
    if ('verdict' in event && event.verdict === 'stolen') continue;
    if ('lost' in event) return [`${netns}: events were lost`];
    if (event.packet !== undefined) {
      const bytes = new Uint8Array(64);
      bytes.set(wholeHeader(unhex(event.packet), frames).subarray(0, bytes.length));
      const packet = shownPacket(bytes);
      const run = { head: headOf(netns, event, packet, port), rules: [] };
      byPacket.set(event.id, run);
      if (!LAB_TABLES.has(event.table) && !isChatter(packet) && !isAboutDiscovery(packet, bytes)) runs.push(run);
    }
    const run = byPacket.get(event.id);
    if (event.rule !== undefined) run?.rules.push(ruleText(event));
    else if (event.policy !== undefined) run?.rules.push(`policy ${event.policy}`);
  }
  return runs.map(({ head, rules }) => `${head}: ${rules.join(', ')}`);
}
