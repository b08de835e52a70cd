/**
 * Two objects of the input with one address: packets to it reach whichever answers first, so an end that shares its address explains a lot. And
 * slices that disagree: kube-proxy takes either.
 */
import type { Cluster } from '../cluster/cluster.ts';
import type { Problem } from '../problem.ts';
import type { AddressKind, Hint, TraceGroup } from './answer.ts';
import type { Destination } from './destinations.ts';

/** The pods at the ends of an answer, as problems name them. */
function podsOf(groups: readonly TraceGroup[]): Set<string> {
  const places = groups.flatMap((g) => [
    ...g.sources.map((s) => s.place),
    ...g.outcomes.flatMap((o) => (o.receiver ? [o.receiver.place] : [])),
  ]);
  return new Set(places.filter((p) => p.kind === 'pod').map((p) => `Pod ${p.name}`));
}

/** One hint for each clash that the answer runs into; none where the packet arrives all the same. */
export function sharedAddresses(cluster: Cluster, groups: readonly TraceGroup[]): Hint[] {
  if (groups.every((g) => g.verdict === 'delivered')) return [];
  const pods = podsOf(groups);
  return cluster.problems
    .filter(
      ({ code, message }) =>
        code === 'ip-clash' && message.split(' and of ').some((part) => pods.has(part.slice(part.indexOf('Pod ')))),
    )
    .map((problem) => hintOf('shared-address', `${problem.message}.`, problem));
}

function hintOf(code: string, text: string, { mend, file, line, object = '' }: Problem): Hint {
  const [kind = '', key = ''] = object.split(' ');
  const [namespace, name] = key.split('/');
  return {
    code,
    text,
    ...(mend !== undefined && { mend }),
    ...(namespace !== undefined &&
      name !== undefined && {
        object: { kind, namespace, name, ...(file !== undefined && { file }), ...(line !== undefined && { line }) },
      }),
  };
}

/** What two Services, or two slices, may both claim, and to which kind of address it matters; to every kind where none is named. */
const CLAIMS: Readonly<Record<string, AddressKind | undefined>> = {
  'cluster-ip-clash': 'clusterIP',
  'node-port-clash': 'nodePort',
  'endpoint-twice': undefined,
};

/** Hints for Services that claim what another one claims, too, and for those whose slices disagree: also where the packet arrives. */
export function disputedServices(cluster: Cluster, destinations: readonly Destination[]): Hint[] {
  const asked = destinations.flatMap(({ service, end }) =>
    service ? [{ key: service.key, kind: end.addressKind }] : [],
  );
  return cluster.problems.flatMap((problem) => {
    const { code, message, object = '' } = problem;
    if (!(code in CLAIMS)) return [];
    const text = `${object}: ${message}.`;
    const concerns = asked.some(({ key, kind }) => (CLAIMS[code] ?? kind) === kind && text.split(/[ :]/).includes(key));
    return concerns ? [hintOf(code === 'endpoint-twice' ? code : 'shared-address', text, problem)] : [];
  });
}
