/** Every object of the manifest sets beside the suite, each alone: does an API server take it, and what does it say? */
import { apiserver, readDocuments } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';
import { comparable, type Expected, type Json, notJudged, serverOf } from './api-server.ts';

interface Row {
  set: string;
  file: string;
  doc: number;
  item?: number;
  apiVersion?: string | null;
  kind?: string | null;
  namespace?: string;
  name?: string;
  expect: Expected & { client?: boolean };
  /** The answer under strict field validation; `expect` is then the one after. */
  strict?: Expected;
  dryRun?: boolean;
  /** The document cannot be read. */
  unreadable?: string;
}

/** The recording's cluster: both families, and custom resources of these groups. */
const RANGES = '10.96.0.0/16,fd00:10:96::/112';
const NODE_PORTS = '30000-32767';
const INSTALLED = ['gateway.networking.k8s.io', 'policy.networking.k8s.io'];

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object that a row is about; undefined where the document holds none. */
function objectOf(suite: Suite, row: Row): Json | undefined {
  const text = suite.setText(row.set, row.file);
  const document = readDocuments(text, row.file).documents[row.doc]?.value;
  const isList = isRecord(document) && String(document.kind).endsWith('List') && Array.isArray(document.items);
  const value: unknown = isList ? (document.items as unknown[])[row.item ?? 0] : document;
  return isRecord(value) ? value : undefined;
}

/** Only namespaces with a proper name could be made for the object. */
function namespacesFor({ namespace }: Row): string[] {
  return namespace !== undefined && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace) ? [namespace] : [];
}

function ask(row: Row, object: Json, fieldValidation: 'Strict' | 'Ignore'): apiserver.Answer {
  const server = serverOf(RANGES, NODE_PORTS, namespacesFor(row));
  const dryRun = row.dryRun ?? false;
  // Null and nothing are filled in by the client; anything else is for the server to refuse.
  const metadata = isRecord(object.metadata) ? object.metadata : (object.metadata ?? {});
  const isPlaced = !isRecord(metadata) || row.namespace === undefined || metadata.namespace !== undefined;
  const placed = isPlaced ? object : { ...object, metadata: { ...metadata, namespace: row.namespace } };
  return server.create(placed, { dryRun, fieldValidation });
}

function judge(suite: Suite, row: Row): Outcome {
  if (row.unreadable !== undefined) {
    const { faults } = readDocuments(suite.setText(row.set, row.file), row.file);
    return faults.some(({ severity }) => severity === 'error') ? pass : fail('expected a fault, found none');
  }
  const object = objectOf(suite, row);
  const { apiVersion, kind } = object ?? {};
  if (row.expect.client) {
    const isObject = typeof apiVersion === 'string' && typeof kind === 'string';
    return isObject ? fail(`expected no object, found ${apiVersion} ${kind}`) : pass;
  }
  if (object === undefined || typeof apiVersion !== 'string' || typeof kind !== 'string')
    return fail('expected an object, found none');
  const isCustom = apiserver.isServed(apiVersion, kind) === undefined;
  if (isCustom && INSTALLED.includes(apiVersion.split('/')[0] as string))
    return skip('custom resources are not judged yet');
  const reason = isCustom ? undefined : notJudged(apiVersion, kind);
  if (reason !== undefined) return skip(reason);
  const strict = ask(row, object, 'Strict');
  const answer = row.strict === undefined ? strict : ask(row, object, 'Ignore');
  const wrong = row.strict && firstDifference(comparable({ reason: 'BadRequest', ...row.strict }), comparable(strict));
  if (wrong !== undefined) return fail(`strict: ${wrong}`);
  const unlike = firstDifference(comparable(row.expect), comparable(answer));
  return unlike === undefined ? pass : fail(unlike);
}

export const apiValidationManifests: Kind = {
  kind: 'api-validation-manifests',
  *cases(suite: Suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<Row>('cases.jsonl')) {
      const place = [row.set, row.file, row.doc, row.item].filter((part) => part !== undefined).join('/');
      yield { id: place, run: () => judge(suite, row) };
    }
  },
};
