/** A packet made here: ip_local_out, ip_output (net/ipv4/ip_output.c), after the route look-up that a socket does first. */
import { Disposition, Hook, Reason } from '../src/index.ts';
import { runHook } from './hooks.ts';
import { routeOutput } from './route.ts';
import type { Host, Routed, Run, Skb } from './state.ts';
import { type Next, stopped, transmit } from './transmit.ts';

/** `made` is told the packet once its source is known. */
export function emit(run: Run, host: Host, skb: Skb, made: (skb: Skb) => void): Next {
  run.steps.push({ kind: 'enter', netns: host.netns, packet: skb.packet });
  run.enters++;
  const failed = routeOutput(run, host, skb, 'output');
  if (failed) return { stop: failed };
  made(skb);
  const { mtu } = skb.route as Routed;
  if (skb.packet.dontFragment && skb.packet.length > mtu)
    return stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
  const stop = runHook(run, host, skb, Hook.OUTPUT) ?? runHook(run, host, skb, Hook.POSTROUTING);
  return stop ? { stop } : transmit(run, host, skb);
}
