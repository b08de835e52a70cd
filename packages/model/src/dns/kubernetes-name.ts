/** What a name below the cluster's domain asks for (CoreDNS plugin/kubernetes, parse.go). */
import { labelsBefore } from './names.ts';

export interface KubernetesName {
  /** Absent for the zone itself: nothing is asked for. */
  type?: 'svc' | 'pod';
  namespace?: string;
  /** A Service, or below `pod` an address with dashes. */
  service?: string;
  endpoint?: string;
  /** `_http._tcp`, without the underscores. */
  port?: string;
  protocol?: string;
  /** Names of other clusters' endpoints: `ENDPOINT.CLUSTER.SERVICE...`. */
  cluster?: string;
  /** `ZONE.pin._zone.SERVICE...` and `ZONE.prefer._zone.SERVICE...`: endpoints of a topology zone, or else none, or else all. */
  zone?: string;
  prefer?: boolean;
}

function bare(label: string): string {
  return label.startsWith('_') ? label.slice(1) : label;
}

/** Labels left of the service, where there are three or more. */
function zonalPart(labels: readonly string[]): Pick<KubernetesName, 'zone' | 'prefer'> | undefined {
  const directive = labels.at(-2);
  if (labels.at(-1) !== '_zone' || (directive !== 'pin' && directive !== 'prefer')) return undefined;
  // Zone labels of nodes may hold dots.
  return { zone: labels.slice(0, -2).join('.'), prefer: directive === 'prefer' };
}

/** `name` in lower case. Undefined: no name of this form exists. */
export function parseKubernetesName(
  name: string,
  zone: string,
  { multicluster, zonal }: { multicluster: boolean; zonal: boolean },
): KubernetesName | undefined {
  const labels = labelsBefore(zone, name);
  const type = labels.pop();
  if (type === undefined) return {};
  if (type !== 'svc' && type !== 'pod') return undefined;
  if (labels.length === 0) return {};
  const namespace = labels.pop() as string;
  const service = labels.pop();
  const found: KubernetesName = { type, namespace, ...(service !== undefined && { service }) };
  const [first = '', second = ''] = labels;
  if (labels.length === 0) return found;
  if (labels.length === 1) return { ...found, endpoint: first };
  if (labels.length === 2) {
    return multicluster && !first.startsWith('_') && !second.startsWith('_')
      ? { ...found, endpoint: first, cluster: second }
      : { ...found, port: bare(first), protocol: bare(second) };
  }
  const zoned = zonal && !multicluster && type === 'svc' ? zonalPart(labels) : undefined;
  return zoned && { ...found, ...zoned };
}
