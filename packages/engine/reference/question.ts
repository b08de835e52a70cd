/**
 * A neighbour question and its answer as packets of their own, where hooks may have a say: arp_send_dst, arp_rcv (net/ipv4/arp.c),
 * ndisc_send_ns, ndisc_send_na, ndisc_rcv (net/ipv6/ndisc.c). Both walk the way to whoever can answer; what others hear is left out.
 */
import { Disposition, type Family, Hook, Protocol, Reason, type TableFamily } from '../src/index.ts';
import { addressOf, canonical, isLinkLocal6 } from './addresses.ts';
import { runArp } from './device-hooks.ts';
import { chainsOf } from './hook-entries.ts';
import { runHook } from './hooks.ts';
import { receive } from './receive.ts';
import { newRun } from './run.ts';
import { selectAddress6 } from './source-address.ts';
import type { Device, Host, Question, Run, Skb, Stop } from './state.ts';
import { frameOut, type Next, stopped } from './transmit.ts';

const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const NOBODY = '00:00:00:00:00:00';
const REQUEST = 1;
const REPLY = 2;
const ARP_LENGTH = 28;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** With the option that tells the sender's link-layer address. */
const DISCOVERY_LENGTH = 72;
/** What did not come from this very link has less (ndisc_rcv). */
const HOP_LIMIT = 255;

const isOfDevice = (hook: Hook): boolean => hook === Hook.INGRESS || hook === Hook.EGRESS;

/** In which families questions meet chains anywhere in the network. */
export function questionsMeetChains(hosts: readonly Host[]): Record<Family, boolean> {
  const chains = hosts.flatMap(({ netns }) =>
    netns.netfilter.flatMap(({ family, ...table }) =>
      [...chainsOf({ family, ...table }).values()].flatMap(({ hook }) => (hook ? [{ family, hook }] : [])),
    ),
  );
  const isIp = (family: TableFamily) => family === 'ip' || family === 'ip6' || family === 'inet';
  const below = chains.some(({ family, hook }) =>
    isOfDevice(hook.hook) ? (hook.devices ?? []).length > 0 : !isIp(family),
  );
  return { 4: below, 6: below || chains.some(({ family, hook }) => family !== 'ip' && !isOfDevice(hook.hook)) };
}

const packetOf = (family: 4 | 6, saddr: string, daddr: string, type: number): Skb['packet'] => ({
  family,
  protocol: family === 4 ? 0 : Protocol.ICMPV6,
  saddr,
  daddr,
  sport: 0,
  dport: 0,
  tcpFlags: 0,
  icmpType: type,
  icmpCode: 0,
  icmpId: 0,
  ttl: family === 4 ? 0 : HOP_LIMIT,
  tos: 0,
  mark: 0,
  length: family === 4 ? ARP_LENGTH : DISCOVERY_LENGTH,
  dontFragment: false,
});

const hex = (value: number) => value.toString(16).padStart(2, '0');

/** Its solicited-node group, and the link-layer address of that (ndisc_mc_map). */
function groupOf(address: string): { address: string; mac: string } {
  const low = addressOf(address).words[3] as number;
  const [b, c, d] = [(low >>> 16) & 255, (low >>> 8) & 255, low & 255] as [number, number, number];
  const text = `ff02::1:ff${hex(b)}:${((c << 8) | d).toString(16)}`;
  return { address: text, mac: `33:33:ff:${hex(b)}:${hex(c)}:${hex(d)}` };
}

