/** Pods and their templates: core/v1/types.go. */
import { affinity, topologySpreadConstraint } from './core-affinity.ts';
import {
  appArmorProfile,
  container,
  ephemeralContainer,
  seccompProfile,
  seLinuxOptions,
  windowsSecurityContextOptions,
} from './core-containers.ts';
import { podStatus } from './core-pod-status.ts';
import { localObjectReference, resourceRequirements, toleration } from './core-refs.ts';
import { volume } from './core-volumes.ts';
import { type Draft, root } from './meta.ts';
import { quantity, time } from './scalars.ts';
import { always, bool, int32, int64, list, map, type Of, pointer, string, struct, text } from './type.ts';

const sysctl = struct('v1.Sysctl', {
  name: always(string),
  value: always(string),
});

const podSecurityContext = struct('v1.PodSecurityContext', {
  seLinuxOptions: pointer(seLinuxOptions),
  windowsOptions: pointer(windowsSecurityContextOptions),
  runAsUser: pointer(int64),
  runAsGroup: pointer(int64),
  runAsNonRoot: pointer(bool),
  supplementalGroups: list(int64),
  supplementalGroupsPolicy: pointer(text('v1.SupplementalGroupsPolicy')),
  fsGroup: pointer(int64),
  sysctls: list(sysctl),
  fsGroupChangePolicy: pointer(text('v1.PodFSGroupChangePolicy')),
  seccompProfile: pointer(seccompProfile),
  appArmorProfile: pointer(appArmorProfile),
  seLinuxChangePolicy: pointer(text('v1.PodSELinuxChangePolicy')),
});

const hostAlias = struct('v1.HostAlias', {
  ip: always(string),
  hostnames: list(string),
});

const podDNSConfigOption = struct('v1.PodDNSConfigOption', {
  name: string,
  value: pointer(string),
});

const podDNSConfig = struct('v1.PodDNSConfig', {
  nameservers: list(string),
  searches: list(string),
  options: list(podDNSConfigOption),
});

const podReadinessGate = struct('v1.PodReadinessGate', {
  conditionType: always(text('v1.PodConditionType')),
});

const podOS = struct('v1.PodOS', {
  name: always(text('v1.OSName')),
});

const podSchedulingGate = struct('v1.PodSchedulingGate', {
  name: always(string),
});

const podResourceClaim = struct('v1.PodResourceClaim', {
  name: always(string),
  resourceClaimName: pointer(string),
  resourceClaimTemplateName: pointer(string),
});

const podSchedulingGroup = struct('v1.PodSchedulingGroup', {
  podGroupName: pointer(string),
});

const podSpec = struct('v1.PodSpec', {
  volumes: list(volume),
  initContainers: list(container),
  containers: always(list(container)),
  ephemeralContainers: list(ephemeralContainer),
  restartPolicy: text('v1.RestartPolicy'),
  terminationGracePeriodSeconds: pointer(int64),
  activeDeadlineSeconds: pointer(int64),
  dnsPolicy: text('v1.DNSPolicy'),
  nodeSelector: map(string),
  serviceAccountName: string,
  serviceAccount: string,
  automountServiceAccountToken: pointer(bool),
  nodeName: string,
  hostNetwork: bool,
  hostPID: bool,
  hostIPC: bool,
  shareProcessNamespace: pointer(bool),
  securityContext: pointer(podSecurityContext),
  imagePullSecrets: list(localObjectReference),
  hostname: string,
  subdomain: string,
  affinity: pointer(affinity),
  schedulerName: string,
  tolerations: list(toleration),
  hostAliases: list(hostAlias),
  priorityClassName: string,
  priority: pointer(int32),
  dnsConfig: pointer(podDNSConfig),
  readinessGates: list(podReadinessGate),
  runtimeClassName: pointer(string),
  enableServiceLinks: pointer(bool),
  preemptionPolicy: pointer(text('v1.PreemptionPolicy')),
  overhead: map(quantity, 'v1.ResourceList'),
  topologySpreadConstraints: list(topologySpreadConstraint),
  setHostnameAsFQDN: pointer(bool),
  os: pointer(podOS),
  hostUsers: pointer(bool),
  schedulingGates: list(podSchedulingGate),
  resourceClaims: list(podResourceClaim),
  resources: pointer(resourceRequirements),
  hostnameOverride: pointer(string),
  schedulingGroup: pointer(podSchedulingGroup),
});

export const pod = root('v1.Pod', {
  spec: podSpec,
  status: podStatus,
});

export type Pod = Draft & Of<typeof pod>;

export const podTemplateSpec = struct('v1.PodTemplateSpec', {
  spec: podSpec,
});

export const podTemplate = root('v1.PodTemplate', {
  template: podTemplateSpec,
});

export type PodTemplate = Draft & Of<typeof podTemplate>;

const replicationControllerSpec = struct('v1.ReplicationControllerSpec', {
  replicas: pointer(int32),
  minReadySeconds: int32,
  selector: map(string),
  template: pointer(podTemplateSpec),
});

const replicationControllerCondition = struct('v1.ReplicationControllerCondition', {
  type: always(text('v1.ReplicationControllerConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const replicationControllerStatus = struct('v1.ReplicationControllerStatus', {
  replicas: always(int32),
  fullyLabeledReplicas: int32,
  readyReplicas: int32,
  availableReplicas: int32,
  observedGeneration: int64,
  conditions: list(replicationControllerCondition),
});

export const replicationController = root('v1.ReplicationController', {
  spec: replicationControllerSpec,
  status: replicationControllerStatus,
});

export type ReplicationController = Draft & Of<typeof replicationController>;
