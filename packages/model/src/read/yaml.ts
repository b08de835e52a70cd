import { EVENT_ID, type Event, getScalarValue, parseEvents, type ScalarEvent, YAMLException } from 'js-yaml';
import { LIMITS } from './limits.ts';
import { keyText, resolvePlain, resolveTagged, ScalarError } from './yaml-scalar.ts';

/** The text is no YAML that Kubernetes would read. */
export class YamlError extends Error {
  /** Where in the text, in UTF-16 units. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export interface YamlDocument {
  value: unknown;
  /** Keys that a mapping has twice: goyaml.v2 keeps the last. */
  duplicates: { key: string; offset: number }[];
  /** Where mappings begin that may be objects: the document itself, members of its sequences and of `items`. */
  starts: ReadonlyMap<unknown, number>;
}

const PLAIN = 1;
const ABSENT = -1;

/** The event stream of one or more documents; offsets in the events are offsets in `text`. */
export function yamlEvents(text: string): Event[] {
  try {
    return parseEvents(text, { maxDepth: LIMITS.depth });
  } catch (error) {
    if (error instanceof YAMLException) throw new YamlError(error.reason, error.mark?.position ?? 0);
    if (error instanceof RangeError) throw new YamlError('collections are nested too deeply', 0);
    throw error;
  }
}

/** Where an event stands in the text: its tag, its anchor or its value, whichever comes first. */
export function eventOffset(event: Event): number {
  let offset = ABSENT;
  const consider = (at: number): void => {
    if (at !== ABSENT && (offset === ABSENT || at < offset)) offset = at;
  };
  if ('tagStart' in event) consider(event.tagStart);
  if ('anchorStart' in event) consider(event.anchorStart);
  if ('valueStart' in event) consider(event.valueStart);
  if ('start' in event) consider(event.start);
  return Math.max(offset, 0);
}

interface Anchor {
  value: unknown;
  /** Nodes in the value once its aliases are written out. */
  size: number;
  closed: boolean;
}

interface Frame {
  /** A document's is set by its one node. */
  value: unknown;
  isDocument: boolean;
  /** The key that waits for its value. */
  key: string | undefined;
  keyOffset: number;
  isMerge: boolean;
  /** Keys that a merge brought and the mapping itself has not set. */
  merged: Set<string> | undefined;
  anchor: Anchor | undefined;
  size: number;
  start: number;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `__proto__` is a key like any other. */
function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** goyaml.v2 decode.go:allowedAliasRatio(): small documents may consist of aliases, large ones hardly. */
function allowedAliasRatio(decoded: number): number {
  if (decoded <= 400_000) return 0.99;
  if (decoded >= 4_000_000) return 0.1;
  return 0.99 - 0.89 * ((decoded - 400_000) / 3_600_000);
}

/**
 * Values from an event stream, by goyaml.v2's rules: the last of two equal keys wins, a merge key overrides what stands before it and
 * yields to what stands after it, documents that consist of aliases are refused. Aliased collections are shared, never copied.
 */
class Constructor {
  readonly documents: YamlDocument[] = [];
  readonly #text: string;
  #frames: Frame[] = [];
  #anchors = new Map<string, Anchor>();
  #handles = new Map<string, string>();
  #duplicates: { key: string; offset: number }[] = [];
  #starts = new Map<unknown, number>();
  #decoded = 0;
  #aliased = 0;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(events: readonly Event[]): YamlDocument[] {
    try {
      for (const event of events) this.#take(event);
    } catch (error) {
      if (error instanceof ScalarError) throw new YamlError(error.message, this.#offset);
      throw error;
    }
    return this.documents;
  }

