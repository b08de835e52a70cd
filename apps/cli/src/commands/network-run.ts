import { type NetworkAnswer, networkModel } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { networkText } from '../print/network-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { NetworkFlags } from './network.ts';

interface NetworkRun {
  flags: NetworkFlags;
  name: string;
  streams: Streams;
}

const EXIT_OF = { yes: EXIT.YES, no: EXIT.NO, undecided: EXIT.UNDECIDED } as const;

export async function runNetwork(run: NetworkRun): Promise<number> {
  const { flags, name, streams } = run;
  const { session, unreadable, progress } = await openInput(flags, streams, name, true);
  let answer: NetworkAnswer;
  try {
    answer = networkModel(session);
  } finally {
    progress.clear();
  }
  await writeAnswer(answer, flags.output, streams, (settings) => networkText(answer, settings));
  if (flags.exitZero) return EXIT.YES;
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT_OF[answer.holds];
}
