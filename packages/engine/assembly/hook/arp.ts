/** Chains of the arp family: questions for neighbours and their answers (arp.c:arp_xmit(), arp_rcv(); br_netfilter_hooks.c:br_nf_forward_arp()). */
import { runChain } from '../chain/run';
import { skb } from '../core/skb';
import { Link } from '../layout/link';
import { baseChainAt } from './chains';

/** False where the packet was dropped. */
export function arp(hook: u32, input: Link, output: Link): bool {
  const s = skb();
  const netns = s.netns;
  if (netns.arpChainsCount == 0) return true;
  const first = <u32>netns.chains4Count + netns.chains6Count + netns.bridgeChainsCount + netns.deviceChainsCount;
  const iif = s.iif;
  const oif = s.oif;
  s.iif = input;
  s.oif = output;
  for (let i: u32 = 0; i < netns.arpChainsCount; i++) {
    const base = baseChainAt(netns, first + i);
    if (base.hook == hook && !runChain(base)) return false;
  }
  s.iif = iif;
  s.oif = oif;
  return true;
}
