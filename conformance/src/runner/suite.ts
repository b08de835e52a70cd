import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Where a suite is and what it says of itself: plain data, so that it can be handed to a worker thread. */
export interface SuitePlace {
  name: string;
  kind: string;
  folder: string;
  /** The parsed `suite.json`; empty for manifest sets. */
  manifest: Record<string, unknown>;
  /** Manifest sets only: the set folders inside `folder`. */
  sets?: string[];
  /** Why nothing can be run: its `suite.json` is not readable, or names no kind. */
  broken?: string;
}

/** A suite's files. Paths are relative to its folder; any file may be stored gzipped under its name with `.gz` behind. */
export class Suite {
  readonly place: SuitePlace;

  constructor(place: SuitePlace) {
    this.place = place;
  }

  has(path: string): boolean {
    const full = join(this.place.folder, path);
    return existsSync(full) || existsSync(`${full}.gz`);
  }

  bytes(path: string): Uint8Array {
    const full = join(this.place.folder, path);
    return existsSync(full) ? readFileSync(full) : gunzipSync(readFileSync(`${full}.gz`));
  }

  text(path: string): string {
    return new TextDecoder().decode(this.bytes(path));
  }

  /** The caller states the shape; suites are data that were checked when they were made. */
  json<T>(path: string): T {
    return JSON.parse(this.text(path)) as T;
  }

  /** One value per line, as in `cases.jsonl`. */
  *jsonLines<T>(path: string): Generator<T> {
    for (const line of this.text(path).split('\n')) {
      if (line !== '') yield JSON.parse(line) as T;
    }
  }

  /** Suites of another kind that stand beside this one. */
  siblings(kind: string): Suite[] {
    const parent = dirname(this.place.folder);
    return readdirSync(parent).flatMap((name) => {
      const folder = join(parent, name);
      const file = join(folder, 'suite.json');
      if (!existsSync(file)) return [];
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      return manifest.kind === kind ? [new Suite({ name, kind, folder, manifest })] : [];
    });
  }

  /** A file of a manifest set that stands in a folder beside this suite. */
  setText(set: string, file: string): string {
    const parent = dirname(this.place.folder);
    const folder = readdirSync(parent).find((name) => existsSync(join(parent, name, set, 'set.json')));
    if (folder === undefined) throw new Error(`no manifest set ${set} beside the suite`);
    return readFileSync(join(parent, folder, set, file), 'utf8');
  }

  /** Names inside a folder of the suite, in code-unit order; without `.gz`. */
  list(path = '.'): string[] {
    const names = readdirSync(join(this.place.folder, path)).map((name) => name.replace(/\.gz$/, ''));
    return names.sort((a, b) => (a < b ? -1 : 1));
  }
}

/** How many cases a suite has, read without knowing its kind; 0 where it does not say. */
export function countCases(suite: Suite): number {
  const { manifest, sets } = suite.place;
  if (sets !== undefined) return sets.length;
  if (suite.has('cases.jsonl'))
    return suite
      .text('cases.jsonl')
      .split('\n')
      .filter((line) => line !== '').length;
  const counts = manifest.counts;
  const counted = typeof counts === 'object' && counts !== null && 'cases' in counts ? counts.cases : undefined;
  const stated = [counted, manifest.cases, manifest.count].find((value) => typeof value === 'number');
  return typeof stated === 'number' ? stated : 0;
}
