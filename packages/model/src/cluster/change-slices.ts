/** The EndpointSlices of Services whose pods changed, as their controller writes them over those that are there. */
import { nameSlice, objectKey } from '../controllers/converge.ts';
import { PodIndex } from '../controllers/pod-index.ts';
import { hasSliceController, reconcileSlices } from '../controllers/reconcile.ts';
import { MANAGED_BY, MIRRORING_CONTROLLER, SLICE_CONTROLLER } from '../controllers/slice-metadata.ts';
import { zoneShares } from '../controllers/zone-shares.ts';
import type { Endpoint, EndpointSlice, Service } from '../objects/kube.ts';
import type { Cluster, Placed } from './cluster.ts';

function stateOf({ conditions = {} }: Endpoint): string {
  const { ready, serving, terminating } = conditions;
  if (terminating) return serving === false ? 'terminating' : 'terminating, still serving';
  return ready === false ? 'not ready' : 'ready';
}

/** Addresses of the slices with what they say of each. */
function listed(slices: readonly EndpointSlice[]): Map<string, string> {
  return new Map(
    slices.flatMap(({ endpoints }) =>
      endpoints.flatMap((endpoint) =>
        endpoint.addresses.map((address): [string, string] => [address, stateOf(endpoint)]),
      ),
    ),
  );
}

/** `10.244.1.5 goes, 10.244.2.7 comes (ready)`; empty where nothing changed. */
function difference(before: readonly EndpointSlice[], after: readonly EndpointSlice[]): string {
  const [old, now] = [listed(before), listed(after)];
  const gone = [...old.keys()].filter((address) => !now.has(address)).map((address) => `${address} goes`);
  const come = [...now]
    .filter(([address]) => !old.has(address))
    .map(([address, state]) => `${address} comes (${state})`);
  const other = [...now]
    .filter(([address, state]) => old.has(address) && old.get(address) !== state)
    .map(([address, state]) => `${address} is now ${state}`);
  return [...gone, ...come, ...other].join(', ');
}

/** `cluster` has the new pods and the old slices. */
export function changedSlices(
  cluster: Cluster,
  services: readonly Placed<Service>[],
): { endpointSlices: Cluster['endpointSlices']; effects: string[] } {
  const endpointSlices = new Map(cluster.endpointSlices);
  const effects: string[] = [];
  const index = new PodIndex(Array.from(cluster.pods.values(), ({ object }) => object));
  const shares = zoneShares(Array.from(cluster.nodes.values(), ({ object }) => object));
  for (const placed of services) {
    const service = placed.object;
    if (!hasSliceController(service)) continue;
    const { namespace = 'default', name } = service.metadata;
    const key = `${namespace}/${name}`;
    const before = cluster.endpointSlices.get(key) ?? [];
    const managed = (by: string) => before.filter(({ object }) => object.metadata.labels?.[MANAGED_BY] === by);
    const own = managed(SLICE_CONTROLLER);
    const mirrored = new Set(managed(MIRRORING_CONTROLLER));
    const pods = index.selected(namespace, service.spec.selector ?? {});
    const changes = reconcileSlices(
      { service, pods, node: (node) => cluster.nodes.get(node)?.object, existing: own.map(({ object }) => object) },
      { topology: { shares } },
    );
    const isWritten = new Set([...changes.update, ...changes.delete].map(objectKey));
    const kept = before.filter(
      (one) => !mirrored.has(one) && !(own.includes(one) && isWritten.has(objectKey(one.object))),
    );
    const taken = new Set([...kept.map(({ object }) => objectKey(object)), ...changes.update.map(objectKey)]);
    const created = changes.create.map((slice) => {
      const named = nameSlice(slice, (one) => taken.has(one));
      taken.add(objectKey(named));
      return named;
    });
    const madeBy = { kind: 'Service', namespace, name, ...(placed.origin && { origin: placed.origin }) };
    const after = [...kept, ...[...changes.update, ...created].map((object) => ({ object, madeBy }))];
    endpointSlices.set(key, after);
    const text = difference(
      before.map(({ object }) => object),
      after.map(({ object }) => object),
    );
    if (text !== '') effects.push(`EndpointSlices of svc/${key}: ${text}`);
  }
  return { endpointSlices, effects };
}
