/** Where two plain values first differ: `path: expected X, found Y`. */
export function firstDifference(expected: unknown, found: unknown, path = ''): string | undefined {
  if (Object.is(expected, found)) return undefined;
  const at = path === '' ? '' : `${path}: `;
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (!isObject(expected) || !isObject(found) || Array.isArray(expected) !== Array.isArray(found)) {
    return `${at}expected ${short(expected)}, found ${short(found)}`;
  }
  if (Array.isArray(expected) && Array.isArray(found) && expected.length !== found.length) {
    return `${at}expected ${short(expected)}, found ${short(found)}`;
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
  for (const key of [...keys].sort()) {
    const difference = firstDifference(expected[key], found[key], path === '' ? key : `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** The first line in which two texts differ. */
export function firstDifferentLine(expected: string, found: string): string | undefined {
  if (expected === found) return undefined;
  const [left, right] = [expected.split('\n'), found.split('\n')];
  let line = 0;
  while (line < left.length && left[line] === right[line]) line++;
  return `line ${line + 1}: expected ${short(left[line])}, found ${short(right[line])}`;
}

const LENGTH_MAX = 300;

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}…` : text;
}
