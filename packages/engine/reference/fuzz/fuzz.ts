/** The differential test: random networks and packets on two machines, which must agree on every step. */
import type { Machine, Walk } from '../../src/index.ts';
import { addBalancers } from './balancers.ts';
import { addIpvs } from './balancing.ts';
import { observationsDiffer } from './compare.ts';
import { addNftTables } from './nft-tables.ts';
import { type Case, type Mismatch, observe, replay } from './play.ts';
import { partSeed, type Random, random } from './random.ts';
import { addRouting } from './routing.ts';
import { addRulesets } from './rulesets.ts';
import { shrink } from './shrink.ts';
import { makePlan } from './topology.ts';
import { type Event, nextEvent, type Seen } from './traffic.ts';
import { type Plan, PORTS } from './world.ts';

export interface FuzzOptions {
  seed: number;
  rulesets: number;
  /** Walks in all, spread evenly. */
  packets: number;
  /** The first ruleset of the seed; 0 where absent. */
  from?: number;
  /** Mismatches after which it stops; 1 where absent. */
  most?: number;
  /** Tables of nftables too. */
  nft?: boolean;
  progress?: (done: number, walks: number) => void;
}

export interface Finding {
  ruleset: number;
  mismatch: Mismatch;
  /** Shrunk; replays by itself. */
  small: Case;
}

export interface FuzzResult {
  rulesets: number;
  walks: number;
  steps: number;
  findings: Finding[];
}

/** How many events go by between two comparisons of all connections. */
const CONNTRACK_EVERY = 16;
const HISTORY = 40;

function addListeners(r: Random, plan: Plan): void {
  for (const netns of plan.netnses) {
    if (r.chance(1, 3)) continue;
    netns.listeners = [6, 17, 132].flatMap((protocol) =>
      r.some(PORTS, 1, 2).map((port) => ({
        protocol,
        port,
        address: r.pick(['0.0.0.0', '::', '::', ...netns.addresses.map((a) => (a.address.split('/') as [string])[0])]),
        ...(r.chance(1, 4) ? { v6only: true } : {}),
        ...(r.chance(1, 12) ? { device: r.pick(netns.links).name } : {}),
      })),
    );
  }
}

/** The network of one ruleset of a seed. */
export function makeNetwork(seed: number, ruleset: number, nft = false): { plan: Plan; r: Random } {
  const r = random(partSeed(seed, ruleset));
  const plan = makePlan(r);
  addRouting(r, plan);
  addRulesets(r, plan);
  addListeners(r, plan);
  if (nft) addNftTables(r, plan);
  addBalancers(r, plan);
  if (r.chance(2, 3)) addIpvs(r, plan);
  return { plan, r };
}

interface Played {
  events: Event[];
  walks: number;
  steps: number;
  mismatch?: Mismatch;
}

function playOne(
  one: Machine,
  two: Machine,
  options: FuzzOptions,
  ruleset: number,
  walks: number,
): Played & { plan: Plan } {
  const { plan, r } = makeNetwork(options.seed, ruleset, options.nft);
  const network = { netnses: plan.netnses };
  const played: Played = { events: [], walks: 0, steps: 0 };
  for (const machine of [one, two]) {
    machine.load(network);
    machine.nth('count');
  }
  const history: Seen[] = [];
  let last: Walk | undefined;
  while (played.walks < walks) {
    const event = nextEvent(r, plan, history, last);
    const conntrack = played.events.length % CONNTRACK_EVERY === 0 || played.walks + 1 >= walks;
    const a = observe(one, network, event, conntrack);
    const b = observe(two, network, event, conntrack);
    played.events.push(event);
    const what = observationsDiffer(a, b);
    if (what !== undefined)
      return { ...played, plan, mismatch: { event: played.events.length - 1, what, one: a, two: b } };
    last = event.op === 'send' || event.op === 'answer' ? a.walk : undefined;
    played.walks += event.op === 'send' || event.op === 'answer' ? 1 : 0;
    played.steps += a.walk?.steps.length ?? 0;
    if (a.walk && a.walk.end.packet.saddr !== '' && event.op === 'send' && event.link === undefined) {
      history.push({ netns: event.netns, packet: event.packet, end: a.walk.end });
      if (history.length > HISTORY) history.shift();
    }
  }
  return { ...played, plan };
}

function shrunk(one: Machine, two: Machine, found: Case): Case {
  const fails = (candidate: Case): boolean => {
    try {
      return replay(one, two, candidate) !== undefined;
    } catch {
      return false;
    }
  };
  return fails(found) ? shrink(found, fails) : found;
}

/** `one` is the machine in question, `two` the one that knows. */
export function fuzz(one: Machine, two: Machine, options: FuzzOptions): FuzzResult {
  const { seed, rulesets, packets, from = 0, most = 1 } = options;
  const result: FuzzResult = { rulesets: 0, walks: 0, steps: 0, findings: [] };
  const each = Math.max(1, Math.ceil(packets / rulesets));
  for (let ruleset = from; ruleset < from + rulesets; ruleset++) {
    const played = playOne(one, two, options, ruleset, each);
    result.rulesets++;
    result.walks += played.walks;
    result.steps += played.steps;
    if (played.mismatch) {
      const about = `seed ${seed}, ruleset ${ruleset}`;
      const small = shrunk(one, two, { about, network: { netnses: played.plan.netnses }, events: played.events });
      result.findings.push({ ruleset, mismatch: played.mismatch, small });
      if (result.findings.length >= most) return result;
    }
    options.progress?.(result.rulesets, result.walks);
  }
  return result;
}
