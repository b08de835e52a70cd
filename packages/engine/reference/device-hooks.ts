/**
 * Hooks below IP: `netdev` (and `inet`) chains at a device's INGRESS and EGRESS (nf_ingress, nf_hook_egress), `bridge` chains for frames in a
 * bridge (br_handle_frame, __br_forward, br_pass_frame_up).
 */
import { type BaseHook, type Chain, Disposition, Hook, type Netns, Reason, type Table } from '../src/index.ts';
import { runChain } from './chain.ts';
import { chainsOf } from './hook-entries.ts';
import type { Device, Frame, Host, Run, Skb, Stop } from './state.ts';

export interface FrameChain {
  table: Table;
  chain: Chain;
  base: BaseHook;
}

const isBelow = ({ family }: Table, { hook }: BaseHook): boolean =>
  family === 'bridge' ||
  ((family === 'netdev' || family === 'inet') && (hook === Hook.INGRESS || hook === Hook.EGRESS));

/** By priority; of equal ones the last loaded first. */
function chainsBelow({ netfilter }: Netns, belongs: (table: Table, hook: BaseHook) => boolean): FrameChain[] {
  const found: FrameChain[] = [];
  for (const table of netfilter)
    for (const chain of chainsOf(table).values())
      if (chain.hook && belongs(table, chain.hook)) found.push({ table, chain, base: chain.hook });
  return found.reverse().sort((a, b) => a.base.priority - b.base.priority);
}

export const frameChains = (netns: Netns): FrameChain[] => chainsBelow(netns, isBelow);

export const arpChains = (netns: Netns): FrameChain[] => chainsBelow(netns, ({ family }) => family === 'arp');

/** A rule may send a frame on so often (NF_RECURSION_LIMIT), and once more. */
const MOST_FORWARDS = 2;

/** `stop`: dropped. `device`: sent out of that one instead. */
export type Below = { stop: Stop } | { device: Device } | undefined;

/** Runs chains with the interfaces as they are seen down here. */
function run(
  walk: Run,
  host: Host,
  skb: Skb,
  chains: readonly FrameChain[],
  indev?: Device,
  outdev?: Device,
  leaving?: Frame,
): Below {
  if (chains.length === 0) return undefined;
  const above = { indev: skb.indev, outdev: skb.outdev, leaving: undefined };
  skb.leaving = leaving;
  skb.indev = indev;
  skb.outdev = outdev;
  for (const { table, chain, base } of chains) {
    const { stop, device, rule } = runChain(walk, host, skb, base.hook, table, chain, base);
    if (stop) return { stop };
    if (device === undefined) continue;
    const other = host.byName.get(device);
    skb.forwards = (skb.forwards ?? 0) + 1;
    // A question that goes elsewhere is not followed.
    if (!other || skb.forwards > MOST_FORWARDS + 1 || skb.question)
      return { stop: { host, disposition: Disposition.DROPPED, reason: Reason.RULE, skb, rule, hook: base.hook } };
    return { device: other };
  }
  Object.assign(skb, above);
  return undefined;
}

export function runIngress(walk: Run, device: Device, skb: Skb): Below {
  const { host } = device;
  // Chains of inet see IP alone (nft_do_chain_inet_ingress).
  const chains = host.frameChains.filter(
    ({ base, table }) =>
      table.family !== 'bridge' &&
      (table.family === 'netdev' || !skb.arp) &&
      base.hook === Hook.INGRESS &&
      base.devices?.includes(device.name) === true,
  );
  return run(walk, host, skb, chains, device);
}

export function runEgress(walk: Run, device: Device, skb: Skb, frame: Frame | undefined): Below {
  const { host } = device;
  const chains = host.frameChains.filter(
    ({ base, table }) =>
      table.family !== 'bridge' && base.hook === Hook.EGRESS && base.devices?.includes(device.name) === true,
  );
  return run(walk, host, skb, chains, undefined, device, frame);
}

/** Chains of the arp family (arp_xmit, arp_rcv, br_nf_forward_arp). */
export function runArp(
  walk: Run,
  host: Host,
  skb: Skb,
  hook: Hook,
  indev: Device | undefined,
  outdev: Device | undefined,
): Stop | undefined {
  const chains = host.arpChains.filter(({ base }) => base.hook === hook);
  const below = run(walk, host, skb, chains, indev, outdev);
  return below && 'stop' in below ? below.stop : undefined;
}

/** Chains of the bridge family with a priority from `from` to below `to`: bridge netfilter stands between them. */
export function runBridge(
  walk: Run,
  host: Host,
  skb: Skb,
  hook: Hook,
  ports: { in?: Device; out?: Device; frame?: Frame },
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
): Stop | undefined {
  const chains = host.frameChains.filter(
    ({ table, base }) => table.family === 'bridge' && base.hook === hook && base.priority >= from && base.priority < to,
  );
  const below = run(walk, host, skb, chains, ports.in, ports.out, ports.frame);
  return below && 'stop' in below ? below.stop : undefined;
}
