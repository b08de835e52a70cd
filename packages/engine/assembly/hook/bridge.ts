/** nftables' chains of bridges (nft_chain_filter.c:nft_do_chain_bridge()), by priority. Interfaces are ports here. */
import { runChain } from '../chain/run';
import { skb } from '../core/skb';
import { Link } from '../layout/link';
import { baseChainAt, FIRST, LAST } from './chains';

/**
 * Before these priorities bridge netfilter runs at PREROUTING (it has `NF_BR_PRI_BRNF`, 0) and at FORWARD (one less). It is registered with
 * the first bridge (brnf_device_event()), before any chain, so that chains of its own priority run first.
 */
export const BRIDGE_NF: i32 = 1;
export const BRIDGE_NF_FORWARD: i32 = BRIDGE_NF - 1;

function run(hook: u32, from: i32, to: i32): bool {
  const netns = skb().netns;
  const first = <u32>netns.chains4Count + netns.chains6Count;
  for (let i: u32 = 0; i < netns.bridgeChainsCount; i++) {
    const base = baseChainAt(netns, first + i);
    if (base.hook != hook || base.priority < from || (base.priority >= to && to != LAST)) continue;
    if (!runChain(base)) return false;
  }
  return true;
}

/** Runs the chains from priority `from` to below `to`. False where the walk ended. */
export function bridgeChains(hook: u32, from: i32, to: i32, input: Link, output: Link): bool {
  const s = skb();
  if (s.netns.bridgeChainsCount == 0) return true;
  const iif = s.iif;
  const oif = s.oif;
  s.iif = input;
  s.oif = output;
  const passed = run(hook, from, to);
  s.iif = iif;
  s.oif = oif;
  return passed;
}

export function allBridgeChains(hook: u32, input: Link, output: Link): bool {
  return bridgeChains(hook, FIRST, LAST, input, output);
}
