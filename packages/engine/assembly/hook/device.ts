/** nftables' chains of devices: INGRESS and EGRESS (linux/netfilter_netdev.h:nf_hook_ingress(), nf_hook_egress()). */
import { FamilyCode } from '../../src/nft-codes';
import { Disposition, Hook, Reason } from '../../src/terms';
import { runChain } from '../chain/run';
import { finishByRule } from '../core/end';
import { linkByName } from '../core/links';
import { none, packet, skb, some } from '../core/skb';
import { forwardClear, forwardDevice } from '../expr/nft/target';
import { Link } from '../layout/link';
import { baseChainAt } from './chains';

/** `NF_RECURSION_LIMIT`: a packet is sent on so often, and once more. */
const MOST_FORWARDS: u32 = 2;

/** What the chains of a device say. */
export enum Passage {
  ON = 0,
  /** The walk ended. */
  ENDED = 1,
  /** The packet leaves by another device, see `sentTo`. */
  FORWARDED = 2,
}

export let sentTo: Link = none<Link>();
let forwards: u32 = 0;

/** The packet is on a wire again. */
export function forwardsClear(): void {
  forwards = 0;
}

/** A rule sends the packet out of a device that this namespace may not have. */
function forward(): Passage {
  sentTo = linkByName(skb().netns, forwardDevice);
  forwardClear();
  // A question that goes elsewhere is not followed.
  if (some(sentTo) && forwards <= MOST_FORWARDS && !skb().asks) {
    forwards++;
    return Passage.FORWARDED;
  }
  finishByRule(Disposition.DROPPED, Reason.RULE);
  return Passage.ENDED;
}

function run(hook: u32, link: Link): Passage {
  const netns = skb().netns;
  const first = <u32>netns.chains4Count + netns.chains6Count + netns.bridgeChainsCount;
  for (let i: u32 = 0; i < netns.deviceChainsCount; i++) {
    const base = baseChainAt(netns, first + i);
    if (base.hook != hook || base.device != link.name) continue;
    // Chains of inet see IP alone (nft_do_chain_inet_ingress()).
    if (base.table.family == FamilyCode.INET && packet().family == <u8>FamilyCode.ARP) continue;
    forwardClear();
    if (!runChain(base)) return Passage.ENDED;
    if (forwardDevice != 0) return forward();
  }
  return Passage.ON;
}

function through(hook: u32, link: Link, input: Link, output: Link): Passage {
  const s = skb();
  if (s.netns.deviceChainsCount == 0) return Passage.ON;
  const iif = s.iif;
  const oif = s.oif;
  s.iif = input;
  s.oif = output;
  const passage = run(hook, link);
  s.iif = iif;
  s.oif = oif;
  return passage;
}

@inline
export function ingress(link: Link): Passage {
  return through(Hook.INGRESS, link, link, none<Link>());
}

@inline
export function egress(link: Link): Passage {
  return through(Hook.EGRESS, link, none<Link>(), link);
}
