import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { SuitePlace } from './suite.ts';

/** Links are not followed, so a folder cannot contain itself. */
function foldersIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return names.sort((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, name));
}

/** A suite whose manifest is wrong is still a suite: the run says so and goes on. */
function readPlace(folder: string): SuitePlace {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'suite.json'), 'utf8'));
    if (typeof manifest !== 'object' || manifest === null) throw new Error('suite.json is no JSON object');
    const { name, kind } = manifest as Record<string, unknown>;
    if (typeof kind !== 'string') throw new Error('suite.json names no kind');
    const called = typeof name === 'string' ? name : basename(folder);
    return { name: called, kind, folder, manifest: manifest as Record<string, unknown> };
  } catch (error) {
    const broken = error instanceof Error ? error.message : String(error);
    return { name: basename(folder), kind: 'unknown', folder, manifest: {}, broken };
  }
}

/**
 * Every suite at or below the folders: a folder with a `suite.json` is a suite of the kind that it names; folders with a `set.json` are
 * manifest sets, and sets that stand side by side make one suite of kind `manifests`.
 */
export function findSuites(folders: readonly string[]): SuitePlace[] {
  const suites: SuitePlace[] = [];
  const sets = new Map<string, string[]>();
  const visit = (folder: string): void => {
    if (existsSync(join(folder, 'suite.json'))) {
      suites.push(readPlace(folder));
    } else if (existsSync(join(folder, 'set.json'))) {
      const parent = dirname(folder);
      sets.set(parent, [...(sets.get(parent) ?? []), basename(folder)]);
    } else {
      for (const inner of foldersIn(folder)) visit(inner);
    }
  };
  for (const folder of new Set(folders.map((given) => resolve(given)))) visit(folder);
  for (const [folder, names] of sets) {
    suites.push({ name: basename(folder), kind: 'manifests', folder, manifest: {}, sets: [...new Set(names)] });
  }
  return suites;
}
