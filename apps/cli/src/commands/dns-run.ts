import { readFile } from 'node:fs/promises';
import { type DnsLookupAnswer, lookUpDns } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { dnsText } from '../print/dns-text.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
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
  await writeAnswer(answer, flags.output, streams, (settings) => dnsText(answer, { ...settings, name }));
  if (flags.exitZero) return EXIT.YES;
  return unreadable && !flags.lenient ? EXIT.BAD : EXIT_OF[answer.result];
}
