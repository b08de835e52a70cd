/** Policies of network plugins and of the policy API's tiers. podwire does not know their rules; where one may select an end, it says so. */
import type { KubeObject, LabelSelector } from '../objects/kube.ts';
import { type Labels, matchesSelector } from '../objects/labels.ts';
import type { SourcedObject } from '../read/source.ts';
import type { Note } from './answer.ts';
import { namespaceOf } from './directory.ts';
import type { Provenance } from './provenance.ts';
import { objectRef } from './provenance.ts';

export interface OtherPolicy {
  sourced: SourcedObject;
  /** Whether it may select a pod of this namespace with these labels. */
  maySelect(namespace: string, labels: Labels): boolean;
}

/** API groups by their policy kinds; a namespaced kind selects pods of its own namespace alone. */
const KINDS: Readonly<Record<string, { namespaced: readonly string[]; clusterWide: readonly string[] }>> = {
  'cilium.io': { namespaced: ['CiliumNetworkPolicy'], clusterWide: ['CiliumClusterwideNetworkPolicy'] },
  'crd.projectcalico.org': { namespaced: ['NetworkPolicy'], clusterWide: ['GlobalNetworkPolicy'] },
  'projectcalico.org': { namespaced: ['NetworkPolicy'], clusterWide: ['GlobalNetworkPolicy'] },
  'crd.antrea.io': { namespaced: ['NetworkPolicy'], clusterWide: ['ClusterNetworkPolicy'] },
  'policy.networking.k8s.io': {
    namespaced: [],
    clusterWide: ['AdminNetworkPolicy', 'BaselineAdminNetworkPolicy', 'ClusterNetworkPolicy'],
  },
};

function scopeOf({ apiVersion, kind }: KubeObject): 'namespaced' | 'clusterWide' | undefined {
  const kinds = KINDS[apiVersion.split('/')[0] as string];
  if (kinds?.namespaced.includes(kind)) return 'namespaced';
  return kinds?.clusterWide.includes(kind) ? 'clusterWide' : undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Cilium writes where a label comes from before its key: `k8s:app`, `any:app`; Kubernetes' own are meant without. */
function withoutSource(selector: Record<string, unknown>): LabelSelector {
  const bare = (key: string): string => key.replace(/^(k8s|any)[:.]/, '');
  const { matchLabels, matchExpressions } = selector;
  return {
    ...(isMapping(matchLabels) && {
      matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([k, v]) => [bare(k), String(v)])),
    }),
    ...(Array.isArray(matchExpressions) && {
      matchExpressions: (matchExpressions as NonNullable<LabelSelector['matchExpressions']>).map((e) => ({
        ...e,
        key: bare(String(e.key)),
      })),
    }),
  };
}

/** Cilium's selectors are label selectors and can be told; those of the others are taken to select. */
function selectorsOf(object: KubeObject): LabelSelector[] | undefined {
  if (!object.apiVersion.startsWith('cilium.io/')) return undefined;
  const specs = [object.spec, ...(Array.isArray(object.specs) ? object.specs : [])].filter(isMapping);
  return specs.flatMap((spec) => (isMapping(spec.endpointSelector) ? [withoutSource(spec.endpointSelector)] : []));
}

export function otherPolicies(objects: readonly SourcedObject[]): OtherPolicy[] {
  return objects.flatMap((sourced) => {
    const scope = scopeOf(sourced.object);
    if (scope === undefined) return [];
    const selectors = selectorsOf(sourced.object);
    const maySelect = (namespace: string, labels: Labels): boolean =>
      (scope === 'clusterWide' || namespaceOf(sourced.object) === namespace) &&
      (selectors === undefined || selectors.some((selector) => matchesSelector(selector, labels)));
    return [{ sourced, maySelect }];
  });
}

export function otherPolicyNote(provenance: Provenance, { sourced }: OtherPolicy, pod: string): Note {
  const { kind, metadata } = sourced.object;
  const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  return {
    kind: 'caveat',
    code: 'policy-not-judged',
    text: `${kind} ${name} may select ${pod}.`,
    object: objectRef(provenance, sourced, ['spec']),
  };
}
