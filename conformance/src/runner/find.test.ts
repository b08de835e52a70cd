import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSuites } from './find.ts';
import { countCases, Suite } from './suite.ts';

let root = '';

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'suites-'));
  put('deep/er/first/suite.json', '{"kind":"route","name":"routes"}');
  put('deep/er/first/cases.jsonl.gz', gzipSync('{"id":1}\n{"id":2}\n'));
  put('unnamed/suite.json', '{"kind":"dns","counts":{"cases":3}}');
  put('unnamed/inner/suite.json', '{"kind":"never","name":"below a suite"}');
  put('inputs/b/set.json', '{}');
  put('inputs/a/set.json', '{}');
  put('other/README.md', 'no suite');
});

afterAll(() => rmSync(root, { recursive: true }));

describe('findSuites', () => {
  it('finds suites by suite.json and sets by set.json, whatever the folders are called', () => {
    const found = findSuites([root]);
    expect(found.map(({ name, kind, sets }) => [name, kind, sets])).toEqual([
      ['routes', 'route', undefined],
      ['unnamed', 'dns', undefined],
      ['inputs', 'manifests', ['a', 'b']],
    ]);
    expect(found.map((place) => countCases(new Suite(place)))).toEqual([2, 3, 2]);
  });

  it('takes one set, and a folder that is given twice, once', () => {
    const [only, ...rest] = findSuites([join(root, 'inputs/a'), join(root, 'inputs/a')]);
    expect([only?.name, only?.sets, rest]).toEqual(['inputs', ['a'], []]);
  });

  it('keeps a suite whose manifest is wrong, and says what is wrong with it', () => {
    put('bad/a/suite.json', '{"name": "a"}');
    put('bad/b/suite.json', '{');
    const found = findSuites([join(root, 'bad')]);
    expect(found.map(({ name, kind }) => [name, kind])).toEqual([
      ['a', 'unknown'],
      ['b', 'unknown'],
    ]);
    expect(found[0]?.broken).toBe('suite.json names no kind');
    expect(found[1]?.broken).toBeDefined();
  });

  it('finds nothing where nothing is', () => {
    expect(findSuites([join(root, 'other')])).toEqual([]);
  });
});

describe('Suite', () => {
  it('reads a file that is stored gzipped', () => {
    const [routes] = findSuites([join(root, 'deep')]);
    if (routes === undefined) throw new Error('no suite found');
    const suite = new Suite(routes);
    expect([...suite.jsonLines('cases.jsonl')]).toEqual([{ id: 1 }, { id: 2 }]);
    expect(suite.list()).toEqual(['cases.jsonl', 'suite.json']);
  });
});
