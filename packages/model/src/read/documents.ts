import { endOfValue, findJsonError, JsonError, skipSpace } from './json-scan.ts';
import { LIMITS } from './limits.ts';
import { readYaml, YamlError } from './yaml.ts';

/** One readable document of a file. Offsets are UTF-16 units in the file's text. */
export interface RawDocument {
  value: unknown;
  form: 'json' | 'yaml';
  start: number;
  end: number;
  /** YAML only: which document of `text.slice(start, end)` it is, where `...` stands between several. */
  nth: number;
  /** YAML only: where mappings begin that may be objects. */
  starts: ReadonlyMap<unknown, number>;
}

export interface Fault {
  code: string;
  message: string;
  mend?: string;
  offset: number;
  severity: 'error' | 'warning';
}

export interface Documents {
  documents: RawDocument[];
  /** How many documents hold only comments or nothing. */
  empty: number;
  /** Documents that could not be read, and keys written twice. */
  faults: Fault[];
}

const none: ReadonlyMap<unknown, number> = new Map();
const separator = /^---(?=[ \t\r\n]|$)/gm;

const mends: readonly [RegExp, string][] = [
  [/tab characters/, 'Indent with spaces.'],
  [/cannot start any token|non-printable/, 'Quote the value, or remove the character.'],
  [/flow collection|flow sequence|flow mapping/, 'Close the bracket, and put commas between entries.'],
  [
    /bad indentation|expected ':'|multiline key/,
    'Align this line with its neighbours, and quote values that hold ": ".',
  ],
  [/anchor/, 'Define the anchor (&name) before the alias (*name), outside of itself.'],
  [/aliasing/, 'Write the values out instead of nesting aliases.'],
  [/nest|maxDepth/, 'No Kubernetes object is nested this deeply: check the indentation and the brackets.'],
];

/** Whether a line holds `{{ ... }}` and no comment before it. Looks at each line once, however often braces stand in it. */
function isTemplate(text: string): boolean {
  let close = 0;
  for (let at = text.indexOf('{{'); at >= 0; ) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    if (close < at + 2) close = text.indexOf('}}', at + 2);
    if (close === -1) return false;
    const isComment = text.slice(text.lastIndexOf('\n', at) + 1, at).includes('#');
    if (!isComment && close < end) return true;
    at = text.indexOf('{{', end);
  }
  return false;
}

function yamlMend(message: string, text: string): string {
  if (isTemplate(text)) return 'This looks like a template: render it first, for example with: helm template';
  return mends.find(([pattern]) => pattern.test(message))?.[1] ?? 'Correct the YAML here.';
}

/** Whether every line is blank, a comment or, where `orDirectives` allows it, a directive (`%YAML 1.1`). */
function holdsNothing(text: string, orDirectives: boolean): boolean {
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    let first = at;
    while (first < end && (text[first] === ' ' || text[first] === '\t' || text[first] === '\r')) first += 1;
    const isContent = first < end && text[first] !== '#' && !(orDirectives && text[at] === '%');
    if (isContent) return false;
    at = end + 1;
  }
  return true;
}

/** Roughly how much the parser will have to hold. */
function countMarks(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x0a || char === 0x2c || char === 0x3a || char === 0x5b || char === 0x7b) marks += 1;
  }
  return marks;
}

