/** From a name to the one object it means, or an error that lists what was probably meant. */
import type { Cluster } from '../cluster/cluster.ts';
import { suggest } from '../objects/suggest.ts';
import type { Directory, Named } from './directory.ts';
import { QuestionError } from './question-error.ts';
import { type ReferenceKind, shortKind, type Target } from './reference.ts';

type NamedTarget = Extract<Target, { kind: 'object' | 'name' }>;

/** Which end of the connection the name stands at: a bare name that several objects have means the one that makes sense there. */
export type End = 'from' | 'to';

/** A source is a pod or what keeps pods; a destination is what DNS would make of the name. */
const PREFERENCE: Record<End, readonly Named['kind'][]> = {
  from: ['pod', 'workload', 'service', 'node'],
  to: ['service', 'pod', 'workload', 'node'],
};

function kindOf(named: Named): string {
  return named.kind === 'workload' ? named.workload.object.kind : named.kind;
}

function isOf(named: Named, of: ReferenceKind): boolean {
  return kindOf(named) === of;
}

function write(kind: string, key: string): string {
  const [namespace, name] = key.includes('/') ? key.split('/') : [undefined, key];
  return namespace === undefined ? `${shortKind(kind)}/${name}` : `${shortKind(kind)}/${namespace}/${name}`;
}

function nameOf(named: Named): string {
  const kind = kindOf(named);
  return write(kind === 'pod' ? 'Pod' : kind === 'service' ? 'Service' : kind === 'node' ? 'Node' : kind, named.key);
}

/** One of several objects of a name: by preference of the end; two of the preferred kind are ambiguous. */
function choose(text: string, found: readonly Named[], end: End): Named {
  for (const kind of PREFERENCE[end]) {
    const ofKind = found.filter((f) => f.kind === kind);
    if (ofKind.length === 1) return ofKind[0] as Named;
    if (ofKind.length > 1) {
      throw new QuestionError('ambiguous-name', `"${text}" can mean ${ofKind.length} objects`, {
        mend: 'Name the kind and the namespace.',
        candidates: ofKind.map(nameOf),
      });
    }
  }
  throw new Error(`no preference for ${text}`);
}

/** That there would be such an object, if an API server took it. */
function refusal({ problems }: Cluster, { namespace, name }: NamedTarget): string {
  const refused = problems.find(({ code, object = '' }) => {
    const place = object.slice(object.indexOf(' ') + 1);
    const isMeant = namespace === undefined ? place.split('/').at(-1) === name : place === `${namespace}/${name}`;
    return code === 'refused' && isMeant;
  });
  return refused === undefined ? '' : `: an API server refuses ${refused.object} at ${refused.file}:${refused.line}`;
}

function unknown(
  cluster: Cluster,
  directory: Directory,
  text: string,
  target: NamedTarget,
  where: string,
): QuestionError {
  const wanted = target.kind === 'object' ? target.of : undefined;
  const everything = directory
    .all()
    .filter((o) => wanted === undefined || o.kind.toLowerCase() === wanted.toLowerCase());
  const name = target.name.split('.')[0] as string;
  const sameName = directory.all().filter((o) => o.name === target.name);
  const near = suggest(name, everything, (o) => o.name);
  const seen = new Set<string>();
  const found = [...sameName, ...near]
    .map((o) => write(o.kind, o.namespace === undefined ? o.name : `${o.namespace}/${o.name}`))
    .filter((c) => !seen.has(c) && seen.add(c) !== undefined)
    .slice(0, 5);
  const what =
    wanted === undefined
      ? 'pod, Service, workload or node'
      : wanted === 'pod' || wanted === 'node'
        ? wanted
        : wanted === 'service'
          ? 'Service'
          : wanted;
  const namespaceKnown = target.namespace === undefined || cluster.namespaces.has(target.namespace);
  const namespaces = namespaceKnown ? [] : suggest(target.namespace as string, cluster.namespaces.keys(), (n) => n);
  const message = namespaceKnown
    ? `the input has no ${what} "${target.name}"${where}${refusal(cluster, target)}`
    : `the input has no namespace "${target.namespace}"${namespaces.length > 0 ? ` (did you mean ${namespaces.join(', ')}?)` : ''}`;
  const mend =
    found.length > 0
      ? 'Write one of the names below, or give the file that holds it with -f.'
      : target.name.includes('.')
        ? 'For a name outside the cluster write external, or external:ADDRESS if you know its address.'
        : 'Give the file that holds it with -f, or list what there is with podwire cluster.';
  return new QuestionError('unknown-name', `"${text}": ${message}`, { mend, candidates: found });
}

/**
 * Finds what a name means. `namespaces` are tried in turn; a name that only one other namespace has is found there too,
 * because there is nothing else it can mean.
 */
export function find(
  directory: Directory,
  text: string,
  target: NamedTarget,
  namespaces: readonly string[],
  end: End,
): Named | undefined {
  const fits = (named: Named): boolean => target.kind === 'name' || isOf(named, target.of);
  const inTurn = target.namespace === undefined ? namespaces : [target.namespace];
  for (const namespace of inTurn) {
    const found = directory.named(target.name, namespace).filter(fits);
    if (found.length > 0) return choose(text, found, end);
  }
  if (target.namespace !== undefined) return undefined;
  const anywhere = directory.named(target.name).filter(fits);
  return anywhere.length > 0 ? choose(text, anywhere, end) : undefined;
}

/** As `find`, and an error with suggestions where there is nothing. */
export function findOrFail(
  cluster: Cluster,
  directory: Directory,
  text: string,
  target: NamedTarget,
  namespaces: readonly string[],
  end: End,
): Named {
  const found = find(directory, text, target, namespaces, end);
  if (found) return found;
  const where = target.namespace === undefined ? '' : ` in namespace ${target.namespace}`;
  throw unknown(cluster, directory, text, target, where);
}
