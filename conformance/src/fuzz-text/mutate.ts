/** Damage to texts: what a disk, an editor, a terminal or an enemy may do to them. The same random numbers do the same damage. */
import type { Random } from '@podwire/engine/reference';

/** One kind of damage. `others` are samples of other readers. */
type Mutation = (text: string, r: Random, others: readonly string[]) => string;

const PIECES = [
  '\u0000',
  '\ud800',
  '\udfff',
  '"',
  "'",
  '`',
  '\\',
  '\r',
  '\t',
  '\u001b[31m',
  '\ufeff',
  '\u2028',
  '-1',
  '4294967296',
  '18446744073709551616',
  '99999999999999999999999999',
  '0x1ffffffffffffffff',
  '1e999',
  'NaN',
  '\u0661\u0662',
  '\uff11',
  '/33',
  '/-1',
  '::',
  '256.1.1.1',
  '__proto__',
  'constructor',
  '!',
  '{',
  ']',
  '<',
  '&a ',
  '*a',
];
const OPENINGS = ['[', '{', '(', '<a>', '{"a":', '[{"a":', '- ', '? ', '"', '! ', '&a [*a,', 'a: {', '-(', '{ 1, '];

/** Characters of texts that are long. */
const LONG = 1_000_000;
const MANY = 100_000;

const insert = (text: string, at: number, piece: string) => text.slice(0, at) + piece + text.slice(at);

const place = (text: string, r: Random) => r.below(text.length + 1);

/** A word of one of the texts. */
function token(r: Random, texts: readonly string[]): string {
  const words = r.pick(texts).split(/\s+/);
  return r.pick(words);
}

function withLines(text: string, r: Random, change: (lines: string[], at: number) => void): string {
  const lines = text.split('\n');
  change(lines, r.below(lines.length));
  return lines.join('\n');
}

/** Puts something in the place of one match, or leaves the text alone where there is none. */
function replaceOne(text: string, r: Random, pattern: RegExp, make: (found: string) => string): string {
  const found = [...text.slice(0, 100_000).matchAll(pattern)];
  if (found.length === 0) return text;
  const match = r.pick(found);
  return text.slice(0, match.index) + make(match[0]) + text.slice(match.index + match[0].length);
}

const small: Readonly<Record<string, Mutation>> = {
  flip: (text, r) => {
    const at = r.below(Math.max(1, text.length));
    return text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << r.below(8))) + text.slice(at + 1);
  },
  head: (text, r) => text.slice(0, place(text, r)),
  tail: (text, r) => text.slice(place(text, r)),
  cut: (text, r) => {
    const at = place(text, r);
    return text.slice(0, at) + text.slice(at + 1 + r.below(12));
  },
  piece: (text, r) => insert(text, place(text, r), r.pick(PIECES)),
  foreign: (text, r, others) => insert(text, place(text, r), ` ${token(r, others)} `),
  'own-token': (text, r) => insert(text, place(text, r), ` ${token(r, [text])} `),
  swapped: (text, r) =>
    withLines(text, r, (lines, at) => {
      const other = r.below(lines.length);
      [lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? ''];
    }),
  doubled: (text, r) => withLines(text, r, (lines, at) => lines.splice(at, 0, lines[r.below(lines.length)] ?? '')),
  dropped: (text, r) => withLines(text, r, (lines, at) => lines.splice(at, 1)),
  'foreign-lines': (text, r, others) =>
    withLines(text, r, (lines, at) => lines.splice(at, 0, r.pick(r.pick(others).split('\n')))),
  ends: (text, r) => text.replaceAll('\n', r.pick(['\r\n', '\r', '\n\n', '\u0085', ' '])),
  number: (text, r) =>
    replaceOne(text, r, /\d+/g, () => r.pick(['0', '-1', '4294967296', '9'.repeat(400), '1e9', '00'])),
  digits: (text, r) =>
    replaceOne(text, r, /\d+/g, (found) => found.replace(/\d/g, (d) => String.fromCharCode(0x660 + Number(d)))),
  word: (text, r) => replaceOne(text, r, /[\w:.-]+/g, () => r.pick([r.pick(PIECES), token(r, [text]), ''])),
  retyped: (text, r) =>
    replaceOne(text, r, /("[^"]*"|\d+|true|null|\[\]|\{\})(?=\s*[,}\]])/g, () =>
      r.pick(['null', '5', '"x"', '[]', '{}', 'true', '[null]', '-0.5']),
    ),
  unclosed: (text, r) => replaceOne(text, r, /["'\])}>]/g, () => ''),
};

const large: Readonly<Record<string, Mutation>> = {
  nested: (text, r) => insert(text, place(text, r), r.pick(OPENINGS).repeat(r.pick([20, 200, 2000, 20_000]))),
  'long-line': (text, r) => {
    const piece = r.pick([token(r, [text]), `${token(r, [text])} `, ' ', '"', '9', r.pick(PIECES), 'a,']);
    return insert(text, place(text, r), piece.repeat(Math.ceil(LONG / Math.max(1, piece.length))).slice(0, LONG));
  },
  'many-lines': (text, r) =>
    withLines(text, r, (lines, at) => {
      const line = lines[at] ?? '';
      const times = Math.min(MANY, Math.ceil((3 * LONG) / (line.length + 1)));
      lines[at] = Array.from({ length: times }, () => line).join('\n');
    }),
  'many-copies': (text, r) => `${text}\n`.repeat(Math.ceil((r.pick([20_000, 200_000, LONG]) + 1) / (text.length + 1))),
};

/** Names of all kinds of damage. */
export const MUTATIONS: readonly string[] = [...Object.keys(small), ...Object.keys(large)];

/** Does one kind of damage. Throws for a name that is none of `MUTATIONS`. */
export function mutateBy(name: string, text: string, r: Random, others: readonly string[]): string {
  const mutation = small[name] ?? large[name];
  if (!mutation) throw new RangeError(`no mutation ${name}`);
  return mutation(text, r, others);
}

/** Does one to four kinds of damage; one text in thirty becomes large. */
export function mutate(text: string, r: Random, others: readonly string[]): { text: string; by: string[] } {
  const by = Array.from({ length: 1 + r.below(4) }, () => r.pick(Object.keys(small)));
  if (r.chance(1, 30)) by.push(r.pick(Object.keys(large)));
  return { text: by.reduce((damaged, name) => mutateBy(name, damaged, r, others), text), by };
}
