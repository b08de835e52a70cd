import { answerJson, describePod, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { podText } from '../print/pod-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { PodFlags } from './pod.ts';

interface PodRun {
  pod: string;
  flags: PodFlags;
  name: string;
  streams: Streams;
}

export async function runPod({ pod, flags, name, streams }: PodRun): Promise<number> {
  const { session, unreadable } = await openInput(flags, streams, name, false);
  const answer = describePod(session, {
    from: pod,
    ...(flags.namespace !== undefined && { namespace: flags.namespace }),
  });
  if (flags.output === 'json') streams.out.write(answerJson(answer));
  else if (flags.output === 'yaml')
    streams.out.write((await import('js-yaml')).dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true }));
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
    streams.out.write(podText(answer, { style, columns, everything: flags.output === 'wide' }));
  }
  if (flags.exitZero) return EXIT.YES;
  if (unreadable && !flags.lenient) return EXIT.BAD;
  return answer.findings.some(({ severity }) => severity === 'error') ? EXIT.NO : EXIT.YES;
}
