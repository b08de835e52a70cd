/**
 * A connection, datagram or echo, there and back: what the client's call returns, who answered, what the other end saw. Works on any
 * `Machine`; changes its state as the packets do.
 */
import type { Machine } from './machine.ts';
import type { Packet } from './packet.ts';
import { Disposition, Protocol, Reason, TcpFlag } from './terms.ts';
import type { Endpoint, Walk } from './walk.ts';

/**
 * `reply`: the other end answered and the client's socket took it. `refused`: nothing listens there. `rejected`: a REJECT rule said no,
 * by an ICMP error or a reset. `unreachable`: a router, or the client's own stack, knows no way. `timeout`: nothing came back.
 */
export type Outcome = 'reply' | 'refused' | 'rejected' | 'unreachable' | 'timeout';

/** What the client's system call reports (errno). */
export type Errno =
  | 'EACCES'
  | 'EADDRNOTAVAIL'
  | 'ECONNREFUSED'
  | 'ECONNRESET'
  | 'EHOSTDOWN'
  | 'EHOSTUNREACH'
  | 'EINVAL'
  | 'EMSGSIZE'
  | 'ENETUNREACH'
  | 'ENONET'
  | 'ENOPROTOOPT'
  | 'EOPNOTSUPP'
  | 'EPERM'
  | 'EPROTO';

export interface Conversation {
  outcome: Outcome;
  /** Absent for a reply, and where the client waits in vain. */
  error?: Errno;
  /** No packet left the client's network namespace. */
  local: boolean;
  /** The client's own end, as its socket has it. */
  client: Endpoint;
  /** Who got the packet: set when it was delivered or refused. `address` and `port` as they were reached. */
  endpoint?: { netns: string } & Endpoint;
  /** The source that the endpoint saw. */
  saw?: Endpoint;
  /** The ICMP error that the client got; `sender` as the client sees it. */
  icmp?: { type: number; code: number; sender: string };
  there: Walk;
  /** The answer's walk; absent where nothing was sent back. */
  back?: Walk;
  /** The reset with which a stack meets an answer it does not know: it ends the connection on its way. */
  reset?: Walk;
}

const isIcmp = (packet: Packet) => packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6;
const isError = (packet: Packet) => packet.inner !== undefined;

/** Ports of a packet, the identifier for an echo. */
const sourceOf = (packet: Packet): Endpoint => ({
  address: packet.saddr,
  port: isIcmp(packet) ? packet.icmpId : packet.sport,
});
const destinationOf = (packet: Packet): Endpoint => ({
  address: packet.daddr,
  port: isIcmp(packet) ? packet.icmpId : packet.dport,
});

const same = (a: Endpoint, b: Endpoint) => a.address === b.address && a.port === b.port;

/** icmp_err_convert (net/ipv4/icmp.c), by code of destination unreachable. */
const UNREACHABLE_4: readonly Errno[] = [
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENOPROTOOPT',
  'ECONNREFUSED',
  'EMSGSIZE',
  'EOPNOTSUPP',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENONET',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EHOSTUNREACH',
  'EHOSTUNREACH',
  'EHOSTUNREACH',
];

/** tab_unreach (net/ipv6/icmp.c). */
const UNREACHABLE_6: readonly Errno[] = [
  'ENETUNREACH',
  'EACCES',
  'EHOSTUNREACH',
  'EHOSTUNREACH',
  'ECONNREFUSED',
  'EACCES',
  'EACCES',
];

function errnoOf({ protocol, icmpType, icmpCode }: Packet): Errno {
  if (protocol === Protocol.ICMP) {
    if (icmpType === 11) return 'EHOSTUNREACH';
    return icmpType === 3 ? (UNREACHABLE_4[icmpCode] ?? 'EHOSTUNREACH') : 'EPROTO';
  }
  if (icmpType === 2) return 'EMSGSIZE';
  if (icmpType === 3) return 'EHOSTUNREACH';
  return icmpType === 1 ? (UNREACHABLE_6[icmpCode] ?? 'EPROTO') : 'EPROTO';
}

/** What `connect` or `send` returns where the packet's own maker could not send it. That nobody has the next hop comes later, as ICMP by `lo`, which rules may drop. */
const LOCAL_ERRORS: Partial<Record<Reason, Errno>> = {
  [Reason.NO_ROUTE]: 'ENETUNREACH',
  [Reason.ROUTE_UNREACHABLE]: 'EHOSTUNREACH',
  [Reason.ROUTE_PROHIBIT]: 'EACCES',
  [Reason.ROUTE_BLACKHOLE]: 'EINVAL',
  [Reason.BAD_SCOPE]: 'EINVAL',
  [Reason.NO_SOURCE_ADDRESS]: 'EADDRNOTAVAIL',
  [Reason.FRAGMENTATION_NEEDED]: 'EMSGSIZE',
  [Reason.NO_BACKEND]: 'EHOSTUNREACH',
};

