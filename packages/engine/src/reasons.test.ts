/** Each way a walk can end is explained in `docs/reasons.md`. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Reason } from './terms.ts';

const page = readFileSync(new URL('../../../docs/reasons.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

const names = Object.values(Reason).filter(
  (reason): reason is string => typeof reason === 'string' && reason !== 'NONE',
);

test.each(names)('%s has one row with meaning, cause and fix', (name) => {
  const code = `\`${name.toLowerCase().replaceAll('_', '-')}\``;
  const found = rows.filter(([first]) => first === code);
  expect(found).toHaveLength(1);
  expect(found[0]).toHaveLength(5);
  for (const cell of found[0] ?? []) expect(cell).not.toBe('');
});
