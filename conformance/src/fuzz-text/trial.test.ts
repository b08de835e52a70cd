import { expect, test } from 'vitest';
import { type Target, tryText } from './trial.ts';

const target = (run: Target['run']): Target => ({ name: 'x', seeds: [], run });

test('an exception is a failure, and says which', async () => {
  const found = await tryText(
    target(() => {
      throw new TypeError('no such thing');
    }),
    'x',
    false,
  );
  expect(found?.kind).toBe('exception');
  expect(found?.what).toContain('TypeError: no such thing');
});

test('two results for one text are a failure, also inside of maps', async () => {
  let calls = 0;
  const found = await tryText(
    target(() => ({ map: new Map([['a', calls++]]) })),
    'x',
    true,
  );
  expect(found?.kind).toBe('different');
});

test('what takes too long is a failure', async () => {
  const busy = target(() => {
    const start = process.cpuUsage();
    while (process.cpuUsage(start).user + process.cpuUsage(start).system < 50_000);
  });
  expect(await tryText(busy, 'x', false, 0.02)).toMatchObject({ kind: 'slow' });
  expect(await tryText(busy, 'x', false)).toBeUndefined();
});

test('what reads well is none', async () => {
  expect(
    await tryText(
      target((text) => text.length),
      'x',
      true,
    ),
  ).toBeUndefined();
});
