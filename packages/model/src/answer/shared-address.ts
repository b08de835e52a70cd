/** Two objects of the input with one address: packets to it reach whichever answers first, so an end that shares its address explains a lot. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Hint, TraceGroup } from './answer.ts';

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
    .map(({ message, mend, file, line, object = '' }) => {
      const [kind = '', key = ''] = object.split(' ');
      const [namespace, name] = key.split('/');
      return {
        code: 'shared-address',
        text: `${message}.`,
        ...(mend !== undefined && { mend }),
        ...(namespace !== undefined &&
          name !== undefined && {
            object: { kind, namespace, name, ...(file !== undefined && { file }), ...(line !== undefined && { line }) },
          }),
      };
    });
}
