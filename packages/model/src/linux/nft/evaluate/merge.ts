/**
 * Tests of fields that stand side by side in a header become one test of both, so the listing shows them in the header's order (nftables'
 * stmt_reduce). Nothing is merged across other statements.
 */
import type { NftFamily } from '../syntax.ts';
import { keyName, selects } from './protocols.ts';
import type { Match, Step } from './step.ts';
import type { Payload } from './term.ts';

const LAYERS = ['ll', 'nh', 'th', 'ih'];
/** Bits that one register holds, and one that is loaded fast. */
const REGISTER = 128;
const FAST = 32;

interface FieldTest extends Match {
  left: Payload;
}

function isFieldTest(step: Step): step is FieldTest {
  return (
    step.is === 'match' &&
    step.left.is === 'payload' &&
    step.right.is === 'value' &&
    (step.op === '==' || step.op === 'in' || step.op === '!=')
  );
}

/** One test of several adjacent fields. */
interface Run {
  tests: FieldTest[];
  offset: number;
  bits: number;
  base: string;
  /** Index of the test whose place in the rule the run takes. */
  home: Step;
  selects: boolean;
}

function adjacent(last: Run, next: Run): boolean {
  if (last.base !== next.base || last.offset + last.bits !== next.offset) return false;
  if ([last.offset, last.bits, next.offset, next.bits].some((bits) => bits % 8 !== 0)) return false;
  const total = last.bits + next.bits;
  if (total > REGISTER) return false;
  return total <= FAST || last.base === 'll' || last.bits > FAST || next.bits > FAST;
}

function sameOperator(last: Run, next: Run): boolean {
  return (last.tests[0]?.op === '!=') === (next.tests[0]?.op === '!=');
}

function mergeGroup(group: FieldTest[]): Map<Step, FieldTest[]> {
  const runs = group.map(
    (test): Run => ({
      tests: [test],
      offset: test.left.offset,
      bits: test.left.bits,
      base: test.left.base,
      home: test,
      selects: selects(test.left),
    }),
  );
  runs.sort((a, b) => LAYERS.indexOf(a.base) - LAYERS.indexOf(b.base) || a.offset - b.offset);
  const done: Run[] = [];
  for (const next of runs) {
    const last = done.at(-1);
    if (!last || !adjacent(last, next) || !sameOperator(last, next)) {
      done.push(next);
      continue;
    }
    last.tests.push(...next.tests);
    last.bits += next.bits;
    if (next.selects) {
      last.home = next.home;
      last.selects = true;
    }
  }
  const places = new Map<Step, FieldTest[]>();
  for (const test of group) places.set(test, []);
  for (const run of done) places.set(run.home, run.tests);
  return places;
}

/** Is the test always true in this family? */
function redundant(step: Step, family: NftFamily): boolean {
  if (step.is !== 'match' || keyName(step.left) !== 'meta protocol' || step.right.is !== 'value') return false;
  if (step.op !== '==' && step.op !== 'in') return false;
  return (family === 'ip' && step.right.value === 0x0800n) || (family === 'ip6' && step.right.value === 0x86ddn);
}

/** The steps of a rule as the kernel gets them. */
export function mergeSteps(steps: readonly Step[], family: NftFamily): Step[] {
  const merged: Step[] = [];
  let group: FieldTest[] = [];
  let pending: Step[] = [];
  const flush = (): void => {
    const places = group.length > 1 ? mergeGroup(group) : undefined;
    for (const step of pending) merged.push(...(places?.get(step) ?? [step]));
    group = [];
    pending = [];
  };
  for (const step of steps) {
    if (redundant(step, family)) continue;
    if (step.is !== 'match' && step.is !== 'vmap') {
      flush();
      merged.push(step);
      continue;
    }
    if (isFieldTest(step)) group.push(step);
    pending.push(step);
  }
  flush();
  return merged;
}
