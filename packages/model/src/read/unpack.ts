import type { Problem } from '../problem.ts';
import { inflate } from './gzip.ts';
import { LIMITS } from './limits.ts';
import type { SourceFile } from './source.ts';
import { readTar, type TarEntry } from './tar.ts';
import { formatOf } from './text.ts';

export interface Unpacked {
  /** Text files, as they were given or as they stood in archives: `bundle.tar.gz/pods.json`. */
  files: SourceFile[];
  problems: Problem[];
  ignored: { file: string; code: string; why: string }[];
}

const sourceName = /\.(?:ya?ml|kyaml|json|jsonl|ndjson)(?:\.gz)?$|\.(?:tar|tgz|tar\.gz)$/i;

/** Whether a file inside a folder or an archive is one to read, by its name. A file that is named outright is read whatever it is called. */
export function isSourceName(name: string): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1);
  return sourceName.test(base) && !base.startsWith('._');
}

const unreadable = {
  binary: 'binary data',
  zip: 'a zip archive',
  xz: 'compressed with xz',
  bzip2: 'compressed with bzip2',
  zstd: 'compressed with zstd',
} as const;

/** What an archive says is where its entries lie must stay inside it. */
function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !/^[A-Za-z]:/.test(path) && !path.split(/[/\\]/).includes('..');
}

class Unpacker {
  readonly result: Unpacked = { files: [], problems: [], ignored: [] };
  #left: number = LIMITS.unpackedBytes;
  readonly #isWanted: (name: string) => boolean;

  constructor(isWanted: (name: string) => boolean) {
    this.#isWanted = isWanted;
  }

  async take(file: SourceFile, layer: number): Promise<void> {
    const format = formatOf(file.bytes);
    if (format === 'text') {
      this.result.files.push(file);
    } else if (format === 'gzip' || format === 'tar') {
      if (layer >= LIMITS.archiveLayers) {
        this.#problem(
          'error',
          'archive-too-deep',
          file.name,
          'is an archive inside an archive inside an archive',
          'Unpack it first.',
        );
      } else if (format === 'gzip') {
        await this.#gunzip(file, layer);
      } else {
        await this.#untar(file, layer);
      }
    } else if (format === 'binary') {
      this.result.ignored.push({ file: file.name, code: 'binary', why: unreadable[format] });
    } else {
      this.#problem(
        'error',
        'unknown-archive',
        file.name,
        `is ${unreadable[format]}`,
        'Unpack it, or pack it as .tar.gz.',
      );
    }
  }

  #problem(severity: Problem['severity'], code: string, file: string, what: string, mend: string): void {
    this.result.problems.push({ severity, code, file, message: `${file} ${what}`, mend });
  }

  async #gunzip(file: SourceFile, layer: number): Promise<void> {
    const { bytes, damaged, tooLarge } = await inflate(file.bytes, this.#left);
    if (tooLarge) {
      const limit = `unpacks to more than ${LIMITS.unpackedBytes / 2 ** 20} MiB in all`;
      this.#problem('error', 'archive-too-large', file.name, limit, 'Leave out what is not Kubernetes objects.');
      return;
    }
    this.#left -= bytes.length;
    if (damaged) {
      this.#problem(
        'error',
        'archive-damaged',
        file.name,
        'is damaged or ends early; what came before is read',
        'Pack it again.',
      );
    }
    if (bytes.length === 0 && damaged) return;
    const isTar = formatOf(bytes) === 'tar';
    await this.take({ name: isTar ? file.name : file.name.replace(/\.gz$/i, ''), bytes }, layer + 1);
  }

  async #untar(file: SourceFile, layer: number): Promise<void> {
    const { entries, truncated } = readTar(file.bytes, LIMITS.archiveFiles + 1);
    if (truncated) {
      this.#problem(
        'error',
        'archive-damaged',
        file.name,
        'is damaged or ends early; what came before is read',
        'Pack it again.',
      );
    }
    if (entries.length > LIMITS.archiveFiles) {
      const what = `holds more than ${LIMITS.archiveFiles} entries; the rest is left out`;
      this.#problem('error', 'archive-too-large', file.name, what, 'Leave out what is not Kubernetes objects.');
    }
    for (const entry of entries.slice(0, LIMITS.archiveFiles)) await this.#entry(file.name, entry, layer);
  }

  async #entry(archive: string, entry: TarEntry, layer: number): Promise<void> {
    const name = `${archive}/${entry.name.replace(/^(?:\.\/)+/, '')}`;
    if (entry.type === 'folder') return;
    if (entry.type === 'link') {
      if (this.#isWanted(entry.name)) {
        this.#problem(
          'warning',
          'archive-link',
          name,
          'is a link, which is not followed',
          'Pack with: tar --dereference',
        );
      }
    } else if (!isInside(entry.name)) {
      this.#problem(
        'error',
        'archive-path',
        name,
        'lies outside its archive and is not read',
        'Pack with relative paths.',
      );
    } else if (entry.type === 'other' || !this.#isWanted(entry.name)) {
      this.result.ignored.push({ file: name, code: 'other-file', why: 'not YAML or JSON by its name' });
    } else {
      await this.take({ name, bytes: entry.bytes }, layer + 1);
    }
  }
}

/** Open compressed files and archives, however they are named; of what stands in archives, files with a wanted name. Nothing is written and nothing outside the bytes is reached. */
export async function unpack(
  files: readonly SourceFile[],
  isWanted: (name: string) => boolean = isSourceName,
): Promise<Unpacked> {
  const unpacker = new Unpacker(isWanted);
  for (const file of files) await unpacker.take(file, 0);
  return unpacker.result;
}
