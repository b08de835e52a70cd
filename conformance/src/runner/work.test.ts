import { describe, expect, it } from 'vitest';
import { fail, type Kind, pass, type SuiteCase } from './contract.ts';
import { type Report, work } from './work.ts';

const place = { name: 'numbers', kind: 'number', folder: '/nowhere', manifest: {} };

const numbers: Kind = {
  kind: 'number',
  timeLimitMs: 5,
  *cases(): Generator<SuiteCase> {
    yield { id: 'one', run: () => pass };
    yield { id: 'two', variant: 'odd', run: async () => fail('it is even') };
    yield {
      id: 'three',
      run: () => {
        throw new RangeError('too far');
      },
    };
  },
};

async function reports(kind: Kind, done: number, filter?: string): Promise<Report[]> {
  const list: Report[] = [];
  await work(kind, { place, done, ...(filter === undefined ? {} : { filter }) }, (what) => list.push(what));
  return list;
}

describe('work', () => {
  it('reports each case, and a throw as a failure', async () => {
    expect(await reports(numbers, 0)).toEqual([
      { is: 'begin', id: 'one', timeLimitMs: 5 },
      { is: 'end', outcome: { is: 'pass' } },
      { is: 'begin', id: 'two', variant: 'odd', timeLimitMs: 5 },
      { is: 'end', outcome: { is: 'fail', why: 'it is even' } },
      { is: 'begin', id: 'three', timeLimitMs: 5 },
      { is: 'end', outcome: { is: 'fail', why: 'threw RangeError: too far' } },
      { is: 'finished' },
    ]);
  });

  it('passes over what is done and what the filter leaves out', async () => {
    const begun = (list: Report[]) => list.flatMap((what) => (what.is === 'begin' ? [what.id] : []));
    expect(begun(await reports(numbers, 2))).toEqual(['three']);
    expect(begun(await reports(numbers, 1, 't'))).toEqual(['three']);
  });

  it('reports a kind that cannot read its suite', async () => {
    const broken: Kind = { kind: 'number', cases: (suite) => suite.jsonLines('cases.jsonl') };
    expect(await reports(broken, 0)).toEqual([{ is: 'broken', why: expect.stringContaining('ENOENT') }]);
  });
});
