import { describe, expect, test } from 'vitest';
import { type ClientKind, candidatesFor, ndotsOf, resolve } from './client.ts';
import type { DnsCode } from './record.ts';
import type { ServerAnswer } from './server.ts';

const conf = { nameservers: ['10.96.0.10'], searches: ['shop.svc.k8s.test', 'svc.k8s.test'], options: ['ndots:5'] };

const names = (kind: ClientKind, name: string, more: Partial<typeof conf> = {}): string[] =>
  candidatesFor(kind, name, { ...conf, ...more }).map((candidate) => candidate.name);

describe('the names that are tried', () => {
  const few = ['a.b.shop.svc.k8s.test.', 'a.b.svc.k8s.test.', 'a.b.'];
  test.each<[ClientKind, string, Partial<typeof conf>, string[]]>([
    ['glibc', 'a.b', {}, few],
    ['musl', 'a.b', {}, few],
    ['glibc', 'a.b.', {}, ['a.b.']],
    ['musl', 'a.b.', {}, ['a.b.']],
    ['glibc', 'a.b', { options: ['ndots:1'] }, ['a.b.', 'a.b.shop.svc.k8s.test.', 'a.b.svc.k8s.test.']],
    // musl does not search for a name with dots enough.
    ['musl', 'a.b', { options: ['ndots:1'] }, ['a.b.']],
    ['glibc', 'a', { searches: ['.', 'x'] }, ['a.', 'a.x.']],
    ['musl', 'a', { searches: [`${'x'.repeat(250)}`] }, ['a.']],
    ['glibc', 'a', { searches: [] }, ['a.']],
  ])('%s %s %o', (kind, name, more, expected) => {
    expect(names(kind, name, more)).toEqual(expected);
  });

  test('the last ndots counts, and none is above 15', () => {
    expect(ndotsOf({ options: [] })).toBe(1);
    expect(ndotsOf({ options: ['ndots:5', 'ndots:2'] })).toBe(2);
    expect(ndotsOf({ options: ['ndots:99'] })).toBe(15);
  });
});

/** A server that knows these, `NAME TYPE` each; a code, an address, or nothing for no such name. */
function play(kind: ClientKind, name: string, known: Record<string, string>, options = conf.options) {
  return resolve(kind, name, { ...conf, options }, (question): ServerAnswer => {
    const value = known[`${question.name} ${question.type}`] ?? 'NXDOMAIN';
    const isCode = /^[A-Z]+$/.test(value);
    const isHidden = value === 'HIDDEN';
    return {
      by: 'kubernetes',
      rcode: isCode && !isHidden ? (value as DnsCode) : 'NOERROR',
      answer: isCode ? [] : [{ ...question, ttl: 5, rdata: value }],
      authority: [],
      additional: [],
      truncated: false,
      ...(isHidden && { unknown: 'what somebody answers' }),
    };
  });
}

describe('what ends the search', () => {
  const second = { 'a.svc.k8s.test. A': '10.0.0.1', 'a.svc.k8s.test. AAAA': 'NOERROR' };

  test('the first name with an address', () => {
    const { result, addresses, attempts } = play('glibc', 'a', second);
    expect({ result, addresses, tried: attempts.length }).toEqual({
      result: 'found',
      addresses: ['10.0.0.1'],
      tried: 2,
    });
    expect(attempts[0]?.questions.map(({ question }) => question.type)).toEqual(['A', 'AAAA']);
  });

  test.each<[string, Record<string, string>, ReturnType<typeof play>['result'], ReturnType<typeof play>['result']]>([
    // A name without addresses ends musl's search, not glibc's.
    [
      'no data',
      { ...second, 'a.shop.svc.k8s.test. A': 'NOERROR', 'a.shop.svc.k8s.test. AAAA': 'NOERROR' },
      'found',
      'no-address',
    ],
    ['a failing server', { ...second, 'a.shop.svc.k8s.test. A': 'SERVFAIL' }, 'found', 'try-again'],
    ['nothing', {}, 'no-such-name', 'no-such-name'],
    // musl reads the code of both answers first.
    ['half a name', { 'a.svc.k8s.test. A': '10.0.0.1' }, 'found', 'no-such-name'],
    ['an answer nobody knows', { ...second, 'a.shop.svc.k8s.test. A': 'HIDDEN' }, 'unknown', 'found'],
  ])('%s', (_, known, glibc, musl) => {
    expect(play('glibc', 'a', known).result).toBe(glibc);
    expect(play('musl', 'a', known).result).toBe(musl);
  });

  test('no-aaaa is an option of glibc', () => {
    const asked = (kind: ClientKind): number | undefined =>
      play(kind, 'a', second, ['ndots:5', 'no-aaaa']).attempts[0]?.questions.length;
    expect([asked('glibc'), asked('musl')]).toEqual([1, 2]);
  });
});
