/** What the machine says about an event: its walks, those of all answers, and the connections they leave. */
import {
  type ConntrackEntry,
  Disposition,
  type End,
  type Endpoint,
  type HeaderField,
  type Machine,
  type Packet,
  type PortRange,
  Protocol,
  Reason,
  type Rule,
  TcpFlag,
  Verdict,
  type Walk,
} from '@podwire/engine';
import { endText } from '../oracle/seen.ts';
import type { Event, Scenario } from './scenario.ts';
import { flowText, type PortName, packetText, protocolName, type Seen } from './seen.ts';

/** More answers than that are no conversation but a storm. */
const MOST_ANSWERS = 12;

const VERDICTS: Readonly<Partial<Record<Verdict, string>>> = {
  [Verdict.CONTINUE]: 'continue',
  [Verdict.ACCEPT]: 'accept',
  [Verdict.DROP]: 'drop',
  // The target answers, and then drops.
  [Verdict.REJECT]: 'drop',
  [Verdict.JUMP]: 'jump',
  [Verdict.GOTO]: 'goto',
  [Verdict.RETURN]: 'return',
};

const isUdp = (packet: Packet) => packet.protocol === Protocol.UDP;
const isSynAck = ({ protocol, tcpFlags }: Packet) =>
  protocol === Protocol.TCP && (tcpFlags & (TcpFlag.SYN | TcpFlag.ACK)) === (TcpFlag.SYN | TcpFlag.ACK);

interface Client {
  netns: string;
  packet: Packet;
}

const clientKey = (netns: string, packet: Packet) =>
  `${netns} ${endText(packet.saddr, packet.sport)} ${endText(packet.daddr, packet.dport)}`;

/** Whether a walk ended with a piece of a packet, or with what had one in it: those behind it are followed no more. */
export function losesPiece({ steps, end }: Walk): boolean {
  // From the outermost packet of the moment to what it carries.
  const pieces = [false];
  for (const { kind } of steps) {
    if (kind === 'encapsulate') pieces.unshift(false);
    else if (kind === 'decapsulate') pieces.shift();
    else if (kind === 'fragment') pieces[0] = true;
    else if (kind === 'reassemble') pieces[0] = false;
  }
  return end.disposition !== Disposition.DELIVERED && (end.packet.fragment !== undefined || pieces.includes(true));
}

/** Reads one walk after the other into what the lab could see of them. */
class Reader {
  readonly seen: Seen = { frames: [], rules: [], arrivals: [], conntrack: [] };
  readonly #port: PortName;

  constructor(port: PortName) {
    this.#port = port;
  }

