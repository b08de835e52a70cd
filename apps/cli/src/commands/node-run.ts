import { answerJson, describeDump, sortedAnswer } from '@podwire/model';
import { collectDump } from '../input/dumps.ts';
import { dumpText } from '../print/dump-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
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
  if (flags.output === 'json') streams.out.write(answerJson(answer));
  else if (flags.output === 'yaml') {
    streams.out.write((await import('js-yaml')).dump(sortedAnswer(answer), { lineWidth: -1 }));
  } else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
    streams.out.write(dumpText(answer, { style, columns, everything: flags.output === 'wide' }));
  }
  return EXIT.YES;
}
