import type { Problem } from '../problem.ts';
import { type Documents, type Fault, readDocuments } from './documents.ts';
import { distinctObjects, reportRepeated } from './duplicates.ts';
import { LIMITS } from './limits.ts';
import type { ReadResult, SourceFile } from './source.ts';
import { JsonOrigin, Sources } from './sources.ts';
import { decodeText, Lines } from './text.ts';
import { unfold } from './unfold.ts';
import { isSourceName, unpack } from './unpack.ts';

/** UTF-16 units in the order of the code points that they begin: surrogates stand for the highest. */
function weight(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Byte order of the names' UTF-8, which is the order of their code points. */
function byName(a: SourceFile, b: SourceFile): number {
  const length = Math.min(a.name.length, b.name.length);
  for (let index = 0; index < length; index++) {
    const difference = weight(a.name.charCodeAt(index)) - weight(b.name.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.name.length - b.name.length;
}

/** Values in JSON text, from the share of commas and opening brackets in evenly spread samples. */
function estimateValues(bytes: Uint8Array): number {
  const samples = 64;
  const width = 4096;
  if (bytes.length < LIMITS.jsonValues) return 0;
  let marks = 0;
  for (let sample = 0; sample < samples; sample++) {
    const at = Math.floor((bytes.length - width) * (sample / (samples - 1)));
    for (const byte of bytes.subarray(at, at + width)) {
      if (byte === 0x2c || byte === 0x5b || byte === 0x7b) marks += 1;
    }
  }
  return (marks / (samples * width)) * bytes.length;
}

export interface ReadOptions {
  /** Keep the values of environment variables, and the names of Secrets' keys; both are forgotten otherwise. */
  environment?: boolean;
}

class Reader {
  readonly #sources = new Sources();
  readonly #environment: boolean;
  readonly result: ReadResult = {
    objects: [],
    problems: [],
    lists: [],
    ignored: [],
    sources: [],
    files: 0,
    documents: 0,
    lineOf: (origin, path) => this.#sources.lineOf(origin, path),
  };

  constructor({ environment = false }: ReadOptions) {
    this.#environment = environment;
  }

  file(file: SourceFile): void {
    const { name, bytes } = file;
    const { result } = this;
    result.files += 1;
    if (bytes.length > LIMITS.fileBytes || estimateValues(bytes) > LIMITS.jsonValues) {
      const most = `${LIMITS.fileBytes / 2 ** 20} MiB or ${LIMITS.jsonValues / 1e6} million values`;
      this.#problem('error', 'file-too-large', file, 1, `holds more than ${most}`, 'Split it.');
      return;
    }
    const { text, invalidAt } = decodeText(bytes);
    const documents = readDocuments(text, name);
    if (text.trim() === '') {
      result.ignored.push({ file: name, code: 'empty-file', why: 'an empty file' });
    } else if (isPlainText(name, text, documents)) {
      result.ignored.push({ file: name, code: 'plain-text', why: 'text, not Kubernetes objects' });
    } else {
      if (invalidAt !== undefined) {
        const line = new Lines(text).lineAt(invalidAt);
        this.#problem('warning', 'not-utf8', file, line, 'holds bytes that are no UTF-8', 'Save it as UTF-8.');
      }
      this.#documents(file, text, documents);
    }
  }

  #problem(
    severity: Problem['severity'],
    code: string,
    { name }: SourceFile,
    line: number,
    what: string,
    mend: string,
  ): void {
    this.result.problems.push({ severity, code, file: name, line, message: `${name} ${what}`, mend });
  }

  #documents(file: SourceFile, text: string, { documents, empty, faults }: Documents): void {
    const { result } = this;
    const { name } = file;
    // Only YAML and what went wrong need line numbers now.
    let lines: Lines | undefined;
    const lineAt = (offset: number): number => {
      lines ??= new Lines(text);
      return lines.lineAt(offset);
    };
    if (empty > 0) {
      result.ignored.push({ file: name, code: 'empty-document', why: 'empty, or only comments', count: empty });
    }
    this.#faults(name, faults, lineAt);
    this.#sources.keep(file, documents, text);
    documents.forEach(({ value, form, start, starts }, document) => {
      unfold(value, {
        file: name,
        document,
        into: result,
        environment: this.#environment,
        originOf: (mapping, items) => {
          const at = starts.get(mapping);
          if (form === 'json' || at === undefined) return new JsonOrigin(this.#sources, name, document, [...items]);
          const line = lineAt(start + at);
          return items.length === 0
            ? { file: name, document, line }
            : { file: name, document, items: [...items], line };
        },
      });
    });
    result.sources.push({ file: name, documents: documents.length });
    result.documents += documents.length;
  }

  #faults(file: string, faults: readonly Fault[], lineAt: (offset: number) => number): void {
    const { problems } = this.result;
    for (const { severity, code, message, mend, offset } of faults.slice(0, LIMITS.unreadablePerFile)) {
      problems.push({ severity, code, message, file, line: lineAt(offset), ...(mend === undefined ? {} : { mend }) });
    }
    const more = faults.length - LIMITS.unreadablePerFile;
    if (more > 0) {
      const message = `${file} has ${more} more such problems`;
      problems.push({ severity: 'error', code: 'more-problems', message, file });
    }
  }
}

/** A file that does not call itself YAML or JSON, was named outright, and holds nothing like an object. */
function isPlainText(name: string, text: string, { documents }: Documents): boolean {
  if (isSourceName(name)) return false;
  if (documents.some(({ value }) => typeof value === 'object' && value !== null)) return false;
  return !/^\s*(?:- )?["']?(?:apiVersion|kind)["']?\s*:/m.test(text);
}

/**
 * Read everything that a collector hands over: YAML in Kubernetes' dialect, JSON, KYAML, Lists and typed lists, archives. What cannot be
 * read is a problem with file and line, what is no object is `ignored`; nothing is dropped without one of them, and nothing throws.
 */
export async function readSources(files: readonly SourceFile[], options: ReadOptions = {}): Promise<ReadResult> {
  const unpacked = await unpack(files);
  const reader = new Reader(options);
  reader.result.problems.push(...unpacked.problems);
  reader.result.ignored.push(...unpacked.ignored);
  for (const file of unpacked.files.sort(byName)) reader.file(file);
  reader.result.problems.push(...reportRepeated(distinctObjects(reader.result.objects).repeated));
  return reader.result;
}
