/** Connections and the settings of connection tracking as records. */
import { CtSetting, CtStatus, SctpState, TcpState } from './ct-codes.ts';
import type { Helpers } from './encode-helpers.ts';
import { addressOf, type Encoding } from './encoding.ts';
import type { ConntrackEntry, Tuple } from './network.ts';
import { type Sysctls, sysctl } from './sysctl.ts';
import { Protocol } from './terms.ts';

const BOTH_DIRECTIONS = 3;
/** `TCP_NONE_SET`: no packet has been seen yet. */
const NO_SEGMENT = 5;
/** `timeout` of a record whose state says how long it stays. */
const BY_STATE = 0xffffffff;

/** Names behind `net.netfilter.nf_conntrack_`, in the order of `CtSetting`; states whose time nobody can set (NONE, SYN_SENT2) have it here. */
const SETTINGS: readonly (string | number)[] = [
  120,
  'tcp_timeout_syn_sent',
  'tcp_timeout_syn_recv',
  'tcp_timeout_established',
  'tcp_timeout_fin_wait',
  'tcp_timeout_close_wait',
  'tcp_timeout_last_ack',
  'tcp_timeout_time_wait',
  'tcp_timeout_close',
  120,
  'tcp_timeout_max_retrans',
  'tcp_timeout_unacknowledged',
  'udp_timeout',
  'udp_timeout_stream',
  'icmp_timeout',
  'icmpv6_timeout',
  'generic_timeout',
  'gre_timeout',
  'gre_timeout_stream',
  10,
  'sctp_timeout_closed',
  'sctp_timeout_cookie_wait',
  'sctp_timeout_cookie_echoed',
  'sctp_timeout_established',
  'sctp_timeout_shutdown_sent',
  'sctp_timeout_shutdown_recd',
  'sctp_timeout_shutdown_ack_sent',
  'sctp_timeout_heartbeat_sent',
  'max',
  'tcp_max_retrans',
  'tcp_be_liberal',
  'tcp_ignore_invalid_rst',
];

/** Settings of namespaces: written once for all that have the same. */
export class CtSettings {
  readonly #encoding: Encoding;
  readonly #known = new Map<string, number>();

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  of(sysctls: Sysctls): number {
    const values = SETTINGS.map((name) =>
      typeof name === 'number' ? name : sysctl(sysctls, `net.netfilter.nf_conntrack_${name}`),
    );
    const key = values.join();
    let at = this.#known.get(key);
    if (at === undefined) {
      const { arena } = this.#encoding;
      at = arena.alloc(CtSetting.COUNT * 4);
      arena.u32.set(values, at >>> 2);
      this.#known.set(key, at);
    }
    return at;
  }
}

function encodeTuple(encoding: Encoding, at: number, tuple: Tuple, entry: ConntrackEntry, netns: number): void {
  const { abi, arena } = encoding;
  arena.putWords(at + abi.TUPLE_SADDR, addressOf(tuple.saddr, 'conntrack').words);
  arena.putWords(at + abi.TUPLE_DADDR, addressOf(tuple.daddr, 'conntrack').words);
  arena.u32[(at + abi.TUPLE_NETNS) >>> 2] = netns;
  arena.u16[(at + abi.TUPLE_SPORT) >>> 1] = tuple.sport;
  arena.u16[(at + abi.TUPLE_DPORT) >>> 1] = tuple.dport;
  arena.u16[(at + abi.TUPLE_ZONE) >>> 1] = entry.zone;
  arena.u8[at + abi.TUPLE_FAMILY] = entry.family;
  arena.u8[at + abi.TUPLE_PROTOCOL] = entry.protocol;
}

/** Its state as a number, of the protocol's own list. */
function stateOf({ protocol, tcpState, state }: ConntrackEntry): number {
  if (protocol === Protocol.TCP) return TcpState[tcpState as keyof typeof TcpState] ?? TcpState.NONE;
  return protocol === Protocol.SCTP ? (SctpState[state as keyof typeof SctpState] ?? SctpState.NONE) : 0;
}

/** Connections at the start count as confirmed, and as having their NAT decided. */
export function encodeFlows(
  encoding: Encoding,
  entries: readonly ConntrackEntry[],
  netns: number,
  helpers: Helpers,
): number {
  const { abi, arena } = encoding;
  const first = arena.alloc(entries.length * abi.FLOW_SIZE);
  for (const [i, entry] of entries.entries()) {
    const at = first + i * abi.FLOW_SIZE;
    encodeTuple(encoding, at, entry.original, entry, netns);
    encodeTuple(encoding, at + abi.FLOW_REPLY, entry.reply, entry, netns);
    arena.u32[(at + abi.FLOW_STATUS) >>> 2] =
      CtStatus.SRC_DONE |
      CtStatus.DST_DONE |
      (entry.seenReply ? CtStatus.SEEN_REPLY : 0) |
      (entry.assured ? CtStatus.ASSURED : 0) |
      (entry.snat ? CtStatus.SNAT : 0) |
      (entry.dnat ? CtStatus.DNAT : 0);
    arena.u32[(at + abi.FLOW_MARK) >>> 2] = entry.mark;
    if (entry.details?.helper !== undefined) arena.u32[(at + abi.FLOW_HELPER) >>> 2] = helpers.of(entry.details.helper);
    // The engine turns seconds into a point of its clock when it takes the record over.
    arena.u32[(at + abi.FLOW_EXPIRES) >>> 2] = entry.timeout ?? BY_STATE;
    arena.u16[(at + abi.FLOW_ZONE) >>> 1] = entry.zone;
    arena.u8[at + abi.FLOW_ZONE_DIRECTIONS] = BOTH_DIRECTIONS;
    arena.u8[at + abi.FLOW_TCP_LAST_INDEX] = NO_SEGMENT;
    arena.u8[at + abi.FLOW_STATE] = stateOf(entry);
  }
  return first;
}
