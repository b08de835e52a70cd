/**
 * What `sessionAffinity: ClientIP` does to a client's connections, and what people do not expect of it. kube-proxy remembers clients by the source
 * that it sees, on each node for itself: in lists of xt_recent (of `ip_list_tot` addresses, 100 unless the module is loaded with more), in sets of
 * nftables with time-outs, in a persistence template of IPVS, in a map of eBPF programs.
 */
import type { Cluster, ProxyMode } from '../cluster/cluster.ts';
import type { Note } from './answer.ts';
import type { Destination } from './destinations.ts';
import { objectRef, type Provenance } from './provenance.ts';

/** core/v1, DefaultClientIPServiceAffinitySeconds */
const DEFAULT_SECONDS = 10_800;

const WHERE: Readonly<Record<ProxyMode, string>> = {
  iptables:
    "each node has lists of its own (recent of iptables: 100 clients for each endpoint, unless xt_recent's ip_list_tot says more)",
  nftables: 'each node has sets of its own (nftables, with time-outs)',
  ipvs: 'each node has templates of its own (IPVS)',
  ebpf: 'each node has a map of its own (eBPF)',
  'calico-ebpf': 'each node has a map of its own (eBPF)',
  none: 'who handles Services remembers them',
};

const DIRECT = new Set(['podIP', 'nodeIP', 'external', 'address']);

export function affinityNotes(
  cluster: Cluster,
  destinations: readonly Destination[],
  fromOutside: boolean,
  provenance: Provenance,
): Note[] {
  const keys = destinations.flatMap(({ end, service }) => (service && !DIRECT.has(end.addressKind) ? service.key : []));
  return [...new Set(keys)].flatMap((key): Note[] => {
    const placed = cluster.services.get(key);
    if (placed?.object.spec.sessionAffinity !== 'ClientIP') return [];
    const seconds = placed.object.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_SECONDS;
    const where = WHERE[cluster.settings.proxyMode.value];
    const traps = fromOutside
      ? ' Connections that come in at different nodes may go to different endpoints, and all clients behind one NAT or proxy count as one.'
      : '';
    return [
      {
        kind: 'intended',
        code: 'session-affinity',
        text: `svc/${key} sends all connections of one source address to the endpoint of the first, until none was opened for ${seconds} s or the endpoint is gone; ${where}. The odds are those of the first connection.${traps}`,
        settle: 'spec.sessionAffinity: None sends each connection anywhere',
        object: objectRef(provenance, placed, ['spec', 'sessionAffinity']),
      },
    ];
  });
}
