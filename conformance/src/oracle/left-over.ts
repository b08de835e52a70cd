/** Connections that nodes still remember of a former state of the cluster: kube-proxy cleans up some of them, and not at once. */
import { type ConntrackEntry, converse, explore, type Machine, type Network } from '@podwire/engine';
import { cleanedEntries } from '@podwire/model';
import type { TextProgram } from '../lab/plan.ts';
import { conntrackPrograms, forgetProgram } from '../lab/plan-conntrack.ts';
import type { Random } from '../lab/random.ts';
import { FIRST_PORT, packetOf } from './expect.ts';
import type { LeftOver, Probe } from './scenario.ts';
import type { World } from './world.ts';

/** Seconds; a run takes less. */
const TIMEOUT = 100;
const MOST_BRANCHES = 32;

const plain = (address: string) => address.split('/')[0] as string;
const isSix = (address: string) => address.includes(':');
const isLoopback = (address: string) => /^(?:127\.|::1$)/.test(address);

function ownAddress({ netnses }: Network, name: string, to: string): string | undefined {
  const addresses = netnses.find((netns) => netns.name === name)?.addresses ?? [];
  return addresses
    .map(({ address }) => plain(address))
    .find((a) => isSix(a) === isSix(to) && !a.startsWith('fe80:') && !isLoopback(a));
}

/** What the nodes hold after the datagram, on each way that it can go. */
function waysOf(machine: Machine, former: World, probe: Probe): Omit<LeftOver, 'cleaned'>[][] {
  const { branches } = explore(
    machine,
    () => {
      converse(machine, probe.from, packetOf(probe, FIRST_PORT));
      return former.tracking.flatMap((netns) => machine.conntrack(netns).map((entry) => ({ netns, entry })));
    },
    { limit: MOST_BRANCHES },
  );
  return branches.map(({ result }) => result);
}

const slicesOf = ({ cluster }: World) => [...cluster.endpointSlices.values()].flat().map(({ object }) => object);

/** Whether kube-proxy of that node makes the kernel forget the connection when the endpoints become those of `now`. */
function isCleaned({ netns, entry }: Omit<LeftOver, 'cleaned'>, former: World, now: World): boolean {
  if (!now.dataplane.nodes.has(netns)) return false;
  const services = Array.from(now.cluster.services.values(), ({ object }) => object);
  return cleanedEntries([entry], slicesOf(former), { services, endpointSlices: slicesOf(now) }).length > 0;
}

/** Translated nowhere and never answered, the kernel would take what `conntrack -I` made for not yet looked at by the nat chains. */
const isWhole = ({ entry }: Omit<LeftOver, 'cleaned'>) => entry.dnat || entry.snat || entry.seenReply;

type Held = Omit<LeftOver, 'cleaned'>;

/** NAT left the datagram's port alone in each of them, so that from another port they are told apart as well. */
function isDistinct(way: readonly Held[]): boolean {
  const tuples = way.flatMap(({ netns, entry: { original, reply } }) =>
    [original, reply].map((one) => `${netns} ${one.saddr} ${one.daddr} ${one.sport} ${one.dport}`),
  );
  const kept = ({ entry }: Held) => entry.original.sport === FIRST_PORT && entry.reply.dport === FIRST_PORT;
  return way.every(kept) && new Set(tuples).size === tuples.length;
}

/** Lets nodes remember that the very datagram was sent before, when the cluster was in its former state. */
export class LeftOvers {
  readonly #random: Random;
  readonly #machine: Machine;
  readonly #former: World;
  readonly #now: World;

  constructor(random: Random, machine: Machine, former: World, now: World) {
    this.#random = random;
    this.#machine = machine;
    this.#former = former;
    this.#now = now;
    machine.load(former.network);
  }

  of(probe: Probe): Probe {
    if (probe.protocol !== 'udp' || probe.times !== undefined || isLoopback(probe.daddr)) return probe;
    const saddr = probe.saddr ?? ownAddress(this.#now.network, probe.from, probe.daddr);
    if (saddr === undefined) return probe;
    const asked = { ...probe, saddr };
    const way = this.#random.pick(waysOf(this.#machine, this.#former, asked));
    if (way.length === 0 || !way.every(isWhole) || !isDistinct(way)) return probe;
    // A stream of datagrams; and kube-proxy may not have come to it yet.
    const assured = this.#random.chance(0.3);
    const hasCleaned = this.#random.chance(0.5);
    const left = way.map(
      ({ netns, entry }): LeftOver => ({
        netns,
        entry: { ...entry, assured: assured && entry.seenReply },
        ...(hasCleaned && isCleaned({ netns, entry }, this.#former, this.#now) && { cleaned: true }),
      }),
    );
    return { ...asked, left };
  }
}

/** As it was when the datagram came from that port: NAT left ports alone. */
function fromPort({ entry }: LeftOver, sport: number): ConntrackEntry {
  const { original, reply } = entry;
  return {
    ...entry,
    original: { ...original, sport },
    reply: { ...reply, dport: sport },
    timeout: TIMEOUT,
  };
}

/** The network with what is left of the probe's former connection. */
export function networkWith(network: Network, { left }: Probe, sport: number): Network {
  if (!left) return network;
  const kept = left.filter(({ cleaned }) => !cleaned);
  const netnses = network.netnses.map((netns) => {
    const conntrack = kept.filter((one) => one.netns === netns.name).map((one) => fromPort(one, sport));
    return conntrack.length === 0 ? netns : { ...netns, conntrack };
  });
  return { netnses };
}

/** What makes the kernel remember it, and then what kube-proxy does about it. */
export function leftOverPrograms({ left = [] }: Probe, sport: number): [remember: TextProgram[], clean: TextProgram[]] {
  const remembered = left.map((one) => ({ netns: one.netns, entry: fromPort(one, sport), cleaned: one.cleaned }));
  return [
    remembered.flatMap(({ netns, entry }) => conntrackPrograms({ name: netns, conntrack: [entry] })),
    remembered.filter(({ cleaned }) => cleaned).map(({ netns, entry }) => forgetProgram(netns, entry)),
  ];
}
