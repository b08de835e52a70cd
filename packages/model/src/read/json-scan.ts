/** A hand-held scanner of JSON text: where values end, where an error stands, where a field is written. JSON.parse does the reading. */

/** The text is no JSON (RFC 8259) at `offset`. */
export class JsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export function skipSpace(text: string, at: number): number {
  let offset = at;
  for (;;) {
    const char = text.charCodeAt(offset);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return offset;
    offset += 1;
  }
}

/** Offset behind the string that begins at `at`; -1: it does not end. */
function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

const mark = /["[\]{}]/g;
const scalarEnd = /[\s,\]}]|$/g;

/** Offset behind the value that begins at `at`, by brackets and quotes alone; -1: it does not end. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first !== OPEN_LIST && first !== OPEN_OBJECT) {
    scalarEnd.lastIndex = at;
    return scalarEnd.exec(text)?.index ?? text.length;
  }
  let depth = 0;
  let offset = at;
  for (;;) {
    mark.lastIndex = offset;
    if (!mark.test(text)) return -1;
    offset = mark.lastIndex;
    const char = text.charCodeAt(offset - 1);
    if (char === QUOTE) {
      offset = endOfString(text, offset - 1);
      if (offset === -1) return -1;
    } else if (char === OPEN_LIST || char === OPEN_OBJECT) {
      depth += 1;
    } else {
      depth -= 1;
      if (depth === 0) return offset;
    }
  }
}

/** The members of the list that begins at `at`, looked for no further than asked; the text is valid JSON. */
export class Members {
  readonly #text: string;
  /** Offsets of those that were found; `#next` is that of what stands behind them. */
  readonly #found: number[] = [];
  #next: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#next = skipSpace(text, at + 1);
  }

  /** Offset of a member; undefined where the list has fewer. */
  at(index: number): number | undefined {
    const text = this.#text;
    while (this.#found.length <= index) {
      const offset = this.#next;
      if (offset >= text.length || text.charCodeAt(offset) === CLOSE_LIST) return undefined;
      this.#found.push(offset);
      const behind = skipSpace(text, endOfValue(text, offset));
      this.#next = text.charCodeAt(behind) === COMMA ? skipSpace(text, behind + 1) : behind;
    }
    return this.#found[index];
  }
}

/**
 * Offsets of a field's key and value in the object that begins at `at`; the text is valid JSON. Where the field stands twice it is the one
 * that counts, which is the last; `which: 'first'` spares looking through the rest.
 */
export function fieldOffsets(
  text: string,
  at: number,
  name: string,
  which: 'first' | 'last' = 'last',
): { key: number; value: number } | undefined {
  let found: { key: number; value: number } | undefined;
  let key = skipSpace(text, at + 1);
  while (text.charCodeAt(key) === QUOTE) {
    const keyEnd = endOfString(text, key);
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    if (JSON.parse(text.slice(key, keyEnd)) === name) {
      found = { key, value };
      if (which === 'first') break;
    }
    const after = skipSpace(text, endOfValue(text, value));
    if (text.charCodeAt(after) !== COMMA) break;
    key = skipSpace(text, after + 1);
  }
  return found;
}

const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.+-])/y;
const knownEscape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Offset of the first character that may not stand in a string: a control character, or an escape that JSON does not know. */
function badInString(text: string, from: number, to: number): number | undefined {
  let at = from;
  while (at < to) {
    const char = text.charCodeAt(at);
    if (char < 0x20) return at;
    knownEscape.lastIndex = at;
    if (char !== BACKSLASH) at += 1;
    else if (knownEscape.test(text)) at = knownEscape.lastIndex;
    else return at;
  }
  return undefined;
}

function checkString(text: string, at: number): number {
  const end = endOfString(text, at);
  if (end === -1) throw new JsonError('a string does not end', at);
  const bad = badInString(text, at + 1, end - 1);
  if (bad !== undefined) {
    throw new JsonError('a string holds a line break, a control character or an unknown escape', bad);
  }
  return end;
}

function expectation(text: string, offset: number, expected: string): JsonError {
  if (offset >= text.length) return new JsonError(`the text ends where ${expected} should be`, text.length);
  return new JsonError(`${JSON.stringify(text[offset])} where ${expected} should be`, offset);
}

/** Find the first error of a text that JSON.parse refuses; `undefined` when the value at `from` is well formed. */
export function findJsonError(text: string, from = 0): JsonError | undefined {
  try {
    checkValue(text, skipSpace(text, from));
    return undefined;
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
}

/** Offset behind a key and its colon. */
function checkKey(text: string, at: number, expected: string): number {
  if (text.charCodeAt(at) !== QUOTE) throw expectation(text, at, expected);
  const colon = skipSpace(text, checkString(text, at));
  if (text.charCodeAt(colon) !== COLON) throw expectation(text, colon, 'a colon');
  return skipSpace(text, colon + 1);
}

function checkScalar(text: string, at: number): number {
  if (text.charCodeAt(at) === QUOTE) return checkString(text, at);
  scalar.lastIndex = at;
  const match = scalar.exec(text);
  if (match === null) throw expectation(text, at, 'a value');
  return at + match[0].length;
}

/** With a list of open brackets, not by recursion: depth costs nothing. */
function checkValue(text: string, at: number): void {
  const open: number[] = [];
  let offset = at;
  do {
    const char = text.charCodeAt(offset);
    if (char === OPEN_LIST || char === OPEN_OBJECT) {
      const close = char === OPEN_LIST ? CLOSE_LIST : CLOSE_OBJECT;
      offset = skipSpace(text, offset + 1);
      if (text.charCodeAt(offset) !== close) {
        open.push(close);
        if (close === CLOSE_OBJECT) offset = checkKey(text, offset, 'a key in quotes or }');
        continue;
      }
      offset += 1;
    } else {
      offset = checkScalar(text, offset);
    }
    offset = checkAfter(text, offset, open);
  } while (open.length > 0);
}

/** Behind a value: close what closes, and go to the next value. */
function checkAfter(text: string, at: number, open: number[]): number {
  let offset = at;
  for (let close = open.at(-1); close !== undefined; close = open.at(-1)) {
    offset = skipSpace(text, offset);
    const char = text.charCodeAt(offset);
    if (char === COMMA) {
      offset = skipSpace(text, offset + 1);
      return close === CLOSE_OBJECT ? checkKey(text, offset, 'a key in quotes') : offset;
    }
    if (char !== close) throw expectation(text, offset, `a comma or ${String.fromCharCode(close)}`);
    open.pop();
    offset += 1;
  }
  return offset;
}
