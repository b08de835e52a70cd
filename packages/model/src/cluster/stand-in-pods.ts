/** Pods that the input does not hold, but whose address and node its EndpointSlices tell. */

import { reconcileMirror } from '../controllers/mirror.ts';
import { canonical } from '../net/cidr.ts';
import type { EndpointSlice, Endpoints, Pod } from '../objects/kube.ts';
import type { Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import { compareText } from './collect.ts';
import type { Report } from './report.ts';

function madeBy({ object, origin }: Placed<Endpoints>): NonNullable<Placed<Pod>['madeBy']> {
  const { name, namespace = '' } = object.metadata;
  return { kind: 'Endpoints', namespace, name, ...(origin && { origin }) };
}

interface Seen {
  placed: Placed<EndpointSlice>;
  addresses: string[];
  nodeName?: string;
  ready: boolean;
}

/**
 * One pod for each `targetRef` to a Pod that is not there. Endpoints at an address of a node are pods in that node's own network: nothing has to
 * stand in for them.
 */
export function standInPods(
  collected: Collected,
  nodeAddresses: ReadonlySet<string>,
  report: Report,
): Map<string, Placed<Pod>> {
  const seen = new Map<string, Seen>();
  const mirrored = [...collected.endpoints.values()].flatMap((placed) =>
    reconcileMirror(placed.object, []).create.map((object) => ({ ...placed, object, madeBy: madeBy(placed) })),
  );
  for (const placed of [...collected.endpointSlices.values(), ...mirrored]) {
    for (const { targetRef, addresses, nodeName, conditions } of placed.object.endpoints) {
      if (targetRef?.kind !== 'Pod' || targetRef.name === undefined) continue;
      const key = `${targetRef.namespace ?? placed.object.metadata.namespace}/${targetRef.name}`;
      if (collected.pods.has(key)) continue;
      const own = addresses.flatMap((a) => canonical(a) ?? []).filter((a) => !nodeAddresses.has(a));
      if (own.length === 0) continue;
      const before = seen.get(key);
      if (before) before.addresses = [...new Set([...before.addresses, ...own])];
      else
        seen.set(key, {
          placed,
          addresses: own,
          ready: conditions?.ready ?? true,
          ...(nodeName !== undefined && { nodeName }),
        });
    }
  }
  const pods = new Map<string, Placed<Pod>>();
  for (const [key, { placed, addresses, nodeName, ready }] of [...seen].sort(([a], [b]) => compareText(a, b))) {
    const [namespace, name] = key.split('/') as [string, string];
    const by = placed.madeBy ?? {
      kind: 'EndpointSlice',
      namespace,
      name: placed.object.metadata.name,
      ...(placed.origin && { origin: placed.origin }),
    };
    pods.set(key, {
      madeBy: by,
      object: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: { ...(nodeName !== undefined && { nodeName }) },
        status: {
          phase: 'Running',
          podIP: addresses[0] as string,
          podIPs: addresses.map((ip) => ({ ip })),
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        },
      },
    });
    report.assume(
      'stand-in-pods',
      'Pods that are not in the input stand where EndpointSlices name them; their labels and ports are not known',
      'give the Pods: kubectl get pods -A -o json',
    );
  }
  return pods;
}
