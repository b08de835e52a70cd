import { doctor } from '@podwire/model';
import { openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { doctorText } from '../print/doctor-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { DoctorFlags } from './doctor.ts';

interface DoctorRun {
  flags: DoctorFlags;
  name: string;
  streams: Streams;
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
  await writeAnswer(answer, flags.output, streams, (settings) => doctorText(answer, settings));
  if (unreadable && !flags.lenient) return EXIT.BAD;
  return answer.findings.some(({ rank }) => FAILS[flags.failOn].includes(rank)) ? EXIT.NO : EXIT.YES;
}