/** Reads one chunk between separators; JSON inside YAML goes the fast way. */
function readChunk(text: string, start: number, end: number, into: Documents): void {
  const chunk = text.slice(start, end);
  if (/^\s*[[{]/.test(chunk)) {
    try {
      const value: unknown = JSON.parse(chunk);
      into.documents.push({ value, form: 'json', start, end, nth: 0, starts: none });
      return;
    } catch {
      // Flow YAML or broken JSON: YAML's reader decides.
    }
  }
  if (countMarks(chunk) > LIMITS.yamlMarks) {
    const message = 'a YAML document of more than a million lines';
    into.faults.push({
      code: 'file-too-large',
      message,
      mend: 'Fetch it as JSON: kubectl get ... -o json',
      offset: start,
      severity: 'error',
    });
    return;
  }
  try {
    readYaml(chunk).forEach(({ value, duplicates, starts }, nth) => {
      into.documents.push({ value, form: 'yaml', start, end, nth, starts });
      for (const { key, offset } of duplicates) {
        const message = `the key ${JSON.stringify(key)} stands twice in one mapping; the last one counts`;
        into.faults.push({
          code: 'duplicate-key',
          message,
          mend: 'Remove one of them.',
          offset: start + offset,
          severity: 'warning',
        });
      }
    });
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const { message, offset } = error;
    into.faults.push({
      code: 'yaml-syntax',
      message,
      mend: yamlMend(message, chunk),
      offset: start + offset,
      severity: 'error',
    });
  }
}

/** Split at `---` lines, as YAML and kubectl do, so that a broken document does not take its neighbours with it. */
function readYamlFile(text: string): Documents {
  const result: Documents = { documents: [], empty: 0, faults: [] };
  let start = 0;
  let isFirst = true;
  const take = (end: number, isLast: boolean): void => {
    const chunk = text.slice(start, end);
    const content = chunk.replace(/^---[ \t]*/, '');
    if (holdsNothing(content, false)) {
      const isPreamble = isFirst && (!isLast || content.trim() === '');
      if (!isPreamble) result.empty += 1;
    } else if (isFirst && !isLast && holdsNothing(content, true)) {
      return; // Directives belong to the document that follows them.
    } else {
      readChunk(text, start, end, result);
    }
    start = end;
    isFirst = false;
  };
  separator.lastIndex = 0;
  for (let match = separator.exec(text); match !== null; match = separator.exec(text)) take(match.index, false);
  take(text.length, true);
  return result;
}

function jsonFault(text: string, at: number, error: unknown): Fault {
  const found = findJsonError(text, at);
  const message = found?.message ?? (error instanceof Error ? error.message : String(error));
  const offset = found?.offset ?? at;
  const ended = offset >= text.length || /does not end/.test(message);
  const mend = ended ? 'The file ends early: fetch it again.' : 'Correct the JSON here.';
  return { code: 'json-syntax', message, mend, offset, severity: 'error' };
}

/** Documents back to back, as `kubectl cluster-info dump` writes them, or one per line. After a broken one reading goes on at the next line that opens a bracket. */
function readJsonSequence(text: string): Documents {
  const result: Documents = { documents: [], empty: 0, faults: [] };
  let start = skipSpace(text, 0);
  while (start < text.length) {
    const end = endOfValue(text, start);
    try {
      if (end === -1) throw new JsonError('the text ends early', start);
      const value: unknown = JSON.parse(text.slice(start, end));
      result.documents.push({ value, form: 'json', start, end, nth: 0, starts: none });
      start = skipSpace(text, end);
    } catch (error) {
      result.faults.push(jsonFault(text, start, error));
      // Each fault may cost a look at the whole rest.
      if (result.faults.length >= LIMITS.unreadablePerFile) return result;
      const next = /\n(?=[[{])/g;
      next.lastIndex = start + 1;
      start = (next.exec(text)?.index ?? text.length - 1) + 1;
    }
  }
  return result;
}

const jsonName = /\.(?:json|jsonl|ndjson)$/i;

/** Read a file's text: JSON, JSON documents in a row, YAML documents, KYAML, or YAML with JSON in it, by content before name. */
export function readDocuments(text: string, name: string): Documents {
  const first = text.charAt(skipSpace(text, 0));
  if (first !== '{' && first !== '[') return readYamlFile(text);
  try {
    const value: unknown = JSON.parse(text);
    return {
      documents: [{ value, form: 'json', start: 0, end: text.length, nth: 0, starts: none }],
      empty: 0,
      faults: [],
    };
  } catch {
    // Not one document of JSON; what it is instead is found out below.
  }
  if (/^---/m.test(text)) return readYamlFile(text);
  const asJson = readJsonSequence(text);
  if (asJson.faults.length === 0) return asJson;
  // A large broken file is not parsed a second time.
  const asYaml = text.length <= LIMITS.retryBytes ? readYamlFile(text) : undefined;
  const looksJson = jsonName.test(name) || asJson.documents.length > 0 || /^\s*[[{]\s*"/.test(text);
  if (asYaml === undefined || (looksJson && asYaml.faults.some(({ severity }) => severity === 'error'))) return asJson;
  return asYaml;
}
