/** Which kinds Kubernetes itself serves, in which group, and how objects are told apart. */

export interface KnownKind {
  kind: string;
  /** As in URLs and file names: `networkpolicies`. */
  plural: string;
  /** The version that current API servers store. */
  apiVersion: string;
  namespaced: boolean;
}

const namespacedKinds = `
v1 Pod pods
v1 Service services
v1 Endpoints endpoints
v1 ConfigMap configmaps
v1 Secret secrets
v1 ServiceAccount serviceaccounts
v1 ReplicationController replicationcontrollers
v1 PersistentVolumeClaim persistentvolumeclaims
v1 Event events
v1 LimitRange limitranges
v1 ResourceQuota resourcequotas
v1 PodTemplate podtemplates
apps/v1 Deployment deployments
apps/v1 ReplicaSet replicasets
apps/v1 StatefulSet statefulsets
apps/v1 DaemonSet daemonsets
apps/v1 ControllerRevision controllerrevisions
batch/v1 Job jobs
batch/v1 CronJob cronjobs
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers
coordination.k8s.io/v1 Lease leases
discovery.k8s.io/v1 EndpointSlice endpointslices
networking.k8s.io/v1 Ingress ingresses
networking.k8s.io/v1 NetworkPolicy networkpolicies
policy/v1 PodDisruptionBudget poddisruptionbudgets
rbac.authorization.k8s.io/v1 Role roles
rbac.authorization.k8s.io/v1 RoleBinding rolebindings`;

const clusterKinds = `
v1 Node nodes
v1 Namespace namespaces
v1 PersistentVolume persistentvolumes
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions
apiregistration.k8s.io/v1 APIService apiservices
networking.k8s.io/v1 IngressClass ingressclasses
networking.k8s.io/v1 IPAddress ipaddresses
networking.k8s.io/v1 ServiceCIDR servicecidrs
node.k8s.io/v1 RuntimeClass runtimeclasses
rbac.authorization.k8s.io/v1 ClusterRole clusterroles
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings
scheduling.k8s.io/v1 PriorityClass priorityclasses
storage.k8s.io/v1 StorageClass storageclasses
storage.k8s.io/v1 CSIDriver csidrivers`;

function parseKinds(table: string, namespaced: boolean): KnownKind[] {
  return table
    .trim()
    .split('\n')
    .map((row) => {
      const [apiVersion = '', kind = '', plural = ''] = row.split(' ');
      return { kind, plural, apiVersion, namespaced };
    });
}

export const knownKinds: readonly KnownKind[] = [
  ...parseKinds(namespacedKinds, true),
  ...parseKinds(clusterKinds, false),
];

const byKind = new Map(knownKinds.map((known) => [known.kind, known]));
const byResource = new Map(
  knownKinds.flatMap((known): [string, KnownKind][] => [
    [known.plural, known],
    [known.kind.toLowerCase(), known],
  ]),
);

export function kindCalled(kind: string): KnownKind | undefined {
  return byKind.get(kind);
}

/** By plural or singular, in lower case: `pods`, `pod`. */
export function kindOfResource(resource: string): KnownKind | undefined {
  return byResource.get(resource.toLowerCase());
}

/** `''` for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

const movedFromExtensions = new Map([
  ['DaemonSet', 'apps'],
  ['Deployment', 'apps'],
  ['ReplicaSet', 'apps'],
  ['Ingress', 'networking.k8s.io'],
  ['NetworkPolicy', 'networking.k8s.io'],
]);

/** The group that serves a kind today: `extensions` was dissolved in Kubernetes 1.22. */
export function servedGroup(apiVersion: string, kind: string): string {
  const group = groupOf(apiVersion);
  return group === 'extensions' ? (movedFromExtensions.get(kind) ?? group) : group;
}

/**
 * The built-in kind that an object is of, or `undefined` for custom resources and configuration files, also where they share a kind's name
 * (`Service` of serving.knative.dev).
 */
export function builtInKind(apiVersion: string, kind: string): KnownKind | undefined {
  const known = byKind.get(kind);
  return known !== undefined && groupOf(known.apiVersion) === servedGroup(apiVersion, kind) ? known : undefined;
}

export const DEFAULT_NAMESPACE = 'default';

/**
 * What makes two definitions the same object: group, kind, namespace and name; versions of a group are views of one object. Without a
 * namespace an object stands in `default`; that a cluster-scoped one stands in none makes no difference, as its name is unique anyway.
 */
export function identityOf(object: {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}): string {
  const { name, namespace } = object.metadata;
  return `${servedGroup(object.apiVersion, object.kind)}/${object.kind}/${namespace || DEFAULT_NAMESPACE}/${name}`;
}
