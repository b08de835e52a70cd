/**
 * Choice points. The machine never rolls dice: it takes the next answer of the script, or the first alternative where the script has
 * ended, and writes down what it could have taken.
 */
import { Failure } from '../../src/codes';
import { ChoiceKind } from '../../src/terms';
import { ChoiceRecord } from '../layout/step';
import { fail } from './failure';
import { CHOICES_BASE, CHOICES_CAPACITY, SCRIPT_BASE, WEIGHTS_BASE, WEIGHTS_CAPACITY } from './memory';
import { skb } from './skb';
import { traceChoice } from './trace';

let scriptLength: u32 = 0;
let count: u32 = 0;
let weightCount: u32 = 0;

/** The host has written `length` answers at SCRIPT_BASE. */
export function script(length: u32): void {
  scriptLength = length;
  count = 0;
  weightCount = 0;
}

export function choiceCount(): u32 {
  return count;
}

/** Adds one weight to the choice that is about to be made. */
export function weigh(weight: u32): void {
  if (weightCount >= WEIGHTS_CAPACITY) {
    fail(Failure.CHOICES_FULL);
    return;
  }
  store<u32>(WEIGHTS_BASE + (<usize>weightCount << 2), weight);
  weightCount++;
}

/**
 * Takes one of `alternatives`. With `weighed`, as many weights were just added by `weigh`. A choice of a rule has `statement`,
 * one of a route has `route`.
 */
export function choose(kind: u32, alternatives: u32, weighed: bool, statement: usize, route: usize): u32 {
  return take(kind, alternatives, weighed, statement, route, statement != 0);
}

/** Takes one of `alternatives` that no rule asks for: `about` is the record that the host knows the text of. */
export function chooseAside(kind: u32, alternatives: u32, about: usize): u32 {
  return take(kind, alternatives, false, about, 0, false);
}

/** Takes one of `alternatives` that are all alike; `about` is the record that the host knows. */
export function chooseAmong(kind: u32, alternatives: u32, about: usize): u32 {
  for (let i: u32 = 0; i < alternatives; i++) weigh(1);
  return take(kind, alternatives, true, about, 0, false);
}

/** Takes a server of a virtual service, whose record is at `service`. With `weighed`, their weights were just added. */
export function chooseServer(alternatives: u32, weighed: bool, service: usize): u32 {
  return take(ChoiceKind.SERVER, alternatives, weighed, service, 0, false);
}

function take(kind: u32, alternatives: u32, weighed: bool, statement: usize, route: usize, byRule: bool): u32 {
  if (count >= CHOICES_CAPACITY) {
    fail(Failure.CHOICES_FULL);
    return 0;
  }
  let taken: u32 = 0;
  if (count < scriptLength) taken = load<u32>(SCRIPT_BASE + (<usize>count << 2));
  if (taken >= alternatives) {
    fail(Failure.NO_SUCH_ALTERNATIVE);
    taken = 0;
  }
  const s = skb();
  const record = changetype<ChoiceRecord>(CHOICES_BASE + <usize>count * offsetof<ChoiceRecord>());
  record.netns = s.netns;
  record.alternatives = alternatives;
  record.taken = taken;
  record.weights = weighed ? WEIGHTS_BASE + (<usize>(weightCount - alternatives) << 2) : 0;
  record.table = s.table;
  record.chain = s.chain;
  record.index = s.rule;
  record.route = route;
  record.statement = statement;
  record.kind = <u8>kind;
  record.hasRule = byRule;
  traceChoice(count);
  count++;
  return taken;
}