const stillAtSender = ({ steps }: Walk): boolean => {
  const enters = steps.filter((step) => step.kind === 'enter');
  // What becomes of an outer packet, its tunnel does not tell.
  const isWrapped = steps.some((step) => step.kind === 'encapsulate');
  return enters.length === 1 && enters[0]?.link === undefined && !isWrapped;
};

/** It ended as the outer packet of a tunnel: what is said of that one is said to the tunnel, not to the client. */
export const endsWrapped = ({ steps }: Walk): boolean =>
  steps.filter((step) => step.kind === 'encapsulate').length >
  steps.filter((step) => step.kind === 'decapsulate').length;

const leftHost = ({ steps }: Walk): boolean => steps.some((step) => step.kind === 'transmit' && step.to !== undefined);

const wasRerouted = ({ steps }: Walk): boolean =>
  steps.some((step) => step.kind === 'route' && step.purpose === 'reroute');

/**
 * The error that the sender's own stack gives. TCP keeps trying where netfilter ate its SYN, or where there is no way only for the
 * address that nat put in; others hear of it from `send`.
 */
function localError(there: Walk, protocol: number): Errno | undefined {
  if (!stillAtSender(there)) return undefined;
  const { disposition, reason } = there.end;
  const tcp = protocol === Protocol.TCP;
  const known = LOCAL_ERRORS[reason];
  if (known) return tcp && wasRerouted(there) ? undefined : known;
  // IPVS drops for want of a server (ip_vs_leave), and steals what it does not carry across (ip_vs_nat_xmit).
  const byRule = disposition === Disposition.DROPPED || disposition === Disposition.REJECTED;
  const eaten = (byRule && reason !== Reason.SERVER_BOUNDARY) || reason === Reason.NO_SERVER;
  return eaten && !tcp ? 'EPERM' : undefined;
}

/** Does the client's socket know this answer as one to what it sent? */
function accepts(answer: Walk, netns: string, asked: Packet): boolean {
  const { end } = answer;
  if (end.netns !== netns || end.disposition !== Disposition.DELIVERED) return false;
  const { packet } = end;
  if (packet.inner) {
    const about = packet.inner;
    return (
      end.reason === Reason.SOCKET &&
      about.protocol === asked.protocol &&
      same(sourceOf(about), sourceOf(asked)) &&
      same(destinationOf(about), destinationOf(asked))
    );
  }
  return (
    packet.protocol === asked.protocol &&
    same(destinationOf(packet), sourceOf(asked)) &&
    same(sourceOf(packet), destinationOf(asked))
  );
}

function outcomeOf(there: Walk, answer: Packet): Outcome {
  if (there.end.disposition === Disposition.REJECTED) return 'rejected';
  if (there.end.disposition === Disposition.REFUSED) return 'refused';
  if (isError(answer)) return 'unreachable';
  return answer.protocol === Protocol.TCP && answer.tcpFlags & TcpFlag.RST ? 'refused' : 'reply';
}

/** The packet as it left the client's socket: with the source that routing chose. */
function sentPacket(there: Walk, packet: Packet): Packet {
  if (packet.saddr !== '') return packet;
  const route = there.steps.find((step) => step.kind === 'route');
  return route?.source === undefined ? packet : { ...packet, saddr: route.source };
}

function reached(there: Walk): Pick<Conversation, 'endpoint' | 'saw'> {
  const { disposition, netns, packet } = there.end;
  if (disposition !== Disposition.DELIVERED && disposition !== Disposition.REFUSED) return {};
  return { endpoint: { netns, ...destinationOf(packet) }, saw: sourceOf(packet) };
}

/**
 * Sends `packet` from a process in `netns` and follows the answer home. An empty `saddr` is chosen by routing. The packet opens the
 * connection (a SYN, a datagram, an echo request) or belongs to it: see `continueConversation`.
 */
export function converse(machine: Machine, netns: string, packet: Packet): Conversation {
  return answered(machine, netns, packet, machine.send(netns, packet));
}

