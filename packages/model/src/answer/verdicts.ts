/** From several outcomes to one verdict. */
import type { Condition, Outcome, TraceGroup, VerdictWord } from './answer.ts';

export interface Judged {
  verdict: VerdictWord;
  reason: string;
}

const UNDECIDED: ReadonlySet<VerdictWord> = new Set(['depends', 'unknown']);

/** Whether the answer to "does it arrive?" is yes, no, or neither. */
export function decision(verdict: VerdictWord): 'yes' | 'no' | 'undecided' {
  if (verdict === 'delivered') return 'yes';
  return UNDECIDED.has(verdict) ? 'undecided' : 'no';
}

function conditionKey(conditions: readonly Condition[]): string {
  return JSON.stringify(conditions.map((c) => [c.place.name, c.construct, c.holds]));
}

/** Whether outcomes end alike whatever way the choices without odds fall: then those choices decide nothing. */
function conditionsDecide(outcomes: readonly Pick<Outcome, 'verdict' | 'reason' | 'conditions'>[]): boolean {
  const ends = new Map<string, Set<string>>();
  for (const outcome of outcomes) {
    const key = conditionKey(outcome.conditions);
    const words = ends.get(key) ?? new Set();
    words.add(outcome.verdict);
    ends.set(key, words);
  }
  return new Set([...ends.values()].map((words) => [...words].sort().join())).size > 1;
}

/** One verdict for all ways one packet can take. `unmodelled`: one of the choices is a construct without a model. */
export function judge(
  outcomes: readonly Pick<Outcome, 'verdict' | 'reason' | 'conditions'>[],
  unmodelled: boolean,
): Judged {
  const first = outcomes[0];
  if (!first) throw new Error('a packet takes at least one way');
  const words = new Set(outcomes.map((o) => o.verdict));
  if (words.size === 1) {
    // The reason of most of them: one odd listener among a hundred does not name the answer.
    const counts = new Map<string, number>();
    for (const { reason } of outcomes) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const [reason] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best));
    return { verdict: first.verdict, reason };
  }
  if (conditionsDecide(outcomes)) {
    return unmodelled
      ? { verdict: 'unknown', reason: 'construct-not-modelled' }
      : { verdict: 'depends', reason: 'rate-limit' };
  }
  return { verdict: 'depends', reason: 'outcomes-differ' };
}

/** One verdict for all sources and destinations of a question. */
export function judgeAll(groups: readonly TraceGroup[]): Judged {
  const first = groups[0];
  if (!first) throw new Error('a question has at least one source and destination');
  const decisions = new Set(groups.map((g) => decision(g.verdict)));
  if (decisions.size === 1 && !decisions.has('undecided')) {
    // All no, perhaps for different reasons: the first stands for them, the groups tell them apart.
    return { verdict: first.verdict, reason: first.reason };
  }
  const unknown = groups.find((g) => g.verdict === 'unknown');
  if (unknown) return { verdict: 'unknown', reason: unknown.reason };
  if (groups.length === 1 || groups.every((g) => g.reason === first.reason && g.verdict === first.verdict)) {
    return { verdict: first.verdict, reason: first.reason };
  }
  return { verdict: 'depends', reason: 'outcomes-differ' };
}
