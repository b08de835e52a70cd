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

/** How many bytes a field has in the kernel's registers, where that is not 4 in the order of the CPU. */
const BYTES: Record<string, number> = {
  'ip saddr': 4,
  'ip daddr': 4,
  'ip6 saddr': 16,
  'ip6 daddr': 16,
  'th sport': 2,
  'th dport': 2,
  'udp length': 2,
  'ip length': 2,
  'ip6 length': 2,
  'ip frag-off': 2,
  'icmp id': 2,
  'ether saddr': 6,
  'ether daddr': 6,
  'ether type': 2,
  'meta ibrhwaddr': 6,
  'meta protocol': 2,
  'arp htype': 2,
  'arp ptype': 2,
  'arp operation': 2,
  'arp saddr ether': 6,
  'arp daddr ether': 6,
  'arp saddr ip': 4,
  'arp daddr ip': 4,
  'ct original proto-src': 2,
  'ct original proto-dst': 2,
  'ct reply proto-src': 2,
  'ct reply proto-dst': 2,
};

/** Numbers that the CPU's own order makes no difference to, or that stand in it. */
const OWN: Record<string, number> = {
  'ip protocol': 1,
  'ip ttl': 1,
  'ip tos': 1,
  'ip version': 1,
  'ip hdrlength': 1,
  'ip6 nexthdr': 1,
  'ip6 hoplimit': 1,
  'ip6 tclass': 1,
  'ip6 version': 1,
  'tcp flags': 1,
  'arp hlen': 1,
  'arp plen': 1,
  'icmp type': 1,
  'icmp code': 1,
  'meta nfproto': 1,
  'meta l4proto': 1,
  'meta pkttype': 1,
  'meta iiftype': 2,
  'meta oiftype': 2,
  'ct direction': 1,
  'ct l3proto': 1,
  'ct protocol': 1,
  'ct zone': 2,
  'ct original zone': 2,
  'ct reply zone': 2,
};

/** One component of a key: how many bytes it has, and the words that a little-endian CPU reads there. */
function component({ field }: Selector, value: Value): { bytes: number; words: number[] } {
  if (value.type === 'ifname') {
    const name = new Uint8Array(16);
    new TextEncoder().encodeInto(value.name, name);
    const view = new DataView(name.buffer);
    return { bytes: 16, words: [0, 4, 8, 12].map((at) => view.getUint32(at, true)) };
  }
  const ordered = value.type === 'integer' ? BYTES[field] : { ipv4_addr: 4, ipv6_addr: 16, ether_addr: 6 }[value.type];
  if (ordered === undefined) return { bytes: OWN[field] ?? 4, words: [Number(value.n)] };
  return { bytes: ordered, words: wordsOf(value, ordered).map(swap32) };
}

/** The value, where the seed is known. A key of one component is hashed as long as it is, others by whole words. */
function computed(selector: ChanceSelector & { field: 'jhash' }, key: readonly Value[]): bigint | undefined {
  const { seed, mod, offset } = selector;
  if (seed === undefined) return undefined;
  const parts = key.map((value, i) => component(selector.key[i] as Selector, value));
  const words = parts.flatMap((part) => part.words);
  const bytes = parts.length === 1 ? (parts[0]?.bytes ?? 0) : words.length * 4;
  return BigInt(reciprocalScale(jhash2(words, seed, bytes), mod) + offset);
}

/** What is known of a number already in this script: the values it may still have. */
function knownKey(host: Host, skb: Skb, selector: ChanceSelector, key: readonly Value[], id: number): string {
  if (selector.field === 'jhash') return `${host.order} ${id} ${key.map(({ n, name }) => `${n}${name}`).join(' ')}`;
  const { packet } = skb;
  const ports = hasPorts(packet.protocol) && !packet.fragment ? [packet.sport, packet.dport] : [0, 0];
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
