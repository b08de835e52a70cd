/** statistic_mt (xt_statistic.c), and matches whose outcome nobody knows. */
import { ChoiceKind } from '../../src/terms';
import { choose, weigh } from '../core/choice';
import { allocate } from '../core/memory';
import { skb } from '../core/skb';
import { PairStatement, Statement } from '../layout/statement';
import { inverted } from './header';

const WHOLE: u32 = 1 << 31;

/** Where `nth` or `numgen inc` of one rule in one namespace stands. */
@unmanaged
export class Counter {
  statement: usize;
  netns: usize;
  count: u32;
  next: usize;
}

const BUCKETS: u32 = 256;
let counters: usize = 0;
/** nth is a choice point, too, because nobody knows the counter of a running node. */
let chosen: bool = false;

export function nthMode(choice: bool): void {
  chosen = choice;
}

/** Is a counter's value a choice? */
export function isNthChosen(): bool {
  return chosen;
}

export function countersReset(): void {
  counters = 0;
}

export function counterOf(statement: usize, start: u32): Counter {
  if (counters == 0) {
    counters = allocate(<usize>BUCKETS << 2);
    if (counters == 0) return changetype<Counter>(0);
  }
  const netns = changetype<usize>(skb().netns);
  const bucket = counters + (<usize>((<u32>(statement >> 3) * 31 + <u32>(netns >> 3)) & (BUCKETS - 1)) << 2);
  let at = changetype<Counter>(<usize>load<u32>(bucket));
  while (changetype<usize>(at) != 0) {
    if (at.statement == statement && at.netns == netns) return at;
    at = changetype<Counter>(at.next);
  }
  at = changetype<Counter>(allocate(offsetof<Counter>()));
  if (changetype<usize>(at) == 0) return at;
  at.statement = statement;
  at.netns = netns;
  at.count = start;
  at.next = <usize>load<u32>(bucket);
  store<u32>(bucket, <u32>changetype<usize>(at));
  return at;
}

/** Alternative 0: the statement holds as written. */
function draw(at: usize, weight: u32, rest: u32): bool {
  const not = inverted(at);
  weigh(not ? rest : weight);
  weigh(not ? weight : rest);
  return choose(ChoiceKind.STATISTIC, 2, true, at, 0) == 0;
}

export function matchRandom(at: usize): bool {
  const probability = changetype<PairStatement>(at).first;
  if (probability == 0 || probability >= WHOLE) return (probability != 0) != inverted(at);
  return draw(at, probability, WHOLE - probability);
}

export function matchNth(at: usize): bool {
  const test = changetype<PairStatement>(at);
  const every = test.first;
  if (every <= 1) return !inverted(at);
  if (chosen) return draw(at, 1, every - 1);
  // The counter starts so that the packet numbered `packet` (from 0) is the first to match.
  const counter = counterOf(at, every - 1 - test.second);
  if (changetype<usize>(counter) == 0) return false;
  counter.count = counter.count == every - 1 ? 0 : counter.count + 1;
  return (counter.count == 0) != inverted(at);
}

/** A rate limit, or a test the machine does not model: `argument` is the kind of choice. */
export function matchUndecided(at: usize): bool {
  return choose(changetype<Statement>(at).argument, 2, false, at, 0) == 0;
}
