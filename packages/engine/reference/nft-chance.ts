/**
 * Numbers that the kernel draws: numgen (nft_numgen.c), hashes whose seed nobody knows (nft_hash.c). A choice between the classes of values that
 * a statement can tell apart, so that thousands of equal ways are one.
 */
import { ChoiceKind, type Selector } from '../src/index.ts';
import type { Place } from './chain.ts';
import { choose } from './choice.ts';
import { jhash2, reciprocalScale, swap32 } from './jhash.ts';
import { integer, type Value, wordsOf } from './nft-value.ts';
import type { Host, Intervals, Run, Skb } from './state.ts';
import { hasPorts } from './tuple.ts';

export type ChanceSelector = Extract<Selector, { field: 'numgen' | 'jhash' | 'symhash' }>;

/** Values (with their offset) that a statement can tell apart: where a new class may begin, and what class a value belongs to. */
export interface Classes {
  /** Absent: anywhere, so that every value is tried. */
  cuts?: () => readonly bigint[];
  classOf: (value: Value) => unknown;
}

/** Without classes every value is one; more than these are not modelled. */
export const MOST_VALUES = 4096;

/** Fields that stand in network byte order, and how many bytes they have: what a hash with a known seed can be computed of. */
const BYTES: Record<string, number> = {
  'ip saddr': 4,
  'ip daddr': 4,
  'ip6 saddr': 16,
  'ip6 daddr': 16,
  'ip protocol': 1,
  'ip6 nexthdr': 1,
  'meta l4proto': 1,
  'th sport': 2,
  'th dport': 2,
  'ether saddr': 6,
  'ether daddr': 6,
};

const isPlain = (selector: Selector) =>
  selector.field in BYTES && selector.mask === undefined && selector.xor === undefined && !selector.shift;

/** The value, where the seed is known and the key is of the packet's own bytes. */
function computed(selector: ChanceSelector & { field: 'jhash' }, key: readonly Value[]): bigint | undefined {
  const { seed, mod, offset } = selector;
  if (seed === undefined || !selector.key.every(isPlain)) return undefined;
  const sizes = selector.key.map(({ field }) => BYTES[field] as number);
  const words = key.flatMap((value, i) => wordsOf(value, sizes[i] as number));
  const bytes = sizes.length === 1 ? (sizes[0] as number) : words.length * 4;
  const hash = jhash2(words.map(swap32), seed, bytes);
  return BigInt(reciprocalScale(hash, mod) + offset);
}

/** What is known of a number already in this script: the values it may still have. */
function knownKey(host: Host, skb: Skb, selector: ChanceSelector, key: readonly Value[], id: number): string {
  if (selector.field === 'jhash') return `${host.order} ${id} ${key.map(({ n, name }) => `${n}${name}`).join(' ')}`;
  const { packet } = skb;
  const ports = hasPorts(packet.protocol) ? [packet.sport, packet.dport] : [0, 0];
  const ends = [`${packet.saddr} ${ports[0]}`, `${packet.daddr} ${ports[1]}`].sort();
  return `${host.order} symhash ${selector.mod} ${packet.protocol} ${ends.join(' ')}`;
}

function sizeOf(intervals: Intervals): number {
  return intervals.reduce((sum, [from, to]) => sum + Number(to - from) + 1, 0);
}

/** Splits what may be at the cuts, and gathers the pieces of each class, in the order of their first values. */
function split(possible: Intervals, offset: bigint, classOf: Classes['classOf'], cuts: readonly bigint[]): Intervals[] {
  const classes = new Map<unknown, Intervals>();
  const edges = [...new Set(cuts)].sort((a, b) => (a < b ? -1 : Number(a > b)));
  for (const [first, last] of possible) {
    const starts = [first, ...edges.map((cut) => cut - offset).filter((cut) => cut > first && cut <= last)];
    for (const [i, start] of starts.entries()) {
      const piece: [bigint, bigint] = [start, (starts[i + 1] ?? last + 1n) - 1n];
      const name = classOf(integer(start + offset));
      classes.set(name, [...(classes.get(name) ?? []), piece]);
    }
  }
  return [...classes.values()];
}

const single = (value: bigint): Intervals => [[value, value]];

/** One class per value; undefined where these are too many. */
function everyValue(possible: Intervals): Intervals[] | undefined {
  if (sizeOf(possible) > MOST_VALUES) return undefined;
  return possible.flatMap(([from, to]) =>
    Array.from({ length: Number(to - from) + 1 }, (_, i) => single(from + BigInt(i))),
  );
}

/** Undefined: too many values to tell apart. */
function piecesOf(possible: Intervals, offset: bigint, classes: Classes | undefined): Intervals[] | undefined {
  if (classes?.cuts) return split(possible, offset, classes.classOf, classes.cuts());
  const values = everyValue(possible);
  if (!classes || !values) return values;
  const starts = values.map(([interval]) => (interval as [bigint, bigint])[0] + offset);
  return split(possible, offset, classes.classOf, starts);
}

/** Undefined: too many values to tell apart. */
export function loadChance(
  run: Run,
  host: Host,
  skb: Skb,
  { table, chain, index }: Place,
  selector: ChanceSelector,
  key: readonly Value[],
  classes: Classes | undefined,
): Value | undefined {
  const { mod } = selector;
  const offset = BigInt(selector.offset);
  if (selector.field === 'jhash') {
    const value = computed(selector, key);
    if (value !== undefined) return integer(value);
  }
  if (selector.field === 'numgen' && selector.mode === 'inc' && run.world.nthMode === 'count') {
    const count = host.nth.get(selector) ?? 0;
    host.nth.set(selector, (count + 1) % mod);
    return integer(BigInt(count) + offset);
  }
  const { numbers, numberIds } = run.world;
  const id = numberIds.get(selector) ?? numberIds.size;
  numberIds.set(selector, id);
  const memory = selector.field === 'numgen' ? undefined : knownKey(host, skb, selector, key, id);
  const possible = (memory !== undefined && numbers.get(memory)) || [[0n, BigInt(mod) - 1n] as [bigint, bigint]];
  const pieces = piecesOf(possible, offset, classes);
  if (!pieces) return undefined;
  let taken = 0;
  if (pieces.length > 1) {
    const rule = { table, chain, index };
    const weights = pieces.map(sizeOf);
    const choice = { kind: ChoiceKind.NUMBER, alternatives: pieces.length, weights, netns: host.netns.name, rule };
    taken = choose(run, choice);
  }
  const left = pieces[taken] as Intervals;
  if (memory !== undefined) numbers.set(memory, left);
  return integer((left[0] as [bigint, bigint])[0] + offset);
}
