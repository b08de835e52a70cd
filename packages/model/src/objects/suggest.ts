/** "Did you mean": the candidates that look most like what was typed. */

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours, each 1. */
export function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  let beforeLast = new Array<number>(width).fill(0);
  let last = Array.from({ length: width }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j < width; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let best = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      );
      if (
        i > 1 &&
        j > 1 &&
        a.charCodeAt(i - 1) === b.charCodeAt(j - 2) &&
        a.charCodeAt(i - 2) === b.charCodeAt(j - 1)
      ) {
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

/** How unlike a candidate is; undefined when it is not worth naming. 0 is the same but for case. */
function unlikeness(typed: string, name: string): number | undefined {
  const a = typed.toLowerCase();
  const b = name.toLowerCase();
  if (a === b) return 0;
  // `web` for `web-7d9f-x2`: what people type when they know the workload but not the pod.
  if (b.startsWith(`${a}-`) || a.startsWith(`${b}-`)) return 1;
  if (a.length >= 3 && b.includes(a)) return 1.5;
  const allowed = Math.max(1, Math.floor(Math.min(a.length, b.length) / 3));
  if (Math.abs(a.length - b.length) > allowed) return undefined;
  const distance = editDistance(a, b);
  return distance <= allowed ? distance : undefined;
}

/**
 * The `limit` candidates most like `typed`, nearest first, equal ones in code-unit order. `nameOf` gives what to compare.
 */
export function suggest<T>(typed: string, candidates: Iterable<T>, nameOf: (candidate: T) => string, limit = 5): T[] {
  const found: { candidate: T; name: string; score: number }[] = [];
  for (const candidate of candidates) {
    const name = nameOf(candidate);
    const score = unlikeness(typed, name);
    if (score !== undefined) found.push({ candidate, name, score });
  }
  found.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return found.slice(0, limit).map((f) => f.candidate);
}