/** What comes of a packet that went `there`. */
function answered(machine: Machine, netns: string, packet: Packet, there: Walk): Conversation {
  const answer = there.end.answers ? machine.answer() : undefined;
  const back = endsWrapped(there) ? undefined : answer;
  const reset = back?.end.reason === Reason.NO_SOCKET && back.end.answers ? machine.answer() : undefined;
  const sent = sentPacket(there, packet);
  const common = {
    local: !leftHost(there),
    client: sourceOf(sent),
    there,
    ...(back ? { back } : {}),
    ...(reset ? { reset } : {}),
    ...reached(there),
  };
  const error = localError(there, packet.protocol);
  if (back && accepts(back, netns, sent)) {
    const heardOf = back.end.packet;
    const icmp = isError(heardOf)
      ? { icmp: { type: heardOf.icmpType, code: heardOf.icmpCode, sender: heardOf.saddr } }
      : {};
    const outcome = outcomeOf(there, heardOf);
    const heard = isError(heardOf) ? errnoOf(heardOf) : outcome === 'reply' ? undefined : 'ECONNREFUSED';
    const reported = error ?? heard;
    return { outcome, ...(reported ? { error: reported } : {}), ...icmp, ...common };
  }
  const unreachable = error !== undefined && there.end.disposition === Disposition.UNREACHABLE;
  return {
    outcome: unreachable ? 'unreachable' : 'timeout',
    ...(error ? { error } : {}),
    ...common,
  };
}

/**
 * The next packet of a conversation that had a reply, and what comes back: for TCP the handshake's last segment and then data, an
 * acknowledgement from the other end; another datagram or echo otherwise. Throws where there was no reply.
 */
export function continueConversation(
  machine: Machine,
  { outcome, endpoint, saw, client, there }: Conversation,
): Conversation {
  const start = there.steps.find((step) => step.kind === 'enter');
  if (outcome !== 'reply' || !endpoint || !saw || !start)
    throw new RangeError('only a conversation with a reply goes on');
  const netns = start.netns.name;
  const packet = { ...start.packet, saddr: client.address };
  if (packet.protocol !== Protocol.TCP) return converse(machine, netns, packet);
  machine.send(netns, { ...packet, tcpFlags: TcpFlag.ACK });
  const data = { ...packet, tcpFlags: TcpFlag.ACK | TcpFlag.PSH };
  const onward = machine.send(netns, data);
  const common = { local: !leftHost(onward), client, there: onward, ...reached(onward) };
  if (onward.end.disposition !== Disposition.DELIVERED || onward.end.netns !== endpoint.netns)
    return { outcome: 'timeout', ...common };
  const back = machine.send(endpoint.netns, {
    ...data,
    saddr: endpoint.address,
    sport: endpoint.port,
    daddr: saw.address,
    dport: saw.port,
    tcpFlags: TcpFlag.ACK,
  });
  return { outcome: accepts(back, netns, packet) ? 'reply' : 'timeout', ...common, back };
}

/**
 * A later packet of a conversation that had a reply, where hosts and rules may have changed since: for TCP data, which who has the connection
 * acknowledges and who has not resets (tcp_v4_rcv(), `no_tcp_socket`); another datagram or echo otherwise. Throws where there was no reply.
 */
export function resumeConversation(machine: Machine, { outcome, client, there: before }: Conversation): Conversation {
  const start = before.steps.find((step) => step.kind === 'enter');
  if (outcome !== 'reply' || !start) throw new RangeError('only a conversation with a reply goes on');
  const netns = start.netns.name;
  const packet = { ...start.packet, saddr: client.address };
  if (packet.protocol !== Protocol.TCP) return converse(machine, netns, packet);
  const data = { ...packet, tcpFlags: TcpFlag.ACK | TcpFlag.PSH };
  const there = machine.send(netns, data);
  const end = { netns: there.end.netns, ...destinationOf(there.end.packet) };
  const saw = sourceOf(there.end.packet);
  if (there.end.disposition !== Disposition.DELIVERED) {
    const ended = answered(machine, netns, data, there);
    if (there.end.reason !== Reason.NO_SOCKET) return ended;
    return { ...ended, ...(ended.outcome === 'refused' && { error: 'ECONNRESET' }), endpoint: end, saw };
  }
  const back = machine.send(end.netns, {
    ...data,
    saddr: end.address,
    sport: end.port,
    daddr: saw.address,
    dport: saw.port,
    tcpFlags: TcpFlag.ACK,
  });
  const arrived = accepts(back, netns, data);
  return { outcome: arrived ? 'reply' : 'timeout', local: !leftHost(there), client, there, back, endpoint: end, saw };
}
