/** One scenario on both sides, and where they disagree. */
import type { Machine, Network } from '@podwire/engine';
import type { Lab } from '../lab/lab.ts';
import { forgettingPrograms, planOf } from '../lab/plan.ts';
import { type Course, courseText, type Expectation, expectationOf, FIRST_PORT } from './expect.ts';
import { networkWith } from './left-over.ts';
import { Observer } from './observe.ts';
import type { Probe, Scenario } from './scenario.ts';
import { type World, worldOf } from './world.ts';

export interface Mismatch {
  probe: Probe;
  /** `other`: the kernel did what the machine says cannot be. `missing`: it never did what the machine says is likely. */
  kind: 'other' | 'missing';
  expected: Course[];
  kernel: Course[];
}

export interface Judgement {
  probes: number;
  /** Attempts made on the kernel. */
  attempts: number;
  /** Probes that agreed only when asked again alone: others were in their way, or time. */
  second: number;
  mismatches: Mismatch[];
  /** What the kernel did, by probe; each course once. */
  courses: Course[][];
}

export interface JudgeOptions {
  /** How long nothing may come back. */
  timeoutMs: number;
  /** Of how many probes to look whether all likely courses happen. */
  spread: number;
}

export const DEFAULTS: JudgeOptions = { timeoutMs: 400, spread: 2 };

/** Alone, a probe gets more time; below a second, when TCP sends a second SYN. */
const ALONE_MS = 900;
/** How often a probe is made to see whether all likely courses happen; with several attempts each, one after the other. */
const TRIES = 64;
const SEQUENCES = 18;
/** What is less likely than this does not happen by chance. */
const CHANCE = 1e-7;

const agrees = (expectation: Expectation, course: Course) =>
  expectation.truncated || expectation.courses.has(courseText(course));

/** Probes that may run side by side: those with several attempts leave traces in the rules' lists of clients, and run alone. */
function batches(probes: readonly Probe[]): number[][] {
  const single: number[] = [];
  const alone: number[][] = [];
  for (const [i, probe] of probes.entries()) {
    if ((probe.times ?? 1) > 1) alone.push([i]);
    else single.push(i);
  }
  return [...(single.length > 0 ? [single] : []), ...alone];
}

/** Logarithm of how many ways there are to choose `k` of `n`. */
function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}

/** Could `tries` tries have met no other courses than these? At most as likely as for any as many courses, each choice of them counted. */
function isChance(courses: ReadonlyMap<string, number>, seen: ReadonlySet<string>, tries: number): boolean {
  const mass = [...seen].reduce((sum, text) => sum + (courses.get(text) ?? 0), 0);
  return logChoose(courses.size, seen.size) + tries * Math.log(Math.min(1, mass)) >= Math.log(CHANCE);
}

/** Courses that should have been among `seen`: of each group of courses that could have been at work, if none of them explains what was seen. */
function missingOf(expectation: Expectation, seen: ReadonlySet<string>, tries: number): string[] {
  const all = new Map([...expectation.courses].map(([text, { odds }]) => [text, odds]));
  const holding = [...expectation.groups.values()].filter((g) => [...seen].every((text) => g.courses.has(text)));
  const groups = holding.length > 0 ? holding.map((g) => g.courses) : [all];
  if (groups.some((courses) => isChance(courses, seen, tries))) return [];
  const [first = all] = groups;
  return [...first.keys()].filter((text) => !seen.has(text));
}

const severalTimes = (probe: Probe) => (probe.times ?? 1) > 1;
const isSpread = ({ courses, truncated, circles }: Expectation) => !truncated && !circles && courses.size > 1;

class Judge {
  readonly #observer: Observer;
  readonly #expectations: Expectation[];
  readonly #probes: readonly Probe[];
  readonly judgement: Judgement = { probes: 0, attempts: 0, second: 0, mismatches: [], courses: [] };

  constructor(observer: Observer, probes: readonly Probe[], expectations: Expectation[]) {
    this.#observer = observer;
    this.#probes = probes;
    this.#expectations = expectations;
    this.judgement.probes = probes.length;
    this.judgement.courses = probes.map(() => []);
  }

