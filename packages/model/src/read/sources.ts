import type { RawDocument } from './documents.ts';
import { type Finder, JsonFinder, YamlFinder } from './place.ts';
import type { Origin, SourceFile } from './source.ts';
import { decodeText, Lines } from './text.ts';

interface KeptFile {
  bytes: Uint8Array;
  documents: { form: 'json' | 'yaml'; start: number; end: number; nth: number }[];
}

interface OpenFile {
  name: string;
  text: string;
  /** Made when first needed. */
  lines?: Lines;
  finders: Map<number, Finder>;
}

/** Characters of a text that stays in memory after it was read. */
const KEPT = 100 * 2 ** 20;

/** The sources as bytes, to find the line of a field when someone asks. The file asked for last stays open. */
export class Sources {
  readonly #files = new Map<string, KeptFile>();
  #open: OpenFile | undefined;

  /** `text`: what the file reads; that of a large snapshot is kept as the one that will be asked for. */
  keep(file: SourceFile, documents: readonly RawDocument[], text: string): void {
    const places = documents.map(({ form, start, end, nth }) => ({ form, start, end, nth }));
    this.#files.set(file.name, { bytes: file.bytes, documents: places });
    if (text.length <= KEPT) this.#open = { name: file.name, text, finders: new Map() };
  }

  /** 1-based; the line of the nearest parent where the field is not written. */
  lineOf(origin: Origin, path: readonly (string | number)[]): number {
    const kept = this.#files.get(origin.file);
    const document = kept?.documents[origin.document];
    if (kept === undefined || document === undefined) return 1;
    const open = this.#openFile(origin.file, kept.bytes);
    let finder = open.finders.get(origin.document);
    if (finder === undefined) {
      const text = open.text.slice(document.start, document.end);
      finder = document.form === 'json' ? new JsonFinder(text) : new YamlFinder(text, document.nth);
      open.finders.set(origin.document, finder);
    }
    open.lines ??= new Lines(open.text);
    return open.lines.lineAt(document.start + finder.find(origin.items ?? [], path));
  }

  #openFile(name: string, bytes: Uint8Array): OpenFile {
    if (this.#open?.name !== name) {
      const { text } = decodeText(bytes);
      this.#open = { name, text, finders: new Map() };
    }
    return this.#open;
  }
}

/** An origin in JSON, whose line is looked up when it is first asked for: JSON.parse tells no positions. */
export class JsonOrigin implements Origin {
  readonly file: string;
  readonly document: number;
  readonly items?: number[];
  readonly #sources: Sources;
  #line: number | undefined;

  constructor(sources: Sources, file: string, document: number, items: number[]) {
    this.file = file;
    this.document = document;
    if (items.length > 0) this.items = items;
    this.#sources = sources;
  }

  get line(): number {
    this.#line ??= this.#sources.lineOf(this, []);
    return this.#line;
  }

  toJSON(): Origin {
    const { file, document, items, line } = this;
    return items === undefined ? { file, document, line } : { file, document, items, line };
  }
}
