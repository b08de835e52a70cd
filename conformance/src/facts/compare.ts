import { isMapping } from './values.ts';

/** Null and empty values say nothing, at any depth that the facts have. */
function isSilent(value: unknown): boolean {
  if (value === undefined || value === null || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.values(value).every(isSilent);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

/** Differences between expected and found facts, each with its path; a fact that says nothing equals one that is absent. */
export function differences(expected: unknown, found: unknown, path = ''): string[] {
  if (isSilent(expected) && isSilent(found)) return [];
  if (Array.isArray(expected) && Array.isArray(found)) {
    const length = Math.max(expected.length, found.length);
    return Array.from({ length }, (_, index) => differences(expected[index], found[index], `${path}[${index}]`)).flat();
  }
  if (isMapping(expected) && isMapping(found)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
    return [...keys].flatMap((key) => differences(expected[key], found[key], path === '' ? key : `${path}/${key}`));
  }
  return expected === found ? [] : [`${path}: expected ${show(expected)}, found ${show(found)}`];
}
