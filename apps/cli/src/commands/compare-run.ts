import { answerJson, type CompareAnswer, compareModes, sortedAnswer } from '@podwire/model';
import { createMachine } from '../input/machine.ts';
import { openInput } from '../input/open.ts';
import { compareText } from '../print/compare-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { CompareFlags } from './compare.ts';

interface CompareRun {
  modes: readonly [left: string, right: string];
  flags: CompareFlags;
  name: string;
  streams: Streams;
}

async function render(answer: CompareAnswer, { flags, streams }: CompareRun): Promise<string> {
  if (flags.output === 'json') return answerJson(answer);
  if (flags.output === 'yaml') {
    const { dump } = await import('js-yaml');
    return dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true });
  }
  const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
  const everything = flags.output === 'wide';
  return compareText(answer, { style, columns: everything ? undefined : columnsOf(streams.out), everything });
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
  streams.out.write(await render(answer, run));
  if (flags.exitZero) return EXIT.YES;
  return left.unreadable && !flags.lenient ? EXIT.BAD : exitOf(answer);
}
