/** An endpoint whose address nobody has: a slice that is older, or newer, than the pods beside it. */
import { parseAddress } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { Hint } from './answer.ts';
import { objectRef, type Provenance } from './provenance.ts';
import { ownerOf } from './sources.ts';

/** `address`: where the Service's rules sent the packet. Undefined where somebody has it, or no slice of the Service names it. */
export function strayEndpoint(
  cluster: Cluster,
  key: string,
  address: string,
  provenance: Provenance,
): Hint | undefined {
  if (!parseAddress(address) || ownerOf(cluster, address)) return undefined;
  for (const slice of cluster.endpointSlices.get(key) ?? []) {
    const at = (slice.object.endpoints ?? []).findIndex((e) => e.addresses.includes(address));
    if (at < 0) continue;
    return {
      code: 'endpoint-of-nobody',
      text: `Endpoint ${address} of svc/${key} is the address of no pod and no node in the input.`,
      mend: 'Take Pods, Nodes and EndpointSlices at the same time; if they stay apart, the slice is stale.',
      object: objectRef(provenance, slice, ['endpoints', at, 'addresses']),
    };
  }
  return undefined;
}
