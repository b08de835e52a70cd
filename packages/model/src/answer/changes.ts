/** `delete pod/x`, `scale deploy/x=3`, `35s`: what happens to a cluster, as people type it. */

import type { ObjectChange } from '../cluster/change.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isOver } from '../objects/pod-facts.ts';
import type { Directory, Named } from './directory.ts';
import { keyOf } from './directory.ts';
import { findOrFail } from './find.ts';
import { QuestionError } from './question-error.ts';
import { parseReference } from './reference.ts';

export type Change =
  | { kind: 'object'; change: ObjectChange }
  | { kind: 'wait'; ms: number }
  /** Of one node, or of all. */
  | { kind: 'flush'; node?: string };

const FORMS =
  'Write delete pod/X (or svc/X, deploy/X), terminate pod/X, restart pod/X, set pod/X ready=false, scale deploy/X=3, flush conntrack [node/X], or a time such as 35s.';

function bad(text: string, why: string, mend = FORMS): QuestionError {
  return new QuestionError('bad-change', `"${text}" ${why}`, { mend });
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A year: no connection without traffic lives so long. */
const WAIT_MAX = 366 * 86_400_000;

/** `35s`, `1h30m`, `5d`; undefined for what is no time. */
function parseTime(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhd]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhd])/g))
    ms += Number(count) * (UNITS[unit as string] as number);
  return ms;
}

interface Asking {
  cluster: Cluster;
  directory: Directory;
  namespace: string;
}

function named({ cluster, directory, namespace }: Asking, text: string, reference: string): Named {
  const { target, port } = parseReference(reference);
  if (port !== undefined || (target.kind !== 'object' && target.kind !== 'name'))
    throw bad(text, `names no object (${reference})`);
  return findOrFail(cluster, directory, reference, target, [namespace], 'from');
}

const WORD: Readonly<Record<Named['kind'], string>> = {
  pod: 'a pod',
  service: 'a Service',
  workload: 'a workload',
  node: 'a node',
};

function pod(asking: Asking, text: string, reference: string): string {
  const found = named(asking, text, reference);
  if (found.kind !== 'pod')
    throw bad(text, `needs a pod, and ${reference} is ${WORD[found.kind]}`, 'Name one pod: pod/X.');
  const object = asking.cluster.pods.get(found.key)?.object;
  if (object && isOver(object)) throw bad(text, 'names a pod that has ended already', 'Name a running pod.');
  return found.key;
}

function deletion(asking: Asking, text: string, reference: string): ObjectChange {
  const found = named(asking, text, reference);
  switch (found.kind) {
    case 'pod':
      return { kind: 'delete-pod', pod: pod(asking, text, reference) };
    case 'service':
      return { kind: 'delete-service', service: found.key };
    case 'workload': {
      const { object } = found.workload;
      return {
        kind: 'delete-workload',
        workload: `${object.kind} ${keyOf(object)}`,
        pods: asking.directory.podsOf(found.workload),
      };
    }
    case 'node':
      throw bad(text, 'would take a node away, which podwire does not follow yet', 'Delete the pods that run on it.');
  }
}

const SCALED = ['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'];
const REPLICAS_MAX = 10_000;

function scaling(asking: Asking, text: string, words: readonly string[]): ObjectChange {
  const [, reference, count] = /^([^=]+)(?:=|\s+--replicas=|\s+)(\d+)$/.exec(words.join(' ')) ?? [];
  if (reference === undefined || count === undefined)
    throw bad(text, 'does not say how many', 'Write scale deploy/X=3.');
  const replicas = Number(count);
  if (replicas > REPLICAS_MAX) throw bad(text, `asks for more than ${REPLICAS_MAX} pods`, 'Ask for fewer.');
  const found = named(asking, text, reference);
  if (found.kind !== 'workload' || !SCALED.includes(found.workload.object.kind))
    throw bad(
      text,
      `needs a workload that can be scaled, and ${reference} is ${found.kind === 'workload' ? `a ${found.workload.object.kind}` : WORD[found.kind]}`,
      'Name a Deployment, StatefulSet, ReplicaSet or ReplicationController.',
    );
  const { object } = found.workload;
  return {
    kind: 'scale',
    workload: `${object.kind} ${keyOf(object)}`,
    pods: asking.directory.podsOf(found.workload),
    replicas,
  };
}

function setting(asking: Asking, text: string, reference: string, value: string | undefined): ObjectChange {
  const [, ready] = /^ready=(true|false)$/.exec(value ?? '') ?? [];
  if (ready === undefined)
    throw bad(text, 'sets nothing that podwire knows', 'Write set pod/X ready=false, or ready=true.');
  return { kind: 'ready', pod: pod(asking, text, reference), ready: ready === 'true' };
}

/**
 * Finds what is named in the cluster as it is by then. Throws `QuestionError` for what is no change, and for names that nothing has.
 *
 * @param namespace Of names that say none.
 */
export function parseChange(cluster: Cluster, directory: Directory, text: string, namespace: string): Change {
  const asking: Asking = { cluster, directory, namespace };
  const words = text.trim().split(/\s+/);
  const [verb = '', first, ...rest] = words;
  const time = parseTime(verb === 'after' || verb === 'wait' ? (first ?? '') : verb);
  if (time !== undefined && words.length === (time === parseTime(verb) ? 1 : 2)) {
    if (time > WAIT_MAX) throw bad(text, 'is longer than a year', 'Give a time that a connection may live.');
    return { kind: 'wait', ms: time };
  }
  if (verb === 'flush') {
    const [what, ...nodes] = first === 'conntrack' ? rest : words.slice(1);
    if (nodes.length > 0) throw bad(text, 'names more than one node', 'Flush them one after the other.');
    if (what === undefined) return { kind: 'flush' };
    const found = named(asking, text, what);
    if (found.kind !== 'node')
      throw bad(text, `needs a node, and ${what} is ${WORD[found.kind]}`, 'Name a node: node/X.');
    return { kind: 'flush', node: found.key };
  }
  const object = (change: ObjectChange): Change => ({ kind: 'object', change });
  if (verb === 'scale' && first !== undefined) return object(scaling(asking, text, [first, ...rest]));
  if (verb === 'set' && first !== undefined && rest.length <= 1) return object(setting(asking, text, first, rest[0]));
  if (first === undefined || rest.length > 0) throw bad(text, 'is no change that podwire knows');
  if (verb === 'delete') return object(deletion(asking, text, first));
  if (verb === 'terminate') return object({ kind: 'terminate-pod', pod: pod(asking, text, first) });
  if (verb === 'restart') return object({ kind: 'restart-pod', pod: pod(asking, text, first) });
  throw bad(text, 'is no change that podwire knows');
}
