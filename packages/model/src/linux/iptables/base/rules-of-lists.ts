/** Lists of addresses: a rule for each source with each destination. */
import { Refusal } from './extension.ts';

/** The tool has no limit; nobody has a rule with so many addresses, and no memory is large enough for all of them. */
const RULES_MAX = 65_536;

export function rulesOfLists<S, D, R>(
  sources: readonly S[],
  destinations: readonly D[],
  make: (source: S, destination: D) => R,
): R[] {
  const count = sources.length * destinations.length;
  if (count > RULES_MAX) throw new Refusal(`lists of addresses make ${count} rules of one`);
  return sources.flatMap((source) => destinations.map((destination) => make(source, destination)));
}
