/** From what `-f` names to files in memory: single files, folders, archives (left packed) and standard input. */
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { isSourceName, type Problem, type SourceFile } from '@podwire/model';
import { UserError } from '../shell/exit.ts';
import { readAll } from './stdin.ts';

/** Bytes of one file. A JavaScript string holds little more. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;
/** Bytes of all files together. */
const TOTAL_BYTES_MAX = 1024 * 1024 * 1024;

/** Folders that hold other people's programs and no cluster. */
const SKIPPED_FOLDERS = new Set(['node_modules', '.git', '.hg', '.svn']);
export interface Collected {
  files: SourceFile[];
  problems: Problem[];
  /** Files in folders that are no manifests by their name. */
  skipped: string[];
}

interface Progress extends Collected {
  bytes: number;
  seen: Set<string>;
  /** Whether a file in a folder is one to read, by its path. */
  isWanted: (path: string) => boolean;
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new UserError(`there is no file or folder ${path}`, { mend: 'Check the path given with -f.' });
    }
    throw new UserError(`${path} cannot be read (${code})`, { mend: 'Check its permissions.' });
  }
}

function add(path: string, bytes: Uint8Array, progress: Progress): void {
  progress.bytes += bytes.byteLength;
  if (progress.bytes > TOTAL_BYTES_MAX) {
    throw new UserError(`the input is larger than ${TOTAL_BYTES_MAX / 1024 / 1024} MiB`, {
      mend: 'Give fewer files: Pods, Nodes, Services, EndpointSlices, Namespaces and NetworkPolicies are enough.',
    });
  }
  progress.files.push({ name: path, bytes });
}

function readFile(path: string, stat: Stats, progress: Progress): void {
  if (stat.size > FILE_BYTES_MAX) {
    progress.problems.push({
      severity: 'error',
      code: 'file-too-large',
      message: `The file has ${Math.ceil(stat.size / 1024 / 1024)} MiB; at most ${FILE_BYTES_MAX / 1024 / 1024} MiB are read.`,
      mend: 'Split it, or leave kinds out that decide nothing about packets.',
      file: path,
    });
    return;
  }
  try {
    add(path, readFileSync(path), progress);
  } catch (error) {
    if (error instanceof UserError) throw error;
    progress.problems.push({
      severity: 'error',
      code: 'unreadable-file',
      message: `The file cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`,
      mend: 'Check its permissions.',
      file: path,
    });
  }
}

function join(folder: string, name: string): string {
  return folder === '.' ? name : folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** Entries in byte order, so that the same folder reads alike on every machine. */
function readFolder(folder: string, progress: Progress): void {
  const real = realpathSync(folder);
  if (progress.seen.has(real)) return;
  progress.seen.add(real);
  const names = readdirSync(folder).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const path = join(folder, name);
    let stat: Stats;
    try {
      stat = statSync(path);
    } catch {
      // A link that leads nowhere is worth a word, and no reason to stop.
      progress.problems.push({
        severity: 'warning',
        code: 'unreadable-file',
        message: 'The link leads nowhere.',
        file: path,
      });
      continue;
    }
    if (stat.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(name)) readFolder(path, progress);
    } else if (stat.isFile()) {
      if (progress.isWanted(path)) readFile(path, stat, progress);
      else progress.skipped.push(path);
    }
  }
}

/** Reads everything that the paths name, in the order given. `-` is standard input. */
export async function collect(
  paths: readonly string[],
  input: () => NodeJS.ReadableStream,
  isWanted: (path: string) => boolean = isSourceName,
): Promise<Collected> {
  const progress: Progress = { files: [], problems: [], skipped: [], bytes: 0, seen: new Set(), isWanted };
  for (const given of paths) {
    if (given === '-') {
      add('stdin', await readAll(input(), FILE_BYTES_MAX), progress);
      continue;
    }
    const path = given.length > 1 ? given.replace(/\/+$/, '') : given;
    const stat = statOf(path);
    if (stat.isDirectory()) readFolder(path, progress);
    else if (stat.isFile()) readFile(path, stat, progress);
    else if (stat.isFIFO() || lstatSync(path).isSymbolicLink()) add(path, readFileSync(path), progress);
    else
      throw new UserError(`${path} is neither a file nor a folder`, {
        mend: 'Give files, folders, archives or - for standard input.',
      });
  }
  return { files: progress.files, problems: progress.problems, skipped: progress.skipped };
}
