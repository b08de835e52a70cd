import { expect, test } from 'vitest';
import { conform, type Misfit, type Shape } from './conform.ts';

const SHAPE: Shape = {
  fields: {
    name: 'string',
    port: 'integer',
    target: 'integer-or-string',
    labels: { map: 'string' },
    ports: { list: { fields: { port: 'integer', name: 'string' }, required: ['port'] } },
  },
};

function check(value: unknown): { result: unknown; misfits: [string, string | undefined][] } {
  const misfits: Misfit[] = [];
  const result = conform(value, SHAPE, misfits);
  return { result, misfits: misfits.map((m) => [m.path.join('.'), m.found]) };
}

test('an object that fits is not copied, whatever else it holds', () => {
  const value = { name: 'a', port: 1, target: 'x', labels: { a: 'b' }, ports: [{ port: 80 }], other: [null, 1] };
  expect(check(value)).toEqual({ result: value, misfits: [] });
  expect(check(value).result).toBe(value);
});

test('fields of the wrong type are left out and told, the rest stays', () => {
  const value = { name: 5, port: '80', target: true, labels: { version: 1.1, app: 'web' } };
  expect(check(value)).toEqual({
    result: { labels: { app: 'web' } },
    misfits: [
      ['name', 'the number 5'],
      ['port', 'the string "80"'],
      ['target', 'the boolean true'],
      ['labels.version', 'the number 1.1'],
    ],
  });
  expect(value.labels).toEqual({ version: 1.1, app: 'web' });
});

test('null stands for absent, in mappings and lists', () => {
  expect(check({ name: null, ports: [null, { port: 1 }] })).toEqual({ result: { ports: [{ port: 1 }] }, misfits: [] });
});

test('an element without a field that it needs is left out', () => {
  expect(check({ ports: [{ name: 'a' }, { port: 80 }, { port: 1.5 }, 'x'] })).toEqual({
    result: { ports: [{ port: 80 }] },
    misfits: [
      ['ports.0.port', undefined],
      ['ports.2.port', 'the number 1.5'],
      ['ports.3', 'the string "x"'],
    ],
  });
});

test('a list where a mapping belongs is nothing', () => {
  expect(check([])).toEqual({ result: undefined, misfits: [['', 'a list']] });
  expect(check({ ports: { port: 80 } })).toEqual({ result: {}, misfits: [['ports', 'a mapping']] });
});
