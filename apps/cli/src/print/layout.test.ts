import { expect, test } from 'vitest';
import { layOut } from './layout.ts';

const rows = [
  { head: ['1', 'pod shop/web'], body: 'default via 10.0.0.1 dev eth0', tail: 'web.yaml:3' },
  { head: ['2', 'node a'], body: 'short', tail: 'node.yaml:1' },
];

test('columns stand under each other, and no line is broken without a terminal', () => {
  expect(layOut(rows, { columns: undefined })).toEqual([
    '1  pod shop/web  default via 10.0.0.1 dev eth0  web.yaml:3',
    '2  node a        short                          node.yaml:1',
  ]);
});

test('in a terminal no line is longer than it, and no word is lost', () => {
  for (const columns of [40, 50, 58, 60, 200]) {
    const lines = layOut(rows, { columns, indent: 1 });
    expect(Math.max(...lines.map((l) => l.length)), `${columns} columns`).toBeLessThanOrEqual(columns);
    expect(lines.join(' ').split(/\s+/).filter(Boolean)).toEqual(
      rows.flatMap((r) => [...r.head, r.body, r.tail].join(' ').split(' ')),
    );
  }
});

test('a tail that does not fit goes under its body', () => {
  expect(
    layOut([{ head: ['x'], body: 'a body of some words', tail: 'a/long/path.yaml:123' }], { columns: 40 }),
  ).toEqual(['x  a body of some words', '   a/long/path.yaml:123']);
});

test('blanks never end a line', () => {
  for (const line of layOut([{ head: ['a', ''], body: '' }], { columns: undefined })) expect(line).toBe(line.trimEnd());
});
