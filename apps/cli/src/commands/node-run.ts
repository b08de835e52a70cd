import { describeDump } from '@podwire/model';
import { collectDump } from '../input/dumps.ts';
import { writeAnswer } from '../print/answer.ts';
import { dumpText } from '../print/dump-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { NodeReadFlags } from './node.ts';

interface NodeReadRun {
  path: string;
  flags: NodeReadFlags;
  name: string;
  streams: Streams;
}

export async function runNodeRead({ path, flags, streams }: NodeReadRun): Promise<number> {
  const { dump, problems } = await collectDump({ name: flags.name, path }, () => streams.input);
  const answer = describeDump(dump, problems);
  await writeAnswer(answer, flags.output, streams, (settings) => dumpText(answer, settings));
  return EXIT.YES;
}
