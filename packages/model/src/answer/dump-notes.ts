/** What answers say about the dumps they stand on. */
import type { NodeDump } from '../linux/node/index.ts';
import type { Note } from './answer.ts';

/** Lines that nobody understood may decide what happens: each answer counts them. */
export function dumpNotes(dumps: readonly NodeDump[]): Note[] {
  return dumps.flatMap(({ name, found }): Note[] => {
    const lines = found.reduce((sum, part) => sum + part.notUnderstood, 0);
    if (lines === 0) return [];
    const all = found.reduce((sum, part) => sum + part.lines, 0);
    return [
      {
        kind: 'caveat',
        code: 'dump-not-understood',
        text: `${lines} of ${all} lines of the dump of ${name} were not understood, and are left out.`,
        settle: 'podwire node read lists them',
      },
    ];
  });
}
