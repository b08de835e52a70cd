import { type CompareAnswer, compareModes } from '@podwire/model';
import { createMachine } from '../input/machine.ts';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { compareText } from '../print/compare-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { CompareFlags } from './compare.ts';

interface CompareRun {
  modes: readonly [left: string, right: string];
  flags: CompareFlags;
  name: string;
  streams: Streams;
}

function exitOf({ differences }: CompareAnswer): number {
  if (differences.length === 0) return EXIT.YES;
  const undecided = differences.every(({ sides }) => sides.some(({ verdict }) => verdict === 'unknown'));
  return undecided ? EXIT.UNDECIDED : EXIT.NO;
}

export async function runCompare(run: CompareRun): Promise<number> {
  const { modes, flags, name, streams } = run;
  const left = await openInput({ ...flags, proxyMode: modes[0] }, streams, name, false);
  const right = await left.again({ ...flags, proxyMode: modes[1] });
  const answer = compareModes(await createMachine(), [left.session, right]);
  await writeAnswer(answer, flags.output, streams, (settings) => compareText(answer, settings));
  if (flags.exitZero) return EXIT.YES;
  return left.unreadable && !flags.lenient ? EXIT.BAD : exitOf(answer);
}
