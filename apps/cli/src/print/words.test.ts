import { expect, test } from 'vitest';
import { count, fileText, objectText, oddsText } from './words.ts';

test.each([
  ['1', '1', 'always'],
  ['1', '3', '1/3'],
  ['5', '16', '5/16'],
  // kube-proxy's 1/3 as the kernel keeps it.
  ['715827883', '2147483648', '33.33 %'],
  ['1', '8000', '0.01 %'],
  ['2147483647', '2147483648', '100.00 %'],
])('%s/%s is shown as %s', (numerator, denominator, expected) => {
  expect(oddsText({ numerator, denominator })).toBe(expected);
});

test('unknown odds are a question mark', () => {
  expect(oddsText(undefined)).toBe('?');
});

test('objects and files', () => {
  const object = {
    kind: 'Service',
    namespace: 'shop',
    name: 'api',
    field: 'spec.ports[0]',
    file: 'api.yaml',
    line: 12,
  };
  expect(objectText(object)).toBe('svc shop/api spec.ports[0]');
  expect(fileText(object)).toBe('api.yaml:12');
  expect(objectText({ kind: 'Pod', name: 'x', madeFrom: 'Deployment shop/web' })).toBe(
    'pod x (made from Deployment shop/web)',
  );
  expect(fileText({ kind: 'Pod', name: 'x' })).toBe('');
});

test('counts', () => {
  expect([count(0, 'pod'), count(1, 'pod'), count(2, 'policy', 'policies')]).toEqual(['0 pods', '1 pod', '2 policies']);
});
