import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collect } from './collect.ts';

let folder: string;
const nothing = () => Readable.from([]);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwire-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(...names: string[]): void {
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, name);
  }
}

const names = (collected: { files: { name: string }[] }) => collected.files.map((f) => f.name.slice(folder.length + 1));

test('a folder is read in byte order, programs and other files left out', async () => {
  write(
    'b.yaml',
    'a.json',
    'Z.yml',
    'sub/c.yaml',
    'sub.yaml',
    'notes.txt',
    'node_modules/x/y.yaml',
    '.git/z.json',
    's.tgz',
    'ä.yaml',
  );
  const collected = await collect([folder], nothing);
  expect(names(collected)).toEqual(['Z.yml', 'a.json', 'b.yaml', 's.tgz', 'sub/c.yaml', 'sub.yaml', 'ä.yaml']);
  expect(collected.skipped.map((s) => s.slice(folder.length + 1))).toEqual(['notes.txt']);
  expect(collected.problems).toEqual([]);
});

test('a file that is named is read whatever it is called; a path stands as it was given', async () => {
  write('dump.txt', 'x.yaml');
  const collected = await collect([join(folder, 'dump.txt'), `${folder}/`], nothing);
  expect(names(collected)).toEqual(['dump.txt', 'x.yaml']);
});

test('links are followed once, and one that leads nowhere is told', async () => {
  write('real/a.yaml');
  symlinkSync(folder, join(folder, 'real', 'loop'));
  symlinkSync(join(folder, 'gone'), join(folder, 'broken.yaml'));
  const collected = await collect([folder], nothing);
  expect(names(collected)).toEqual(['real/a.yaml']);
  expect(collected.problems.map((p) => p.code)).toEqual(['unreadable-file']);
});

test('standard input is one file', async () => {
  const collected = await collect(['-'], () => Readable.from([Buffer.from('kind: '), Buffer.from('Pod')]));
  expect(collected.files.map((f) => [f.name, Buffer.from(f.bytes).toString()])).toEqual([['stdin', 'kind: Pod']]);
});

test('a path that is not there stops at once', async () => {
  await expect(collect([join(folder, 'missing.yaml')], nothing)).rejects.toThrow('there is no file or folder');
});
