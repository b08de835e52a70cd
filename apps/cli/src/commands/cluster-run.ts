import { describeCluster } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { clusterText } from '../print/cluster-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
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
  await writeAnswer(answer, flags.output, streams, (settings) => clusterText(answer, settings));
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT.YES;
}
