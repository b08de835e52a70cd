/** Which address families the cluster has, primary first. */

import { canonical, familyOf } from '../../net/cidr.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { Collected } from '../collect.ts';
import type { ClusterOverrides } from '../overrides.ts';
import type { Finding } from './setting.ts';

function inOrder(texts: Iterable<string | undefined>): IPFamily[] {
  const found: IPFamily[] = [];
  for (const text of texts) {
    if (text === undefined || canonical(text.split('/')[0]) === undefined) continue;
    const family = familyOf(text);
    if (!found.includes(family)) found.push(family);
    if (found.length === 2) break;
  }
  return found;
}

const KIND: Readonly<Record<string, IPFamily[]>> = { ipv4: ['IPv4'], ipv6: ['IPv6'], dual: ['IPv4', 'IPv6'] };

/** What Services can only have in a cluster of these families (pkg/registry/core/service/storage/alloc.go). */
function demanded(collected: Collected): IPFamily[] {
  const families = new Set<IPFamily>();
  for (const { object } of collected.services.values()) {
    const { spec } = object;
    for (const family of spec.ipFamilies ?? []) families.add(family);
    for (const family of inOrder([spec.clusterIP, ...(spec.clusterIPs ?? [])])) families.add(family);
    const hasSelector = Object.keys(spec.selector ?? {}).length > 0;
    // A live headless Service without selector has both families in any cluster.
    if (spec.ipFamilyPolicy === 'RequireDualStack' && (hasSelector || spec.clusterIP !== 'None'))
      families.add('IPv4').add('IPv6');
  }
  return (['IPv4', 'IPv6'] as const).filter((f) => families.has(f));
}

export function detectFamilies(
  collected: Collected,
  overrides: ClusterOverrides,
  services: readonly Finding<string[]>[],
  pods: readonly Finding<string[]>[],
  kind: readonly Finding<string>[],
): IPFamily[] {
  if (overrides.ipFamilies && overrides.ipFamilies.length > 0) return overrides.ipFamilies;
  const given = inOrder(overrides.serviceCIDRs ?? overrides.podCIDRs ?? []);
  if (given.length > 0) return given;
  for (const { value } of [...services, ...pods]) {
    const found = inOrder(value);
    if (found.length > 0) return found;
  }
  for (const { value } of kind) {
    const found = KIND[value];
    if (found) return found;
  }
  const nodes = [...collected.nodes.values()].map((n) => n.object);
  const ofNodes = inOrder(nodes.flatMap((n) => n.spec?.podCIDRs ?? [n.spec?.podCIDR]));
  if (ofNodes.length > 0) return ofNodes;
  const livePods = [...collected.pods.values()].flatMap((p) => (p.object.status?.podIPs ?? []).map((i) => i.ip));
  const ofPods = inOrder(
    livePods.length > 0 ? livePods : [...collected.pods.values()].map((p) => p.object.status?.podIP),
  );
  if (ofPods.length > 0) return ofPods;
  const ofServices = demanded(collected);
  return ofServices.length > 0 ? ofServices : ['IPv4'];
}
