/** One scenario on both sides, event by event, and where they disagree. */
import type { Choice, Machine } from '@podwire/engine';
import type { Lab } from '../lab/lab.ts';
import { withListeners } from '../lab/listeners.ts';
import { planOf } from '../lab/plan.ts';
import { checkListings } from './nft-listing.ts';
import { withTables } from './nft-tables.ts';
import { Observer, type Patience } from './observe.ts';
import { portsOf } from './ports.ts';
import { Predictor } from './predict.ts';
import type { Scenario } from './scenario.ts';
import type { PortName, Seen } from './seen.ts';

export interface Mismatch {
  /** Number of the event. */
  event: number;
  /** What only one side saw. */
  machine: Seen;
  kernel: Seen;
}

export interface Judgement {
  events: number;
  mismatch?: Mismatch;
  /** What the kernel did, event by event, up to the mismatch; null for what could not be played. */
  kernel: (Seen | null)[];
}

export interface Sides {
  machine: Machine;
  lab: Lab;
}

const HASTE: Patience = { quietMs: 3, patienceMs: 45 };
const LEISURE: Patience = { quietMs: 20, patienceMs: 80 };

/** What the machine does not look at: numbers of TCP segments, and that answers to segments out of order come seldom. */
const SYSCTLS = {
  'net.netfilter.nf_conntrack_tcp_be_liberal': 1,
  'net.ipv4.tcp_invalid_ratelimit': 0,
};

/** TCP sends again after a second: by then a scenario is over. */
const MOST_MS = 850;

/** How many ways of one event are tried to find the kernel's. */
const MOST_WAYS = 64;

/** Items of `a` that `b` lacks; each counts once for each time. */
function lacking(a: readonly string[], b: readonly string[]): string[] {
  const rest = [...b];
  return a.filter((item) => {
    const at = rest.indexOf(item);
    if (at < 0) return true;
    rest.splice(at, 1);
    return false;
  });
}

const onlyIn = (a: Seen, b: Seen): Seen => ({
  frames: lacking(a.frames, b.frames),
  rules: lacking(a.rules, b.rules),
  arrivals: lacking(a.arrivals, b.arrivals),
  conntrack: lacking(a.conntrack, b.conntrack),
});

const isEmpty = (seen: Seen) => Object.values(seen).every((list: string[]) => list.length === 0);

/** The legacy back-end does not tell which rules it tried. */
function differ(machine: Seen, kernel: Seen, hasRules: boolean): { machine: Seen; kernel: Seen } | undefined {
  const asked = hasRules ? machine : { ...machine, rules: [] };
  const found = { machine: onlyIn(asked, kernel), kernel: onlyIn(kernel, asked) };
  return isEmpty(found.machine) && isEmpty(found.kernel) ? undefined : found;
}

/** The script of the next way in depth-first order. */
function nextScript(choices: readonly Choice[]): number[] | undefined {
  for (let i = choices.length - 1; i >= 0; i--) {
    const { taken, alternatives } = choices[i] as Choice;
    if (taken + 1 < alternatives) return [...choices.slice(0, i).map((choice) => choice.taken), taken + 1];
  }
  return undefined;
}

/** The machine's side of a scenario, which can go back to before an event. */
class Past {
  readonly #machine: Machine;
  readonly #scenario: Scenario;
  readonly #port: PortName;
  /** By event; absent for one that was not played. */
  readonly #scripts: (number[] | undefined)[] = [];
  #predictor: Predictor;

  constructor(machine: Machine, scenario: Scenario, port: PortName) {
    this.#machine = machine;
    this.#scenario = scenario;
    this.#port = port;
    this.#predictor = this.#begin();
  }

  #begin(): Predictor {
    this.#machine.reset();
    return new Predictor(this.#machine, this.#scenario, this.#port);
  }

  #play(at: number, script: readonly number[]): Seen {
    this.#machine.script(script);
    return this.#predictor.play(this.#scenario.events[at] as Scenario['events'][number]);
  }

  skip(): void {
    this.#scripts.push(undefined);
  }

  /** The way of event `at` that agrees with the kernel, or how the first one differs. */
  find(at: number, kernel: Seen, hasRules: boolean): { machine: Seen; kernel: Seen } | undefined {
    let script: number[] | undefined = [];
    let first: ReturnType<typeof differ>;
    for (let way = 0; script && way < MOST_WAYS; way++) {
      if (way > 0) {
        this.#predictor = this.#begin();
        for (const [i, before] of this.#scripts.entries()) if (before) this.#play(i, before);
      }
      const found = differ(this.#play(at, script), kernel, hasRules);
      if (!found) {
        this.#scripts.push(script);
        return undefined;
      }
      first ??= found;
      script = nextScript(this.#machine.choices());
    }
    return first;
  }
}

/** The first event at which the machine disagrees with what a kernel was recorded to do. */
export function compare(machine: Machine, given: Scenario, kernel: Judgement['kernel']): Mismatch | undefined {
  const scenario = withTables(given);
  machine.load(withListeners(scenario.network, scenario.listening));
  const past = new Past(machine, scenario, portsOf(scenario));
  for (const [at, seen] of kernel.entries()) {
    if (!seen) {
      past.skip();
      continue;
    }
    const found = past.find(at, seen, scenario.backend === 'nft');
    if (found) return { event: at, ...found };
  }
  return undefined;
}

/** What does not come again at leisure, or once more in haste, is not what the kernel does: `second` says that it did not. */
export async function judge(sides: Sides, scenario: Scenario): Promise<Judgement & { second: boolean }> {
  const first = await judgeOnce(sides, scenario, HASTE);
  if (!first.mismatch) return { ...first, second: false };
  for (const patience of [LEISURE, HASTE]) {
    const again = await judgeOnce(sides, scenario, patience);
    // Time may be up before the packet in question.
    if (again.mismatch || again.events > first.mismatch.event)
      return { ...again, second: again.mismatch === undefined };
  }
  return { ...first, second: false };
}

/** Builds the scenario on both sides and plays its events. Throws `LabError` where the kernel could not be asked. */
async function judgeOnce({ machine, lab }: Sides, given: Scenario, patience: Patience): Promise<Judgement> {
  const scenario = withTables(given);
  const { network, listening, backend, events } = scenario;
  machine.load(withListeners(network, listening));
  const port = portsOf(scenario);
  const past = new Past(machine, scenario, port);
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
  // Questions for neighbours on a wire without a carrier go nowhere, and are seen by nobody; nor are those that may not go through a tunnel.
  const isCut = network.netnses.some(({ links }) => links.some(({ up, kind }) => up === false || kind === 'vxlan'));
  const hurry = isCut ? { ...patience, quietMs: patience.patienceMs } : patience;
  for (const [at, event] of events.entries()) {
    if (performance.now() - started > MOST_MS) return { events: at, kernel };
    if (!observer.canPlay(event)) {
      past.skip();
      kernel.push(null);
      continue;
    }
    const seen = await observer.play(event, hurry);
    // Pieces are not compared: nor is what comes of them.
    if (observer.cut) return { events: at, kernel };
    kernel.push(seen);
    const found = past.find(at, seen, backend === 'nft');
    if (found) return { events: at + 1, mismatch: { event: at, ...found }, kernel };
  }
  return { events: events.length, kernel };
}
