/** Which versions and kinds an API server of v1.36 serves with its default settings. */

const table = `
v1 Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount
apps/v1 ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet
batch/v1 CronJob Job
autoscaling/v1 HorizontalPodAutoscaler
autoscaling/v2 HorizontalPodAutoscaler
policy/v1 PodDisruptionBudget
networking.k8s.io/v1 Ingress IngressClass IPAddress NetworkPolicy ServiceCIDR
discovery.k8s.io/v1 EndpointSlice
events.k8s.io/v1 Event
rbac.authorization.k8s.io/v1 ClusterRole ClusterRoleBinding Role RoleBinding
storage.k8s.io/v1 CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass
scheduling.k8s.io/v1 PriorityClass
node.k8s.io/v1 RuntimeClass
coordination.k8s.io/v1 Lease
certificates.k8s.io/v1 CertificateSigningRequest
flowcontrol.apiserver.k8s.io/v1 FlowSchema PriorityLevelConfiguration
admissionregistration.k8s.io/v1 MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration
apiextensions.k8s.io/v1 CustomResourceDefinition
apiregistration.k8s.io/v1 APIService
authentication.k8s.io/v1 SelfSubjectReview TokenReview
authorization.k8s.io/v1 LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview
resource.k8s.io/v1 DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice`;

const served = new Map(
  table
    .trim()
    .split('\n')
    .map((row): [string, Set<string>] => {
      const [apiVersion = '', ...kinds] = row.split(' ');
      return [apiVersion, new Set(kinds)];
    }),
);

/** Groups that were the server's own once. */
const FORMER_GROUPS = ['extensions'];

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] as string) : '');
const groups = new Set([...FORMER_GROUPS, ...[...served.keys()].map(groupOf)]);

/** Undefined for the groups of custom resources, which the cluster's CRDs decide about. */
export function isServed(apiVersion: string, kind: string): boolean | undefined {
  if (!groups.has(groupOf(apiVersion))) return undefined;
  return served.get(apiVersion)?.has(kind) ?? false;
}
