/** Which NetworkPolicies select a pod. They are not judged: where one selects an end, the answer says so and stays undecided. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { NetworkPolicy } from '../objects/kube.ts';
import { matchesSelector } from '../objects/labels.ts';
import type { Note } from './answer.ts';
import { namespaceOf } from './directory.ts';
import { objectRef, type Provenance } from './provenance.ts';

export type PolicyDirection = 'Ingress' | 'Egress';

/** Defaulting of `policyTypes` (pkg/apis/networking/v1/defaults.go): Ingress always, Egress where the policy has egress rules. */
function typesOf(policy: NetworkPolicy): readonly PolicyDirection[] {
  const types = policy.spec?.policyTypes;
  if (types && types.length > 0) return types;
  return (policy.spec?.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

/** Policies that select the pod in one direction, in the order of their keys. Pods on the node's own network are selected by none. */
export function policiesSelecting(cluster: Cluster, pod: string, direction: PolicyDirection): Placed<NetworkPolicy>[] {
  const placed = cluster.pods.get(pod);
  if (!placed || placed.object.spec.hostNetwork === true) return [];
  const labels = placed.object.metadata.labels ?? {};
  const namespace = namespaceOf(placed.object);
  const found: Placed<NetworkPolicy>[] = [];
  for (const policy of cluster.networkPolicies.values()) {
    if (namespaceOf(policy.object) !== namespace || !typesOf(policy.object).includes(direction)) continue;
    if (matchesSelector(policy.object.spec?.podSelector ?? {}, labels)) found.push(policy);
  }
  return found;
}

/** One note per policy and direction. */
export function policyNote(
  provenance: Provenance,
  policy: Placed<NetworkPolicy>,
  pod: string,
  direction: PolicyDirection,
): Note {
  const { namespace, name } = policy.object.metadata;
  return {
    kind: 'caveat',
    code: 'policy-not-judged',
    text: `NetworkPolicy ${namespace ?? 'default'}/${name} selects ${pod} for ${direction.toLowerCase()}.`,
    object: objectRef(provenance, policy, ['spec', 'podSelector']),
  };
}
