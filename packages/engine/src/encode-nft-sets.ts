/** Sets and maps of nftables (`assembly/layout/nft-set.ts`). */
import type { Words } from './address.ts';
import { Op } from './codes.ts';
import { type Place, record } from './encode-record.ts';
import { compareWords, type EncodedRange, rangeOf, sameRange } from './encode-values.ts';
import { EngineError } from './errors.ts';
import { SetKind } from './nft-codes.ts';
import type { Rule } from './rule.ts';
import type { NftElement, NftSet, NftVerdict, ValueType } from './selector.ts';
import { ChoiceKind, Verdict } from './terms.ts';

const VERDICTS: Readonly<Record<NftVerdict['kind'], Verdict>> = {
  accept: Verdict.ACCEPT,
  drop: Verdict.DROP,
  return: Verdict.RETURN,
  continue: Verdict.CONTINUE,
  jump: Verdict.JUMP,
  goto: Verdict.GOTO,
};

const VALUE = 16;

/** Statements of an element: the kernel takes such alone as keep a state, counters and limits (nft_set_elem_expr_alloc()). */
function encodeStateful(place: Place, body: Rule['body']): number {
  const { arena, objects } = place.encoding;
  const start = arena.end;
  for (const statement of body) {
    const kind = statement.kind === 'limit' ? ChoiceKind.LIMIT : ChoiceKind.UNMODELLED;
    if (statement.kind === 'limit' || statement.kind === 'unmodelled')
      objects.statements.set(record(place, Op.CHOICE, 8, false, kind), statement);
    else if (statement.kind !== 'note' && statement.kind !== 'comment' && statement.kind !== 'nfacct')
      throw new EngineError('BAD_VALUE', `${place.where}: an element cannot have ${statement.kind}`);
  }
  record(place, Op.END, 8, false, 0);
  return start;
}

/** An element, its place among the host's, its key and value. */
interface Prepared {
  element: NftElement;
  number: number;
  key: EncodedRange[];
  data: EncodedRange[];
}

const parts = (set: NftSet): readonly ValueType[] => (Array.isArray(set.data) ? set.data : []);

function prepare(place: Place, set: NftSet, element: NftElement, number: number): Prepared {
  const ranges = (types: readonly ValueType[], values: NonNullable<NftElement['data']>, what: string) => {
    if (values.length !== types.length)
      throw new EngineError(
        'BAD_VALUE',
        `${place.where}: set ${set.name ?? ''}: ${what} of ${values.length} parts, not ${types.length}`,
      );
    return values.map((value, i) => rangeOf(place, types[i] as ValueType, value));
  };
  return {
    element,
    number,
    key: element.key === '*' ? [] : ranges(set.type, element.key, 'a key'),
    data: Array.isArray(set.data) ? ranges(set.data, element.data ?? [], 'a value') : [],
  };
}

/** Milliseconds as two words, the lower first; all ones: for ever. */
export function milliseconds(seconds: number | undefined): [low: number, high: number] {
  if (seconds === undefined) return [0xffffffff, 0xffffffff];
  const ms = Math.round(seconds * 1000);
  return [ms >>> 0, Math.floor(ms / 2 ** 32)];
}

/** Seconds that an element has from loading on; none: for ever. */
function lifetime(set: NftSet, { expires, timeout }: NftElement): number | undefined {
  if (expires !== undefined) return expires;
  return (timeout ?? set.timeout) || undefined;
}

