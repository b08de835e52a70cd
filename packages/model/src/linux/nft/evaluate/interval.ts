/** Sets whose elements are ranges: in order, without overlaps, neighbours joined (nftables' intervals.c and segtree.c). */
import { NftRefusal } from '../base/refusal.ts';
import { type Element, ones, type Part, prefixMask, type SetTerm, type Term } from './term.ts';

export interface Span {
  from: bigint;
  to: bigint;
}

/** The numbers that a simple key stands for; undefined for text, concatenations and `*`. */
export function spanOf(term: Term): Span | undefined {
  if (term.is === 'value') return { from: term.value, to: term.value };
  if (term.is === 'range') return { from: term.from, to: term.to };
  if (term.is === 'prefix') return { from: term.value, to: term.value | ones(term.bits - term.length) };
  return undefined;
}

/** The names that a name stands for, as numbers of `bits` whose first byte is the first letter; several where it ends in `*`. */
function spanOfText(text: string, bits: number): Span {
  const wild = text.endsWith('*') && !text.endsWith('\\*');
  const name = wild ? text.slice(0, -1) : text.replace('\\*', '*');
  let from = 0n;
  for (const letter of name) from = (from << 8n) | BigInt(letter.charCodeAt(0));
  const rest = BigInt(Math.max(0, bits - 8 * name.length));
  from <<= rest;
  return { from, to: wild ? from | ones(Number(rest)) : from };
}

/** What a key of an interval set stands for; undefined for concatenations and `*`. */
export function spanOfKey(term: Term): Span | undefined {
  return term.is === 'text' ? spanOfText(term.text, term.bits) : spanOf(term);
}

/** A span as nft lists it: one value, a prefix where the type has prefixes, else a range. */
export function termOfSpan({ from, to }: Span, part: Part): Term {
  const { type, bits } = part;
  if (from === to) return { is: 'value', value: from, type, bits };
  if (type.prefix === true) {
    const size = to - from + 1n;
    const width = size.toString(2).length - 1;
    const length = bits - width;
    if (size === 1n << BigInt(width) && (from & prefixMask(bits, length)) === from)
      return { is: 'prefix', value: from, length, type, bits };
  }
  return { is: 'range', from, to, type, bits };
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

const textOf = (term: Term | undefined): string =>
  JSON.stringify(term, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? '';

/** Every key once. Throws where a map has two values for one. */
export function uniqueKeys(elements: readonly Element[]): Element[] {
  const seen = new Map<string, string>();
  return elements.filter((element) => {
    const key = textOf(element.key);
    const data = textOf(element.data);
    const before = seen.get(key);
    if (before !== undefined && before !== data) throw new NftRefusal('Could not process rule: File exists');
    seen.set(key, data);
    return before === undefined;
  });
}

/** Names without those that a longer wildcard already takes in. */
function mergeNames(elements: readonly Element[]): Element[] {
  const keyed = elements.flatMap((element) => {
    const span = spanOfKey(element.key);
    return span ? [{ element, span }] : [];
  });
  keyed.sort((a, b) => compare(a.span.from, b.span.from) || compare(b.span.to, a.span.to));
  const kept: typeof keyed = [];
  for (const next of keyed) {
    const last = kept.at(-1);
    if (!last || next.span.to > last.span.to) kept.push(next);
  }
  return kept.map(({ element }) => element);
}

/** Joins overlapping and neighbouring ranges of an anonymous set. */
export function mergeSet(set: SetTerm): SetTerm {
  if (!set.interval) return { ...set, elements: uniqueKeys(set.elements) };
  const names = set.elements.filter(({ key }) => key.is === 'text');
  const spans: { span: Span; part: Part }[] = [];
  const others: Element[] = [];
  for (const element of set.elements) {
    const span = spanOf(element.key);
    if (span && element.key.is !== 'concat') spans.push({ span, part: element.key as unknown as Part });
    else if (element.key.is !== 'text') others.push(element);
  }
  spans.sort((a, b) => compare(a.span.from, b.span.from) || compare(a.span.to, b.span.to));
  const merged: { span: Span; part: Part }[] = [];
  for (const next of spans) {
    const last = merged.at(-1);
    if (last && next.span.from <= last.span.to + 1n) {
      if (next.span.to > last.span.to) last.span.to = next.span.to;
    } else merged.push({ span: { ...next.span }, part: next.part });
  }
  const ranges = merged.map(({ span, part }) => ({ key: termOfSpan(span, part) }));
  return { ...set, elements: [...ranges, ...mergeNames(names), ...others] };
}

/** Do two elements that are not the same take in one value? */
export function overlapping(elements: readonly Element[]): boolean {
  const all = elements.flatMap((element) => spanOfKey(element.key) ?? []);
  all.sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
  return all.some((next, index) => {
    const last = all[index - 1];
    return last !== undefined && next.from <= last.to && (next.from !== last.from || next.to !== last.to);
  });
}

/** Throws where two elements of a map overlap. */
export function refuseOverlap(elements: readonly Element[]): void {
  if (overlapping(elements)) throw new NftRefusal('conflicting intervals specified');
}

/** First index whose span starts above `from`. */
function above(spans: readonly Span[], from: bigint): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span).from > from) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Adds spans to those of a named set, in order. Throws where two overlap and are not the same, unless `join`. */
export function addSpans(spans: Span[], elements: readonly Element[], join: boolean): void {
  for (const element of elements) {
    const span = spanOfKey(element.key);
    if (!span) continue;
    const at = above(spans, span.from);
    const before = spans[at - 1];
    const after = spans[at];
    if (before && before.from === span.from && before.to === span.to) continue;
    if (!join && ((before && before.to >= span.from) || (after && after.from <= span.to)))
      throw new NftRefusal('conflicting intervals specified');
    if (at === spans.length) spans.push(span);
    else spans.splice(at, 0, span);
  }
}
