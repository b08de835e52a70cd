/** Makes an input that fails small: lines are dropped first, then single characters, as long as it still fails (delta debugging). */

type StillFails<T> = (candidate: readonly T[]) => Promise<boolean>;

/** What is left when no smaller part can go. `spent` says when to give up; the smallest so far is kept. */
async function without<T>(items: readonly T[], fails: StillFails<T>, spent: () => boolean): Promise<readonly T[]> {
  let rest = items;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < rest.length && !spent(); ) {
      const candidate = [...rest.slice(0, at), ...rest.slice(at + size)];
      if (await fails(candidate)) rest = candidate;
      else at += size;
    }
  }
  return rest;
}

/** Most characters that are tried one by one. */
const CHARACTERS = 20_000;

/** `fails` must hold for `text`. Ends after about `ms` milliseconds. */
export async function shrinkText(
  text: string,
  fails: (candidate: string) => Promise<boolean>,
  ms: number,
): Promise<string> {
  const until = performance.now() + ms;
  const spent = () => performance.now() > until;
  const lines = await without(text.split('\n'), (some) => fails(some.join('\n')), spent);
  const short = lines.join('\n');
  if (short.length > CHARACTERS) return short;
  // Units, not code points: half a surrogate pair may be what it fails at.
  return (await without(short.split(''), (some) => fails(some.join('')), spent)).join('');
}
