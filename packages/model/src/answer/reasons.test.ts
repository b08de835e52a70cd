import { Reason } from '@podwire/engine';
import { expect, test } from 'vitest';
import { codeOf, reasonCatalogue, reasonRow } from './reasons.ts';

test('every reason of the machine has a row', () => {
  const codes = Object.values(Reason)
    .filter((r): r is Reason => typeof r === 'number' && r !== Reason.NONE)
    .map(codeOf);
  expect(codes.filter((code) => reasonRow(code) === undefined)).toEqual([]);
});

test('codes are kebab-case and stand once; every text is a sentence', () => {
  const rows = reasonCatalogue();
  expect(new Set(rows.map((r) => r.code)).size).toBe(rows.length);
  for (const { code, meaning, cause, fix } of rows) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    for (const text of [meaning, cause, fix]) expect(text, code).toMatch(/^[A-Z].*\.$/);
  }
});
