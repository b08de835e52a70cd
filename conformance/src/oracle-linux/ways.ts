/** The machine's side of a scenario, and the search for the way of its choices that the kernel took. */
import type { Choice, Machine, PortRange } from '@podwire/engine';
import { Predictor } from './predict.ts';
import type { Scenario } from './scenario.ts';
import type { PortName, Seen } from './seen.ts';

/** What only one side saw. */
export interface Difference {
  machine: Seen;
  kernel: Seen;
}

/** How many ways are tried for one event, with those of the events before it. */
const MOST_WAYS = 400;

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

/**
 * The pieces behind one that is lost come on, and wait in vain, or are lost for the same reason, of which IPv6 tells about each of them. The
 * machine follows them no more. In a tunnel's packets they look like the first.
 */
const withoutPieces = (strange: Seen, machine: Seen): Seen => ({
  ...strange,
  frames: strange.frames.filter(
    (text) => !/^\S+ \S+: piece | about \(piece /.test(text) && !machine.frames.includes(text),
  ),
  rules: strange.rules.filter((text) => !/^\S+ \S+ \S+ \(piece /.test(text) && !machine.rules.includes(text)),
});

const KINDS = ['frames', 'rules', 'arrivals', 'conntrack'] as const;

/**
 * Where NAT draws a port (nf_nat_l4proto_unique_tuple), the kernel may come upon one that somebody wrote down: it is told as it is, where the
 * machine's is any.
 */
export function withoutDraws({ machine, kernel }: Difference, drawn: readonly PortRange[]): Difference {
  const isDrawn = (port: string) =>
    port === '*' || drawn.some(({ from, to }) => Number(port) >= from && Number(port) <= to);
  const rest: Difference = { machine: { ...machine }, kernel: { ...kernel } };
  for (const kind of KINDS) {
    const theirs = [...kernel[kind]];
    rest.machine[kind] = machine[kind].filter((text) => {
      if (drawn.length === 0 || !text.includes('*')) return true;
      const parts = text.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      const pattern = new RegExp(`^${parts.join('(\\*|\\d+)')}$`);
      const at = theirs.findIndex((one) => pattern.exec(one)?.slice(1).every(isDrawn));
      if (at >= 0) theirs.splice(at, 1);
      return at < 0;
    });
    rest.kernel[kind] = theirs;
  }
  return rest;
}

const partsOf = (items: readonly string[]): string[] => items.flatMap((item) => item.split(/(?<=:) |, /));

/** How far the two sides are from each other: runs of chains differ by the rules in them. 0: not at all. */
function distanceOf({ machine, kernel }: Difference): number {
  let distance = 0;
  for (const kind of KINDS) {
    const [ours, theirs] = [partsOf(machine[kind]), partsOf(kernel[kind])];
    distance += lacking(ours, theirs).length + lacking(theirs, ours).length + Math.sign(ours.length + theirs.length);
  }
  return distance;
}

interface Tried {
  distance: number;
  script: readonly number[];
  /** It agreed, and was told so. */
  given: boolean;
  /** The ways next to it that have not been tried: what differs in one choice, and takes the first alternative of all behind it. */
  next: Iterator<readonly number[]>;
}

interface Played {
  found: Difference;
  choices: readonly Choice[];
  script: readonly number[];
}

type Play = (script: readonly number[]) => Played;

/** `fixed`: how many choices of the way were asked for; the machine took the first alternative of those behind them. */
function* nextTo({ script, choices }: Played, fixed: number): Generator<readonly number[]> {
  for (let i = fixed; i < script.length; i++)
    for (let other = 1; other < (choices[i] as Choice).alternatives; other++) yield [...script.slice(0, i), other];
}

/** All ways of one event, each once: always one that is next to the best so far. */
class Ways {
  readonly #play: Play;
  /** Those that others may be next to. */
  readonly #tried: Tried[] = [];
  /** How the first one differs. */
  first: Difference | undefined;

  constructor(play: Play) {
    this.#play = play;
  }

  #try(asked: readonly number[]): void {
    const played = this.#play(asked);
    this.first ??= played.found;
    const next = nextTo(played, asked.length);
    this.#tried.push({ distance: distanceOf(played.found), script: played.script, given: false, next });
  }

  /** Another way that agrees. `mayTry` is asked before each one. */
  next(mayTry: () => boolean): readonly number[] | undefined {
    if (!this.first) {
      if (!mayTry()) return undefined;
      this.#try([]);
    }
    for (;;) {
      const least = Math.min(...this.#tried.map(({ distance }) => distance));
      const at = this.#tried.findIndex(({ distance }) => distance === least);
      const best = this.#tried[at];
      if (!best) return undefined;
      if (least === 0 && !best.given) {
        best.given = true;
        return best.script;
      }
      const { value, done } = best.next.next();
      if (done) this.#tried.splice(at, 1);
      else if (mayTry()) this.#try(value);
      else return undefined;
    }
  }
}

/** Plays a scenario on the machine, and goes back where a choice turns out to have been another. */
export class Past {
  readonly #machine: Machine;
  readonly #scenario: Scenario;
  readonly #port: PortName;
  readonly #hasRules: boolean;
  /** By event, what the kernel did; absent for one that was not played. */
  readonly #kernel: (Seen | undefined)[] = [];
  /** By event, the way that agreed. */
  readonly #scripts: (readonly number[] | undefined)[] = [];
  /** What the machine has played since it began anew. */
  #played: (readonly number[] | undefined)[] = [];
  #predictor: Predictor | undefined;
  readonly #ways: (Ways | undefined)[] = [];

  /** `hasRules`: the legacy back-end does not tell which rules it tried. */
  constructor(machine: Machine, scenario: Scenario, port: PortName, hasRules: boolean) {
    this.#machine = machine;
    this.#scenario = scenario;
    this.#port = port;
    this.#hasRules = hasRules;
  }

  #playEvent(at: number, answers: readonly number[]): Seen {
    this.#machine.script(answers);
    return (this.#predictor as Predictor).play(this.#scenario.events[at] as Scenario['events'][number]);
  }

  /** One way of event `at`, behind what agreed before it. */
  #play(at: number, answers: readonly number[]): Played {
    const before = this.#scripts.slice(0, at);
    const isThere = this.#played.length === at && before.every((script, i) => script === this.#played[i]);
    if (!this.#predictor || !isThere) {
      this.#machine.reset();
      this.#predictor = new Predictor(this.#machine, this.#scenario, this.#port);
      for (const [i, script] of before.entries()) if (script) this.#playEvent(i, script);
    }
    const machine = this.#playEvent(at, answers);
    const choices = this.#machine.choices();
    const script = choices.map(({ taken }) => taken);
    this.#played = [...before, script];
    const kernel = this.#kernel[at] as Seen;
    const asked = this.#hasRules ? machine : { ...machine, rules: [] };
    const strange = onlyIn(kernel, asked);
    const all = {
      machine: onlyIn(asked, kernel),
      kernel: machine.lostPiece ? withoutPieces(strange, machine) : strange,
    };
    return { found: withoutDraws(all, this.#predictor.drawn), choices, script };
  }

  skip(): void {
    // A skipped event leaves the machine as it is.
    if (this.#played.length === this.#kernel.length) this.#played.push(undefined);
    this.#kernel.push(undefined);
    this.#scripts.push(undefined);
  }

  /** Finds a way by which this event and all before it agree with the kernel, or says how the first one differs. */
  find(kernel: Seen): Difference | undefined {
    const last = this.#kernel.push(kernel) - 1;
    let left = MOST_WAYS;
    const mayTry = () => left-- > 0;
    let first: Difference | undefined;
    for (let at = last; at >= 0; ) {
      if (!this.#kernel[at]) {
        at--;
        continue;
      }
      const event = at;
      const ways = this.#ways[at] ?? new Ways((script) => this.#play(event, script));
      this.#ways[at] = ways;
      const script = ways.next(mayTry);
      if (at === last) first ??= ways.first;
      if (!script) {
        this.#ways[at--] = undefined;
        continue;
      }
      this.#scripts[at] = script;
      while (at < last && !this.#kernel[++at]);
      if (event === last) return undefined;
    }
    return first;
  }
}
