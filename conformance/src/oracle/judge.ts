/** One scenario on both sides, and where they disagree. */
import type { Machine } from '@podwire/engine';
import { type Course, courseText, type Expectation, expectationOf } from './expect.ts';
import type { Lab } from './lab.ts';
import { Observer } from './observe.ts';
import { planOf } from './plan.ts';
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
/** With 64 tries a course of this probability stays away once in ten million times. */
const TRIES = 64;
const LIKELY = 0.222;

const agrees = (expectation: Expectation, course: Course) =>
  expectation.truncated || expectation.courses.has(courseText(course));

/** Probes that may run side by side: those with several attempts leave traces in the match `recent`, and run alone. */
function batches(probes: readonly Probe[]): number[][] {
  const single: number[] = [];
  const alone: number[][] = [];
  for (const [i, probe] of probes.entries()) {
    if ((probe.times ?? 1) > 1) alone.push([i]);
    else single.push(i);
  }
  return [...(single.length > 0 ? [single] : []), ...alone];
}

/** Courses that should have been among `seen`; undefined where another group than the one seen is at work. */
function missingOf(expectation: Expectation, seen: ReadonlySet<string>): string[] {
  let fewest: string[] | undefined;
  for (const { courses } of expectation.groups.values()) {
    if ([...seen].some((text) => !courses.has(text))) continue;
    const missing = [...courses].filter(([text, odds]) => odds >= LIKELY && !seen.has(text)).map(([text]) => text);
    if (!fewest || missing.length < fewest.length) fewest = missing;
  }
  if (fewest) return fewest;
  return [...expectation.courses].filter(([text, { odds }]) => odds >= LIKELY && !seen.has(text)).map(([text]) => text);
}

const isSpread = (probe: Probe, { courses, truncated }: Expectation) =>
  !truncated && (probe.times ?? 1) === 1 && [...courses.values()].filter(({ odds }) => odds >= LIKELY).length > 1;

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

  async spread(count: number, timeoutMs: number): Promise<void> {
    const chosen = [...this.#probes.entries()].filter(([i, probe]) =>
      isSpread(probe, this.#expectations[i] as Expectation),
    );
    for (const [i, probe] of chosen.slice(0, count)) {
      const expectation = this.#expectations[i] as Expectation;
      const seen = new Map<string, Course>();
      let missing: string[] = [];
      // A crowd of connections may be slow, and then lack its slowest: once more.
      for (let k = 0; k < 2; k++) {
        const courses = await this.#observe(
          Array.from({ length: TRIES }, () => probe),
          timeoutMs,
        );
        for (const course of courses) {
          if (!agrees(expectation, course)) continue;
          seen.set(courseText(course), course);
          this.#note(i, course);
        }
        missing = missingOf(expectation, new Set(seen.keys()));
        if (missing.length === 0) break;
      }
      if (missing.length === 0) continue;
      const expected = missing.map((text) => JSON.parse(text) as Course);
      this.judgement.mismatches.push({ probe, kind: 'missing', expected, kernel: [...seen.values()] });
    }
  }
}

export interface Sides {
  machine: Machine;
  lab: Lab;
}

/** Builds the scenario on both sides and asks them. Throws `LabError` where the kernel could not be asked. */
export async function judge(
  { machine, lab }: Sides,
  scenario: Scenario,
  options: JudgeOptions = DEFAULTS,
  world?: World,
): Promise<Judgement> {
  const { network, tracking } = world ?? (await worldOf(scenario));
  machine.load(network);
  const expectations = scenario.probes.map((probe) => expectationOf(machine, probe, tracking));
  await lab.build(planOf(network, scenario.listening, scenario.backend));
  const session = new Judge(new Observer(lab, tracking), scenario.probes, expectations);
  await session.all(options.timeoutMs);
  await session.spread(options.spread, options.timeoutMs);
  return session.judgement;
}
