import { describe, expect, it } from 'vitest';
import { readYaml, YamlError } from './yaml.ts';

/** Text and value as sigs.k8s.io/yaml v1.6.0 (goyaml.v2) turns the one into the other. */
const scalars: [text: string, value: unknown][] = [
  // Booleans of YAML 1.1, in three spellings each.
  ['y', true],
  ['Y', true],
  ['on', true],
  ['Off', false],
  ['NO', false],
  ['yEs', 'yEs'],
  ['True', true],
  ['tRUE', 'tRUE'],
  ['~', null],
  ['', null],
  ['Null', null],
  ['NuLL', 'NuLL'],
  // Integers, with Go's prefixes and underscores anywhere.
  ['0644', 420],
  ['0o17', 15],
  ['0O17', 15],
  ['-0o17', -15],
  ['08', 8],
  ['0o8', '0o8'],
  ['0x1F', 31],
  ['-0x1F', -31],
  ['0xG', '0xG'],
  ['0b11', 3],
  ['-0b11', -3],
  ['+0b11', 3],
  ['0b12', '0b12'],
  ['1_000', 1000],
  ['1__0_', 10],
  ['0x_F', 15],
  ['_1', '_1'],
  ['+1', 1],
  ['-0', 0],
  ['00', 0],
  ['--1', '--1'],
  ['1-1', '1-1'],
  ['9007199254740991', 9007199254740991],
  // Floats.
  ['1e3', 1000],
  ['1.e3', 1000],
  ['1E5', 100000],
  ['.5', 0.5],
  ['-.5e-3', -0.0005],
  ['.5.', '.5.'],
  ['._1', '._1'],
  ['685.230_15e+03', 685230.15],
  ['1e400', '1e400'],
  ['1.2.3', '1.2.3'],
  ['10.96.0.1', '10.96.0.1'],
  ['0x1p-2', '0x1p-2'],
  // No base 60, no dates.
  ['12:30:45', '12:30:45'],
  ['190:20:30.15', '190:20:30.15'],
  ['2020-01-01', '2020-01-01'],
  ['2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'],
  // Tags.
  ['!!str 12', '12'],
  ["!!int '12'", 12],
  ["!!bool 'yes'", true],
  ["!!null ''", null],
  ['!!float 0x10', 16],
  ['!!binary aGVsbG8=', 'hello'],
  ['!!timestamp 2020-01-01', '2020-01-01'],
  ['!<tag:yaml.org,2002:str> 1', '1'],
  ['! 12', '12'],
  ['!foo bar', 'bar'],
  ['!foo {a: 1}', { a: 1 }],
  ['!!set {a, b}', { a: null, b: null }],
  // Styles.
  ["'it''s'", "it's"],
  ["'y'", 'y'],
  ['"b\\\n    c"', 'bc'],
  ['|\n    x\n     y\n', 'x\n y\n'],
  ['>\n    x\n    y\n', 'x y\n'],
  ['|-\n    x\n\n', 'x'],
  ['[A,1,]', ['A', 1]],
  ['{b}', { b: null }],
  ['b#c', 'b#c'],
  ['b #c', 'b'],
  ['<<', '<<'],
];

const documents: [text: string, value: unknown][] = [
  ['a: 1\na: 2', { a: 2 }],
  ['1: a\n0x10: b\n1.5: c\n010: d', { 1: 'a', 16: 'b', 1.5: 'c', 8: 'd' }],
  ['y: 1\non: 2', { true: 2 }],
  ['a: &x {k: 1, z: 2}\nb: {<<: *x, k: 3}', { a: { k: 1, z: 2 }, b: { k: 3, z: 2 } }],
  ['a: &x {k: 1}\nb: {k: 3, <<: *x}', { a: { k: 1 }, b: { k: 1 } }],
  ['a: &x {k: 1}\nc: &y {k: 2, m: 5}\nb: {<<: [*x, *y]}', { a: { k: 1 }, b: { k: 1, m: 5 }, c: { k: 2, m: 5 } }],
  ['b: {"<<": {a: 1}}', { b: { '<<': { a: 1 } } }],
  ['a: &x b\nc: *x\nd: &x e\nf: *x', { a: 'b', c: 'b', d: 'e', f: 'e' }],
  ['&a a: b', { a: 'b' }],
  ['%TAG !y! tag:yaml.org,2002:\n---\nv: !y!int "1"', { v: 1 }],
  ['a:\n- b\n- c', { a: ['b', 'c'] }],
  ['? a\n: b', { a: 'b' }],
  ['__proto__: 1', JSON.parse('{"__proto__": 1}')],
];

