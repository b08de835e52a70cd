import type { KubeObject } from '@podwire/model';
import { at, Counts, isSet, listAt, type Mapping, mappingAt } from './values.ts';
import type { Template } from './workloads.ts';

/** One row of the fact `services`. */
interface ServiceRow {
  service: string;
  type?: string;
  headless?: true;
  ports: number;
  selector?: Mapping;
  matches?: Record<string, number>;
}

/** How many templates of each kind, in the Service's namespace, carry every label of the selector. */
export type Matches = (service: KubeObject, templates: readonly Template[]) => Record<string, number>;

function typeOf(service: KubeObject): string {
  return String(at(service, 'spec', 'type') ?? 'ClusterIP');
}

function isAddress(text: unknown): boolean {
  return typeof text === 'string' && /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/.test(text);
}

export function serviceRows(
  services: readonly KubeObject[],
  templates: readonly Template[],
  matches: Matches,
): ServiceRow[] {
  return services.map((service): ServiceRow => {
    const spec = mappingAt(service, 'spec');
    const selector = mappingAt(spec, 'selector');
    return {
      service: `${service.metadata.namespace || 'default'}/${service.metadata.name}`,
      ...(typeOf(service) === 'ClusterIP' ? {} : { type: typeOf(service) }),
      ...(spec.clusterIP === 'None' ? { headless: true } : {}),
      ports: listAt(spec, 'ports').length,
      ...(isSet(selector) ? { selector, matches: matches(service, templates) } : {}),
    };
  });
}

function countPorts(counts: Counts, spec: Mapping): void {
  const ports = listAt(spec, 'ports');
  counts.add('node_port_given', ports.some((port) => isSet(at(port, 'nodePort'))) ? 1 : 0);
  counts.add('ports', ports.length);
  for (const port of ports) {
    const protocol = String(at(port, 'protocol') ?? 'TCP');
    counts.add('named_target_ports', typeof at(port, 'targetPort') === 'string' ? 1 : 0);
    counts.add('app_protocol', isSet(at(port, 'appProtocol')) ? 1 : 0);
    counts.add(`ports ${protocol}`, protocol === 'TCP' ? 0 : 1);
  }
}

function countAddresses(counts: Counts, service: KubeObject): void {
  const spec = mappingAt(service, 'spec');
  const clusterIPs = listAt(spec, 'clusterIPs');
  const families = listAt(spec, 'ipFamilies');
  const given = spec.clusterIP;
  const isPlain = given === undefined || given === null || given === '' || given === 'None';
  counts.add('cluster_ip_not_an_address', isPlain || isAddress(given) ? 0 : 1);
  counts.add('ip_family_policy', isSet(spec.ipFamilyPolicy) ? 1 : 0);
  counts.add('dual_stack', clusterIPs.length > 1 || families.length > 1 ? 1 : 0);
  const addresses = [given, ...clusterIPs].filter((address) => typeof address === 'string');
  counts.add('ipv6', families.includes('IPv6') || addresses.some((address) => address.includes(':')) ? 1 : 0);
}

/** What publishNotReadyAddresses was called before Kubernetes 1.9. */
const TOLERATE_UNREADY = 'service.alpha.kubernetes.io/tolerate-unready-endpoints';

export function countServices(
  services: readonly KubeObject[],
  definitions: number,
  rows: readonly ServiceRow[],
): unknown {
  const counts = new Counts();
  for (const service of services) {
    const spec = mappingAt(service, 'spec');
    counts.add(`type ${typeOf(service)}`);
    counts.add('headless', spec.clusterIP === 'None' ? 1 : 0);
    counts.add('without_selector', isSet(spec.selector) ? 0 : 1);
    counts.add('session_affinity', spec.sessionAffinity === 'ClientIP' ? 1 : 0);
    counts.add('external_local', spec.externalTrafficPolicy === 'Local' ? 1 : 0);
    counts.add('internal_local', spec.internalTrafficPolicy === 'Local' ? 1 : 0);
    counts.add('source_ranges', isSet(spec.loadBalancerSourceRanges) ? 1 : 0);
    counts.add('external_ips', isSet(spec.externalIPs) ? 1 : 0);
    counts.add('load_balancer_ip', isSet(spec.loadBalancerIP) ? 1 : 0);
    const tolerates = at(service, 'metadata', 'annotations', TOLERATE_UNREADY) === 'true';
    counts.add('publish_not_ready', tolerates || isSet(spec.publishNotReadyAddresses) ? 1 : 0);
    counts.add('traffic_distribution', isSet(spec.trafficDistribution) ? 1 : 0);
    counts.add('load_balancer_address', listAt(service, 'status', 'loadBalancer', 'ingress').length > 0 ? 1 : 0);
    countPorts(counts, spec);
    countAddresses(counts, service);
  }
  const unmatched = rows.filter(({ matches }) => matches !== undefined && !isSet(matches));
  counts.add('selector_matches_nothing', unmatched.length);
  return { distinct: services.length, definitions, ...counts.toJSON() };
}
