import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { supervise } from './supervise.ts';
import type { Task } from './work.ts';

const place = { name: 'troubles', kind: 'trouble', folder: '/nowhere', manifest: {} };

/** A worker with six cases that goes wrong in each way a worker can. */
const troubled = `
  const { parentPort, workerData } = require('node:worker_threads');
  const cases = {
    good: () => {},
    loops: () => { for (;;) {} },
    dies: () => process.exit(7),
    eats: () => { const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length)); },
    throws: () => { setImmediate(() => { throw new Error('late'); }); return 'late'; },
    last: () => {},
  };
  let position = 0;
  (async () => {
    for (const [id, run] of Object.entries(cases)) {
      position += 1;
      if (position <= workerData.done) continue;
      parentPort.postMessage({ is: 'begin', id, timeLimitMs: id === 'loops' ? 200 : 20000 });
      if (run() === 'late') await new Promise(() => {});
      parentPort.postMessage({ is: 'end', outcome: { is: 'pass' } });
    }
    parentPort.postMessage({ is: 'finished' });
  })();
`;

const start =
  (code: string) =>
  (task: Task): Worker =>
    new Worker(code, { eval: true, workerData: task, resourceLimits: { maxOldGenerationSizeMb: 32 } });

describe('supervise', () => {
  it('fails what hangs, exits, exhausts memory or throws late, and goes on with the next case', async () => {
    const results = await supervise(place, undefined, start(troubled));
    expect(results.map(({ id, outcome }) => [id, outcome.is])).toEqual([
      ['good', 'pass'],
      ['loops', 'fail'],
      ['dies', 'fail'],
      ['eats', 'fail'],
      ['throws', 'fail'],
      ['last', 'pass'],
    ]);
    const why = results.map(({ outcome }) => (outcome.is === 'fail' ? outcome.why : ''));
    expect(why[1]).toBe('ran over its 200 ms');
    expect(why[2]).toContain('code 7');
    expect(why[3]).toContain('memory');
    expect(why[4]).toContain('late');
  });

  it('reports a suite that cannot be read as one failure', async () => {
    const code = `require('node:worker_threads').parentPort.postMessage({ is: 'broken', why: 'no cases.jsonl' })`;
    expect(await supervise(place, undefined, start(code))).toEqual([
      { id: '(suite)', outcome: { is: 'fail', why: 'no cases.jsonl' } },
    ]);
  });
});
