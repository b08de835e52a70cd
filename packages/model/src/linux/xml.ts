/** The little XML that `ipset -o xml` and `conntrack -o xml` print: elements, attributes, text, the five entities. */

import { lookUp } from './lines.ts';

export interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: Element[];
  text: string;
  /** 1-based line on which it begins. */
  line: number;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutEntities(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name: string) => lookUp(ENTITIES, name) ?? whole);
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const TAG = /<(\/?)([\w:-]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>|<[?!][^>]*>/g;

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) found[name] = withoutEntities(value);
  return found;
}

export interface ParsedXml {
  /** Elements named `wanted`, however deep, in their order; one that the text ends in is not among them. */
  elements: Element[];
  /** The text ends inside an element, or closes what was not opened: the line where. */
  brokenAt?: number;
}

/** Deeper is no document of these tools. */
const DEPTH_MAX = 32;

export function parseXml(text: string, wanted: string): ParsedXml {
  const elements: Element[] = [];
  const open: Element[] = [];
  let at = 0;
  let line = 1;
  let brokenAt: number | undefined;
  for (const m of text.matchAll(TAG)) {
    const between = text.slice(at, m.index);
    for (const c of between) if (c === '\n') line++;
    const parent = open.at(-1);
    if (parent) parent.text += withoutEntities(between.trim());
    at = m.index + m[0].length;
    const [, close, name, attributes = '', alone] = m;
    if (name === undefined) continue;
    if (close === '/') {
      // Elements that were never closed end with the one around them.
      const opened = open.findLastIndex((element) => element.name === name);
      if (opened < 0 || opened < open.length - 1) brokenAt ??= line;
      const element = open[opened];
      if (!element) continue;
      open.length = opened;
      if (element.name === wanted) elements.push(element);
      continue;
    }
    const element: Element = { name, attributes: attributesOf(attributes), children: [], text: '', line };
    if (open.length < DEPTH_MAX) parent?.children.push(element);
    if (alone === '/') {
      if (name === wanted) elements.push(element);
    } else if (open.length < DEPTH_MAX) open.push(element);
    else brokenAt ??= line;
  }
  if (open.length > 0) brokenAt ??= line;
  return { elements, ...(brokenAt !== undefined && { brokenAt }) };
}

export function childOf(element: Element | undefined, name: string): Element | undefined {
  return element?.children.find((child) => child.name === name);
}

export function textOf(element: Element | undefined, name: string): string | undefined {
  return childOf(element, name)?.text;
}
