/**
 * Numbers by chance: a choice whose alternatives are what the statement can tell apart. The numbers that are possible are cut where the
 * statement's answer may change; the pieces of one answer are one alternative, weighed by how many numbers they hold.
 */
import { SelectorFlag } from '../../../src/nft-codes';
import { ChoiceKind } from '../../../src/terms';
import { choose, weigh } from '../../core/choice';
import { Room, roomFor, roomReset } from '../../core/scratch';
import { none, some } from '../../core/skb';
import { CompareTest, Selector, Value } from '../../layout/nft';
import { NftElement, NftSet } from '../../layout/nft-set';
import { changedOf, elementOf } from '../../set/nft-changes';
import { keyFrom, keyTo, valueAt } from '../../set/nft-element';
import { exactAt, nftCatchAll, nftFind, rangedAt } from '../../set/nft';
import { transform } from './bitwise';
import { compares } from './compare';
import { Known, noteUnknown } from './key';
import { isHash, Memo, memoFind, memoKey, memoNote, Span } from './memo';
import { giveNumber, valueHi, valueLo } from './value';

/** Numbers that are tried one by one, at most. */
const MOST: u64 = 4096;

/** A piece of the possible numbers, and which alternative it is. */
@unmanaged
class Piece {
  span: u64;
  alternative: u32;
  pad: u32;
}

/** One alternative: the answer that it stands for, its first number, and how many numbers it has. */
@unmanaged
class Alternative {
  answer: usize;
  first: u32;
  weight: u32;
}

/** What answers: nothing (each number for itself), a relation, a set. */
enum Judge {
  NUMBER = 0,
  RELATION = 1,
  SET = 2,
}

const CUTS = changetype<Room>(memory.data(offsetof<Room>(), 8));
const PIECES = changetype<Room>(memory.data(offsetof<Room>(), 8));
const ALTERNATIVES = changetype<Room>(memory.data(offsetof<Room>(), 8));
const KEPT = changetype<Room>(memory.data(offsetof<Room>(), 8));
const WHOLE = changetype<Span>(memory.data(offsetof<Span>(), 8));
const PROBE = changetype<Value>(memory.data(offsetof<Value>(), 8));

let cutCount: u32 = 0;
let pieceCount: u32 = 0;
let alternativeCount: u32 = 0;
let judge: u32 = 0;
let judged: usize = 0;
/** Numbers of one answer may stand anywhere. */
let scattered: bool = false;
/** The answer to numbers that no element has. */
let rest: usize = 0;

export function chanceReset(): void {
  roomReset(CUTS);
  roomReset(PIECES);
  roomReset(ALTERNATIVES);
  roomReset(KEPT);
}

@inline
function spanAt(spans: usize, i: u32): Span {
  return changetype<Span>(spans + <usize>i * offsetof<Span>());
}

@inline
function pieceAt(i: u32): Piece {
  return changetype<Piece>(PIECES.at + <usize>i * offsetof<Piece>());
}

@inline
function alternativeAt(i: u32): Alternative {
  return changetype<Alternative>(ALTERNATIVES.at + <usize>i * offsetof<Alternative>());
}

/** Numbers from `cut` on may be answered otherwise than those below. */
function addCut(selector: Selector, value: Value, past: bool): void {
  if (value.hi != 0) return;
  const cut = value.lo + (past ? 1 : 0);
  if (cut <= selector.offset || cut - selector.offset >= selector.mod) return;
  const room = roomFor(CUTS, (cutCount + 1) << 2);
  if (room == 0) return;
  // Most come in order already.
  let at = cutCount;
  const number = <u32>(cut - selector.offset);
  for (; at > 0 && load<u32>(room + (<usize>(at - 1) << 2)) > number; at--) {
    store<u32>(room + (<usize>at << 2), load<u32>(room + (<usize>(at - 1) << 2)));
  }
  store<u32>(room + (<usize>at << 2), number);
  cutCount++;
}

function cutAt(selector: Selector, element: NftElement): void {
  addCut(selector, keyFrom(element, 0), false);
  addCut(selector, keyTo(element, 1, 0), true);
}

function cutBySet(selector: Selector, set: NftSet): void {
  // Both arrays are in order; together they nearly are.
  let i: u32 = 0;
  let j: u32 = 0;
  while (i < set.exactCount || j < set.rangedCount) {
    const exact = i < set.exactCount;
    const first = exact && (j >= set.rangedCount || keyFrom(exactAt(set, i), 0).lo < keyFrom(rangedAt(set, j), 0).lo);
    cutAt(selector, first ? exactAt(set, i) : rangedAt(set, j));
    if (first) i++;
    else j++;
  }
  const changed = changedOf(set);
  if (!some(changed)) return;
  for (let at = changed.newest; some(at); at = at.older) cutAt(selector, elementOf(at));
}

function cut(selector: Selector): void {
  cutCount = 0;
  if (judge == Judge.SET) cutBySet(selector, changetype<NftSet>(judged));
  else {
    addCut(selector, valueAt(judged + offsetof<CompareTest>(), 0), false);
    addCut(selector, valueAt(judged + offsetof<CompareTest>(), 0), true);
    addCut(selector, valueAt(judged + offsetof<CompareTest>(), 1), true);
  }
}

/** The value that a number makes. */
function make(selector: Selector, number: u32): void {
  giveNumber(<u64>number + selector.offset);
  if ((selector.flags & <u8>SelectorFlag.BITWISE) != 0) transform(selector);
}

/** What the statement says to a number: numbers with the same answer are one alternative. */
function answerTo(selector: Selector, number: u32): usize {
  make(selector, number);
  PROBE.hi = valueHi;
  PROBE.lo = valueLo;
  if (judge == Judge.RELATION) return compares(judged, changetype<usize>(PROBE), 1) ? 1 : 0;
  return changetype<usize>(nftFind(changetype<NftSet>(judged), changetype<usize>(PROBE)));
}

