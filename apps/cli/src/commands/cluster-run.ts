import { answerJson, describeCluster, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { clusterText } from '../print/cluster-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { ClusterFlags } from './cluster.ts';

interface ClusterRun {
  flags: ClusterFlags;
  name: string;
  streams: Streams;
}

export async function runCluster({ flags, name, streams }: ClusterRun): Promise<number> {
  // The answer lists every problem itself, in full.
  const { session, collectProblems, skipped, unreadable } = await openInput(
    { ...flags, quiet: true },
    streams,
    name,
    false,
  );
  const answer = describeCluster(session.cluster, session.read, collectProblems);
  for (const file of skipped) answer.ignored.push({ file, why: 'not YAML or JSON by its name' });
  if (flags.output === 'json') streams.out.write(answerJson(answer));
  else if (flags.output === 'yaml')
    streams.out.write((await import('js-yaml')).dump(sortedAnswer(answer), { lineWidth: -1 }));
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
    streams.out.write(clusterText(answer, { style, columns, everything: flags.output === 'wide' }));
  }
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT.YES;
}
