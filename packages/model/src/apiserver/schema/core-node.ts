/** Nodes: core/v1/types.go. */
import { taint } from './core-refs.ts';
import { type Draft, root } from './meta.ts';
import { quantity, time } from './scalars.ts';
import { always, bool, int32, int64, list, map, type Of, pointer, string, struct, text } from './type.ts';

const configMapNodeConfigSource = struct('v1.ConfigMapNodeConfigSource', {
  namespace: always(string),
  name: always(string),
  uid: text('types.UID'),
  resourceVersion: string,
  kubeletConfigKey: always(string),
});

const nodeConfigSource = struct('v1.NodeConfigSource', {
  configMap: pointer(configMapNodeConfigSource),
});

const nodeSpec = struct('v1.NodeSpec', {
  podCIDR: string,
  podCIDRs: list(string),
  providerID: string,
  unschedulable: bool,
  taints: list(taint),
  configSource: pointer(nodeConfigSource),
  externalID: string,
});

const nodeCondition = struct('v1.NodeCondition', {
  type: always(text('v1.NodeConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastHeartbeatTime: time,
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const nodeAddress = struct('v1.NodeAddress', {
  type: always(text('v1.NodeAddressType')),
  address: always(string),
});

const daemonEndpoint = struct('v1.DaemonEndpoint', {
  Port: always(int32),
});

const nodeDaemonEndpoints = struct('v1.NodeDaemonEndpoints', {
  kubeletEndpoint: daemonEndpoint,
});

const nodeSwapStatus = struct('v1.NodeSwapStatus', {
  capacity: pointer(int64),
});

const nodeSystemInfo = struct('v1.NodeSystemInfo', {
  machineID: always(string),
  systemUUID: always(string),
  bootID: always(string),
  kernelVersion: always(string),
  osImage: always(string),
  containerRuntimeVersion: always(string),
  kubeletVersion: always(string),
  kubeProxyVersion: always(string),
  operatingSystem: always(string),
  architecture: always(string),
  swap: pointer(nodeSwapStatus),
});

const containerImage = struct('v1.ContainerImage', {
  names: always(list(string)),
  sizeBytes: int64,
});

const attachedVolume = struct('v1.AttachedVolume', {
  name: always(text('v1.UniqueVolumeName')),
  devicePath: always(string),
});

const nodeConfigStatus = struct('v1.NodeConfigStatus', {
  assigned: pointer(nodeConfigSource),
  active: pointer(nodeConfigSource),
  lastKnownGood: pointer(nodeConfigSource),
  error: string,
});

const nodeRuntimeHandlerFeatures = struct('v1.NodeRuntimeHandlerFeatures', {
  recursiveReadOnlyMounts: pointer(bool),
  userNamespaces: pointer(bool),
});

const nodeRuntimeHandler = struct('v1.NodeRuntimeHandler', {
  name: always(string),
  features: pointer(nodeRuntimeHandlerFeatures),
});

const nodeFeatures = struct('v1.NodeFeatures', {
  supplementalGroupsPolicy: pointer(bool),
});

const nodeStatus = struct('v1.NodeStatus', {
  capacity: map(quantity, 'v1.ResourceList'),
  allocatable: map(quantity, 'v1.ResourceList'),
  phase: text('v1.NodePhase'),
  conditions: list(nodeCondition),
  addresses: list(nodeAddress),
  daemonEndpoints: nodeDaemonEndpoints,
  nodeInfo: nodeSystemInfo,
  images: list(containerImage),
  volumesInUse: list(text('v1.UniqueVolumeName')),
  volumesAttached: list(attachedVolume),
  config: pointer(nodeConfigStatus),
  runtimeHandlers: list(nodeRuntimeHandler),
  features: pointer(nodeFeatures),
  declaredFeatures: list(string),
});

export const node = root('v1.Node', {
  spec: nodeSpec,
  status: nodeStatus,
});

export type Node = Draft & Of<typeof node>;
export type Taint = Of<typeof taint>;
