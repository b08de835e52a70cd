/** What a rule sees of the table it stands in. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftFamily } from '../syntax.ts';
import type { CodecOptions } from '../tables/codec.ts';
import type { Shape } from './term.ts';

/** A named set or map. */
export interface SetInfo {
  name: string;
  key: Shape;
  /** Of a map: what its values are. */
  data?: Shape | 'verdict';
  /** Of a map to objects: their kind. */
  object?: string;
  /** Values of the map are ranges. */
  dataInterval?: boolean;
  flags: ReadonlySet<string>;
}

export interface TableScope {
  family: NftFamily;
  /** Undefined: none of that name. */
  set(name: string): SetInfo | undefined;
  /** Is there an object of this kind and name? Undefined: not known. */
  object(kind: string, name: string): boolean | undefined;
  /** Where the rule's chain hangs, of a base chain. */
  chain?: { type?: string; hook?: string };
  /** Rules come from a listing: a set of one value is a set. */
  present?: boolean;
  options: CodecOptions;
}

/** The set that a rule names; throws `NftRefusal`. */
export function requireSet(scope: TableScope, reference: string): SetInfo {
  const name = reference.startsWith('@') ? reference.slice(1) : reference;
  const found = scope.set(name);
  if (!found) throw new NftRefusal(`No such file or directory: set ${name}`);
  return found;
}
