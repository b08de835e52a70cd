import { expect, test } from 'vitest';
import { editDistance, suggest } from './suggest.ts';

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
  ['', 'xyz', 3],
  ['frontend', 'fronted', 1],
])('distance of %j and %j is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

const suggestNames = (typed: string, names: string[]) => suggest(typed, names, (n) => n);

test('the nearest come first, equal ones in code-unit order, unlike ones not at all', () => {
  expect(suggestNames('frontent', ['frontier', 'frontend', 'backend', 'frontest'])).toEqual(['frontend', 'frontest']);
});

test('a workload name finds its pods', () => {
  expect(suggestNames('web', ['api-1', 'web-7d9f-x2', 'web-7d9f-a1'])).toEqual(['web-7d9f-a1', 'web-7d9f-x2']);
});

test('short names are not like everything', () => {
  expect(suggestNames('api', ['web', 'db', 'ap', 'api2'])).toEqual(['ap', 'api2']);
});
