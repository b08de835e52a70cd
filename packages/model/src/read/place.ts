import { EVENT_ID, type Event, getScalarValue, type ScalarEvent } from 'js-yaml';
import { fieldOffsets, Members, skipSpace } from './json-scan.ts';
import { eventOffset, yamlEvents } from './yaml.ts';
import { resolvePlain } from './yaml-scalar.ts';

/** Finds where a path leads in the text of one document. Offsets are UTF-16 units in that text. */
export interface Finder {
  /**
   * Offset of the field's key or the member's value at the end of the path, or of the nearest parent that is written.
   * `items` leads to an object inside lists: each position is a member of a list, or of an object's `items`.
   */
  find(items: readonly number[], path: readonly (string | number)[]): number;
}

/** For valid JSON. Positions in the outer lists are remembered: they are asked for again and again. */
export class JsonFinder implements Finder {
  readonly #text: string;
  /** By the offset of a list, or of an object with `items`; undefined where that is missing. */
  readonly #members = new Map<number, Members | undefined>();

  constructor(text: string) {
    this.#text = text;
  }

  find(items: readonly number[], path: readonly (string | number)[]): number {
    let at = skipSpace(this.#text, 0);
    for (const index of items) {
      if (!this.#members.has(at)) this.#members.set(at, this.#itemsOf(at));
      at = this.#members.get(at)?.at(index) ?? at;
    }
    let place = this.#text[at] === '{' ? skipSpace(this.#text, at + 1) : at;
    for (const part of path) {
      const found = this.#step(at, part);
      if (found === undefined) return place;
      at = found.value;
      place = found.key;
    }
    return place;
  }

  #itemsOf(at: number): Members | undefined {
    const list = this.#text[at] === '{' ? fieldOffsets(this.#text, at, 'items', 'first')?.value : at;
    return list === undefined ? undefined : new Members(this.#text, list);
  }

  #step(at: number, part: string | number): { key: number; value: number } | undefined {
    const first = this.#text[at];
    if (typeof part === 'string') return first === '{' ? fieldOffsets(this.#text, at, part) : undefined;
    const member = first === '[' ? new Members(this.#text, at).at(part) : undefined;
    return member === undefined ? undefined : { key: member, value: member };
  }
}

/** For YAML, by the positions of parser events; aliases and merge keys are followed to where the value is written. */
export class YamlFinder implements Finder {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #root: number;

  /** `nth`: which document of the text. */
  constructor(text: string, nth: number) {
    this.#text = text;
    this.#events = yamlEvents(text);
    let left = nth;
    this.#root = this.#events.findIndex((event) => event.type === EVENT_ID.DOCUMENT && left-- === 0) + 1;
  }

  find(items: readonly number[], path: readonly (string | number)[]): number {
    let node = this.#root;
    for (const index of items) {
      const list = this.#type(node) === EVENT_ID.MAPPING ? this.#field(node, 'items')?.value : node;
      node = (list === undefined ? undefined : this.#member(list, index)) ?? node;
    }
    let place = node;
    for (const part of path) {
      const found = this.#step(node, part);
      if (found === undefined) break;
      node = found.value;
      place = found.key;
    }
    const event = this.#events[place];
    return event === undefined ? 0 : eventOffset(event);
  }

  #step(node: number, part: string | number): { key: number; value: number } | undefined {
    if (typeof part === 'string') return this.#field(node, part);
    const member = this.#member(node, part);
    return member === undefined ? undefined : { key: member, value: member };
  }

  /** The node itself, or what an alias stands for. */
  #target(node: number): number {
    const event = this.#events[node];
    if (event?.type !== EVENT_ID.ALIAS) return node;
    const name = this.#text.slice(event.anchorStart, event.anchorEnd);
    for (let index = node - 1; index >= this.#root; index--) {
      const anchor = this.#events[index];
      const isAnchor = anchor !== undefined && anchor.type !== EVENT_ID.ALIAS && 'anchorStart' in anchor;
      if (isAnchor && this.#text.slice(anchor.anchorStart, anchor.anchorEnd) === name) return index;
    }
    return node;
  }

  #type(node: number): number | undefined {
    return this.#events[this.#target(node)]?.type;
  }

  /** Index of the event behind a node. */
  #after(node: number): number {
    let depth = 0;
    let index = node;
    do {
      const type = this.#events[index]?.type;
      if (type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) depth += 1;
      else if (type === EVENT_ID.POP) depth -= 1;
      index += 1;
    } while (depth > 0 && index < this.#events.length);
    return index;
  }

  *#children(node: number): Generator<number> {
    let child = this.#target(node) + 1;
    while (child < this.#events.length && this.#events[child]?.type !== EVENT_ID.POP) {
      yield child;
      child = this.#after(child);
    }
  }

  #member(node: number, index: number): number | undefined {
    if (this.#type(node) !== EVENT_ID.SEQUENCE) return undefined;
    let position = 0;
    for (const child of this.#children(node)) {
      if (position === index) return this.#target(child);
      position += 1;
    }
    return undefined;
  }

  #field(node: number, name: string, depth = 0): { key: number; value: number } | undefined {
    if (this.#type(node) !== EVENT_ID.MAPPING || depth > 10) return undefined;
    let found: { key: number; value: number } | undefined;
    let key: number | undefined;
    for (const child of this.#children(node)) {
      if (key === undefined) {
        key = child;
        continue;
      }
      const text = this.#keyText(key);
      if (text === name) found = { key, value: this.#target(child) };
      else if (text === '<<') found = this.#merged(child, name, depth + 1) ?? found;
      key = undefined;
    }
    return found;
  }

  #merged(node: number, name: string, depth: number): { key: number; value: number } | undefined {
    const sources = this.#type(node) === EVENT_ID.SEQUENCE ? [...this.#children(node)] : [node];
    for (const source of sources) {
      const found = this.#field(this.#target(source), name, depth);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #keyText(node: number): string | undefined {
    const event = this.#events[this.#target(node)];
    if (event?.type !== EVENT_ID.SCALAR) return undefined;
    const text = getScalarValue(this.#text, event);
    return isPlain(event) ? String(resolvePlain(text)) : text;
  }
}

function isPlain(event: ScalarEvent): boolean {
  return event.style === 1 && event.tagStart === -1;
}
