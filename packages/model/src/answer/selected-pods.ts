/** The pods that a Service selects, ended ones too. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { PodIndex } from '../controllers/pod-index.ts';
import type { Pod, Service } from '../objects/kube.ts';
import { keyOf, namespaceOf } from './directory.ts';

/** Every Service of a large cluster may be asked about. */
const known = new WeakMap<Cluster, PodIndex>();

/** None for a Service without a selector. */
export function selectedPods(cluster: Cluster, service: Service): Placed<Pod>[] {
  const { selector = {} } = service.spec;
  if (Object.keys(selector).length === 0) return [];
  const index = known.get(cluster) ?? new PodIndex(Array.from(cluster.pods.values(), ({ object }) => object));
  known.set(cluster, index);
  return index.selected(namespaceOf(service), selector).flatMap((pod) => cluster.pods.get(keyOf(pod)) ?? []);
}
