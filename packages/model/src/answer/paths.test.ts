import { type Choice, ChoiceKind, Disposition, type Machine, type Packet, Reason, type Walk } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { openingPacket } from './packet.ts';
import { allPaths, oddsOf, PATHS_MAX } from './paths.ts';

/** A machine that asks a tree of choices: `ask(taken)` gives the next choice after those taken, or nothing. */
function machineAsking(ask: (taken: readonly number[]) => Omit<Choice, 'taken' | 'netns'> | undefined): Machine {
  let answers: readonly number[] = [];
  let met: Choice[] = [];
  return {
    load() {},
    reset() {
      answers = [];
      met = [];
    },
    script(given) {
      answers = given;
      met = [];
    },
    choices: () => met,
    nth() {},
    advance() {},
    send(netns: string, packet: Packet): Walk {
      for (let next = ask([]); next; next = ask(met.map((c) => c.taken))) {
        met.push({ ...next, netns, taken: answers[met.length] ?? 0 });
      }
      return {
        steps: [],
        end: { disposition: Disposition.DELIVERED, reason: Reason.LISTENER, netns, packet, answers: false },
      };
    },
    answer: () => undefined,
    conntrack: () => [],
    flush() {},
  };
}

const packet = openingPacket({ family: 4, protocol: 'tcp', daddr: '10.0.0.1', sport: 1, dport: 2 });
const send = { netns: 'a', packet, connection: 'new' as const };
const statistic = (weights: number[]) => ({ kind: ChoiceKind.STATISTIC, alternatives: weights.length, weights });

describe('allPaths', () => {
  test('one path where nothing is chosen', () => {
    const { paths, complete } = allPaths(
      machineAsking(() => undefined),
      send,
    );
    expect(paths.map((p) => p.choices.length)).toEqual([0]);
    expect(complete).toBe(true);
  });

  test('three endpoints the way kube-proxy writes them: 1/3, then 1/2, then the rest', () => {
    const ask = (taken: readonly number[]) =>
      taken.length < 2 && taken.every((t) => t === 1) ? statistic(taken.length === 0 ? [1, 2] : [1, 1]) : undefined;
    const { paths } = allPaths(machineAsking(ask), send);
    expect(paths.map((p) => p.choices.map((c) => c.taken))).toEqual([[0], [1, 0], [1, 1]]);
    expect(paths.map((p) => oddsOf(p.choices))).toEqual(Array(3).fill({ numerator: 1n, denominator: 3n }));
  });

  test('every combination once, in order; the odds add up to 1', () => {
    const ask = (taken: readonly number[]) => [statistic([1, 1, 1]), statistic([3, 5])][taken.length];
    const { paths } = allPaths(machineAsking(ask), send);
    expect(paths.map((p) => p.choices.map((c) => c.taken).join(''))).toEqual(['00', '01', '10', '11', '20', '21']);
    const total = paths.reduce((sum, p) => {
      const odds = oddsOf(p.choices);
      return odds ? sum + Number(odds.numerator) / Number(odds.denominator) : Number.NaN;
    }, 0);
    expect(total).toBeCloseTo(1, 12);
  });

  test('a choice that nobody knows the odds of leaves the path without odds', () => {
    const ask = (taken: readonly number[]) =>
      taken.length === 0 ? { kind: ChoiceKind.UNMODELLED, alternatives: 2, text: '-m magic' } : undefined;
    const { paths } = allPaths(machineAsking(ask), send);
    expect(paths.map((p) => oddsOf(p.choices))).toEqual([undefined, undefined]);
  });

  test('an endless tree is cut and says so', () => {
    const ask = (taken: readonly number[]) => (taken.length < 20 ? statistic([1, 1]) : undefined);
    const { paths, complete } = allPaths(machineAsking(ask), send);
    expect(paths.length).toBe(PATHS_MAX);
    expect(complete).toBe(false);
  });
});
