/** Selectors written as one text, as `kubectl -l` takes them. (apimachinery/pkg/labels: Parse) */
import type { Labels } from '../../objects/labels.ts';

type Test = (labels: Labels) => boolean;

const KEY = '[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?';
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const EQUAL = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`);
const ORDER = new RegExp(`^(${KEY})\\s*([<>])\\s*(-?\\d+)$`);
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);

function setTest(text: string): Test | undefined {
  const [, key = '', operator, list = ''] = SET.exec(text) ?? [];
  if (operator === undefined) return undefined;
  const values = list.split(',').map((value) => value.trim());
  const has = (labels: Labels) => values.includes(labels[key] ?? '') && labels[key] !== undefined;
  return operator === 'in' ? has : (labels) => !has(labels);
}

function equalTest(text: string): Test | undefined {
  const [, key = '', operator, value = ''] = EQUAL.exec(text) ?? [];
  if (operator === undefined) return undefined;
  return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
}

function orderTest(text: string): Test | undefined {
  const [, key = '', operator, bound] = ORDER.exec(text) ?? [];
  if (operator === undefined) return undefined;
  return (labels) => {
    const value = /^-?\d+$/.test(labels[key] ?? '') ? Number(labels[key]) : Number.NaN;
    return operator === '>' ? value > Number(bound) : value < Number(bound);
  };
}

function existsTest(text: string): Test | undefined {
  const [, not, key] = EXISTS.exec(text) ?? [];
  if (key === undefined) return undefined;
  return (labels) => (labels[key] !== undefined) === (not === '');
}

/** Undefined where the text is no selector. An empty one selects everything. */
export function matchesNodeSelector(text: string, labels: Labels): boolean | undefined {
  if (text.trim() === '') return true;
  // Commas between brackets stand between values.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const tests = parts.map((part) => setTest(part) ?? equalTest(part) ?? orderTest(part) ?? existsTest(part));
  let matches = true;
  for (const test of tests) {
    if (!test) return undefined;
    matches &&= test(labels);
  }
  return matches;
}
