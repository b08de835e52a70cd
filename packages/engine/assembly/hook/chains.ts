/** The base chains of a hook by priority, and which parts of netfilter are on in the packet's namespace. */
import { NetnsFlag } from '../../src/codes';
import { Hook } from '../../src/terms';
import { packet, skb } from '../core/skb';
import { runChain } from '../chain/run';
import { reroute } from '../fib/output';
import { BaseChain } from '../layout/chain';
import { Netns } from '../layout/netns';

/** Where the kernel's own functions stand among the chains (`NF_IP_PRI_*`). Of the same priority what was registered last runs first. */
export const FIRST: i32 = i32.MIN_VALUE;
export const DEFRAG: i32 = -400;
export const CONNTRACK: i32 = -200;
export const NAT_DST: i32 = -100;
export const NAT_SRC: i32 = 100;
export const LAST: i32 = i32.MAX_VALUE;

@inline
export function tracks(): bool {
  return (skb().netns.flags & (packet().family == 4 ? NetnsFlag.TRACK_4 : NetnsFlag.TRACK_6)) != 0;
}

@inline
export function translates(): bool {
  return (skb().netns.flags & (packet().family == 4 ? NetnsFlag.NAT_4 : NetnsFlag.NAT_6)) != 0;
}

/** A base chain by its place among those of all families. */
@inline
export function baseChainAt(netns: Netns, i: u32): BaseChain {
  return changetype<BaseChain>(netns.chains + <usize>i * offsetof<BaseChain>());
}

@inline
export function chainsCount(): u32 {
  const netns = skb().netns;
  return packet().family == 4 ? netns.chains4Count : netns.chains6Count;
}

@inline
export function chainAt(i: u32): BaseChain {
  const netns = skb().netns;
  return baseChainAt(netns, packet().family == 4 ? i : i + netns.chains4Count);
}

/** A chain of type route that changed addresses, mark or TOS (of IPv6 also the hop limit) at OUTPUT has the packet routed again (ipt_mangle_out(), nf_route_table_hook6()). */
function runAndReroute(base: BaseChain): bool {
  const p = packet();
  const sHi = p.saddrHi;
  const sLo = p.saddrLo;
  const dHi = p.daddrHi;
  const dLo = p.daddrLo;
  const mark = p.mark;
  const tos = p.tos;
  const hops = p.ttl;
  if (!runChain(base)) return false;
  const same =
    p.saddrHi == sHi && p.saddrLo == sLo && p.daddrHi == dHi && p.daddrLo == dLo && p.mark == mark && p.tos == tos;
  // Questions for neighbours have their device.
  return (same && (p.family == 4 || p.ttl == hops)) || skb().asks != 0 || reroute();
}

@inline
function isBefore(base: BaseChain, priority: i32): bool {
  return base.priority < priority || (base.priority == priority && base.early != 0);
}

/** Runs the chains from priority `from` to below `to`, those of type nat left out. False where the walk ended. */
export function runChains(hook: u32, from: i32, to: i32): bool {
  const count = chainsCount();
  for (let i: u32 = 0; i < count; i++) {
    const base = chainAt(i);
    if (base.hook != hook || base.nat) continue;
    if (isBefore(base, from) || (to != LAST && !isBefore(base, to))) continue;
    if (hook == Hook.OUTPUT && base.reroute) {
      if (!runAndReroute(base)) return false;
    } else if (!runChain(base)) return false;
  }
  return true;
}
