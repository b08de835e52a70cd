import { readFile } from 'node:fs/promises';
import { answerJson, type DnsLookupAnswer, lookUpDns, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { dnsText } from '../print/dns-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { DnsFlags } from './dns.ts';

interface DnsRun {
  pod: string;
  asked: string;
  flags: DnsFlags;
  name: string;
  streams: Streams;
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new UserError(`${path} cannot be read`, {
      mend: "Give the file with --resolv-conf: the node's resolv.conf.",
    });
  }
}

const EXIT_OF: Readonly<Record<DnsLookupAnswer['result'], number>> = {
  found: EXIT.YES,
  'no-such-name': EXIT.NO,
  'no-address': EXIT.NO,
  'try-again': EXIT.NO,
  'no-answer': EXIT.NO,
  unknown: EXIT.UNDECIDED,
};

export async function runDns({ pod, asked, flags, name, streams }: DnsRun): Promise<number> {
  const nodeResolvConf = flags.resolvConf === undefined ? undefined : await fileText(flags.resolvConf);
  const { session, unreadable, progress } = await openInput(flags, streams, name, true);
  let answer: DnsLookupAnswer;
  try {
    answer = lookUpDns(session, {
      from: pod,
      name: asked,
      client: flags.client,
      ...(flags.namespace !== undefined && { namespace: flags.namespace }),
      ...(flags.type !== undefined && { type: flags.type }),
      ...(nodeResolvConf !== undefined && { nodeResolvConf }),
    });
  } finally {
    progress.clear();
  }
  if (flags.output === 'json') streams.out.write(answerJson(answer));
  else if (flags.output === 'yaml')
    streams.out.write((await import('js-yaml')).dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true }));
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
    streams.out.write(dnsText(answer, { style, columns, everything: flags.output === 'wide', name }));
  }
  if (flags.exitZero) return EXIT.YES;
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT_OF[answer.result];
}
