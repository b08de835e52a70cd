/** Single requests to an API server: what it answers, and the object with what it has filled in. */
import { parsePrefix } from '@podwire/engine';
import { apiserver } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';

type Json = Record<string, unknown>;

interface Expected {
  accepted: boolean;
  code: number;
  reason?: string;
  message?: string;
  causes?: unknown[];
}

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

function serverOf({ clusters, serviceNodePortRange, namespace }: Settings, cluster: string): apiserver.ApiServer {
  const [from = 0, to = 0] = serviceNodePortRange.split('-').map(Number);
  const ranges = clusters[cluster]?.serviceClusterIPRange.split(',') ?? [];
  const clusterIPs = ranges.flatMap((range) => parsePrefix(range) ?? []);
  const server = new apiserver.ApiServer({ clusterIPs, nodePorts: { from, to } });
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease', namespace])
    server.declare('Namespace', '', name);
  server.holdApiService();
  return server;
}

/** Where kind and version are missing, the address that the object was posted to says them. */
function identified({ object, postedTo }: Row): Json {
  if (postedTo === undefined) return object;
  const [apiVersion, plural = ''] = postedTo.split(' ');
  return { ...object, apiVersion, kind: apiserver.kindOfPlural(plural) ?? plural };
}

/** Addresses, identifiers and drawn endings of names, where the server chose them. */
function withoutRandom(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(/\b\d+\.\d+\.\d+\.\d+\b|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}\b/g, 'ADDRESS')
    .replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-SUFFIX');
}

function comparable(answer: Expected, isRandom: boolean): unknown {
  const { accepted, code, reason, message, causes } = answer;
  const status = { accepted, code, reason, message, causes };
  const text = JSON.stringify(status);
  return JSON.parse(isRandom ? withoutRandom(text) : text);
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
  if (!apiserver.isJudged(apiVersion, kind) && apiserver.isServed(apiVersion, kind) !== false)
    return skip(`objects of ${apiVersion} ${kind} are not judged yet`);
  const answered = (dryRun: boolean): apiserver.Answer => {
    const server = serverOf(settings, row.cluster);
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
