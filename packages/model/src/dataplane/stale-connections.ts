/** Connections in a node's dump that kube-proxy should have made the kernel forget: UDP goes on to an endpoint that is not there. */
import type { ConntrackEntry } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeDump } from '../linux/node/index.ts';
import type { Problem } from '../problem.ts';
import { endpointsByServicePort } from '../proxy/endpoints.ts';
import { joinHostPort } from '../proxy/ip.ts';
import { servicePorts } from '../proxy/service-ports.ts';
import { staleEntries } from '../proxy/stale-entries.ts';

const FAMILIES = [
  ['IPv4', 4],
  ['IPv6', 6],
] as const;

function problemOf(node: string, stale: readonly ConntrackEntry[]): Problem {
  const { original, reply } = stale[0] as ConntrackEntry;
  const from = joinHostPort(original.saddr, original.sport);
  const more = stale.length === 1 ? '' : ` (and ${stale.length - 1} more alike)`;
  return {
    severity: 'warning',
    code: 'stale-connection',
    message: `Node ${node} still leads the UDP connection from ${from} to ${joinHostPort(original.daddr, original.dport)} to ${joinHostPort(reply.saddr, reply.sport)}, which is no serving endpoint of that Service${more}.`,
    mend: `kube-proxy forgets it at the next change of these endpoints; by hand: conntrack -D -p udp --orig-dst ${original.daddr} --orig-port-dst ${original.dport}`,
  };
}

/** One problem for each node that holds such connections. Needs the Services and EndpointSlices of the same time. */
export function staleConnections(cluster: Cluster, dumps: readonly NodeDump[]): Problem[] {
  const held = dumps.flatMap(({ name, netnses: [host] }) => {
    const entries = host?.netns.conntrack ?? [];
    return cluster.nodes.has(name) && entries.length > 0 ? [{ name, entries }] : [];
  });
  if (held.length === 0) return [];
  const services = Array.from(cluster.services.values(), ({ object }) => object);
  const slices = [...cluster.endpointSlices.values()].flat().map(({ object }) => object);
  const views = FAMILIES.map(([family, number]) => ({
    number,
    ports: [...servicePorts(services, family).values()],
    endpoints: endpointsByServicePort(slices, family),
  }));
  return held.flatMap(({ name, entries }) => {
    const stale = views.flatMap(({ number, ports, endpoints }) =>
      staleEntries(
        entries.filter(({ family }) => family === number),
        ports,
        endpoints,
      ),
    );
    return stale.length === 0 ? [] : [problemOf(name, stale)];
  });
}
