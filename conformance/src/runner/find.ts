import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { SuitePlace } from './suite.ts';

/** Links are not followed, so a folder cannot contain itself. */
function foldersIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return names.sort((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, name));
}

function readManifest(path: string): Record<string, unknown> {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path} is no JSON object`);
  return value as Record<string, unknown>;
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
      const manifest = readManifest(join(folder, 'suite.json'));
      if (typeof manifest.kind !== 'string') throw new Error(`${join(folder, 'suite.json')} names no kind`);
      const name = typeof manifest.name === 'string' ? manifest.name : basename(folder);
      suites.push({ name, kind: manifest.kind, folder, manifest });
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
