/**
 * What the API server makes of a Service that is written over another: values that it drew stay where the writer left them out, and go where
 * the new type has no use for them (pkg/registry/core/service/strategy.go: `NormalizeClusterIPs`, `patchAllocatedValues`,
 * `dropTypeDependentFields`; storage/alloc.go: `initIPFamilyFields`). Kubernetes v1.36.
 */
import type { Service, ServicePort } from '../objects/kube.ts';

type Spec = Service['spec'];

const needsClusterIP = ({ type = 'ClusterIP' }: Spec): boolean => type !== 'ExternalName';
/** Also where a load balancer declines new ones: what it has stays until it is taken out. */
const needsNodePort = ({ type }: Spec): boolean => type === 'NodePort' || type === 'LoadBalancer';
const needsHealthCheckNodePort = ({ type, externalTrafficPolicy }: Spec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
const hasExternalPolicy = ({ type, externalIPs = [] }: Spec): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0);

function without<Field extends keyof Spec>(spec: Spec, ...fields: Field[]): Spec {
  const left = { ...spec };
  for (const field of fields) delete left[field];
  return left;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** A changed `clusterIP` alone speaks for the list; a cleared one clears it. */
function normalised(before: Spec, after: Spec): Spec {
  const { clusterIP = '', clusterIPs = [] } = after;
  const isChanged = clusterIP !== (before.clusterIP ?? '');
  if (isChanged && same(clusterIPs, before.clusterIPs ?? [])) {
    if (clusterIP === '') return without(after, 'clusterIPs');
    return { ...after, clusterIPs: [clusterIP, ...clusterIPs.slice(1)] };
  }
  // The list cleared, the first left standing: both go.
  if (!isChanged && clusterIPs.length === 0 && before.clusterIPs?.length)
    return without(after, 'clusterIP', 'clusterIPs');
  return after;
}

/** Node ports by the name of the port; one that stands elsewhere already is not given twice. */
function keptNodePorts(before: Spec, after: Spec): ServicePort[] | undefined {
  const numbers = (spec: Spec) => new Set((spec.ports ?? []).flatMap((port) => port.nodePort || []));
  const now = numbers(after);
  const used = new Set([...numbers(before)].filter((number) => now.has(number)));
  const byName = new Map((before.ports ?? []).map((port) => [port.name ?? '', port.nodePort]));
  return after.ports?.map((port) => {
    const known = byName.get(port.name ?? '');
    return port.nodePort || !known || used.has(known) ? port : { ...port, nodePort: known };
  });
}

function patched(before: Spec, given: Spec): Spec {
  let after = given;
  if (needsClusterIP(before) && needsClusterIP(after)) {
    if (!after.clusterIP && before.clusterIP) after = { ...after, clusterIP: before.clusterIP };
    if (!after.clusterIPs?.length && before.clusterIPs && after.clusterIP === before.clusterIP)
      after = { ...after, clusterIPs: before.clusterIPs };
  }
  if (needsNodePort(before) && needsNodePort(after)) {
    const ports = keptNodePorts(before, after);
    if (ports) after = { ...after, ports };
  }
  const { healthCheckNodePort } = before;
  if (needsHealthCheckNodePort(before) && needsHealthCheckNodePort(after) && !after.healthCheckNodePort)
    if (healthCheckNodePort) after = { ...after, healthCheckNodePort };
  return after;
}

/** What was drawn for the old type, is of no use to the new one and was not touched. */
function dropped(before: Spec, given: Spec): Spec {
  let after = given;
  if (needsClusterIP(before) && !needsClusterIP(after)) {
    for (const field of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const)
      if (same(before[field], after[field])) after = without(after, field);
    if (!after.clusterIPs) after = without(after, 'clusterIP');
  }
  const nodePorts = (spec: Spec) => (spec.ports ?? []).map((port) => port.nodePort || 0).sort();
  if (needsNodePort(before) && !needsNodePort(after) && same(nodePorts(before), nodePorts(after)) && after.ports)
    after = { ...after, ports: after.ports.map(({ nodePort: _drawn, ...port }) => port) };
  const fields: [keyof Spec, (spec: Spec) => boolean][] = [
    ['healthCheckNodePort', needsHealthCheckNodePort],
    ['allocateLoadBalancerNodePorts', (spec) => spec.type === 'LoadBalancer'],
    ['loadBalancerClass', (spec) => spec.type === 'LoadBalancer'],
    ['externalTrafficPolicy', hasExternalPolicy],
  ];
  for (const [field, isNeeded] of fields)
    if (isNeeded(before) && !isNeeded(after) && same(before[field], after[field])) after = without(after, field);
  return after;
}

/** From two families to one: the second address goes, unless the writer said otherwise. */
function singleStack(before: Spec, after: Spec): Spec {
  const { ipFamilyPolicy, ipFamilies = [], clusterIPs = [] } = after;
  if (ipFamilyPolicy !== 'SingleStack' || before.ipFamilyPolicy === 'SingleStack') return after;
  const isUntouched = same(before.ipFamilies, ipFamilies) && same(before.clusterIPs, clusterIPs);
  if (!isUntouched || !before.ipFamilies) return after;
  return {
    ...after,
    ipFamilies: ipFamilies.slice(0, 1),
    ...(before.clusterIPs && { clusterIPs: clusterIPs.slice(0, 1) }),
  };
}

/** The Service as it is stored, but for what is newly drawn: addresses and node ports that it needs and neither object has. */
export function updateService(before: Service, after: Service): Service {
  const spec = singleStack(
    before.spec,
    dropped(before.spec, patched(before.spec, normalised(before.spec, after.spec))),
  );
  const { status, ...rest } = after;
  return { ...rest, spec, ...(status && spec.type === 'LoadBalancer' && { status }) };
}
