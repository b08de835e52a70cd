/** Scenarios with what a kernel did, kept as data. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Judgement } from './judge.ts';
import type { Scenario } from './scenario.ts';

export interface Case {
  /** Where it came from: `seed 7, configuration 12`. */
  from: string;
  /** The kernel's release. */
  release: string;
  scenario: Scenario;
  /** By event; null for what could not be played. */
  kernel: Judgement['kernel'];
}

export function saveCase(folder: string, name: string, found: Omit<Case, 'release'>): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  const { from, scenario, kernel } = found;
  const whole: Case = { from, release: release().replace(/-.*/, ''), scenario, kernel };
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
