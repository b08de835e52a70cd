/** Lists of objects that `-j` prints, also where the text ends inside. */

export interface JsonList<T> {
  records: T[];
  /** Why the text is no JSON to its end; what came before is read. */
  damage?: string;
}

/** Where the last whole element of the outermost list ends; 0 where there is none. */
function lastElementEnd(text: string): number {
  let depth = 0;
  let end = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (isString) {
      if (c === '\\') i++;
      else if (c === '"') isString = false;
    } else if (c === '"') isString = true;
    else if (c === '[' || c === '{') depth++;
    else if (c === ']' || c === '}') {
      depth--;
      if (depth === 1) end = i + 1;
      if (depth === 0) break;
    }
  }
  return end;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  // `ip -j` prints empty objects for what a filter left out.
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** Keys that every object has, `toString` one of them, are no tool's: records with their own would not even print. */
function parse(text: string): unknown {
  const list: unknown = JSON.parse(text, (key, value: unknown) => (key in Object.prototype ? undefined : value));
  return list;
}

/** Prompts and marks of what was left out (`[...]`) begin with the same sign. */
export function looksLikeJsonList(text: string): boolean {
  return /^\s*\[\s*(?:[[{\]"]|$)/.test(text);
}

/** Undefined where the text is no list. */
export function readJsonList<T extends object>(text: string): JsonList<T> | undefined {
  const trimmed = text.trim();
  if (!looksLikeJsonList(trimmed)) return undefined;
  const keep = (list: unknown): T[] => (Array.isArray(list) ? (list.filter(isRecord) as T[]) : []);
  try {
    return { records: keep(parse(trimmed)) };
  } catch (error) {
    const damage = error instanceof Error ? error.message : String(error);
    const end = lastElementEnd(trimmed);
    try {
      return { records: end > 0 ? keep(parse(`${trimmed.slice(0, end)}]`)) : [], damage };
    } catch {
      return { records: [], damage };
    }
  }
}
