/** Network address translation at one hook: nf_nat_inet_fn, nf_nat_setup_info, nf_nat_packet (net/netfilter/nf_nat_core.c). */
import { CtDirection, CtState, Hook, type Packet, type Tuple } from '../src/index.ts';
import { runChain } from './chain.ts';
import { translateError } from './nat-icmp.ts';
import { type Manip, type Range, uniqueTuple } from './nat-tuple.ts';
import type { Connection, CtInfo, HookEntry, Host, Run, Skb, Stop } from './state.ts';
import { hasPorts, invert, isIcmp, isIcmpQuery, sameTuple } from './tuple.ts';

export const manipOf = (hook: Hook): Manip => (hook === Hook.POSTROUTING || hook === Hook.INPUT ? 'src' : 'dst');

const isDone = (connection: Connection, manip: Manip) => (manip === 'src' ? connection.srcDone : connection.dstDone);

/** Binds one side of a new connection (nf_nat_setup_info). A confirmed connection keeps what it has. */
export function setUpNat(host: Host, connection: Connection, range: Range, manip: Manip): void {
  if (connection.confirmed) return;
  const current = invert(connection.protocol, connection.tuples[1]) as Tuple;
  const { tuple, free, drawn } = uniqueTuple(host, connection, current, range, manip);
  if (!sameTuple(tuple, current)) {
    connection.tuples = [connection.tuples[0], invert(connection.protocol, tuple) as Tuple];
    if (manip === 'src') connection.snat = true;
    else connection.dnat = true;
  }
  connection.exhausted = free ? undefined : { rule: undefined };
  connection.drawn = drawn && drawn.from !== drawn.to ? { manip, ...drawn } : undefined;
  if (manip === 'src') connection.srcDone = true;
  else connection.dstDone = true;
}

/** The mapping that changes nothing, unless a source port must move (nf_nat_alloc_null_binding). */
function bindNull(host: Host, connection: Connection, manip: Manip): void {
  const reply = connection.tuples[1];
  const address = manip === 'src' ? reply.daddr : reply.saddr;
  setUpNat(host, connection, { addresses: { from: address, to: address } }, manip);
}

/** Does the connection rewrite this side of packets of this direction? */
export function rewrites(connection: Connection, direction: CtDirection, manip: Manip): boolean {
  const source = (manip === 'src') === (direction === CtDirection.ORIGINAL);
  return source ? connection.snat : connection.dnat;
}

/** One side of the header as `target` has it (nf_nat_manip_pkt). */
export function rewriteSide(packet: Packet, target: Tuple, manip: Manip): Packet {
  const changed = { ...packet };
  if (manip === 'src') changed.saddr = target.saddr;
  else changed.daddr = target.daddr;
  if (hasPorts(packet.protocol)) {
    if (manip === 'src') changed.sport = target.sport;
    else changed.dport = target.dport;
  } else if (isIcmpQuery(packet)) changed.icmpId = target.sport;
  return changed;
}

function portFor(packet: Packet, manip: Manip): number {
  if (isIcmp(packet.protocol)) return packet.icmpId;
  if (!hasPorts(packet.protocol)) return 0;
  return manip === 'src' ? packet.sport : packet.dport;
}

/** Writes the step, if anything changed, and puts the packet in its place. */
export function replacePacket(
  run: Run,
  host: Host,
  skb: Skb,
  changed: Packet,
  hook: Hook,
  manip: Manip,
  binding: boolean,
): void {
  const end = (packet: Packet) => ({
    address: manip === 'src' ? packet.saddr : packet.daddr,
    port: portFor(packet, manip),
  });
  const from = end(skb.packet);
  const to = end(changed);
  const innerChanged = changed.inner !== skb.packet.inner;
  if (from.address === to.address && from.port === to.port && !innerChanged) return;
  skb.packet = changed;
  const drawn = skb.ct?.connection?.confirmed === false ? skb.ct.connection.drawn : undefined;
  const anyPort = drawn?.manip === manip ? { anyPort: { from: drawn.from, to: drawn.to } } : {};
  run.steps.push({ kind: 'nat', netns: host.netns, hook, manip, binding, from, to, ...anyPort });
}

function translate(run: Run, host: Host, skb: Skb, ct: CtInfo, hook: Hook, binding: boolean): void {
  const connection = ct.connection as Connection;
  const manip = manipOf(hook);
  if (!rewrites(connection, ct.direction, manip)) return;
  const other = ct.direction === CtDirection.ORIGINAL ? 1 : 0;
  const target = invert(connection.protocol, connection.tuples[other]);
  if (target) replacePacket(run, host, skb, rewriteSide(skb.packet, target, manip), hook, manip, binding);
}

/** Runs the nat chains for the first packet, applies the binding to every packet. */
export function natHook(
  run: Run,
  host: Host,
  skb: Skb,
  hook: Hook,
  entry: HookEntry & { kind: 'nat' },
): Stop | undefined {
  const { ct } = skb;
  if (!ct?.connection) return undefined;
  if (ct.state === CtState.RELATED && isIcmp(skb.packet.protocol)) {
    translateError(run, host, skb, ct, hook);
    return undefined;
  }
  const manip = manipOf(hook);
  const { connection } = ct;
  let byRule = false;
  if ((ct.state === CtState.NEW || ct.state === CtState.RELATED) && !isDone(connection, manip)) {
    for (const { table, chain, base } of entry.chains) {
      const result = runChain(run, host, skb, hook, table, chain, base);
      if (result.stop) return result.stop;
      byRule = isDone(connection, manip);
      if (!byRule) continue;
      if (connection.exhausted) connection.exhausted = { rule: result.rule };
      break;
    }
    if (!byRule) bindNull(host, connection, manip);
  }
  translate(run, host, skb, ct, hook, !byRule);
  return undefined;
}
