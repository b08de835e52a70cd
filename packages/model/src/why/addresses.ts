/** Who has an address. */
import { ownerOf } from '../answer/sources.ts';
import type { Cluster } from '../cluster/cluster.ts';

/** Whether anything in the cluster has the address: a pod, a node; endpoints outside count, too. */
export function addressOwner(cluster: Cluster): (address: string) => boolean {
  const endpoints = new Set(
    [...cluster.endpointSlices.values()].flatMap((slices) =>
      slices.flatMap(({ object }) => (object.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    ),
  );
  return (address) => endpoints.has(address) || ownerOf(cluster, address) !== undefined;
}
