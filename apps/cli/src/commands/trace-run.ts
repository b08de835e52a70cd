import { decision, type Question, type TraceAnswer } from '@podwire/model';
import { type Opened, openInput } from '../input/open.ts';
import { writeAnswer } from '../print/answer.ts';
import { traceMarkdown } from '../print/markdown.ts';
import { traceMermaid } from '../print/mermaid.ts';
import { type Level, traceText } from '../print/trace-text.ts';
import { EXIT } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { TraceFlags } from './trace.ts';

interface TraceRun {
  from: string;
  to: string;
  flags: TraceFlags;
  name: string;
  streams: Streams;
}

function levelOf(flags: TraceFlags): Level {
  if (flags.all) return 'all';
  if (flags.detailed) return 'detailed';
  return flags.minimal ? 'minimal' : 'summary';
}

function questionOf(from: string, to: string, flags: TraceFlags): Question {
  return {
    from,
    to,
    ...(flags.namespace !== undefined && { namespace: flags.namespace }),
    ...(flags.proto !== undefined && { protocol: flags.proto }),
    ...(flags.port !== undefined && { port: flags.port }),
    ...(flags.sport !== undefined && { sport: flags.sport }),
    ...(flags.size !== undefined && { size: flags.size }),
    ...(flags.uid !== undefined && { uid: flags.uid }),
    ...(flags.gid !== undefined && { gid: flags.gid }),
    ...(flags.ct && { connection: flags.ct }),
    ...(flags.after && { after: flags.after }),
    ...(flags.full && { full: flags.full }),
    ...(flags.ipv4 && { family: 4 as const }),
    ...(flags.ipv6 && { family: 6 as const }),
    ...(flags.all && { ungrouped: true }),
  };
}

async function write(answer: TraceAnswer, { flags, streams, name }: TraceRun): Promise<void> {
  if (flags.output === 'markdown') streams.out.write(traceMarkdown(answer));
  else if (flags.output === 'mermaid') streams.out.write(traceMermaid(answer));
  else {
    const level = levelOf(flags);
    await writeAnswer(answer, flags.output, streams, (settings) => traceText(answer, { ...settings, level, name }));
  }
}

const EXIT_OF = { yes: EXIT.YES, no: EXIT.NO, undecided: EXIT.UNDECIDED } as const;

/** Errors by which a field is left out of the answer; others (clashes, names the API server refuses) leave it readable. */
const LEFT_OUT = new Set(['wrong-type', 'missing-field', 'no-ports', 'bad-port', 'bad-address']);

/** What the question was about, as problems name it: `Service shop/api`. */
function destinationsOf({ groups }: TraceAnswer): Set<string> {
  const objects = groups.flatMap((g) => g.destinations.flatMap(({ object }) => object ?? []));
  return new Set(
    objects.map(({ kind, namespace, name }) => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`),
  );
}

/** Why an answer is not sure: parts of the input were not read, or what was asked for is wrong in itself. */
function doubtOf(answer: TraceAnswer, { unreadable, session }: Opened): string | undefined {
  if (unreadable) return 'parts of the input could not be read';
  const asked = destinationsOf(answer);
  const wrong = session.cluster.problems.find(
    ({ severity, code, object }) => severity === 'error' && LEFT_OUT.has(code) && asked.has(object ?? ''),
  );
  return wrong && `the input has an error in ${wrong.object}`;
}

export async function runTrace(run: TraceRun): Promise<number> {
  const { from, to, flags, name, streams } = run;
  const opened = await openInput(flags, streams, name, true);
  let answer: TraceAnswer;
  try {
    answer = opened.session.trace(questionOf(from, to, flags));
  } finally {
    opened.progress.clear();
  }
  await write(answer, run);
  if (flags.exitZero) return EXIT.YES;
  const doubt = flags.lenient ? undefined : doubtOf(answer, opened);
  if (doubt !== undefined) {
    streams.err.write(`${name}: ${doubt}, so the answer is not sure (exit 2; --lenient exits by the answer)\n`);
    return EXIT.BAD;
  }
  return EXIT_OF[decision(answer.verdict)];
}
