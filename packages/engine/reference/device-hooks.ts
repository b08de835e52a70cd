/**
 * Hooks below IP: `netdev` (and `inet`) chains at a device's INGRESS and EGRESS (nf_ingress, nf_hook_egress), `bridge` chains for frames in a
 * bridge (br_handle_frame, __br_forward, br_pass_frame_up).
 */
import { type BaseHook, type Chain, Hook, type Netns, type Table } from '../src/index.ts';
import { runChain } from './chain.ts';
import { chainsOf } from './hook-entries.ts';
import type { Device, Host, Run, Skb, Stop } from './state.ts';

export interface FrameChain {
  table: Table;
  chain: Chain;
  base: BaseHook;
}

const isBelow = ({ family }: Table, { hook }: BaseHook): boolean =>
  family === 'bridge' ||
  ((family === 'netdev' || family === 'inet') && (hook === Hook.INGRESS || hook === Hook.EGRESS));

/** By priority; of equal ones the last loaded first. */
export function frameChains({ netfilter }: Netns): FrameChain[] {
  const found: FrameChain[] = [];
  for (const table of netfilter)
    for (const chain of chainsOf(table).values())
      if (chain.hook && isBelow(table, chain.hook)) found.push({ table, chain, base: chain.hook });
  return found.reverse().sort((a, b) => a.base.priority - b.base.priority);
}

/** `stop`: dropped. `device`: sent out of that one instead. */
export type Below = { stop: Stop } | { device: Device } | undefined;

/** Runs chains with the interfaces as they are seen down here. */
function run(walk: Run, host: Host, skb: Skb, chains: readonly FrameChain[], indev?: Device, outdev?: Device): Below {
  if (chains.length === 0) return undefined;
  const above = { indev: skb.indev, outdev: skb.outdev };
  skb.indev = indev;
  skb.outdev = outdev;
  for (const { table, chain, base } of chains) {
    const { stop, device } = runChain(walk, host, skb, base.hook, table, chain, base);
    const other = device === undefined ? undefined : host.byName.get(device);
    if (stop) return { stop };
    if (other) return { device: other };
  }
  Object.assign(skb, above);
  return undefined;
}

export function runIngress(walk: Run, device: Device, skb: Skb): Below {
  const { host } = device;
  const chains = host.frameChains.filter(
    ({ base, table }) =>
      table.family !== 'bridge' && base.hook === Hook.INGRESS && base.devices?.includes(device.name) === true,
  );
  return run(walk, host, skb, chains, device);
}

export function runEgress(walk: Run, device: Device, skb: Skb): Below {
  const { host } = device;
  const chains = host.frameChains.filter(
    ({ base, table }) =>
      table.family !== 'bridge' && base.hook === Hook.EGRESS && base.devices?.includes(device.name) === true,
  );
  return run(walk, host, skb, chains, undefined, device);
}

/** Chains of the bridge family with a priority from `from` to below `to`: bridge netfilter stands between them. */
export function runBridge(
  walk: Run,
  host: Host,
  skb: Skb,
  hook: Hook,
  ports: { in?: Device; out?: Device },
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
): Stop | undefined {
  const chains = host.frameChains.filter(
    ({ table, base }) => table.family === 'bridge' && base.hook === hook && base.priority >= from && base.priority < to,
  );
  const below = run(walk, host, skb, chains, ports.in, ports.out);
  return below && 'stop' in below ? below.stop : undefined;
}
