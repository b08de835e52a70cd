import { describeEnvironment } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { envText } from '../print/env-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { EnvFlags } from './env.ts';

interface EnvRun {
  pod: string;
  flags: EnvFlags;
  name: string;
  streams: Streams;
}

export async function runEnv({ pod, flags, name, streams }: EnvRun): Promise<number> {
  const { session, unreadable } = await openInput(flags, streams, name, false, true);
  const answer = describeEnvironment(session, {
    from: pod,
    ...(flags.namespace !== undefined && { namespace: flags.namespace }),
    ...(flags.container !== undefined && { container: flags.container }),
  });
  await writeAnswer(answer, flags.output, streams, (settings) => envText(answer, settings));
  if (unreadable && !flags.lenient) return EXIT.BAD;
  const starts = answer.containers.map((container) => container.starts);
  if (starts.includes('no')) return EXIT.NO;
  return starts.includes('unknown') ? EXIT.UNDECIDED : EXIT.YES;
}
