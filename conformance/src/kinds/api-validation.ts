/** Single requests to an API server: what it answers, and the object with what it has filled in. */
import { apiserver } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';
import { comparable, type Expected, type Json, notJudged, serverOf } from './api-server.ts';

interface Row {
  id: string;
  cluster: string;
  verb: 'create' | 'update';
  object: Json;
  beforeSent?: Json;
  before?: Json;
  expect: Expected;
  expectDryRun?: Expected;
  defaulted?: Json;
  assigned?: string[];
  randomInMessage?: boolean;
  dryRun?: boolean;
  postedTo?: string;
}

interface Settings {
  clusters: Record<string, { serviceClusterIPRange: string }>;
  serviceNodePortRange: string;
  namespace: string;
}

/** Where kind and version are missing, the address that the object was posted to says them. */
function identified({ object, postedTo }: Row): Json {
  if (postedTo === undefined) return object;
  const [apiVersion, plural = ''] = postedTo.split(' ');
  return { ...object, apiVersion, kind: apiserver.kindOfPlural(plural) ?? plural };
}

/** The object with a mark in place of each value that was drawn; what is not there stays away. */
function masked(object: Json, paths: readonly string[]): Json {
  const copy = structuredClone(object);
  for (const path of paths) {
    const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
    const last = keys.pop() as string;
    const holder = keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], copy) as Json | undefined;
    if (holder?.[last] !== undefined) holder[last] = 'drawn';
  }
  return copy;
}

function judge(row: Row, settings: Settings): Outcome {
  const object = identified(row);
  const { apiVersion, kind } = object as { apiVersion: string; kind: string };
  const reason = notJudged(apiVersion, kind);
  if (reason !== undefined) return skip(reason);
  const answered = (dryRun: boolean): apiserver.Answer => {
    const ranges = settings.clusters[row.cluster]?.serviceClusterIPRange ?? '';
    const server = serverOf(ranges, settings.serviceNodePortRange, [settings.namespace]);
    if (row.verb === 'update' && row.before !== undefined) server.hold(row.before);
    else if (row.beforeSent !== undefined) server.create(row.beforeSent);
    return server[row.verb](object, { dryRun });
  };
  const answer = answered(row.dryRun ?? false);
  const isRandom = row.randomInMessage ?? false;
  const wrong = firstDifference(comparable(row.expect, isRandom), comparable(answer, isRandom));
  if (wrong !== undefined) return fail(wrong);
  if (row.defaulted !== undefined && answer.accepted) {
    const paths = row.assigned ?? [];
    const unlike = firstDifference(masked(row.defaulted, paths), masked(answer.object, paths));
    if (unlike !== undefined) return fail(`defaulted: ${unlike}`);
  }
  if (row.expectDryRun === undefined) return pass;
  const dry = firstDifference(comparable(row.expectDryRun, isRandom), comparable(answered(true), isRandom));
  return dry === undefined ? pass : fail(`dry run: ${dry}`);
}

export const apiValidation: Kind = {
  kind: 'api-validation',
  *cases(suite: Suite): Generator<SuiteCase> {
    const settings = suite.json<Settings>('suite.json');
    for (const row of suite.jsonLines<Row>('cases.jsonl')) yield { id: row.id, run: () => judge(row, settings) };
  },
};
