import { answerJson, type NetworkAnswer, networkModel, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { networkText } from '../print/network-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { NetworkFlags } from './network.ts';

interface NetworkRun {
  flags: NetworkFlags;
  name: string;
  streams: Streams;
}

async function render(answer: NetworkAnswer, { flags, streams }: NetworkRun): Promise<string> {
  if (flags.output === 'json') return answerJson(answer);
  if (flags.output === 'yaml') {
    const { dump } = await import('js-yaml');
    return dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true });
  }
  const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
  return networkText(answer, { style, columns: flags.output === 'wide' ? undefined : columnsOf(streams.out) });
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
  streams.out.write(await render(answer, run));
  if (flags.exitZero) return EXIT.YES;
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT_OF[answer.holds];
}
