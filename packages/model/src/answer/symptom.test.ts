import { expect, test } from 'vitest';
import { symptomOf } from './symptom.ts';

// Words: strerror(3) of glibc.
test.each([
  [{ outcome: 'reply' }, undefined],
  [{ outcome: 'refused', error: 'ECONNREFUSED' }, 'connection refused'],
  [{ outcome: 'rejected', error: 'EHOSTUNREACH' }, 'no route to host'],
  [{ outcome: 'unreachable', error: 'ENETUNREACH' }, 'network is unreachable'],
  [{ outcome: 'timeout', error: 'EPERM' }, 'operation not permitted'],
  [{ outcome: 'timeout' }, 'time-out'],
] as const)('%j is %j', (conversation, expected) => {
  expect(symptomOf({ conversation, endedOutside: false, ping: false })).toBe(expected);
});

test('ping says it its own way', () => {
  expect(symptomOf({ conversation: { outcome: 'timeout' }, endedOutside: false, ping: true })).toBe('no answer');
  const rejected = { outcome: 'rejected', error: 'ECONNREFUSED' } as const;
  expect(symptomOf({ conversation: rejected, endedOutside: false, ping: true })).toBe('destination unreachable');
});

test('what the stand-ins for the world answer is not what a real world would', () => {
  const unreachable = { outcome: 'unreachable', error: 'EHOSTUNREACH' } as const;
  expect(symptomOf({ conversation: unreachable, endedOutside: true, ping: false })).toBe('time-out');
});
