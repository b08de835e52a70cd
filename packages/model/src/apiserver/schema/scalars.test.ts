import { describe, expect, it } from 'vitest';
import { canonicalQuantity } from './quantity.ts';
import { Reading } from './reading.ts';
import { bytes, microTime, time } from './scalars.ts';
import type { Type } from './type.ts';

// Expectations: apimachinery/pkg/api/resource/quantity.go, its comments on canonical form.
it.each<[written: string, canonical: string | undefined]>([
  ['0.5', '500m'],
  ['1000m', '1'],
  ['1000', '1k'],
  ['1024', '1024'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['1Ki', '1Ki'],
  ['512Ki', '512Ki'],
  ['1023', '1023'],
  ['0Ki', '0'],
  ['1e3', '1e3'],
  ['12E6', '12e6'],
  ['0.0000000001', '1n'],
  ['-1.5', '-1500m'],
  ['100', '100'],
  ['.5', '500m'],
  ['1 Gi', undefined],
  ['1gi', undefined],
  ['', undefined],
  ['1.2.3', undefined],
])('%s is %s', (written, canonical) => {
  expect(canonicalQuantity(written)).toBe(canonical);
});

/** The value, or what is wrong with it. */
function read<T>(type: Type<T>, value: unknown): unknown {
  const reading = new Reading();
  try {
    const found = type.decode(value, reading);
    return reading.wrongType ?? found;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('times', () => {
  it.each<[written: string, found: string]>([
    ['2024-05-01T14:00:00+02:00', '2024-05-01T12:00:00Z'],
    ['2024-05-01T12:00:00.75Z', '2024-05-01T12:00:00Z'],
    ['x', 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'],
    ['2024-05-01', 'parsing time "2024-05-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
    ['2024-13-01T12:00:00Z', 'parsing time "2024-13-01T12:00:00Z": month out of range'],
    ['2023-02-29T12:00:00Z', 'parsing time "2023-02-29T12:00:00Z": day out of range'],
  ])('%s: %s', (written, found) => {
    expect(read(time, written)).toBe(found);
  });

  it('with parts of the second', () => {
    expect(read(microTime, '2024-05-01T12:00:00.75Z')).toBe('2024-05-01T12:00:00.750000Z');
  });
});

// Expectations: what Go 1.26's encoding/base64 says of these texts.
it.each<[written: string, found: string]>([
  ['YQ==', 'YQ=='],
  ['YW\nI=', 'YWI='],
  ['', ''],
  ['YQ', 'illegal base64 data at input byte 0'],
  ['YWJjYQ', 'illegal base64 data at input byte 4'],
  ['Y===', 'illegal base64 data at input byte 1'],
  ['YQ=', 'illegal base64 data at input byte 3'],
  ['YQ==x', 'illegal base64 data at input byte 4'],
  ['YQ=x', 'illegal base64 data at input byte 2'],
  ['YWI==', 'illegal base64 data at input byte 4'],
  ['<x>', 'illegal base64 data at input byte 0'],
])('bytes %j: %s', (written, found) => {
  expect(read(bytes, written)).toBe(found);
});
