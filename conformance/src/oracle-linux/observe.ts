/** What the kernel says about an event, in the same words as the machine. */
import type { Netns } from '@podwire/engine';
import { Protocol, TcpFlag } from '@podwire/engine';
import type { EventAnswer, EventRequest, Lab, RuleEvent } from '../lab/lab.ts';
import type { Plugs } from '../lab/plan.ts';
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
  type Numbers,
  numbersAfter,
  unhex,
  type WirePacket,
} from './wire.ts';

/** Directions that a packet socket knows (include/uapi/linux/if_packet.h): for us, and for somebody else. */
const FOR_US = 0;
const FOR_ANOTHER = 3;

const FAMILIES: Readonly<Record<number, string>> = { 2: 'ip', 10: 'ip6' };
/** The table that asks for events has no rules of its own to show. */
export const TRACING_TABLE = 'oracle';

export interface Patience {
  quietMs: number;
  patienceMs: number;
}

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
    if (!this.#carries(netns, link, packet.length)) return false;
    if (packet.protocol !== Protocol.TCP) return true;
    const { saddr, sport, daddr, dport } = packet;
    const isAnswer = this.#scenario.events.some(
      (e) =>
        e.link === undefined &&
        e.packet.protocol === Protocol.TCP &&
        e.packet.sport === dport &&
        e.packet.dport === sport &&
        e.packet.daddr === saddr,
    );
    const flow = flowKey(daddr, dport, saddr, sport);
    return !isAnswer || (this.#segments.has(flow) && !this.#closed.has(flow));
  }

  #carries(netns: string, link: string, length: number): boolean {
    const own = this.#netnses.get(netns)?.links.find((l) => l.name === link);
    const plug = this.#plugs[`${netns} ${link}`];
    const other = this.#netnses.get(plug?.netns ?? '')?.links.find((l) => l.name === plug?.link);
    return [own, other].every((end) => end?.up !== false && length <= (end?.mtu ?? 1500));
  }

  async play(event: Event, { quietMs, patienceMs }: Patience): Promise<Seen> {
    const tracking = this.#scenario.network.netnses
      .filter((netns) => netns.netfilter.length > 0)
      .map(({ name }) => name);
    const answer = await this.#lab.event({ ...this.#request(event), quietMs, patienceMs, tracking });
    return this.#read(answer);
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
    const numbers = this.#numbersFor(packet);
    const whole = { ...packet, ...(numbers && { numbers }) };
    return {
      inject: { netns: plug.netns, link: plug.link, frame: encodeFrame(whole, plug.mac ?? MADE_UP_MAC, device.mac) },
    };
  }

  /** TCP takes a segment as the answer to what was sent to its sender. */
  #numbersFor({ protocol, tcpFlags, saddr, sport, daddr, dport }: WirePacket): Numbers | undefined {
    if (protocol !== Protocol.TCP) return undefined;
    const seen = this.#segments.get(flowKey(daddr, dport, saddr, sport));
    if (seen) return numbersAfter(seen);
    return { sequence: tcpFlags & TcpFlag.SYN ? 1000 : 1001, acknowledgement: tcpFlags & TcpFlag.ACK ? 1 : 0 };
  }

  #read({ frames, rules, arrivals, tracked }: EventAnswer): Seen {
    const seen: Seen = { frames: [], rules: [], arrivals: [], conntrack: [] };
    for (const [netns, link, direction, data] of frames) {
      const packet = decodePacket(unhex(data));
      if (isChatter(packet) || !this.#isTaken(netns, link, direction)) continue;
      seen.frames.push(`${netns} ${link}: ${packetText(packet, this.#port)}`);
      if (packet.inner?.protocol === Protocol.TCP) {
        const { saddr, sport, daddr, dport } = packet.inner;
        this.#closed.add(flowKey(saddr, sport, daddr, dport));
      }
      if (packet.protocol === Protocol.TCP)
        this.#segments.set(flowKey(packet.saddr, packet.sport, packet.daddr, packet.dport), packet);
    }
    for (const [netns, events] of Object.entries(rules)) seen.rules.push(...runsOf(netns, events, this.#port));
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
    for (const list of Object.values(seen)) list.sort();
    return seen;
  }

  /** A bridge takes up everything that its ports see. */
  #isTaken(netns: string, link: string, direction: number): boolean {
    const own = this.#netnses.get(netns)?.links.find((l) => l.name === link);
    if (own?.kind === 'bridge') return false;
    return direction === FOR_US || (direction === FOR_ANOTHER && own?.master !== undefined);
  }
}

/** Events of one namespace as runs of base chains: each begins with the event that shows the packet. */
function runsOf(netns: string, events: readonly RuleEvent[], port: PortName): string[] {
  const runs: string[] = [];
  let rules: string[] = [];
  let head = '';
  let isShown = false;
  const finish = () => {
    if (isShown) runs.push(`${head}: ${rules.join(', ')}`);
    rules = [];
  };
  for (const event of events) {
    if ('lost' in event) return [`${netns}: events were lost`];
    if (event.packet !== undefined) {
      finish();
      const packet = decodePacket(unhex(event.packet.padEnd(2 * 64, '0')));
      isShown = event.table !== TRACING_TABLE && !isChatter(packet);
      const base = event.chain;
      head = `${netns} ${FAMILIES[event.family] ?? event.family} ${event.table}/${base} (${flowText(packet, port)})`;
    }
    if (event.rule !== undefined) {
      const target = event.target === undefined ? '' : ` ${event.target}`;
      rules.push(`${event.chain}#${event.rule} ${event.verdict ?? ''}${target}`);
    } else if (event.policy !== undefined) rules.push(`policy ${event.policy}`);
  }
  finish();
  return runs;
}
