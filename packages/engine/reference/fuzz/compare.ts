/** First difference between two walks, choices or connection lists, field by field; objects of the loaded network by identity first. */
import type { Choice, ConntrackEntry, Walk } from '../../src/index.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Where and how two values differ; undefined where they do not. A field that is undefined counts as absent. */
function difference(a: unknown, b: unknown, at = ''): string | undefined {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const found = difference(a[i], b[i], `${at}[${i}]`);
      if (found) return found;
    }
    return undefined;
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return `${at}: ${show(a)} and ${show(b)}`;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference(a[key], b[key], at === '' ? key : `${at}.${key}`);
    if (found) return found;
  }
  return undefined;
}

function show(value: unknown): string {
  if (!isObject(value)) return String(value);
  const { kind, name } = value;
  return [kind, name].filter((word) => typeof word === 'string').join(' ') || JSON.stringify(value).slice(0, 200);
}

export interface Observation {
  walk?: Walk | undefined;
  choices: Choice[];
  /** Of every namespace, by name; only where asked for. */
  conntrack?: Record<string, ConntrackEntry[]>;
  /** What the machine threw. */
  thrown?: string;
}

/** Walks are compared step by step, so that the first step that differs is the one reported. */
export function observationsDiffer(a: Observation, b: Observation): string | undefined {
  if (a.walk && b.walk) {
    const [one, two] = [a.walk.steps, b.walk.steps];
    for (let i = 0; i < Math.max(one.length, two.length); i++) {
      const found = difference(one[i], two[i], `steps[${i}]`);
      if (found) return found;
    }
    return difference(a.walk.end, b.walk.end, 'end') ?? difference({ ...a, walk: 0 }, { ...b, walk: 0 });
  }
  return difference(a, b);
}
