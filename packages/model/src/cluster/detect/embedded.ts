/** Configuration files inside ConfigMaps: component configuration in YAML, CNI network configuration in JSON. */
import { load } from 'js-yaml';

/** Far above any real component configuration. */
const MAX_LENGTH = 1 << 20;

export type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The mapping in `text` (YAML, of which JSON is a part); undefined where it holds none. */
export function parseEmbedded(text: string): Mapping | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  try {
    const value: unknown = load(text);
    return isMapping(value) ? value : undefined;
  } catch {
    // A ConfigMap may hold anything; what is no YAML says nothing about a setting.
    return undefined;
  }
}

/** Steps down a path of field names; undefined where one is missing. */
export function at(value: unknown, ...path: string[]): unknown {
  let here: unknown = value;
  for (const name of path) {
    if (!isMapping(here)) return undefined;
    here = here[name];
  }
  return here;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** Configuration writes booleans as such or as words. */
export function truth(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 'true') return true;
  return value === 'false' ? false : undefined;
}

/** `a,b` or a list, as both appear for CIDRs. */
export function words(value: unknown): string[] {
  const all = Array.isArray(value)
    ? value.filter((v): v is string => typeof v === 'string')
    : typeof value === 'string'
      ? value.split(',')
      : [];
  return all.map((w) => w.trim()).filter((w) => w !== '');
}
