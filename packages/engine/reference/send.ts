/** A packet made here: ip_local_out, ip_output (net/ipv4/ip_output.c), after the route look-up that a socket does first. */
import { Disposition, Hook, type Packet, Reason, sysctl } from '../src/index.ts';
import { balanceSocket } from './balance-socket.ts';
import { runHook } from './hooks.ts';
import { routeOutput } from './route.ts';
import type { Device, Host, Routed, Run, Skb } from './state.ts';
import { frameOut, type Next, stopped, transmit } from './transmit.ts';

/** What a socket asks that nobody told otherwise: to stay whole where it fits and the way may be tried (inet_create, ip_dont_fragment). */
function discovering(host: Host, packet: Packet, mtu: number, locked: boolean): Packet {
  const { family, dontFragment, length } = packet;
  const asks = family === 6 || (!locked && sysctl(host.netns.sysctls, 'net.ipv4.ip_no_pmtu_disc') === 0);
  return { ...packet, dontFragment: dontFragment && length <= mtu && asks };
}

/** `made` is told the packet once its source is known. `turns`: the socket of a process, which may be turned to a backend. */
export function emit(run: Run, host: Host, skb: Skb, made: (skb: Skb) => void, turns = false): Next {
  run.steps.push({ kind: 'enter', netns: host.netns, packet: skb.packet });
  run.enters++;
  const failed = (turns ? balanceSocket(run, host, skb) : undefined) ?? routeOutput(run, host, skb, 'output');
  if (failed) return { stop: failed };
  made(skb);
  const { mtu, locked } = skb.route as Routed;
  if (skb.discovers) skb.packet = discovering(host, skb.packet, mtu, locked === true);
  if (skb.packet.dontFragment && skb.packet.length > mtu)
    return stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
  if (skb.packet.length > mtu) skb.appended = mtu;
  const stop = runHook(run, host, skb, Hook.OUTPUT) ?? runHook(run, host, skb, Hook.POSTROUTING);
  return stop ? { stop } : transmit(run, host, skb);
}

/** What a hook has sent on by another way: OUTPUT has seen it already. */
export function sendOn(run: Run, host: Host, skb: Skb): Next {
  delete skb.sentOn;
  const stop = runHook(run, host, skb, Hook.POSTROUTING);
  return stop ? { stop } : transmit(run, host, skb);
}

/** A REJECT reset about a packet that came by a bridge port: straight out of that port, past routing and all hooks (nf_send_reset). */
export function emitThroughPort(run: Run, host: Host, skb: Skb, port: Device, mac: string | undefined): Next {
  run.steps.push({ kind: 'enter', netns: host.netns, packet: skb.packet });
  run.enters++;
  return frameOut(run, skb, port, { target: mac, source: port.mac, tag: 0, nexthop: skb.packet.daddr });
}
