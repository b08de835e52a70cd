/** `-m string`: net/netfilter/xt_string.c. The machine knows no contents. */
import {
  byName,
  exclusive,
  type Given,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { inQuotationMarks } from '../base/table.ts';

/** XT_STRING_MAX_PATTERN_SIZE. */
const PATTERN_MAX = 128;
const LAST_BYTE = 0xffff;

function checkLength(length: number, text: string): void {
  if (length > PATTERN_MAX) throw new Refusal(`STRING too long "${text}"`);
}

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;

/** How a pattern is printed: as hexadecimal digits once it has a byte that is none of the printable ones, or ends in a backslash. */
function printPattern(bytes: readonly number[], not: boolean): string {
  const last = bytes.at(-1);
  if (bytes.some((byte) => !isPrintable(byte)) || last === 0x5c) {
    const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${not ? '! ' : ''}--hex-string "|${digits}|"`;
  }
  return `${not ? '! ' : ''}--string ${inQuotationMarks(String.fromCharCode(...bytes))}`;
}

/** `ab|0a 0b|c`: bytes between bars are hexadecimal; a backslash takes the next character as it is. */
function readHexString(text: string): number[] {
  if (text === '') throw new Refusal('STRING must contain at least one char');
  const source = [...new TextEncoder().encode(text)].map((byte) => String.fromCharCode(byte));
  const bytes: number[] = [];
  let hex = false;
  for (let at = 0; at < source.length; ) {
    const c = source[at] ?? '';
    if (c === '|') {
      hex = !hex;
      at++;
      while (hex && source[at] === ' ') at++;
    } else if (c === '\\') {
      if (hex) throw new Refusal('Cannot include literals in hex data');
      const next = source[at + 1];
      if (next === undefined) throw new Refusal('Bad literal placement at end of string');
      bytes.push(next.charCodeAt(0));
      at += 2;
    } else if (hex) {
      const pair = source.slice(at, at + 2).join('');
      if (pair.length < 2) throw new Refusal('Odd number of hex digits');
      if (!/^[0-9a-fA-F]{2}$/.test(pair))
        throw new Refusal(`Invalid hex char '${/[0-9a-fA-F]/.test(c) ? pair[1] : c}'`);
      if (at + 2 >= source.length) throw new Refusal('Invalid hex block');
      bytes.push(Number.parseInt(pair, 16));
      at += source[at + 2] === ' ' ? 3 : 2;
    } else {
      bytes.push(c.charCodeAt(0));
      at++;
    }
  }
  checkLength(bytes.length, text);
  return bytes;
}

function readString(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  checkLength(bytes.length, text);
  return bytes;
}

/** Algorithms that the kernel has (lib/ts_bm.c, ts_kmp.c, ts_fsm.c needs another form of pattern). */
const ALGORITHMS = ['bm', 'kmp'];

export const string: MatchExtension = {
  name: 'string',
  options: [
    option('from', 1),
    option('to', 1),
    option('algo', 1),
    option('string', 1, { negatable: true }),
    option('hex-string', 1, { negatable: true }),
    option('icase', 0),
  ],
  parse(given) {
    needOption(given, 'string', 'algo');
    needOption(given, 'string', 'string', 'hex-string');
    exclusive(given, 'string', ['string', 'hex-string']);
    const g = byName(given);
    const pattern = g.get('string') ?? (g.get('hex-string') as Given);
    const bytes = pattern.name === 'string' ? readString(word(pattern)) : readHexString(word(pattern));
    // lib/textsearch.c:textsearch_prepare() looks for something.
    if (bytes.length === 0) throw new Refusal('string: an empty pattern is nothing to look for');
    const algorithm = word(g.get('algo'));
    if (!ALGORITHMS.includes(algorithm)) throw new Refusal(`string: there is no algorithm "${algorithm}"`);
    const offset = (name: string, absent: number) =>
      g.has(name) ? number(name, word(g.get(name)), LAST_BYTE) : absent;
    const from = offset('from', 0);
    const to = offset('to', LAST_BYTE);
    if (from > to) throw new Refusal('string: --from is above --to');
    return {
      kind: 'unmodelled',
      text:
        `-m string ${printPattern(bytes, pattern.not)} --algo ${algorithm}` +
        (from === 0 ? '' : ` --from ${from}`) +
        (to === LAST_BYTE ? '' : ` --to ${to}`) +
        (g.has('icase') ? ' --icase' : ''),
    };
  },
};
