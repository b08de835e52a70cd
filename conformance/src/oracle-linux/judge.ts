/** One scenario on both sides, event by event, and where they disagree. */
import { type Machine, Protocol } from '@podwire/engine';
import type { Lab } from '../lab/lab.ts';
import { withListeners } from '../lab/listeners.ts';
import { planOf } from '../lab/plan.ts';
import { checkListings } from './nft-listing.ts';
import { withTables } from './nft-tables.ts';
import { Observer } from './observe.ts';
import { portsOf } from './ports.ts';
import type { Scenario } from './scenario.ts';
import type { Seen } from './seen.ts';
import { type Difference, Past } from './ways.ts';

export interface Mismatch extends Difference {
  /** Number of the event. */
  event: number;
}

export interface Judgement {
  events: number;
  mismatch?: Mismatch;
  /** What a first run found, where a second one did not find it again. */
  first?: Mismatch;
  /** What the kernel did, event by event, up to the mismatch; null for what could not be played. */
  kernel: (Seen | null)[];
}

export interface Sides {
  machine: Machine;
  lab: Lab;
}

/** What the machine does not look at: numbers of TCP segments, and that answers to segments out of order come seldom. */
const SYSCTLS = {
  'net.netfilter.nf_conntrack_tcp_be_liberal': 1,
  'net.ipv4.tcp_invalid_ratelimit': 0,
};

/**
 * TCP sends again after a second, and after two UDP counts as a stream: what has not come by then is part of no scenario, and no packet sets out
 * shortly before.
 */
const RESEND_MS = 980;
const STREAM_MS = 1950;
const SHORTLY_MS = 130;

/** The first event at which the machine disagrees with what a kernel was recorded to do. */
export function compare(machine: Machine, given: Scenario, kernel: Judgement['kernel']): Mismatch | undefined {
  const scenario = withTables(given);
  machine.load(withListeners(scenario.network, scenario.listening));
  const past = new Past(machine, scenario, portsOf(scenario), scenario.backend === 'nft');
  for (const [at, seen] of kernel.entries()) {
    if (!seen) {
      past.skip();
      continue;
    }
    const found = past.find(seen);
    if (found) return { event: at, ...found };
  }
  return undefined;
}

/** Asks the kernel twice where it seems to disagree: whether it does so again tells much about the reason. */
export async function judge(sides: Sides, scenario: Scenario): Promise<Judgement> {
  const { mismatch, ...judgement } = await judgeOnce(sides, scenario);
  if (!mismatch) return judgement;
  const again = await judgeOnce(sides, scenario);
  // Time may be up before the packet in question.
  if (again.mismatch || again.events > mismatch.event) return { ...again, ...(!again.mismatch && { first: mismatch }) };
  return { ...judgement, mismatch };
}

/** Builds the scenario on both sides and plays its events. Throws `LabError` where the kernel could not be asked. */
async function judgeOnce({ machine, lab }: Sides, given: Scenario): Promise<Judgement> {
  const scenario = withTables(given);
  const { network, listening, backend, events } = scenario;
  machine.load(withListeners(network, listening));
  const port = portsOf(scenario);
  const past = new Past(machine, scenario, port, backend === 'nft');
  const plan = planOf(network, listening, backend, {
    tries: 1,
    trace: backend === 'nft',
    ownLinkLocal: true,
    quiet: true,
    sysctls: SYSCTLS,
  });
  await lab.build(plan);
  await checkListings(lab, scenario);
  const observer = new Observer(lab, scenario, plan.plugs, port);
  await observer.start();
  const kernel: Judgement['kernel'] = [];
  const started = performance.now();
  // Sockets send again, of those that the lab holds.
  let end = started + STREAM_MS;
  for (const [at, event] of events.entries()) {
    const now = performance.now();
    if (event.packet.protocol === Protocol.TCP && !event.packet.tcp) end = Math.min(end, now + RESEND_MS);
    if (now > end - SHORTLY_MS) return { events: at, kernel };
    if (!observer.canPlay(event)) {
      past.skip();
      kernel.push(null);
      continue;
    }
    const seen = await observer.play(event);
    if (performance.now() > end) return { events: at, kernel };
    kernel.push(seen);
    const found = past.find(seen);
    if (found) return { events: at + 1, mismatch: { event: at, ...found }, kernel };
  }
  return { events: events.length, kernel };
}