/** The alternative of an answer; a new one where nothing gave that answer yet. */
function alternativeOf(answer: usize, number: u32): u32 {
  // One element's numbers stand together, where they are in order; what no element has does not.
  const last = alternativeCount - 1;
  if (judge != Judge.NUMBER && alternativeCount > 0) {
    if (alternativeAt(last).answer == answer) return last;
    if (scattered || answer == rest) {
      for (let i: u32 = 0; i < last; i++) if (alternativeAt(i).answer == answer) return i;
    }
  }
  if (roomFor(ALTERNATIVES, (alternativeCount + 1) * <u32>offsetof<Alternative>()) == 0) return 0;
  const alternative = alternativeAt(alternativeCount);
  alternative.answer = answer;
  alternative.first = number;
  alternative.weight = 0;
  return alternativeCount++;
}

function addPiece(selector: Selector, from: u32, to: u32): void {
  if (roomFor(PIECES, (pieceCount + 1) * <u32>offsetof<Piece>()) == 0) return;
  const answer: usize = judge == Judge.NUMBER ? 0 : answerTo(selector, from);
  const piece = pieceAt(pieceCount++);
  const span = changetype<Span>(changetype<usize>(piece));
  span.from = from;
  span.to = to;
  piece.alternative = alternativeOf(answer, from);
  alternativeAt(piece.alternative).weight += to - from + 1;
}

/** Cuts the possible numbers into pieces. */
function divide(selector: Selector, spans: usize, count: u32, singly: bool): void {
  pieceCount = 0;
  alternativeCount = 0;
  if (!singly) cut(selector);
  let next: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    let from = spanAt(spans, i).from;
    const to = spanAt(spans, i).to;
    while (from <= to) {
      let last = to;
      if (singly) last = from;
      else {
        while (next < cutCount && load<u32>(CUTS.at + (<usize>next << 2)) <= from) next++;
        if (next < cutCount) last = min(to, load<u32>(CUTS.at + (<usize>next << 2)) - 1);
      }
      addPiece(selector, from, last);
      if (last == u32.MAX_VALUE) break;
      from = last + 1;
    }
  }
}

/** Asks; the pieces of the alternative taken stand in KEPT, as many as are returned. */
function ask(selector: Selector): u32 {
  let taken: u32 = 0;
  if (alternativeCount > 1) {
    for (let i: u32 = 0; i < alternativeCount; i++) weigh(alternativeAt(i).weight);
    taken = choose(ChoiceKind.NUMBER, alternativeCount, true, changetype<usize>(selector), 0);
  }
  let kept: u32 = 0;
  for (let i: u32 = 0; i < pieceCount; i++) {
    if (pieceAt(i).alternative != taken) continue;
    const room = roomFor(KEPT, (kept + 1) * <u32>offsetof<Span>());
    if (room == 0) return 0;
    const span = changetype<Span>(changetype<usize>(pieceAt(i)));
    spanAt(room, kept).from = span.from;
    spanAt(room, kept).to = span.to;
    kept++;
  }
  return kept;
}

/** Draws a number; its value is given. NO: there are too many to tell apart. */
function draw(selector: Selector, by: Judge, at: usize): Known {
  const hash = isHash(selector);
  let memo = none<Memo>();
  WHOLE.from = 0;
  WHOLE.to = selector.mod - 1;
  let spans = changetype<usize>(WHOLE);
  let count: u32 = 1;
  if (hash) {
    const known = memoKey(selector);
    if (known != Known.YES) return known;
    memo = memoFind();
    if (some(memo)) {
      spans = memo.spans;
      count = memo.spanCount;
    }
  }
  // A key's own numbers were drawn on the way.
  judge = by;
  judged = at;
  rest = by == Judge.SET ? changetype<usize>(nftCatchAll(changetype<NftSet>(at))) : 0;
  const singly = by == Judge.NUMBER || (selector.flags & <u8>SelectorFlag.BITWISE) != 0;
  scattered = singly || count > 1 || by == Judge.RELATION;
  if (singly) {
    let total: u64 = 0;
    for (let i: u32 = 0; i < count; i++) total += <u64>spanAt(spans, i).to - spanAt(spans, i).from + 1;
    if (total > MOST) return Known.NO;
  }
  divide(selector, spans, count, singly);
  const kept = ask(selector);
  if (kept == 0) return Known.NONE;
  if (hash) memoNote(memo, KEPT.at, kept);
  make(selector, spanAt(KEPT.at, 0).from);
  return Known.YES;
}

/** A number that the statement cannot be asked about: each is an alternative. The selector's bits are left to the caller. */
export function drawAny(selector: Selector): Known {
  const known = draw(selector, Judge.NUMBER, 0);
  if (known == Known.YES) giveNumber(<u64>spanAt(KEPT.at, 0).from + selector.offset);
  return known;
}

function drawInto(selector: Selector, by: Judge, at: usize, out: usize): Known {
  const known = draw(selector, by, at);
  if (known == Known.NO) noteUnknown(selector);
  const value = changetype<Value>(out);
  value.hi = valueHi;
  value.lo = valueLo;
  return known;
}

/** A number alone in a relation. */
export function drawCompared(selector: Selector, statement: usize, out: usize): Known {
  return drawInto(selector, Judge.RELATION, statement, out);
}

/** A number alone before a set or map. */
export function drawFound(selector: Selector, set: NftSet, out: usize): Known {
  return drawInto(selector, Judge.SET, changetype<usize>(set), out);
}
