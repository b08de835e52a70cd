/** Runs all that stands at one netfilter hook, by priority: nf_hook_slow (net/netfilter/core.c). */
import type { Hook, Packet } from '../src/index.ts';
import { Hook as At, CtDirection } from '../src/index.ts';
import { runChain } from './chain.ts';
import { confirm, conntrackIn } from './conntrack.ts';
import { gather } from './fragment.ts';
import { ipvsError, ipvsIn, ipvsOut } from './ipvs.ts';
import type { Passage } from './ipvs-xmit.ts';
import { natHook } from './nat.ts';
import { routeOutput } from './route.ts';
import type { Device, HookEntry, Host, Run, Skb, Stop } from './state.ts';

/** A chain of type route that changed one of these at OUTPUT has the packet routed again (ipt_mangle_out, ip6t_mangle_out). */
const changesRoute = (a: Packet, b: Packet): boolean =>
  a.saddr !== b.saddr ||
  a.daddr !== b.daddr ||
  a.mark !== b.mark ||
  a.tos !== b.tos ||
  // nf_route_table_hook6 looks at the hop limit, too.
  (a.family === 6 && a.ttl !== b.ttl);

/** The destination of the packet's direction is another than who answers: it is routed again, an error about it as well (nf_nat_ipv4_local_fn). */
function leadsElsewhere({ ct }: Skb): boolean {
  if (!ct?.connection) return false;
  const { tuples } = ct.connection;
  const [own, other] = ct.direction === CtDirection.ORIGINAL ? tuples : [tuples[1], tuples[0]];
  return own.daddr !== other.saddr;
}

export function runHook(run: Run, host: Host, skb: Skb, hook: Hook): Stop | undefined {
  // Of one hook all chains see the same devices (struct nf_hook_state), wherever the packet is routed in between.
  const { outdev } = skb;
  const stop = runEntries(run, host, skb, hook, outdev);
  if ((hook === At.OUTPUT || hook === At.FORWARD) && skb.route && !skb.bridge?.physout) skb.outdev = skb.route.device;
  return stop;
}

function runEntries(run: Run, host: Host, skb: Skb, hook: Hook, outdev: Device | undefined): Stop | undefined {
  for (const entry of host.hooks[skb.packet.family][hook] ?? []) {
    const before = skb.packet;
    const stop = runEntry(run, host, skb, hook, entry);
    if (stop === 'sent') return sendOn(run, host, skb, hook);
    if (stop) return stop;
    if (entry.kind === 'ipvs') skb.outdev = outdev;
    // What came back by `lo` still has its route, wherever rules write that it goes, unless nat sends it elsewhere (nf_nat_ipv4_pre_routing).
    if (hook === At.PREROUTING && entry.kind === 'nat' && before.daddr !== skb.packet.daddr) skb.route = undefined;
    // The socket that was found was that of another sender (nf_nat_ipv4_local_in; of IPv6 too, tried).
    const isOther = before.saddr !== skb.packet.saddr || before.sport !== skb.packet.sport;
    if (hook === At.INPUT && entry.kind === 'nat' && isOther) skb.demuxed = undefined;
    // Questions for neighbours have their device.
    if (hook !== At.OUTPUT || skb.question) continue;
    const again =
      entry.kind === 'chain'
        ? entry.base.type === 'route' && changesRoute(before, skb.packet)
        : entry.kind === 'nat' && leadsElsewhere(skb);
    const failed = again && routeOutput(run, host, skb, 'reroute');
    if (failed) return failed;
    skb.outdev = outdev;
  }
  return undefined;
}

/** IPVS sends it on: as if it were made here, though it keeps the device that it came in by (NF_HOOK in ip_vs_nat_send_or_cont). */
function sendOn(run: Run, host: Host, skb: Skb, hook: Hook): Stop | undefined {
  const { indev } = skb;
  skb.indev = undefined;
  const stop = runHook(run, host, skb, At.OUTPUT);
  skb.indev = indev;
  if (hook !== At.OUTPUT) skb.sentOn = true;
  return stop;
}

function runEntry(run: Run, host: Host, skb: Skb, hook: Hook, entry: HookEntry): Passage {
  switch (entry.kind) {
    case 'defrag':
      return gather(run, host, skb);
    case 'conntrack':
      return conntrackIn(run, host, skb);
    case 'chain':
      return runChain(run, host, skb, hook, entry.table, entry.chain, entry.base).stop;
    case 'nat':
      return natHook(run, host, skb, hook, entry);
    case 'confirm':
      return confirm(run, host, skb);
    case 'ipvs':
      if (entry.what === 'out') return ipvsOut(run, host, skb, hook);
      return entry.what === 'in' ? ipvsIn(run, host, skb, hook) : ipvsError(run, host, skb, hook);
  }
}
