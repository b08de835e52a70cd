import { describe, expect, it } from 'vitest';
import { endOfValue, fieldOffsets, findJsonError, Members } from './json-scan.ts';

const wrong: [text: string, offset: number, message: string][] = [
  ['', 0, 'ends where a value'],
  ['{"a" 1}', 5, 'colon'],
  ['{"a": 1,}', 8, 'key in quotes'],
  ['{a: 1}', 1, 'key in quotes'],
  ['[1 2]', 3, 'comma or ]'],
  ['[1, 2', 5, 'ends where a comma or ]'],
  ['{"a": 01}', 6, 'value'],
  ['{"a": nul}', 6, 'value'],
  ['{"a": "x\ny"}', 8, 'line break'],
  ['{"a": "\\q"}', 7, 'escape'],
  ['{"a": "x', 6, 'does not end'],
  ['[[[1}', 4, 'comma or ]'],
];

const right = ['1', '-0.5e+3', '"\\u00e9\\\\"', '[]', '{}', ' [ ] ', '{"a": {"b": [null, true, "]"]}, "c": "\\""}'];

describe('findJsonError', () => {
  it.each(wrong)('points into %j at %i', (text, offset, message) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(findJsonError(text)).toMatchObject({ offset });
    expect(findJsonError(text)?.message).toContain(message);
  });

  it.each(right)('finds nothing wrong in %j', (text) => {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(findJsonError(text)).toBeUndefined();
  });

  it('does not mind depth', () => {
    expect(findJsonError('['.repeat(1_000_000))?.offset).toBe(1_000_000);
  });
});

describe('offsets', () => {
  const text = '{"x": "}", "items": [ {"a": 1} , [2], "\\"]"], "x": 3}';

  it('ends values at their own bracket or quote', () => {
    expect(endOfValue(text, 0)).toBe(text.length);
    expect(endOfValue('"a\\\\" ', 0)).toBe(5);
    expect(endOfValue('12, ', 0)).toBe(2);
    expect(endOfValue('[{"a": "]"}', 0)).toBe(-1);
  });

  it('finds fields and members', () => {
    const items = fieldOffsets(text, 0, 'items');
    expect(text.slice(items?.key, items?.value)).toBe('"items": ');
    const members = new Members(text, items?.value ?? 0);
    expect([2, 0, 1, 3].map((index) => text[members.at(index) ?? -1])).toEqual(['"', '{', '[', undefined]);
    expect(text.slice(fieldOffsets(text, 0, 'x')?.value)).toBe('3}');
    expect(text.slice(fieldOffsets(text, 0, 'x', 'first')?.value).slice(0, 3)).toBe('"}"');
    expect(fieldOffsets(text, 0, 'y')).toBeUndefined();
    expect(new Members('[ ]', 0).at(0)).toBeUndefined();
  });
});
