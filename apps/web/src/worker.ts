/** The worker owns the engine and the cluster: the page sends it questions and gets answers, and never blocks. */
import { createEngine } from '@podwire/engine';
import { openSession, type Question, QuestionError, type Session, shortKind } from '@podwire/model';
import type { Asked, DroppedFile, Opened, Request, Response } from './shared/protocol.ts';

/** Offers for completion are for typing, not for reading a cluster: a page need not hold more. */
const MAX_OFFERS = 500;

const engine = createEngine({ wasm: new URL('./engine.wasm', import.meta.url) });
let session: Session | undefined;

async function open(files: DroppedFile[]): Promise<Opened> {
  const next = await openSession({ files, machine: await engine });
  session = next;
  const { cluster, read } = next;
  const named = next.directory.all();
  const references = (kinds: (kind: string) => boolean): string[] =>
    named
      .filter(({ kind }) => kinds(kind))
      .slice(0, MAX_OFFERS)
      .map(({ kind, namespace, name }) =>
        [shortKind(kind), namespace, name].filter((part) => part !== undefined).join('/'),
      );
  return {
    nodes: cluster.nodes.size,
    pods: cluster.pods.size,
    services: cluster.services.size,
    problems: [...read.problems, ...cluster.problems],
    sources: [...references((kind) => kind !== 'Service'), 'external'],
    destinations: [...references(() => true), 'external'],
  };
}

function questionOf({ from, to, port, protocol }: Asked): Question {
  return {
    from,
    to,
    ...(port !== '' && { port }),
    ...(protocol !== '' && { protocol: protocol as Question['protocol'] & string }),
  };
}

async function respond(request: Request): Promise<Response> {
  try {
    if (request.ask === 'open') return { id: request.id, ok: true, opened: await open(request.files) };
    if (session === undefined) throw new Error('nothing is open');
    return { id: request.id, ok: true, answer: session.trace(questionOf(request.question)) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof QuestionError)) return { id: request.id, ok: false, message, candidates: [] };
    const sentence = error.mend === undefined ? message : `${message}. ${error.mend}`;
    return { id: request.id, ok: false, message: sentence, candidates: [...error.candidates] };
  }
}

self.addEventListener('message', async (event: MessageEvent<Request>) => {
  self.postMessage(await respond(event.data));
});