  #take(event: Event): void {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        this.#anchors = new Map();
        this.#handles = new Map();
        for (const directive of event.directives) {
          if (directive.kind === 'tag') this.#handles.set(directive.handle, directive.prefix);
        }
        this.#duplicates = [];
        this.#starts = new Map();
        this.#decoded = 0;
        this.#aliased = 0;
        this.#push(null, undefined, 0, true);
        break;
      case EVENT_ID.SCALAR: {
        this.#decoded += 1;
        if (event.valueStart !== ABSENT) this.#offset = event.valueStart;
        const value = this.#scalar(event);
        this.#anchor(event, value, true);
        const isMerge = value === '<<' && event.tagStart === ABSENT && event.style === PLAIN;
        this.#add(value, 1, isMerge, false);
        break;
      }
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        this.#decoded += 1;
        this.#offset = event.start;
        const value = event.type === EVENT_ID.SEQUENCE ? [] : {};
        this.#push(value, this.#anchor(event, value, false), event.start, false);
        break;
      }
      case EVENT_ID.ALIAS:
        this.#offset = event.anchorStart;
        this.#alias(this.#text.slice(event.anchorStart, event.anchorEnd));
        break;
      case EVENT_ID.POP:
        this.#pop();
        break;
    }
  }

  #push(value: unknown, anchor: Anchor | undefined, start: number, isDocument: boolean): void {
    this.#frames.push({
      value,
      isDocument,
      key: undefined,
      keyOffset: 0,
      isMerge: false,
      merged: undefined,
      anchor,
      size: 1,
      start,
    });
  }

  #pop(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    if (this.#frames.length === 0) {
      this.documents.push({ value: frame.value, duplicates: this.#duplicates, starts: this.#starts });
      return;
    }
    if (frame.anchor !== undefined) {
      frame.anchor.size = frame.size;
      frame.anchor.closed = true;
    }
    if (isMapping(frame.value) && this.#mayBeObject()) this.#starts.set(frame.value, frame.start);
    this.#add(frame.value, frame.size, false, false);
  }

  /** Whether the collection that just ended is a document, a member of a top-level sequence or of some `items`. */
  #mayBeObject(): boolean {
    const parent = this.#frames.at(-1);
    if (this.#frames.length === 1) return true;
    return Array.isArray(parent?.value) && (this.#frames.length === 2 || this.#frames.at(-2)?.key === 'items');
  }

  #anchor(event: { anchorStart: number; anchorEnd: number }, value: unknown, closed: boolean): Anchor | undefined {
    if (event.anchorStart === ABSENT) return undefined;
    const anchor = { value, size: 1, closed };
    this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), anchor);
    return anchor;
  }

  #alias(name: string): void {
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) throw new ScalarError(`unknown anchor '${name}' referenced`);
    if (!anchor.closed) throw new ScalarError(`anchor '${name}' value contains itself`);
    this.#decoded += 1 + anchor.size;
    this.#aliased += anchor.size;
    const excessive = this.#aliased / this.#decoded > allowedAliasRatio(this.#decoded);
    if (this.#aliased > 100 && this.#decoded > 1000 && excessive) {
      throw new ScalarError('the document contains excessive aliasing');
    }
    this.#add(anchor.value, 1 + anchor.size, false, true);
  }

  #add(value: unknown, size: number, isMergeKey: boolean, viaAlias: boolean): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    frame.size += size;
    if (frame.isDocument) {
      frame.value = value;
    } else if (Array.isArray(frame.value)) {
      frame.value.push(value);
    } else if (!isMapping(frame.value)) {
      throw new TypeError('a frame holds a collection');
    } else if (frame.isMerge) {
      this.#merge(frame, frame.value, value, viaAlias);
      frame.isMerge = false;
    } else if (isMergeKey && frame.key === undefined) {
      frame.isMerge = true;
    } else if (frame.key === undefined) {
      frame.key = keyText(value);
      frame.keyOffset = this.#offset;
    } else {
      this.#setPair(frame, frame.value, frame.key, value);
      frame.key = undefined;
    }
  }

  #setPair(frame: Frame, target: Record<string, unknown>, key: string, value: unknown): void {
    if (frame.merged?.delete(key) !== true && Object.hasOwn(target, key)) {
      this.#duplicates.push({ key, offset: frame.keyOffset });
    }
    setKey(target, key, value);
  }

  #merge(frame: Frame, target: Record<string, unknown>, value: unknown, viaAlias: boolean): void {
    const sources = Array.isArray(value) && !viaAlias ? [...value].reverse() : [value];
    for (const source of sources) {
      if (!isMapping(source)) throw new ScalarError('map merge requires map or sequence of maps as the value');
      for (const key of Object.keys(source)) {
        setKey(target, key, source[key]);
        frame.merged ??= new Set();
        frame.merged.add(key);
      }
    }
  }

  #scalar(event: ScalarEvent): unknown {
    const text = getScalarValue(this.#text, event);
    if (event.tagStart !== ABSENT) return this.#tagged(this.#text.slice(event.tagStart, event.tagEnd), text);
    return event.style === PLAIN ? resolvePlain(text) : text;
  }

  #tagged(raw: string, text: string): unknown {
    if (raw === '!') return text;
    if (raw.startsWith('!<')) return resolveTagged(raw.slice(2, -1), text);
    const handle = /^!(?:[^!]*!)?/.exec(raw)?.[0] ?? '!';
    const prefix = this.#handles.get(handle) ?? (handle === '!!' ? 'tag:yaml.org,2002:' : handle);
    return resolveTagged(prefix + raw.slice(handle.length), text);
  }
}

/** Read one text of YAML, usually one document: `...` may end one and begin the next. */
export function readYaml(text: string): YamlDocument[] {
  return new Constructor(text).run(yamlEvents(text));
}
