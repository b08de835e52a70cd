/** How many places of a Maglev table each backend has. (pkg/maglev/maglev.go: computeLookupTable) */
import type { LbAddress } from './address.ts';

/**
 * Backends take turns at places that nobody has yet, in the order of their texts, so all weights being equal the first ones have one more.
 * Which place a backend has follows from hashes, and which place a connection asks for from another one: only the numbers are made here.
 */
export function maglevShares(
  backends: readonly { id: number; address: LbAddress }[],
  tableSize: number,
): Map<number, number> {
  const sorted = backends
    .map(({ id, address }) => ({ id, text: `[${address.text},State:active]` }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  const shares = sorted.map(({ id }, rank) => [id, Math.ceil((tableSize - rank) / sorted.length)] as const);
  return new Map(shares.filter(([, places]) => places > 0));
}
