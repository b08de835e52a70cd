import { answerJson, describeEnvironment, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { envText } from '../print/env-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
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
  if (flags.output === 'json') streams.out.write(answerJson(answer));
  else if (flags.output === 'yaml')
    streams.out.write((await import('js-yaml')).dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true }));
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
    streams.out.write(envText(answer, { style, columns, everything: flags.output === 'wide' }));
  }
  if (unreadable && !flags.lenient) return EXIT.BAD;
  const starts = answer.containers.map((container) => container.starts);
  if (starts.includes('no')) return EXIT.NO;
  return starts.includes('unknown') ? EXIT.UNDECIDED : EXIT.YES;
}
