/** The status of Pods: core/v1/types.go. */
import { resourceHealth, resourceRequirements } from './core-refs.ts';
import { quantity, time } from './scalars.ts';
import { always, bool, int32, int64, list, map, pointer, string, struct, text } from './type.ts';

const podCondition = struct('v1.PodCondition', {
  type: always(text('v1.PodConditionType')),
  observedGeneration: int64,
  status: always(text('v1.ConditionStatus')),
  lastProbeTime: time,
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const hostIP = struct('v1.HostIP', {
  ip: always(string),
});

const podIP = struct('v1.PodIP', {
  ip: always(string),
});

const containerStateWaiting = struct('v1.ContainerStateWaiting', {
  reason: string,
  message: string,
});

const containerStateRunning = struct('v1.ContainerStateRunning', {
  startedAt: time,
});

const containerStateTerminated = struct('v1.ContainerStateTerminated', {
  exitCode: always(int32),
  signal: int32,
  reason: string,
  message: string,
  startedAt: time,
  finishedAt: time,
  containerID: string,
});

const containerState = struct('v1.ContainerState', {
  waiting: pointer(containerStateWaiting),
  running: pointer(containerStateRunning),
  terminated: pointer(containerStateTerminated),
});

const imageVolumeStatus = struct('v1.ImageVolumeStatus', {
  imageRef: string,
});

const volumeStatus = struct('v1.VolumeStatus', {
  image: pointer(imageVolumeStatus),
});

const volumeMountStatus = struct('v1.VolumeMountStatus', {
  name: always(string),
  mountPath: always(string),
  readOnly: bool,
  recursiveReadOnly: pointer(text('v1.RecursiveReadOnlyMode')),
  volumeStatus: pointer(volumeStatus),
});

const linuxContainerUser = struct('v1.LinuxContainerUser', {
  uid: always(int64),
  gid: always(int64),
  supplementalGroups: list(int64),
});

const containerUser = struct('v1.ContainerUser', {
  linux: pointer(linuxContainerUser),
});

const resourceStatus = struct('v1.ResourceStatus', {
  name: always(text('v1.ResourceName')),
  resources: list(resourceHealth),
});

const containerStatus = struct('v1.ContainerStatus', {
  name: always(string),
  state: containerState,
  lastState: containerState,
  ready: always(bool),
  restartCount: always(int32),
  image: always(string),
  imageID: always(string),
  containerID: string,
  started: pointer(bool),
  allocatedResources: map(quantity, 'v1.ResourceList'),
  resources: pointer(resourceRequirements),
  volumeMounts: list(volumeMountStatus),
  user: pointer(containerUser),
  allocatedResourcesStatus: list(resourceStatus),
  stopSignal: pointer(text('v1.Signal')),
});

const podResourceClaimStatus = struct('v1.PodResourceClaimStatus', {
  name: always(string),
  resourceClaimName: pointer(string),
});

const containerExtendedResourceRequest = struct('v1.ContainerExtendedResourceRequest', {
  containerName: always(string),
  resourceName: always(string),
  requestName: always(string),
});

const podExtendedResourceClaimStatus = struct('v1.PodExtendedResourceClaimStatus', {
  requestMappings: always(list(containerExtendedResourceRequest)),
  resourceClaimName: always(string),
});

const nodeAllocatableResourceClaimStatus = struct('v1.NodeAllocatableResourceClaimStatus', {
  resourceClaimName: always(string),
  containers: list(string),
  resources: always(map(quantity, 'v1.ResourceList')),
});

export const podStatus = struct('v1.PodStatus', {
  observedGeneration: int64,
  phase: text('v1.PodPhase'),
  conditions: list(podCondition),
  message: string,
  reason: string,
  nominatedNodeName: string,
  hostIP: string,
  hostIPs: list(hostIP),
  podIP: string,
  podIPs: list(podIP),
  startTime: pointer(time),
  initContainerStatuses: list(containerStatus),
  containerStatuses: list(containerStatus),
  qosClass: text('v1.PodQOSClass'),
  ephemeralContainerStatuses: list(containerStatus),
  resize: text('v1.PodResizeStatus'),
  resourceClaimStatuses: list(podResourceClaimStatus),
  extendedResourceClaimStatus: pointer(podExtendedResourceClaimStatus),
  allocatedResources: map(quantity, 'v1.ResourceList'),
  resources: pointer(resourceRequirements),
  nodeAllocatableResourceClaimStatuses: list(nodeAllocatableResourceClaimStatus),
});
