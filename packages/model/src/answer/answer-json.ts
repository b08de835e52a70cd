/** Answers as JSON: keys sorted as kubectl's are, `apiVersion` and `kind` first by their names, no clock; the same question gives the same bytes everywhere. */

/** Keys in code-unit order at every depth; undefined fields are left out, as JSON does. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, v]) => [key, sorted(v)]));
}

/** Two blanks of indentation and a line feed at the end, as files have it. */
export function answerJson(answer: object): string {
  return `${JSON.stringify(sorted(answer), undefined, 2)}\n`;
}

/** The same order as plain data, for printers of other formats. */
export function sortedAnswer(answer: object): unknown {
  return sorted(answer);
}
