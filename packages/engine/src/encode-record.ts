/** The start of a statement record, and prefixes inside it. */
import { type Op, OpFlag } from './codes.ts';
import { type Encoding, type Masked, maskedOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Family } from './packet.ts';

/** Where a rule is being written. */
export interface Place {
  encoding: Encoding;
  family: Family;
  /** For messages: table and chain. */
  where: string;
}

/** Starts a record of `size` bytes; returns its address. */
export function record(place: Place, op: Op, size: number, not: boolean | undefined, argument: number): number {
  const { arena } = place.encoding;
  const at = arena.alloc(size);
  arena.u8[at] = op;
  arena.u8[at + 1] = not ? OpFlag.NOT : 0;
  arena.u16[(at >>> 1) + 1] = size;
  arena.u32[(at >>> 2) + 1] = argument;
  return at;
}

/** A prefix of the rule's own family. */
export function ownPrefix(place: Place, text: string): Masked {
  const masked = maskedOf(text, place.where);
  if (masked.family !== place.family)
    throw new EngineError('BAD_ADDRESS', `${place.where}: ${text} is of the other family`);
  return masked;
}