/** The link-local address that the kernel makes of a link-layer address (addrconf_ifid_eui48). */
function madeUp({ mac }: Device): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(':')}`;
}

const addresses6 = (device: Device): string[] =>
  device.addresses.flatMap(({ prefix, text }) => (prefix.family === 6 ? [text] : []));

/** ndisc_solicit: the packet's own source if it stands on the link, else the link's own address. */
function solicitor(device: Device, source: string): string {
  const own = addresses6(device);
  return own.includes(source) ? source : (own.find(isLinkLocal6) ?? canonical(madeUp(device)));
}

/** ndisc_send_na: what was asked for, or an address of whoever answers for it. */
const advertiser = (device: Device, address: string, to: string): string =>
  addresses6(device).includes(address) ? address : (selectAddress6(device.host, device, to) ?? address);

/** Sends it out of a device, and on until something ends it. */
function carry(run: Run, from: Device, to: Device, skb: Skb): Stop {
  const { host } = from;
  skb.outdev = from;
  const stop = skb.arp
    ? runArp(run, host, skb, Hook.OUTPUT, undefined, from)
    : (runHook(run, host, skb, Hook.OUTPUT) ?? runHook(run, host, skb, Hook.POSTROUTING));
  let next: Next = stop
    ? { stop }
    : frameOut(run, skb, from, { source: from.mac, target: to.mac, tag: 0, nexthop: skb.packet.daddr });
  while ('arrival' in next) next = receive(run, next.arrival);
  if ('pieces' in next) throw new Error('a question for a neighbour fits everywhere');
  return next.stop;
}

/** It reached a stack: the hooks there (arp_rcv; ip6_rcv_finish, ip6_input). */
export function hear(run: Run, host: Host, skb: Skb, device: Device, prerouted: boolean): Next {
  const stop = skb.arp
    ? runArp(run, host, skb, Hook.INPUT, device, undefined)
    : ((prerouted ? undefined : runHook(run, host, skb, Hook.PREROUTING)) ?? runHook(run, host, skb, Hook.INPUT));
  if (stop) return { stop };
  const question = skb.question as Question;
  if (device === question.towards) question.heard = skb;
  return stopped(host, skb, Disposition.DELIVERED, Reason.NONE);
}

/** Rules may have written into it: what is not what it was is no question, or no answer, any more. */
function isIntact({ packet, arp }: Skb, made: Skb): boolean {
  if (arp)
    return arp.operation === made.arp?.operation && (arp.operation === REPLY || packet.daddr === made.packet.daddr);
  const { ttl, icmpType, icmpCode, daddr } = packet;
  return ttl === HOP_LIMIT && icmpType === made.packet.icmpType && icmpCode === 0 && daddr === made.packet.daddr;
}

interface Told {
  skb: Skb;
}

/** Undefined: it was lost by a rule, which a step says, or by what a rule wrote. What is lost for any other reason counts as heard. */
function tell(run: Run, from: Device, to: Device, made: Skb, which: 'question' | 'answer'): Told | undefined {
  const aside = { ...newRun(run.world), meant: run.meant };
  const question: Question = { ...(made.question as Question) };
  const { rule, host, hook } = carry(aside, from, to, { ...made, question });
  run.steps.push(...aside.steps.filter(({ kind }) => kind === 'choice'));
  if (rule) {
    run.steps.push({ kind: 'unanswered', netns: host.netns, hook: hook as Hook, ...rule, which });
    return undefined;
  }
  const { heard, rewritten } = question;
  if (heard ? !isIntact(heard, made) : rewritten) return undefined;
  return { skb: heard ?? made };
}

const answerArp = (from: Device, to: Device, address: string, { packet, arp }: Skb): Skb => ({
  packet: packetOf(4, address, packet.saddr, 0),
  arp: { operation: REPLY, sender: from.mac, target: arp?.sender ?? to.mac },
  question: { towards: to },
});

const answerSolicitation = (from: Device, to: Device, address: string, { packet }: Skb): Skb => ({
  packet: packetOf(6, advertiser(from, address, packet.saddr), packet.saddr, ADVERTISEMENT),
  question: { towards: to },
});

function ask(device: Device, holder: Device, address: string, asker: string, source: string): Skb {
  if (!address.includes(':'))
    return {
      packet: packetOf(4, asker, address, 0),
      arp: { operation: REQUEST, sender: device.mac, target: NOBODY },
      question: { towards: holder, group: EVERYBODY },
    };
  const group = groupOf(address);
  return {
    packet: packetOf(6, solicitor(device, source), canonical(group.address), SOLICITATION),
    question: { towards: holder, group: group.mac },
  };
}

export function learn(run: Run, device: Device, address: string, mac: string): void {
  const { learnt } = run.world;
  const known = learnt.get(device) ?? new Map<string, string>();
  known.set(address, mac);
  learnt.set(device, known);
}

/** What is asked for, by whom (IPv4), for a packet from where, and whether one who is asked answers. */
export interface Wanted {
  address: string;
  asker: string;
  source: string;
  answers: (asker: string) => boolean;
}

/** `holder` can answer. The link-layer address that its answer tells; undefined where a rule is in the way. */
export function exchange(
  run: Run,
  device: Device,
  holder: Device,
  { address, asker, source, answers }: Wanted,
): string | undefined {
  const asked = tell(run, device, holder, ask(device, holder, address, asker, source), 'question');
  if (!asked) return undefined;
  const { packet, arp } = asked.skb;
  if (arp && packet.saddr !== asker && !answers(packet.saddr)) return undefined;
  // Whoever answers knows by then who asked (neigh_event_ns, ndisc_recv_ns).
  if (packet.saddr !== '0.0.0.0') learn(run, holder, packet.saddr, arp?.sender ?? device.mac);
  const reply = (arp ? answerArp : answerSolicitation)(holder, device, address, asked.skb);
  const answered = tell(run, holder, device, reply, 'answer');
  if (!answered || (arp && answered.skb.packet.saddr !== address)) return undefined;
  const mac = answered.skb.arp?.sender ?? holder.mac;
  learn(run, device, address, mac);
  return mac;
}
