/**
 * What the machine itself gives at this moment, so that figures taken at different times can be compared: memory is shared with whatever
 * else runs, and look-ups in large tables wait for nothing else.
 */
import { measureBatch } from './batches.ts';
import { Random } from './random.ts';
import type { Subject } from './row.ts';

const WORDS = 2 ** 24;
const READS = 4096;
const PARTS = 128;

export const yardstick: Subject = {
  name: 'yardstick',
  what: 'random reads in 64 MB by plain JavaScript: ns per read',
  async *run({ seed, quick }, wants) {
    if (!wants('yardstick')) return;
    const random = new Random(seed);
    const cells = new Uint32Array(WORDS);
    for (let i = 0; i < WORDS; i++) cells[i] = random.word() & (WORDS - 1);
    const places = Uint32Array.from({ length: READS * PARTS }, () => random.below(WORDS));
    let sum = 0;
    const rounds = quick ? 3 : 15;
    yield measureBatch('yardstick independent', rounds, {
      operations: READS * PARTS,
      parts: PARTS,
      run: (part) => {
        for (let i = part * READS; i < (part + 1) * READS; i++) sum ^= cells[places[i] as number] as number;
      },
    });
    const chased = 512;
    const row = measureBatch('yardstick dependent', rounds, {
      operations: chased * PARTS,
      parts: PARTS,
      run: (part) => {
        let at = places[part] as number;
        for (let i = 0; i < chased; i++) at = ((cells[at] as number) + i) & (WORDS - 1);
        sum ^= at;
      },
    });
    // The sum is told, lest the reads be left out.
    yield { ...row, note: `checksum ${sum >>> 0}` };
  },
};
