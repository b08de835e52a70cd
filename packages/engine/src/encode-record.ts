/** The start of a statement record, and prefixes inside it. */
import { Op, OpFlag } from './codes.ts';
import { type Encoding, type Masked, maskedOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Family } from './packet.ts';
import type { NftSet } from './selector.ts';

/** Where a rule is being written. */
export interface Place {
  encoding: Encoding;
  /** 0: of a table for both families, or for none. */
  family: Family | 0;
  /** For messages: table and chain. */
  where: string;
  /** Rules of a table of family bridge: they may write link-layer addresses. */
  isBridge: boolean;
  /** A named set of the rule's table; undefined where it stands in a table above. */
  findSet(name: string): NftSet | undefined;
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

/** In a table for both families packets of the other one end the rule. */
export function requireFamily(place: Place, family: Family, text: string): void {
  if (place.family === family) return;
  if (place.family !== 0) throw new EngineError('BAD_ADDRESS', `${place.where}: ${text} is of the other family`);
  record(place, Op.FAMILY, 8, false, family);
}

/** A prefix of the rule's own family. */
export function ownPrefix(place: Place, text: string): Masked {
  const masked = maskedOf(text, place.where);
  requireFamily(place, masked.family, text);
  return masked;
}
