import { type WhyAnswer, why } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { whyText } from '../print/why-text.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { WhyFlags } from './why.ts';

interface WhyRun {
  ends: string[];
  flags: WhyFlags;
  name: string;
  streams: Streams;
}

function exitOf({ verdict }: WhyAnswer): number {
  if (verdict === 'delivered') return EXIT.YES;
  return verdict === 'depends' || verdict === 'unknown' ? EXIT.UNDECIDED : EXIT.NO;
}

export async function runWhy(run: WhyRun): Promise<number> {
  const { ends, flags, name, streams } = run;
  if (ends.length > 2) {
    throw new UserError(`why takes one end or two, and ${ends.length} are given`, {
      mend: `Write ${name} why FROM TO, or ${name} why svc/NAME.`,
    });
  }
  const to = ends.at(-1) as string;
  const from = ends.length === 2 ? ends[0] : undefined;
  const { session, unreadable, progress } = await openInput(flags, streams, name, true);
  let answer: WhyAnswer;
  try {
    answer = why(session, {
      to,
      ...(from !== undefined && { from }),
      ...(flags.namespace !== undefined && { namespace: flags.namespace }),
      ...(flags.proto !== undefined && { protocol: flags.proto }),
      ...(flags.port !== undefined && { port: flags.port }),
      ...(flags.size !== undefined && { size: flags.size }),
      ...(flags.ct && { connection: flags.ct }),
      ...(flags.after && { after: flags.after }),
      ...(flags.full && { full: flags.full }),
    });
  } finally {
    progress.clear();
  }
  await writeAnswer(answer, flags.output, streams, (settings) => whyText(answer, settings));
  if (flags.exitZero) return EXIT.YES;
  return unreadable && !flags.lenient ? EXIT.BAD : exitOf(answer);
}
