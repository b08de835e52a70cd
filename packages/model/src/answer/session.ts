/** The whole way from files to answers, once, for the command line, the page and the library. */
import type { Machine } from '@podwire/engine';
import { buildCluster } from '../cluster/build.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { buildDataplane } from '../dataplane/build.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import { readSources } from '../read/read.ts';
import type { ReadResult, SourceFile } from '../read/source.ts';
import type { TraceAnswer } from './answer.ts';
import { type Directory, directoryOf } from './directory.ts';
import type { Question } from './question.ts';
import { trace } from './trace.ts';
import { type Tracer, tracerOf } from './tracer.ts';

export interface Session {
  read: ReadResult;
  cluster: Cluster;
  /** Built when first asked for. */
  readonly dataplane: Dataplane;
  readonly directory: Directory;
  /** Throws `QuestionError` where the question cannot be asked of this cluster. */
  trace(question: Question): TraceAnswer;
}

export interface SessionOptions {
  files: readonly SourceFile[];
  overrides?: ClusterOverrides;
  /** Needed for `trace` alone; may still be on its way. */
  machine?: Machine | PromiseLike<Machine>;
}

export async function openSession({ files, overrides = {}, machine: coming }: SessionOptions): Promise<Session> {
  const read = await readSources(files);
  const cluster = buildCluster(read, overrides);
  const machine = await coming;
  let built: Dataplane | undefined;
  let tracer: Tracer | undefined;
  let known: Directory | undefined;
  const session: Session = {
    read,
    cluster,
    get dataplane() {
      built ??= buildDataplane(cluster);
      return built;
    },
    get directory() {
      known ??= directoryOf(cluster);
      return known;
    },
    trace(question) {
      if (!machine) throw new Error('a session without a machine answers no trace');
      if (!tracer) {
        machine.load(session.dataplane.network);
        tracer = tracerOf(cluster, session.dataplane, machine, read);
      }
      return trace(tracer, question);
    },
  };
  return session;
}
