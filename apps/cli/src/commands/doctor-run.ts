import { answerJson, type DoctorAnswer, doctor, sortedAnswer } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { doctorText } from '../print/doctor-text.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
import type { DoctorFlags } from './doctor.ts';

interface DoctorRun {
  flags: DoctorFlags;
  name: string;
  streams: Streams;
}

async function render(answer: DoctorAnswer, { flags, streams }: DoctorRun): Promise<string> {
  if (flags.output === 'json') return answerJson(answer);
  if (flags.output === 'yaml') {
    const { dump } = await import('js-yaml');
    return dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true });
  }
  const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
  const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
  return doctorText(answer, { style, columns, everything: flags.output === 'wide' });
}

const FAILS: Readonly<Record<DoctorFlags['failOn'], readonly string[]>> = {
  broken: ['broken'],
  suspect: ['broken', 'suspect'],
  never: [],
};

export async function runDoctor(run: DoctorRun): Promise<number> {
  const { flags, name, streams } = run;
  // What is wrong with the input stands among the findings.
  const { session, unreadable, progress } = await openInput({ ...flags, quiet: true }, streams, name, false);
  progress.clear();
  const answer = doctor(session);
  streams.out.write(await render(answer, run));
  if (unreadable && !flags.lenient) return EXIT.BAD;
  return answer.findings.some(({ rank }) => FAILS[flags.failOn].includes(rank)) ? EXIT.NO : EXIT.YES;
}
