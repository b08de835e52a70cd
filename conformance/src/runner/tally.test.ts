import { describe, expect, it } from 'vitest';
import { fail, pass, skip } from './contract.ts';
import { Ledger } from './ledger.ts';
import { printTable } from './print.ts';
import { tallyAll, tallySuite, tallyUnsupported } from './tally.ts';

const place = { name: 'routes', kind: 'route', folder: '/nowhere', manifest: {} };
const ledger = new Ledger([
  { kind: 'route', id: 'known', reason: 'the kernel of the recording had a bug' },
  { kind: 'route', id: 'both', variant: 'IPv6', reason: 'only there' },
  { kind: 'other', id: 'plain', reason: 'not this kind' },
]);

describe('tallySuite', () => {
  it('counts passes, failures, skips by reason and failures that the ledger explains', () => {
    const results = [
      { id: 'plain', outcome: pass },
      { id: 'wrong', outcome: fail('1 is not 2') },
      { id: 'known', outcome: fail('explained') },
      { id: 'both', variant: 'IPv4', outcome: fail('not explained') },
      { id: 'both', variant: 'IPv6', outcome: fail('explained') },
      { id: 's1', outcome: skip('no IPVS') },
      { id: 's2', outcome: skip('no IPVS') },
    ];
    expect(tallySuite(place, results, ledger)).toEqual({
      name: 'routes',
      kind: 'route',
      cases: 7,
      passed: 1,
      failed: 2,
      skipped: { 'no IPVS': 2 },
      ledger: 2,
      failures: [
        { id: 'wrong', why: '1 is not 2' },
        { id: 'both', why: 'not explained' },
      ],
      rates: { IPv4: { held: 0, run: 1 }, IPv6: { held: 0, run: 1 } },
    });
  });

  it('fails a case that passes although the ledger says it fails', () => {
    const tally = tallySuite(place, [{ id: 'known', outcome: pass }], ledger);
    expect(tally).toMatchObject({ passed: 0, failed: 1, ledger: 0 });
    expect(tally.failures[0]?.why).toContain('remove its entry');
  });
});

describe('printTable', () => {
  it('ends with the sum and says which kinds are not supported', () => {
    const suites = [tallySuite(place, [{ id: 'a', outcome: pass }], ledger), tallyUnsupported(place, 12)];
    const lines = printTable(tallyAll(suites)).split('\n');
    expect(lines.at(-2)).toBe('1 passed, 0 failed');
    expect(lines.filter((line) => line.endsWith('kind not supported yet'))).toHaveLength(1);
    expect(tallyAll(suites)).toMatchObject({ passed: 1, failed: 0, skipped: 12 });
  });
});
