/** What is compared: folders of manifests, and random clusters with many Services. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ClusterOverrides } from '@podwire/model';
import { Random } from '../lab/random.ts';
import { generate } from '../oracle/generate.ts';

export interface Input {
  name: string;
  files: { name: string; bytes: Uint8Array }[];
  overrides: ClusterOverrides;
}

interface ManifestSet {
  facts: { per_file: Record<string, unknown> };
}

function setOf(folder: string): Input {
  const { facts } = JSON.parse(readFileSync(join(folder, 'set.json'), 'utf8')) as ManifestSet;
  const files = Object.keys(facts.per_file).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
  return { name: basename(folder), files, overrides: {} };
}

/** Every folder at or below `folder` that has a `set.json`, by name. */
export function manifestSets(folder: string): Input[] {
  if (existsSync(join(folder, 'set.json'))) return [setOf(folder)];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => manifestSets(join(folder, name)));
}

/** The files of each folder by themselves: snapshots of several clusters may stand side by side. */
export function byFolder({ name, files, overrides }: Input): Input[] {
  const folders = new Map<string, Input['files']>();
  for (const file of files) folders.set(dirname(file.name), [...(folders.get(dirname(file.name)) ?? []), file]);
  if (folders.size < 2) return [];
  return [...folders].map(([folder, its]) => ({ name: `${name}/${folder}`, files: its, overrides }));
}

/** More pods than in the clusters of `--kind service`, so that endpoints differ from Service to Service. */
const PODS = 24;
const NODES = 3;

export function randomInput(seed: string, number: number, services: number): Input {
  const { objects, overrides } = generate(new Random(`${seed}/${number}`), true, {
    nodes: NODES,
    pods: PODS,
    services,
  });
  const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return { name: `cluster ${number} of seed ${seed}`, files: [{ name: 'cluster.json', bytes }], overrides };
}
