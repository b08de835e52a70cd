/**
 * Helpers of connections: __nf_ct_try_assign_helper (net/netfilter/nf_conntrack_helper.c), nft_ct_helper_obj_eval (nft_ct.c), nf_ct_find_expectation
 * (nf_conntrack_expect.c). What a connection's packets say nobody knows: whether another one is expected is a choice, where it may be.
 */
import { HelperExpects, HelperPlace } from '../src/ct-codes.ts';
import { AUTOMATIC_HELPERS, helperText, scopeOfHelper } from '../src/ct-helpers.ts';
import { type Action, ChoiceKind, type Packet, Protocol, sysctl, type Tuple } from '../src/index.ts';
import { choose } from './choice.ts';
import type { Connection, Host, Run, Skb, Zone } from './state.ts';
import { GRE, isExpired } from './timeouts.ts';

/** A rule gives the packet's connection a helper; CT targets say so before there is one. */
export function giveHelper(skb: Skb, action: Action & { kind: 'ct-helper' }): void {
  if (action.isTemplate) {
    if (!skb.ct && skb.helper === undefined) skb.helper = action.helper;
    return;
  }
  const connection = skb.ct?.connection;
  if (!connection || connection.confirmed || connection.helper !== undefined) return;
  if (action.protocol !== 0 && connection.protocol !== action.protocol) return;
  if (action.family === undefined || action.family === connection.family) connection.helper = action.helper;
}

/** Of a new connection: what a rule said, or what its port is known for. */
export function firstHelper(host: Host, skb: Skb, { protocol, dport }: Packet): string | undefined {
  if (skb.helper !== undefined) return skb.helper;
  if (sysctl(host.netns.sysctls, 'net.netfilter.nf_conntrack_helper') !== 1) return undefined;
  return AUTOMATIC_HELPERS.find((one) => one.protocol === protocol && one.port === dport)?.helper;
}

const PROTOCOLS: Readonly<Record<number, HelperExpects>> = {
  [Protocol.TCP]: HelperExpects.TCP,
  [Protocol.UDP]: HelperExpects.UDP,
  [GRE]: HelperExpects.GRE,
};

const sameEnds = (a: Tuple, b: Tuple): boolean => a.saddr === b.saddr && a.daddr === b.daddr;

function mayExpect({ helper, family, tuples: [original, reply] }: Connection, packet: Packet, tuple: Tuple): boolean {
  if (helper === undefined || family !== packet.family) return false;
  const { protocols, place } = scopeOfHelper(helper);
  const own = PROTOCOLS[packet.protocol] ?? 0;
  if ((protocols & (own | HelperExpects.ANY)) === 0) return false;
  if (place === HelperPlace.ANYWHERE) return true;
  if (place === HelperPlace.TO_CLIENT) return tuple.daddr === reply.daddr;
  return sameEnds(tuple, original) || sameEnds(tuple, reply);
}

/** The connection that this packet's is expected by. */
export function masterOf(run: Run, host: Host, packet: Packet, tuple: Tuple, zone: Zone): Connection | undefined {
  return host.connections.find((connection) => {
    if (connection.zone.id !== zone.id || isExpired(connection, run.world.clockMs)) return false;
    if (!mayExpect(connection, packet, tuple)) return false;
    const text = helperText(connection.helper ?? '');
    return choose(run, { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name, text }) === 0;
  });
}