  read(walk: Walk): void {
    let packet = walk.end.packet;
    let rules: string[] = [];
    // The kernel shows the packet with the first rule of a chain that it tells of, as that left it.
    let about: string | undefined;
    for (const step of walk.steps) {
      if (step.kind === 'encapsulate' || step.kind === 'fragment' || step.kind === 'reassemble') packet = step.packet;
      else if (step.kind === 'enter') {
        packet = step.packet;
        if (step.link && !(step.link.up === false))
          this.seen.frames.push(`${step.netns.name} ${step.link.name}: ${packetText(packet, this.#port)}`);
      } else if (step.kind === 'route' && packet.saddr === '') {
        packet = { ...packet, saddr: step.source ?? '' };
      } else if (step.kind === 'nat') {
        packet = rewritten(packet, step.manip, step.to);
      } else if (step.kind === 'rule') {
        const { chain, index, rule, verdict, target } = step;
        packet = written(packet, rule);
        // Of a rule that did something before a test failed, the kernel tells nothing.
        if (verdict === Verdict.BREAK) continue;
        // Nor of one that sends the packet away: it is gone by then.
        if (verdict === Verdict.ACCEPT && rule.body.at(-1)?.kind === 'forward-to') continue;
        about ??= flowText(packet, this.#port);
        rules.push(`${chain.name}#${index} ${VERDICTS[verdict] ?? verdict}${target === undefined ? '' : ` ${target}`}`);
      } else if (step.kind === 'chain') {
        const { netns, table, chain, verdict, by } = step;
        const end = by === 'policy' ? [`policy ${VERDICTS[verdict] ?? verdict}`] : [];
        about ??= flowText(packet, this.#port);
        const told = [...rules, ...end].join(', ');
        if (told !== '')
          this.seen.rules.push(`${netns.name} ${table.family} ${table.name}/${chain.name} (${about}): ${told}`);
        rules = [];
        about = undefined;
      }
    }
  }

  arrival({ disposition, netns, packet }: End): void {
    if (disposition !== Disposition.DELIVERED || !isUdp(packet)) return;
    const there = endText(packet.daddr, this.#port(packet.dport));
    this.seen.arrivals.push(`${netns} ${there} from ${endText(packet.saddr, this.#port(packet.sport))}`);
  }
}

const WRITTEN: Readonly<Partial<Record<HeaderField, 'saddr' | 'daddr' | 'sport' | 'dport'>>> = {
  'ip saddr': 'saddr',
  'ip daddr': 'daddr',
  'ip6 saddr': 'saddr',
  'ip6 daddr': 'daddr',
  'th sport': 'sport',
  'th dport': 'dport',
};

/** The packet behind a rule that wrote into its header. Such a rule does nothing else before its last test. */
function written(packet: Packet, { body }: Rule): Packet {
  let result = packet;
  for (const statement of body) {
    if (statement.kind !== 'set-header' || statement.value.kind !== 'value') continue;
    const field = WRITTEN[statement.field];
    if (field) result = { ...result, [field]: statement.value.values[0] };
  }
  return result;
}

function rewritten(packet: Packet, manip: 'src' | 'dst', to: Endpoint): Packet {
  const echo = packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6;
  const ports = echo
    ? packet.inner
      ? {}
      : { icmpId: to.port }
    : manip === 'src'
      ? { sport: to.port }
      : { dport: to.port };
  return { ...packet, ...(manip === 'src' ? { saddr: to.address } : { daddr: to.address }), ...ports };
}

export function connectionText(netns: string, entry: Omit<ConntrackEntry, 'family'>, port: PortName): string {
  const { protocol, original, reply, tcpState, seenReply, assured, snat, dnat, mark, zone } = entry;
  const icmp = protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
  const flow = (t: ConntrackEntry['original']) =>
    `${endText(t.saddr, port(t.sport))} > ${endText(t.daddr, icmp ? t.dport : port(t.dport))}`;
  return [
    netns,
    protocolName(protocol),
    ...(tcpState ? [tcpState] : []),
    flow(original),
    'reply',
    flow(reply),
    ...(seenReply ? [] : ['UNREPLIED']),
    ...(assured ? ['ASSURED'] : []),
    ...(snat ? ['SNAT'] : []),
    ...(dnat ? ['DNAT'] : []),
    ...(mark === 0 ? [] : [`mark=${mark}`]),
    ...(zone === 0 ? [] : [`zone=${zone}`]),
  ].join(' ');
}

/** Plays a scenario's events on the machine, one by one. */
export class Predictor {
  readonly #machine: Machine;
  readonly #scenario: Scenario;
  readonly #port: PortName;
  /** The ports that NAT drew one from so far. */
  readonly drawn: PortRange[] = [];
  /** TCP sockets that wait for an answer to their SYN. */
  readonly #opening = new Map<string, Client>();

  constructor(machine: Machine, scenario: Scenario, port: PortName) {
    this.#machine = machine;
    this.#scenario = scenario;
    this.#port = port;
  }

  play(event: Event): Seen {
    const { netns, link, packet } = event;
    const reader = new Reader(this.#port);
    const first = this.#machine.send(netns, packet, link === undefined ? {} : { link });
    if (link === undefined && packet.protocol === Protocol.TCP) this.#open(netns, packet, first);
    let walk: Walk | undefined = first;
    for (let i = 0; walk && i < MOST_ANSWERS; i++) {
      reader.read(walk);
      this.drawn.push(...walk.steps.flatMap((step) => (step.kind === 'nat' && step.anyPort ? [step.anyPort] : [])));
      if (losesPiece(walk)) reader.seen.lostPiece = true;
      if (this.#serves(walk.end)) reader.arrival(walk.end);
      walk = this.#next(walk);
    }
    const { seen } = reader;
    for (const { name } of this.#scenario.network.netnses)
      for (const entry of this.#machine.conntrack(name)) seen.conntrack.push(connectionText(name, entry, this.#port));
    return {
      ...seen,
      frames: seen.frames.sort(),
      rules: seen.rules.sort(),
      arrivals: seen.arrivals.sort(),
      conntrack: seen.conntrack.sort(),
    };
  }

  #open(netns: string, packet: Packet, walk: Walk): void {
    const route = walk.steps.find((step) => step.kind === 'route');
    const sent = packet.saddr === '' ? { ...packet, saddr: route?.source ?? '' } : packet;
    this.#opening.set(clientKey(netns, sent), { netns, packet: sent });
  }

  /** What comes of the end of a walk: an answer, or the last segment of a handshake. */
  #next({ end }: Walk): Walk | undefined {
    const { packet, netns, reason, disposition } = end;
    if (disposition === Disposition.DELIVERED && reason === Reason.SOCKET && isSynAck(packet)) {
      const asked = { ...packet, saddr: packet.daddr, sport: packet.dport, daddr: packet.saddr, dport: packet.sport };
      const key = clientKey(netns, asked);
      const client = this.#opening.get(key);
      if (!client) return undefined;
      this.#opening.delete(key);
      return this.#machine.send(netns, { ...client.packet, tcpFlags: TcpFlag.ACK });
    }
    if (disposition === Disposition.DELIVERED && isUdp(packet)) {
      // A client takes an answer and is content; a server answers everybody.
      return this.#serves(end) ? this.#machine.answer() : undefined;
    }
    return end.answers ? this.#machine.answer() : undefined;
  }

  #serves({ netns, packet }: End): boolean {
    return this.#scenario.listening.some((l) => l.netns === netns && l.protocol === 'udp' && l.port === packet.dport);
  }
}
