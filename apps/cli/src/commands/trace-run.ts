import { answerJson, decision, type Question, sortedAnswer, type TraceAnswer } from '@podwire/model';
import { type Opened, openInput } from '../input/open.ts';
import { traceMarkdown } from '../print/markdown.ts';
import { traceMermaid } from '../print/mermaid.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { type Level, traceText } from '../print/trace-text.ts';
import { EXIT } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';
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
    connection: flags.ct,
    ...(flags.ipv4 && { family: 4 as const }),
    ...(flags.ipv6 && { family: 6 as const }),
    ...(flags.all && { ungrouped: true }),
  };
}

async function render(answer: TraceAnswer, { flags, streams, name }: TraceRun): Promise<string> {
  switch (flags.output) {
    case 'json':
      return answerJson(answer);
    case 'yaml': {
      const { dump } = await import('js-yaml');
      return dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true });
    }
    case 'markdown':
      return traceMarkdown(answer);
    case 'mermaid':
      return traceMermaid(answer);
    default: {
      const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
      const columns = flags.output === 'wide' ? undefined : columnsOf(streams.out);
      return traceText(answer, { level: levelOf(flags), style, columns, name });
    }
  }
}

const EXIT_OF = { yes: EXIT.YES, no: EXIT.NO, undecided: EXIT.UNDECIDED } as const;

/** The objects at the ends of an answer, as problems name them: `Service shop/api`. */
function endsOf({ groups }: TraceAnswer): Set<string> {
  const ends = new Set<string>();
  for (const { sources, destinations, outcomes } of groups) {
    for (const { object } of destinations) {
      if (!object) continue;
      ends.add(`${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`);
      if (object.madeFrom !== undefined) ends.add(object.madeFrom);
    }
    const places = [...sources.map((s) => s.place), ...outcomes.flatMap((o) => (o.receiver ? [o.receiver.place] : []))];
    for (const { kind, name } of places) if (kind === 'pod') ends.add(`Pod ${name}`);
  }
  return ends;
}

/** Why an answer is not sure: parts of the input were not read, or an end of the connection is wrong in itself. */
function doubtOf(answer: TraceAnswer, { unreadable, session }: Opened): string | undefined {
  if (unreadable) return 'parts of the input could not be read';
  const ends = endsOf(answer);
  // Two objects that contradict each other are told, but each of them is readable.
  const wrong = session.cluster.problems.find(
    ({ severity, code, object }) => severity === 'error' && !code.endsWith('-clash') && ends.has(object ?? ''),
  );
  return wrong && `the input has an error in ${wrong.object}`;
}

export async function runTrace(run: TraceRun): Promise<number> {
  const { from, to, flags, name, streams } = run;
  const opened = await openInput(flags, streams, name, true);
  const answer = opened.session.trace(questionOf(from, to, flags));
  streams.out.write(await render(answer, run));
  if (flags.exitZero) return EXIT.YES;
  const doubt = flags.lenient ? undefined : doubtOf(answer, opened);
  if (doubt !== undefined) {
    streams.err.write(`${name}: ${doubt}, so the answer is not sure (exit 2; --lenient exits by the answer)\n`);
    return EXIT.BAD;
  }
  return EXIT_OF[decision(answer.verdict)];
}
