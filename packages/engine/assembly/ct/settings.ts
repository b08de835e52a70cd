/** Settings of connection tracking, and how long connections stay (nf_conntrack_core.c:__nf_ct_refresh_acct(), nf_ct_is_expired()). */
import { CtSetting, CtStatus } from '../../src/ct-codes';
import { Protocol } from '../../src/terms';
import { now } from '../core/clock';
import { Flow } from '../layout/flow';
import { Netns } from '../layout/netns';

export const GRE: u32 = 47;
const UDPLITE: u32 = 136;
/** In a record as the host writes it: no time is given, the state says how long it stays. */
const BY_STATE: u64 = 0xffffffff;

@inline
export function setting(netns: Netns, which: u32): u32 {
  return load<u32>(netns.ctSettings + (<usize>which << 2));
}

/** It stays for so many seconds from now on. */
@inline
export function refresh(flow: Flow, seconds: u32): void {
  flow.expires = now() + <u64>seconds * 1000;
}

@inline
export function isExpired(flow: Flow): bool {
  return flow.expires <= now();
}

/** Seconds that a connection has by its state alone. */
export function usualTimeout(flow: Flow): u32 {
  const netns = flow.netns;
  const protocol = <u32>flow.oProtocol;
  const replied = (flow.status & CtStatus.SEEN_REPLY) != 0;
  const state = <u32>flow.state;
  if (protocol == Protocol.TCP) return setting(netns, state);
  if (protocol == Protocol.UDP || protocol == UDPLITE) {
    return setting(netns, (flow.status & CtStatus.ASSURED) != 0 ? CtSetting.UDP_STREAM : CtSetting.UDP);
  }
  if (protocol == Protocol.ICMP) return setting(netns, CtSetting.ICMP);
  if (protocol == Protocol.ICMPV6) return setting(netns, CtSetting.ICMPV6);
  if (protocol == GRE) return setting(netns, replied ? CtSetting.GRE_STREAM : CtSetting.GRE);
  if (protocol != Protocol.SCTP) return setting(netns, CtSetting.GENERIC);
  // Without states: closed until it is answered, established from then on (4).
  return setting(netns, CtSetting.SCTP + (state != 0 ? state : replied ? 4 : 0));
}

/** A record as the host wrote it is taken over: its seconds become a point of the clock. */
export function startTimeout(flow: Flow): void {
  const given = flow.expires;
  refresh(flow, given == BY_STATE ? usualTimeout(flow) : <u32>given);
}
