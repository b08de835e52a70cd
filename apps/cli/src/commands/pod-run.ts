import { describePod } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { podText } from '../print/pod-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
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
  await writeAnswer(answer, flags.output, streams, (settings) => podText(answer, settings));
  if (flags.exitZero) return EXIT.YES;
  if (unreadable && !flags.lenient) return EXIT.BAD;
  return answer.findings.some(({ severity }) => severity === 'error') ? EXIT.NO : EXIT.YES;
}
