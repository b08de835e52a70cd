/** `ipset save`, `ipset list` and `ipset -o xml` to sets. */
import type { IpSet } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import { childOf, type Element, parseXml, textOf } from '../xml.ts';
import { checkElement } from './element.ts';
import { readEntry, setOf, typeOf } from './words.ts';

export interface ReadSets {
  sets: IpSet[];
  problems: Problem[];
}

const CODE = 'ipset';

function addEntry(set: IpSet, text: string): void {
  const entry = readEntry(text);
  checkElement(set.type, entry.value);
  set.entries.push(entry);
}

/** `Name: x`, `Type: ...`, `Header: ...`, `Members:` and a line for each. */
class ListReader {
  readonly sets: IpSet[] = [];
  #name = '';
  #type = '';
  #set: IpSet | undefined;

  read(line: string): void {
    const m = /^([A-Z][\w ]*):(?:\s+(.*))?$/.exec(line);
    switch (m?.[1]) {
      case 'Name':
        this.#name = m[2] ?? '';
        this.#set = undefined;
        return;
      case 'Type':
        this.#type = typeOf(m[2]);
        return;
      case 'Header':
        this.#set = setOf(this.#name, this.#type, wordsOf(m[2] ?? ''));
        this.sets.push(this.#set);
        return;
      case 'Revision':
      case 'Size in memory':
      case 'References':
      case 'Number of entries':
      case 'Members':
        return;
      default:
    }
    if (!this.#set) throw new RangeError('it stands in no set');
    addEntry(this.#set, line);
  }
}

/** `create NAME TYPE ...` and `add NAME ELEMENT ...`. */
class SaveReader {
  readonly #sets = new Map<string, IpSet>();

  get sets(): IpSet[] {
    return [...this.#sets.values()];
  }

  read(line: string): void {
    const m = /^(create|add|-N|-A|-exist|flush|destroy)\s+(\S+)\s*(.*)$/.exec(line);
    const [, verb = '', name = '', rest = ''] = m ?? [];
    if (verb === 'create' || verb === '-N') {
      const [type, ...options] = wordsOf(rest);
      const set = setOf(name, typeOf(type), options);
      this.#sets.set(name, set);
    } else if (verb === 'add' || verb === '-A') {
      const set = this.#sets.get(name);
      if (!set) throw new RangeError(`there is no set ${name}`);
      addEntry(set, rest);
    } else throw new RangeError('neither create nor add');
  }
}

const COUNTS = new Set(['memsize', 'references', 'numentries']);

function setOfXml(element: Element): IpSet {
  const header = childOf(element, 'header')?.children.filter(({ name }) => !COUNTS.has(name)) ?? [];
  const options = header.flatMap(({ name, text }) => (text === '' ? [name] : [name, text]));
  const set = setOf(element.attributes.name ?? '', typeOf(textOf(element, 'type')), options);
  for (const member of childOf(element, 'members')?.children ?? []) {
    const words = member.children.map(({ name, text }) => (name === 'elem' ? text : `${name} ${text}`));
    addEntry(set, words.join(' '));
  }
  return set;
}

function readXml(text: string, options: LineOptions): ReadSets {
  const problems: Problem[] = [];
  const sets: IpSet[] = [];
  const { elements, brokenAt } = parseXml(text, 'ipset');
  const from = (options.firstLine ?? 1) - 1;
  const named = elements.map((element) => ({ text: element.attributes.name ?? '', number: from + element.line }));
  const byLine = new Map(named.map((line, i) => [line, elements[i] as Element]));
  eachLine(named, CODE, problems, options, (line) => sets.push(setOfXml(byLine.get(line) as Element)));
  if (brokenAt !== undefined) {
    eachLine([{ text: '', number: from + brokenAt }], CODE, problems, options, () => {
      throw new RangeError('the XML is damaged or ends early');
    });
  }
  return { sets, problems };
}

/** The form is told by the text itself. */
export function readIpset(text: string, options: LineOptions = {}): ReadSets {
  if (/<ipsets?[ >]/.test(text)) return readXml(text, options);
  const problems: Problem[] = [];
  const lines = linesOf(text, options).filter((line) => !line.text.startsWith('#'));
  const reader = lines.some((line) => line.text.startsWith('Name: ')) ? new ListReader() : new SaveReader();
  eachLine(lines, CODE, problems, options, (line) => reader.read(line.text));
  return { sets: reader.sets, problems };
}