function putElement(
  place: Place,
  set: NftSet,
  setAt: number,
  at: number,
  prepared: Prepared,
  dataRanges: boolean,
): void {
  const { abi, arena, chainNames } = place.encoding;
  const { element, key, data, number } = prepared;
  const ranged = element.key !== '*' && !key.every(sameRange);
  arena.u32.set(milliseconds(lifetime(set, element)), (at + abi.NFT_ELEMENT_EXPIRES) >>> 2);
  arena.u32[(at + abi.NFT_ELEMENT_ID) >>> 2] = number + 1;
  arena.u32[(at + abi.NFT_ELEMENT_SET) >>> 2] = setAt;
  arena.u8[at + abi.NFT_ELEMENT_RANGED] = ranged ? 1 : 0;
  arena.u8[at + abi.NFT_ELEMENT_WILD] = key.reduce((bits, { wild }, i) => bits | (wild ? 1 << i : 0), 0);
  const { verdict } = element;
  if (set.data === 'verdict') {
    if (!verdict) throw new EngineError('BAD_VALUE', `${place.where}: map ${set.name ?? ''}: no verdict`);
    arena.u8[at + abi.NFT_ELEMENT_VERDICT] = VERDICTS[verdict.kind];
    if (verdict.kind === 'jump' || verdict.kind === 'goto')
      arena.u32[(at + abi.NFT_ELEMENT_CHAIN) >>> 2] = chainNames.of(verdict.chain);
  }
  let value = at + abi.NFT_ELEMENT_SIZE;
  const put = (words: Words) => {
    arena.putWords(value, words);
    value += VALUE;
  };
  // The catch-all has no key, and its value stands where others have it.
  if (element.key === '*') value += set.type.length * VALUE;
  for (const { from } of key) put(from);
  if (ranged) for (const { to } of key) put(to);
  for (const { from } of data) put(from);
  if (dataRanges) for (const { to } of data) put(to);
}

/** Ascending by the first value, where that means something. */
const byKey = (a: Prepared, b: Prepared): number =>
  compareWords((a.key[0] as EncodedRange).from, (b.key[0] as EncodedRange).from);

/** Writes a set, or finds it where it was written before; returns its address. */
export function encodeNftSet(place: Place, set: NftSet): number {
  const { abi, arena, objects, nftSets } = place.encoding;
  const known = nftSets.get(set);
  if (known !== undefined) return known;
  const components = set.type.length;
  const values = parts(set).length;
  const all = set.elements.map((element, i) => prepare(place, set, element, i));
  const catchAll = all.find(({ element }) => element.key === '*');
  const keyed = all.filter(({ element }) => element.key !== '*');
  const exact = keyed.filter(({ key }) => key.every(sameRange));
  const ranged = keyed.filter(({ key }) => !key.every(sameRange));
  const intervals = components === 1 && ranged.every(({ key }) => key[0]?.wild === false);
  if (components === 1) {
    exact.sort(byKey);
    if (intervals) ranged.sort(byKey);
  }
  const dataRanges = all.some(({ data }) => !data.every(sameRange));
  const bodies = new Map<number, number>();
  for (const { element, number } of all)
    if (element.statements?.length) bodies.set(number, encodeStateful(place, element.statements));
  const at = arena.alloc(abi.NFT_SET_SIZE);
  nftSets.set(set, at);
  const data = values * VALUE * (dataRanges ? 2 : 1);
  const write = (list: readonly Prepared[], offset: number, keyValues: number) => {
    const size = abi.NFT_ELEMENT_SIZE + components * VALUE * keyValues + data;
    const first = arena.alloc(list.length * size);
    for (const [i, prepared] of list.entries()) {
      putElement(place, set, at, first + i * size, prepared, dataRanges);
      arena.u32[(first + i * size + abi.NFT_ELEMENT_STATEMENTS) >>> 2] = bodies.get(prepared.number) ?? 0;
    }
    if (offset === abi.NFT_SET_CATCH_ALL) arena.u32[(at + offset) >>> 2] = list.length === 0 ? 0 : first;
    else arena.u32.set([first, list.length, size], (at + offset) >>> 2);
  };
  write(exact, abi.NFT_SET_EXACT, 1);
  write(ranged, abi.NFT_SET_RANGED, 2);
  write(catchAll ? [catchAll] : [], abi.NFT_SET_CATCH_ALL, 1);
  arena.u32.set(milliseconds(set.timeout || undefined), (at + abi.NFT_SET_TIMEOUT) >>> 2);
  arena.u32[(at + abi.NFT_SET_ID) >>> 2] = objects.nftSets.push(set) - 1;
  arena.u32[(at + abi.NFT_SET_COMPONENTS) >>> 2] = components;
  arena.u32[(at + abi.NFT_SET_PARTS) >>> 2] = values;
  arena.u32[(at + abi.NFT_SET_LIMIT) >>> 2] = set.size ?? 0;
  arena.u8[at + abi.NFT_SET_KIND] =
    set.data === undefined ? SetKind.SET : set.data === 'verdict' ? SetKind.VERDICTS : SetKind.MAP;
  arena.u8[at + abi.NFT_SET_DATA_RANGES] = dataRanges ? 1 : 0;
  arena.u8[at + abi.NFT_SET_INTERVALS] = intervals ? 1 : 0;
  return at;
}
