/** What the API server of a recording answered to each object, in the order in which they were sent. */
import { apiserver } from '@podwire/model';
import { fail, type Outcome, pass, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import { comparable, type Expected, type Json, serverOf } from './api-server.ts';

export interface SentRow {
  file?: string;
  doc?: number;
  apiVersion?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  /** Left out of what is large and has no say. */
  object?: Json;
  defaulted?: Json;
  strictError?: string;
  result: Expected & { client?: boolean; skipped?: boolean };
}

export interface ServerSettings {
  serviceClusterIPRange: string;
  serviceNodePortRange: string;
  createdNamespaces: string[];
}

/** The object as it was sent: with the namespace of the request. */
function sentOf({ object, namespace }: SentRow): Json | undefined {
  if (object === undefined) return undefined;
  const metadata = (object.metadata ?? {}) as Json;
  return namespace === undefined ? object : { ...object, metadata: { ...metadata, namespace } };
}

/** Without the values that either side has drawn, and without what controllers added before the object was recorded. */
function withoutDrawn(object: Json, assigned: readonly string[]): Json {
  const copy = structuredClone(object);
  for (const path of assigned) {
    const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
    const last = keys.pop() as string;
    const holder = keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], copy) as Json | undefined;
    if (holder !== undefined) delete holder[last];
  }
  // Recordings of clusters leave it out.
  delete (copy.metadata as Json).generation;
  return copy;
}

function judgeRow(row: SentRow, sent: Json, server: apiserver.ApiServer): string | undefined {
  if (row.strictError !== undefined) {
    const strict = server.create(sent, { dryRun: true });
    const message = strict.accepted ? undefined : strict.message;
    if (message !== row.strictError) return `strict: ${firstDifference(row.strictError, message)}`;
  }
  const answer = server.create(sent, { fieldValidation: 'Ignore' });
  // What was accepted has no code in the recording.
  const wrong = firstDifference(comparable({ code: answer.code, ...row.result }), comparable(answer));
  if (wrong !== undefined || !answer.accepted || row.defaulted === undefined) return wrong;
  const unlike = firstDifference(
    withoutDrawn(row.defaulted, answer.assigned),
    withoutDrawn(answer.object, answer.assigned),
  );
  // From here on the server has what the real one drew.
  server.delete(answer.object);
  server.hold(row.defaulted);
  return unlike && `defaulted: ${unlike}`;
}

/** `nodes` stand in the cluster from the start. */
export function judgeAnswers(rows: Iterable<SentRow>, settings: ServerSettings, nodes: readonly Json[]): Outcome {
  const { serviceClusterIPRange, serviceNodePortRange, createdNamespaces } = settings;
  const server = serverOf(serviceClusterIPRange, serviceNodePortRange, createdNamespaces);
  for (const node of nodes) server.hold({ apiVersion: 'v1', kind: 'Node', ...node });
  let isWhole = true;
  for (const row of rows) {
    const { apiVersion = '', kind = '', result } = row;
    if (result.client || result.skipped) continue;
    const sent = sentOf(row);
    if (sent === undefined || !apiserver.isJudged(apiVersion, kind)) {
      if (!result.accepted && result.reason !== 'NoKindMatch') isWhole = false;
      continue;
    }
    const wrong = judgeRow(row, sent, server);
    if (wrong !== undefined) return fail(`${row.file} ${row.doc} ${kind} ${row.name}: ${wrong}`);
  }
  return isWhole ? pass : skip('objects of kinds that are not judged yet are refused, too');
}
