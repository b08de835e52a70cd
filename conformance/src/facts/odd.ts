import { type ReadResult, resolvePlain } from '@podwire/model';
import { EVENT_ID, type Event, getScalarValue, parseEvents } from 'js-yaml';

/** A file of a set, with its text. */
export interface SetFile {
  name: string;
  bytes: Uint8Array;
  text: string;
  isJson: boolean;
}

/** How often something odd occurs, and where first. */
class Odd {
  readonly #odd = new Map<string, { count: number; where: string[] }>();

  add(what: string, where: string, count = 1): void {
    if (count === 0) return;
    const entry = this.#odd.get(what) ?? { count: 0, where: [] };
    entry.count += count;
    if (!entry.where.includes(where) && entry.where.length < 6) entry.where.push(where);
    this.#odd.set(what, entry);
  }

  toJSON(): unknown {
    return Object.fromEntries(this.#odd);
  }
}

const PLAIN = 1;
const FLOW = 2;
const ABSENT = -1;

/** An alias without an anchor makes a document unreadable, though the parser's events do not mind. */
function hasLooseAlias(text: string, events: readonly Event[]): boolean {
  const anchors = new Set<string>();
  for (const event of events) {
    if (event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT || event.anchorStart === ABSENT) continue;
    const name = text.slice(event.anchorStart, event.anchorEnd);
    if (event.type !== EVENT_ID.ALIAS) anchors.add(name);
    else if (!anchors.has(name)) return true;
  }
  return false;
}

/** Events of each readable document. */
function documentsOf(text: string): { text: string; events: Event[] }[] {
  return text.split(/^(?=---(?:[ \t\r\n]|$))/m).flatMap((chunk) => {
    try {
      const events = parseEvents(chunk, { maxDepth: 500 });
      return hasLooseAlias(chunk, events) ? [] : [{ text: chunk, events }];
    } catch {
      return [];
    }
  });
}

/** Keys that are numbers, booleans or null, of the mappings in an event stream. */
function nonStringKeys(text: string, events: readonly Event[]): string[] {
  const keys: string[] = [];
  /** For each open collection: whether it is a mapping whose next node is a key. */
  const open: { isMapping: boolean; atKey: boolean }[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) continue;
    if (event.type === EVENT_ID.POP) {
      open.pop();
      continue;
    }
    const parent = open.at(-1);
    const isKey = parent?.isMapping === true && parent.atKey;
    if (parent?.isMapping) parent.atKey = !parent.atKey;
    if (event.type === EVENT_ID.SCALAR) {
      const value = getScalarValue(text, event);
      const isPlain = event.style === PLAIN && event.tagStart === ABSENT;
      if (isKey && isPlain && typeof resolvePlain(value) !== 'string') keys.push(value);
    } else if (event.type !== EVENT_ID.ALIAS) {
      open.push({ isMapping: event.type === EVENT_ID.MAPPING, atKey: true });
    }
  }
  return keys;
}

function addEvents(odd: Odd, file: SetFile): void {
  for (const { text, events } of documentsOf(file.text)) {
    events.forEach((event, index) => {
      const next = events[index + 1];
      if ('anchorStart' in event && event.type !== EVENT_ID.ALIAS && event.anchorStart !== ABSENT) {
        odd.add('anchors', file.name);
      }
      if (event.type === EVENT_ID.ALIAS) odd.add('aliases', file.name);
      if (event.type === EVENT_ID.MAPPING && event.style === FLOW && next?.type !== EVENT_ID.POP) {
        odd.add('flow_mappings', file.name);
      }
      if (event.type === EVENT_ID.SCALAR && event.style === PLAIN && event.tagStart === ABSENT) {
        if (/^[-+]?0[0-7]+$/.test(getScalarValue(text, event))) odd.add('octal_integers', file.name);
      }
      if (event.type === EVENT_ID.DOCUMENT && next?.type === EVENT_ID.SEQUENCE) odd.add('top_level_arrays', file.name);
    });
    for (const key of nonStringKeys(text, events)) odd.add('non_string_keys', `${file.name}:${key}`);
  }
}

function addText(odd: Odd, file: SetFile): void {
  const { name, text, bytes } = file;
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) odd.add('byte_order_mark', name);
  if (file.isJson) {
    if (/^\s*\[/.test(text)) odd.add('top_level_arrays', name);
    return;
  }
  if (text.includes('\r\n')) odd.add('crlf_lines', name);
  if (/\P{ASCII}/u.test(text)) odd.add('non_ascii_text', name);
  if (text.includes('{{')) odd.add('template_braces', name);
  if (/\$\{[A-Za-z_]\w*\}/.test(text)) odd.add('dollar_variables', name);
  if (name.endsWith('.json') && text.trim() !== '') odd.add('json_name_but_not_json', name);
  addEvents(odd, file);
}

/** What is hard to read in a set: from its texts, and from what the reader met. */
export function oddFacts(files: readonly SetFile[], read: ReadResult): Odd {
  const odd = new Odd();
  for (const { code, file, count } of read.ignored) {
    if (code === 'empty-document') odd.add('comment_only_or_empty_documents', file, count);
    if (code === 'empty-file') odd.add('empty_files', file);
  }
  for (const file of files) addText(odd, file);
  for (const { file, kind, nested } of read.lists) {
    if (nested) odd.add('nested_lists', file);
    if (kind === undefined) odd.add('lists_without_kind', file);
  }
  for (const { origin, inferred } of read.objects) {
    if (inferred === 'list') odd.add('list_items_without_kind', origin.file);
    if (inferred === 'folder') odd.add('objects_without_kind', origin.file);
  }
  for (const { code, file } of read.problems) {
    if (code === 'duplicate-key' && file !== undefined) odd.add('duplicate_keys', file);
  }
  return odd;
}
