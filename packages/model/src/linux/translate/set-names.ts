/** Names for sets that rules need, by table: the same rules, the same names. */
export function setNames(): (base: string) => string {
  const counts = new Map<string, number>();
  return (base) => {
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    return `${base}${count}`;
  };
}
