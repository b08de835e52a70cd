/** What the reader of a ruleset carries along: where it is, what it found, and what it did not understand. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftObject } from '../syntax.ts';
import type { Cursor } from './cursor.ts';

export interface ReadContext {
  at: Cursor;
  /** Line of each object's body. */
  lines: WeakMap<object, number>;
  add(object: NftObject, line: number): void;
  /** Told of a line that is not understood; without it the first one throws. */
  problem?: (line: number, message: string) => void;
  /** The text ended inside a block, and that was told. */
  ended?: boolean;
}

/** Reads items up to the end of a block, each followed by a separator; what is not understood is passed over where problems are told. */
export function readItems(context: ReadContext, item: () => void): void {
  const { at } = context;
  for (;;) {
    while (at.isKind('newline') || at.is(';')) at.next();
    if (at.is('}')) {
      at.next();
      return;
    }
    if (at.isKind('end')) {
      if (!context.problem) at.unexpected('expecting }');
      else if (context.ended !== true) context.problem(at.peek().line, 'the text ends inside a block');
      context.ended = true;
      return;
    }
    guarded(context, () => {
      item();
      if (!at.atSeparator() && !at.is('}')) at.unexpected();
    });
  }
}

/** Runs a reader of one item; a refusal becomes a problem and the item is passed over. */
export function guarded(context: ReadContext, read: () => void): void {
  const { at, problem } = context;
  const start = at.place;
  const { line } = at.peek();
  try {
    read();
  } catch (error) {
    if (!(error instanceof NftRefusal) || !problem) throw error;
    problem(error.line ?? line, error.message);
    at.skipItem(start);
  }
}

/** Number of `# handle 12` at the end of the line before. */
export function handleOf(at: Cursor): { handle?: number } {
  const found = /\bhandle (\d+)/.exec(at.peek().comment ?? '');
  return found ? { handle: Number(found[1]) } : {};
}