const refused: [text: string, error: string][] = [
  ['a: .inf', 'no number that JSON can hold'],
  ['a: .nan', 'no number that JSON can hold'],
  ['~: x', 'a key is empty'],
  ['[1]: a', 'a key is a list or a mapping'],
  ['a: &x [1]\nb: {<<: *x}', 'map merge requires map or sequence of maps'],
  ['b: {<<: 1}', 'map merge requires map or sequence of maps'],
  ['a: &a [*a]', "anchor 'a' value contains itself"],
  ['a: *nope', "unknown anchor 'nope' referenced"],
  ['a: !!int foo', 'cannot decode !!str `foo` as a !!int'],
  ['a: !!int 1.0', 'cannot decode !!float `1.0` as a !!int'],
  ['a: b: c', 'bad indentation'],
  ['a: @x', 'bad indentation'],
  ['\ta: b', ''],
  ['a: [b', 'unexpected end'],
  ['a: "b', 'unexpected end'],
  ['a: \u0001', 'non-printable'],
];

function read(text: string): unknown {
  const [document, ...rest] = readYaml(text);
  expect(rest).toEqual([]);
  return document?.value;
}

describe('YAML as Kubernetes reads it', () => {
  it.each(scalars)('reads the scalar %s', (text, value) => {
    expect(read(`a: ${text}\n`)).toEqual({ a: value });
  });

  it.each(documents)('reads %s', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it.each(refused)('refuses %s', (text, error) => {
    expect(() => readYaml(text)).toThrow(YamlError);
    expect(() => readYaml(text)).toThrow(error);
  });

  it('keeps the last of two keys and says where the others stand', () => {
    const [document] = readYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n');
    expect(document?.duplicates).toEqual([
      { key: 'c', offset: 17 },
      { key: 'a', offset: 22 },
    ]);
    expect(readYaml('a: &x {k: 1}\nb: {<<: *x, k: 2}')[0]?.duplicates).toEqual([]);
  });

  it('shares what aliases repeat', () => {
    const value = read('a: &x {k: 1}\nb: *x') as Record<string, unknown>;
    expect(value.a).toBe(value.b);
  });

  it('refuses documents that consist of aliases, and reads those that only use them', () => {
    const bomb = ['- &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih']) {
      bomb.push(`- &${name} [${Array(10).fill(`*${of}`).join(',')}]`);
    }
    expect(() => readYaml(bomb.join('\n'))).toThrow('excessive aliasing');
    const many = ['x: &x {a: 1}', ...Array.from({ length: 500 }, (_, index) => `k${index}: *x`)];
    expect(Object.keys(read(many.join('\n')) as object)).toHaveLength(501);
  });

  it('refuses what is nested too deeply', () => {
    expect(() => readYaml('['.repeat(100_000))).toThrow('maxDepth');
    expect(() => readYaml('- '.repeat(100_000))).toThrow('maxDepth');
    expect(read(`${'['.repeat(100)}${']'.repeat(100)}`)).toBeDefined();
  });

  it('reads documents that three dots end', () => {
    expect(readYaml('a: 1\n...\n---\nb: 2\n').map(({ value }) => value)).toEqual([{ a: 1 }, { b: 2 }]);
  });
});
