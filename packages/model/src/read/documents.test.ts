import { describe, expect, it } from 'vitest';
import { readDocuments } from './documents.ts';

function values(text: string, name = 'in.yaml'): unknown[] {
  return readDocuments(text, name).documents.map(({ value }) => value);
}

function faults(text: string, name = 'in.yaml'): [code: string, offset: number][] {
  return readDocuments(text, name).faults.map(({ code, offset }) => [code, offset]);
}

const forms: [title: string, text: string, expected: unknown[]][] = [
  ['one document', 'a: 1\n', [{ a: 1 }]],
  ['documents between separators', '---\na: 1\n---\nb: 2\n---\n', [{ a: 1 }, { b: 2 }]],
  ['separators with comments and content', '--- # one\na: 1\n--- {b: 2}\n', [{ a: 1 }, { b: 2 }]],
  ['Windows line ends', '---\r\na: 1\r\n---\r\nb: 2\r\n', [{ a: 1 }, { b: 2 }]],
  ['a separator inside a block scalar', 'a: |\n  x\n  ---\n  y\n', [{ a: 'x\n---\ny\n' }]],
  ['a directive', '# generated\n%YAML 1.1\n---\na: 1\n', [{ a: 1 }]],
  ['JSON', ' {"a": [1, 2.50, "x"]}\n', [{ a: [1, 2.5, 'x'] }]],
  ['JSON documents in a row', '{"a": 1}\n{\n  "b": "}"\n}{"c": 3}', [{ a: 1 }, { b: '}' }, { c: 3 }]],
  ['JSON lines', '{"a": 1}\n{"b": 2}\n', [{ a: 1 }, { b: 2 }]],
  ['JSON between separators', '{"a": 1}\n---\n{"b": 2}\n---\nc: 3\n', [{ a: 1 }, { b: 2 }, { c: 3 }]],
  ['KYAML', '---\n{\n  a: "x", # why\n  b: [\n    1,\n  ],\n}\n', [{ a: 'x', b: [1] }]],
  ['KYAML without a separator', '{\n  a: "x",\n}\n', [{ a: 'x' }]],
  ['flow YAML that is called JSON', '{"a": b,}', [{ a: 'b' }]],
];

describe('readDocuments', () => {
  it.each(forms)('reads %s', (_, text, expected) => {
    expect(values(text)).toEqual(expected);
    expect(faults(text)).toEqual([]);
  });

  it('reads the rest of a file around a broken YAML document', () => {
    const text = 'a: 1\n---\nb: [\n---\nc: 3\n---\nd: "\n---\ne: 5\n';
    expect(values(text)).toEqual([{ a: 1 }, { c: 3 }, { e: 5 }]);
    expect(faults(text).map(([code]) => code)).toEqual(['yaml-syntax', 'yaml-syntax']);
  });

  it('reads the rest of a file around broken JSON documents', () => {
    const text = '{"a": 1}\n{"b": nope}\n{"c": 3}\n{\n  "d": 4,\n}\n{"e": 5}\n';
    expect(values(text, 'in.json')).toEqual([{ a: 1 }, { c: 3 }, { e: 5 }]);
    expect(faults(text, 'in.json')).toEqual([
      ['json-syntax', text.indexOf('nope')],
      ['json-syntax', text.indexOf('}\n{"e"')],
    ]);
  });

  it('says that a truncated file ends early', () => {
    const {
      documents,
      faults: [fault],
    } = readDocuments('{"kind": "List", "items": [{"kind": "Pod"}, {"ki', 'pods.json');
    expect(documents).toEqual([]);
    expect(fault).toMatchObject({ code: 'json-syntax', mend: 'The file ends early: fetch it again.' });
  });

  it('counts empty documents, but not what stands before the first separator', () => {
    expect(readDocuments('# licence\n---\na: 1\n---\n# nothing\n---\n', 'in.yaml').empty).toBe(2);
    expect(readDocuments('# only a comment\n', 'in.yaml').empty).toBe(1);
    expect(readDocuments('a: 1\n', 'in.yaml').empty).toBe(0);
  });

  it.each([
    ['on one line', `a: ${'{'.repeat(300_000)}`],
    ['on many', `${'{{\n'.repeat(300_000)} }}`],
    ['line separators', `a: "${'\u2028'.repeat(300_000)}`],
  ])('looks for a template in time: %s', (_, text) => {
    const { faults } = readDocuments(text, 'in.yaml');
    expect(faults.length).toBeGreaterThan(0);
    expect(faults[0]?.mend ?? '').not.toContain('helm');
  });

  it('knows a template by its braces', () => {
    const [fault] = readDocuments('a: {{ .Values.a }}\n', 'in.yaml').faults;
    expect(fault?.mend).toContain('helm template');
  });

  it('reports a key that stands twice, with the last one read', () => {
    const { documents, faults: found } = readDocuments('x: 1\n---\na: 1\na: 2\n', 'in.yaml');
    expect(documents[1]?.value).toEqual({ a: 2 });
    expect(found).toMatchObject([{ code: 'duplicate-key', severity: 'warning', offset: 14 }]);
  });

  it('stops after many faults instead of looking at the rest again for each', () => {
    const started = process.cpuUsage();
    const { faults: found } = readDocuments('{\n'.repeat(500_000), 'in.json');
    expect(found.length).toBeLessThanOrEqual(20);
    expect(process.cpuUsage(started).user).toBeLessThan(10_000_000);
  });
});
