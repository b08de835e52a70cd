/** Connections that a node still remembers of a former state of the cluster: kube-proxy cleans up some of them, and not at once. */
import { type ConntrackEntry, type Netns, type Network, Protocol } from '@podwire/engine';
import type { TextProgram } from '../lab/plan.ts';
import { conntrackPrograms } from '../lab/plan-conntrack.ts';
import type { Random } from '../lab/random.ts';
import type { LeftOver, Probe } from './scenario.ts';
import type { World } from './world.ts';

const PORT = 8080;
/** Seconds; a run takes less. */
const TIMEOUT = 100;

const plain = (address: string) => address.split('/')[0] as string;
const isSix = (address: string) => address.includes(':');

const ownAddress = ({ addresses }: Netns, to: string): string | undefined =>
  addresses
    .map(({ address }) => plain(address))
    .find((a) => isSix(a) === isSix(to) && !/^(?:fe80:|127\.|::1$)/.test(a));

/** Lets the sender's node remember that the very datagram was translated to some pod, perhaps one that is no endpoint any more. */
export function withLeftOver(random: Random, { dataplane, network }: World, probe: Probe): Probe {
  if (probe.protocol !== 'udp' || probe.times !== undefined || probe.saddr !== undefined) return probe;
  const node = [...dataplane.nodes.values()].find(
    ({ name, pods }) => name === probe.from || pods.some((pod) => pod.name === probe.from),
  );
  const sender = network.netnses.find(({ name }) => name === probe.from);
  const saddr = sender && ownAddress(sender, probe.daddr);
  if (!node || saddr === undefined || /^(?:127\.|::1$)/.test(probe.daddr)) return probe;
  const pods = [...dataplane.nodes.values()].flatMap(({ pods: all }) => all);
  const before = pods.flatMap((pod) => ownAddress(pod, probe.daddr) ?? []);
  if (before.length === 0) return probe;
  const left: LeftOver = { netns: node.name, endpoint: random.pick(before), port: PORT, seenReply: random.chance(0.7) };
  return { ...probe, saddr, left };
}

function entryOf(
  { saddr = '', daddr, dport }: Probe,
  { endpoint, port, seenReply }: LeftOver,
  sport: number,
): ConntrackEntry {
  return {
    family: isSix(daddr) ? 6 : 4,
    protocol: Protocol.UDP,
    original: { saddr, daddr, sport, dport },
    reply: { saddr: endpoint, daddr: saddr, sport: port, dport: sport },
    timeout: TIMEOUT,
    seenReply,
    assured: seenReply,
    snat: false,
    dnat: true,
    mark: 0,
    zone: 0,
  };
}

/** The network with what is left of the probe's former connection. */
export function networkWith(network: Network, probe: Probe, sport: number): Network {
  const { left } = probe;
  if (!left) return network;
  const conntrack = [entryOf(probe, left, sport)];
  return { netnses: network.netnses.map((netns) => (netns.name === left.netns ? { ...netns, conntrack } : netns)) };
}

/** What makes the kernel remember it. */
export function leftOverPrograms(probe: Probe, sport: number): TextProgram[] {
  const { left } = probe;
  return left ? conntrackPrograms({ name: left.netns, conntrack: [entryOf(probe, left, sport)] }) : [];
}
