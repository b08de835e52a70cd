/** Scenarios with what a kernel did, kept as data: mismatches that were found, and recordings. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Course } from './expect.ts';
import type { Scenario } from './scenario.ts';

export interface Case {
  /** Where it came from: `seed 7, cluster 12`. */
  from: string;
  /** The kernel's release. */
  kernel: string;
  scenario: Scenario;
  /** By probe: the courses that the kernel took, each once. Choice is random, so others may be possible. */
  courses: Course[][];
}

export function saveCase(folder: string, name: string, found: Omit<Case, 'kernel'>): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  const kernel = release().replace(/-.*/, '');
  const whole: Case = { from: found.from, kernel, scenario: found.scenario, courses: found.courses };
  writeFileSync(path, `${JSON.stringify(whole, null, 1)}\n`);
  return path;
}

/** By file name. */
export function loadCases(folder: string): { name: string; found: Case }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => ({ name, found: JSON.parse(readFileSync(join(folder, name), 'utf8')) as Case }));
}
