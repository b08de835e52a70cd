/**
 * A node's own process on the port of a Service: nobody runs one. kube-proxy opens no sockets for node ports (since v1.27), and the API
 * server hands them out of a range that nothing else should use. So a packet that comes to a node's socket layer untranslated is refused.
 */
import { type Conversation, Disposition, Reason, type Walk } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { declaredPorts, isOver } from '../objects/pod-facts.ts';
import type { Destination } from './destinations.ts';
import type { Path } from './paths.ts';
import type { Places } from './places.ts';

/** Whether a pod in the network of the node says that it listens on the port. */
function isDeclared(cluster: Cluster, node: string, { port, protocol }: Destination['end']): boolean {
  return [...cluster.pods.values()].some(
    ({ object }) =>
      object.spec.hostNetwork === true &&
      object.spec.nodeName === node &&
      !isOver(object) &&
      declaredPorts(object).some(
        (one) => one.containerPort === port && (one.protocol ?? 'TCP').toLowerCase() === protocol,
      ),
  );
}

function refused(walk: Walk): Walk {
  return { ...walk, end: { ...walk.end, disposition: Disposition.REFUSED, reason: Reason.NO_LISTENER } };
}

/** The path as it ends where nobody listens, if it came to the destination untranslated and a listener was only assumed. */
export function withoutOwnListener(path: Path, { end }: Destination, cluster: Cluster, places: Places): Path {
  const { conversation } = path;
  const { there, endpoint } = conversation;
  if (there.end.reason !== Reason.LISTENER_ASSUMED || !endpoint) return path;
  const place = places.of(endpoint.netns);
  if (place.kind !== 'node' || endpoint.address !== end.address || endpoint.port !== end.port) return path;
  if (isDeclared(cluster, place.name, end)) return path;
  const { back: _, ...rest } = conversation;
  const closed: Conversation = { ...rest, outcome: 'refused', error: 'ECONNREFUSED', there: refused(there) };
  return { ...path, conversation: closed, conntrack: [] };
}