  async #observe(probes: readonly Probe[], timeoutMs: number): Promise<Course[]> {
    const courses = await this.#observer.observe(probes, timeoutMs);
    this.judgement.attempts += courses.reduce((sum, course) => sum + course.length, 0);
    return courses;
  }

  #note(i: number, course: Course): void {
    const known = this.judgement.courses[i] as Course[];
    if (!known.some((other) => courseText(other) === courseText(course))) known.push(course);
  }

  async all(timeoutMs: number): Promise<void> {
    for (const batch of batches(this.#probes)) {
      const courses = await this.#observe(
        batch.map((i) => this.#probes[i] as Probe),
        timeoutMs,
      );
      for (const [k, i] of batch.entries()) {
        const course = courses[k] as Course;
        if (agrees(this.#expectations[i] as Expectation, course)) this.#note(i, course);
        else await this.#again(i);
      }
    }
  }

  /** Twice more, alone: what does not come again is not what the rules do. */
  async #again(i: number): Promise<void> {
    const probe = this.#probes[i] as Probe;
    const expectation = this.#expectations[i] as Expectation;
    const kernel: Course[] = [];
    for (let k = 0; k < 2; k++) {
      const [course] = (await this.#observe([probe], ALONE_MS)) as [Course];
      this.#note(i, course);
      if (agrees(expectation, course)) {
        this.judgement.second++;
        return;
      }
      kernel.push(course);
    }
    const expected = [...expectation.courses.values()].map(({ course }) => course);
    this.judgement.mismatches.push({ probe, kind: 'other', expected, kernel });
  }

  /** For some probes of each kind. */
  async spread(count: number, timeoutMs: number): Promise<void> {
    const several = [...this.#probes.keys()].filter((i) => isSpread(this.#expectations[i] as Expectation));
    const affine = several.filter((i) => severalTimes(this.#probes[i] as Probe));
    const single = several.filter((i) => !affine.includes(i));
    for (const i of single.slice(0, count)) await this.#spreadOf(i, timeoutMs);
    for (const i of affine.slice(0, Math.min(count, 1))) await this.#spreadOf(i, timeoutMs);
  }

  async #tries(probe: Probe, timeoutMs: number): Promise<Course[]> {
    if (!severalTimes(probe)) return this.#observe(Array<Probe>(TRIES).fill(probe), timeoutMs);
    const courses: Course[] = [];
    while (courses.length < SEQUENCES) courses.push(...(await this.#observe([probe], timeoutMs)));
    return courses;
  }

  async #spreadOf(i: number, timeoutMs: number): Promise<void> {
    const probe = this.#probes[i] as Probe;
    const expectation = this.#expectations[i] as Expectation;
    const seen = new Map<string, Course>();
    let tries = 0;
    for (const course of await this.#tries(probe, timeoutMs)) {
      // A crowd of connections may be slow: what lacks its answer is judged elsewhere, one by one.
      if (!agrees(expectation, course)) continue;
      tries++;
      seen.set(courseText(course), course);
      this.#note(i, course);
    }
    const missing = missingOf(expectation, new Set(seen.keys()), tries);
    if (missing.length === 0) return;
    const expected = missing.map((text) => JSON.parse(text) as Course);
    this.judgement.mismatches.push({ probe, kind: 'missing', expected, kernel: [...seen.values()] });
  }
}

export interface Sides {
  machine: Machine;
  lab: Lab;
}

/** What is left of former connections is loaded for its probe alone. */
function expectationsOf(
  machine: Machine,
  probes: readonly Probe[],
  network: Network,
  tracking: readonly string[],
): Expectation[] {
  let loaded: Network | undefined;
  return probes.map((probe) => {
    const wanted = networkWith(network, probe, FIRST_PORT);
    if (wanted !== loaded) machine.load(wanted);
    loaded = wanted;
    return expectationOf(machine, probe, tracking);
  });
}

/** Builds the scenario on both sides and asks them. Throws `LabError` where the kernel could not be asked. */
export async function judge(
  { machine, lab }: Sides,
  scenario: Scenario,
  options: JudgeOptions = DEFAULTS,
  world?: World,
): Promise<Judgement> {
  const { network, tracking } = world ?? (await worldOf(scenario));
  const expectations = expectationsOf(machine, scenario.probes, network, tracking);
  await lab.build(planOf(network, scenario.listening, scenario.backend));
  const session = new Judge(new Observer(lab, tracking, forgettingPrograms(network)), scenario.probes, expectations);
  await session.all(options.timeoutMs);
  await session.spread(options.spread, options.timeoutMs);
  return session.judgement;
}
