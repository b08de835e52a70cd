/** TCP segment by segment, of two ends that no namespace has: what conntrack on the way thinks of sequence numbers and windows. */
import { type Family, type Packet, Protocol, plainPacket, TcpFlag } from '@podwire/engine';
import { random, tcpNumbers } from '@podwire/engine/reference';
import type { Random } from '../lab/random.ts';
import type { Event } from './scenario.ts';
import { type Draft, isStacked, type Plan } from './topology.ts';

const { SYN, ACK, FIN, RST, PSH } = TcpFlag;
const HANDSHAKE = [SYN, SYN | ACK, ACK];
const FLAGS = [SYN, SYN | ACK, ACK, ACK, ACK, ACK | PSH, ACK | PSH, FIN | ACK, FIN | ACK, RST, RST | ACK];

export const WINDOW_SETTINGS: readonly (readonly [name: string, values: readonly number[]])[] = [
  ['tcp_be_liberal', [0, 0, 0, 1]],
  ['tcp_loose', [1, 1, 0]],
  ['tcp_ignore_invalid_rst', [0, 0, 1]],
  ['tcp_max_retrans', [3, 1]],
];

interface Side {
  link: string;
  saddr: string;
  sport: number;
}

/** Makes one event after the other; those of both ends come in by links of one namespace. */
export class Conversation {
  readonly #r: Random;
  readonly #family: Family;
  readonly #netns: string;
  readonly #sides: readonly [client: Side, server: Side];
  readonly #said: { side: 0 | 1; packet: Packet }[] = [];

  constructor(r: Random, plan: Plan, netns: Draft) {
    this.#r = r;
    this.#family = r.chance(0.6) ? 4 : 6;
    this.#netns = netns.name;
    const links = netns.links.filter((link) => link.kind !== 'bridge' && !isStacked(link)).map(({ name }) => name);
    const [near = 'eth0', far = near] = r.some(links, 2);
    const [client, server] = r.some(plan.strangers[this.#family], 2) as [string, string];
    this.#sides = [
      { link: near, saddr: client, sport: r.between(40000, 40002) },
      { link: far, saddr: server, sport: r.pick([80, 443]) },
    ];
  }

  next(): Event {
    const r = this.#r;
    const step = this.#said.length;
    const regular = step < HANDSHAKE.length && r.chance(0.85);
    const side = regular ? (step === 1 ? 1 : 0) : r.pick([0, 1] as const);
    const tcpFlags = regular ? (HANDSHAKE[step] as number) : r.pick(FLAGS);
    const own = this.#said.findLast((one) => one.side === side);
    const after = r.chance(0.5) ? this.#said.at(-1) : (own ?? this.#said.at(-1));
    const packet = this.#segment(side, tcpFlags, after);
    this.#said.push({ side, packet });
    return { netns: this.#netns, link: (this.#sides[side] as Side).link, packet };
  }

  #segment(side: 0 | 1, tcpFlags: number, after: { side: 0 | 1; packet: Packet } | undefined): Packet {
    const r = this.#r;
    const [from, to] = side === 0 ? this.#sides : [this.#sides[1], this.#sides[0]];
    const least = this.#family === 4 ? 20 : 40;
    const numbers = () =>
      tcpNumbers(random(r.between(0, 0x7fffffff)), tcpFlags, after?.packet, after?.side !== side).tcp;
    let tcp = numbers();
    while (!tcp) tcp = numbers();
    const options = (tcp.windowScale === undefined ? 0 : 3) + (tcp.sackPermitted ? 2 : 0);
    const header = Math.max(20 + Math.ceil(options / 4) * 4, tcp.header ?? 20);
    return plainPacket({
      protocol: Protocol.TCP,
      saddr: from.saddr,
      daddr: to.saddr,
      sport: from.sport,
      dport: to.sport,
      tcpFlags,
      length: least + header + (tcpFlags & (SYN | RST) ? 0 : r.pick([0, 0, 20, 500])),
      tcp: { ...tcp, header },
    });
  }
}

/** Of a segment that stands alone. */
export const alone = (packet: Packet): Packet => ({
  ...packet,
  tcp: {
    seq: packet.tcpFlags & SYN ? 1000 : 1001,
    ack: packet.tcpFlags & ACK ? 1 : 0,
    window: 65535,
  },
});
