/** Makes lists small: drops as many items as it can, halves first, then ever smaller pieces (delta debugging). */
export async function minimise<T>(items: readonly T[], fails: (rest: T[]) => Promise<boolean>): Promise<T[]> {
  let rest = [...items];
  for (let size = Math.ceil(rest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < rest.length; ) {
      const candidate = [...rest.slice(0, at), ...rest.slice(at + size)];
      if (await fails(candidate)) rest = candidate;
      else at += size;
    }
  }
  return rest;
}
