import { expect, test } from 'vitest';
import { matchesPairs, matchesSelector } from './labels.ts';

const labels = { app: 'web', tier: 'front' };

test('a Service selector wants every pair, and an empty one selects nothing', () => {
  expect(matchesPairs({ app: 'web' }, labels)).toBe(true);
  expect(matchesPairs({ app: 'web', tier: 'back' }, labels)).toBe(false);
  expect(matchesPairs({}, labels)).toBe(false);
});

// The table of k8s.io/apimachinery/pkg/apis/meta/v1 LabelSelectorRequirement: NotIn and DoesNotExist hold for an absent key.
test.each([
  [{}, true],
  [undefined, false],
  [{ matchLabels: { app: 'web' } }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'In' as const, values: ['api', 'web'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'NotIn' as const, values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'NotIn' as const, values: ['a'] }] }, true],
  [{ matchExpressions: [{ key: 'zone', operator: 'Exists' as const }] }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' as const }] }, true],
  [
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In' as const, values: ['back'] }] },
    false,
  ],
])('%j', (selector, expected) => {
  expect(matchesSelector(selector, labels)).toBe(expected);
});
