/** What the kernel says, in the same form as the machine. */

import type { Attempt, AttemptResult, Lab } from '../lab/lab.ts';
import type { TextProgram } from '../lab/plan.ts';
import type { Tracked } from '../lab/terms.ts';
import type { Course } from './expect.ts';
import { leftOverPrograms } from './left-over.ts';
import type { Probe } from './scenario.ts';
import { endText, portName, type Seen, trackedText } from './seen.ts';

const FIRST_PORT = 20000;
const LAST_PORT = 29999;

const isUnspecified = (address: string) => address === '0.0.0.0' || address === '::';

function seenOf(result: AttemptResult, attempt: Attempt, tracked: readonly Tracked[]): Seen {
  const kind = result.error !== undefined ? 'error' : result.reply ? 'reply' : 'timeout';
  const { icmp, client, endpoint, saw } = result;
  const arrived = kind === 'reply' || (kind === 'timeout' && attempt.protocol !== 'tcp');
  return {
    result: kind,
    ...(result.error !== undefined && { error: result.error }),
    ...(icmp && { icmp: `${icmp.type}/${icmp.code} from ${icmp.sender}` }),
    ...(client && !isUnspecified(client.address) && { client: client.address }),
    ...(arrived && endpoint && { endpoint: `${endpoint.netns} ${endText(endpoint.address, endpoint.port)}` }),
    ...(arrived && saw && { saw: endText(saw.address, portName(saw.port, attempt.sport)) }),
    conntrack: trackedText(tracked, attempt.protocol, attempt.sport),
  };
}

/** Asks the kernel, through a lab that holds the scenario. */
export class Observer {
  readonly #lab: Lab;
  readonly #tracking: readonly string[];
  readonly #forgetting: readonly TextProgram[];
  #port = FIRST_PORT;

  /** @param forgetting What makes rules forget which clients they have seen. */
  constructor(lab: Lab, tracking: readonly string[], forgetting: readonly TextProgram[]) {
    this.#lab = lab;
    this.#tracking = tracking;
    this.#forgetting = forgetting;
  }

  #nextPort(): number {
    const port = this.#port;
    this.#port = port === LAST_PORT ? FIRST_PORT : port + 1;
    return port;
  }

  /** All probes side by side, after everything before is forgotten; those with several attempts one attempt after the other. */
  async observe(probes: readonly Probe[], timeoutMs: number): Promise<Course[]> {
    await this.#lab.flush(this.#tracking, this.#forgetting);
    const courses: Course[] = probes.map(() => []);
    const rounds = Math.max(0, ...probes.map((probe) => probe.times ?? 1));
    for (let round = 0; round < rounds; round++) {
      const asked = probes.flatMap((probe, i) => {
        if ((probe.times ?? 1) <= round) return [];
        const { from, protocol, saddr, daddr, dport } = probe;
        const sport = this.#nextPort();
        const attempt: Attempt = {
          id: `${sport}`,
          from,
          protocol,
          daddr,
          dport,
          sport,
          ...(saddr !== undefined && { saddr }),
        };
        return [{ i, attempt }];
      });
      const former = asked.map(({ i, attempt }) => leftOverPrograms(probes[i] as Probe, attempt.sport));
      await this.#lab.run(former.flatMap(([remember]) => remember));
      await this.#lab.run(former.flatMap(([, clean]) => clean));
      const { results, tracked } = await this.#lab.probe(
        asked.map(({ attempt }) => attempt),
        timeoutMs,
        this.#tracking,
      );
      for (const [k, { i, attempt }] of asked.entries())
        courses[i]?.push(seenOf(results[k] as AttemptResult, attempt, tracked));
    }
    return courses;
  }
}
