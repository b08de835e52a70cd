/** Containers: core/v1/types.go. */
import {
  configMapKeySelector,
  fileKeySelector,
  localObjectReferenceFields,
  objectFieldSelector,
  resourceFieldSelector,
  resourceRequirements,
  secretKeySelector,
} from './core-refs.ts';
import { intOrString } from './scalars.ts';
import { always, bool, embedded, int32, int64, list, pointer, string, struct, text } from './type.ts';

const containerPort = struct('v1.ContainerPort', {
  name: string,
  hostPort: int32,
  containerPort: always(int32),
  protocol: text('v1.Protocol'),
  hostIP: string,
});

const envVarSource = struct('v1.EnvVarSource', {
  fieldRef: pointer(objectFieldSelector),
  resourceFieldRef: pointer(resourceFieldSelector),
  configMapKeyRef: pointer(configMapKeySelector),
  secretKeyRef: pointer(secretKeySelector),
  fileKeyRef: pointer(fileKeySelector),
});

const envVar = struct('v1.EnvVar', {
  name: always(string),
  value: string,
  valueFrom: pointer(envVarSource),
});

const configMapEnvSource = struct('v1.ConfigMapEnvSource', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  optional: pointer(bool),
});

const secretEnvSource = struct('v1.SecretEnvSource', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  optional: pointer(bool),
});

const envFromSource = struct('v1.EnvFromSource', {
  prefix: string,
  configMapRef: pointer(configMapEnvSource),
  secretRef: pointer(secretEnvSource),
});

const volumeMount = struct('v1.VolumeMount', {
  name: always(string),
  readOnly: bool,
  recursiveReadOnly: pointer(text('v1.RecursiveReadOnlyMode')),
  mountPath: always(string),
  subPath: string,
  mountPropagation: pointer(text('v1.MountPropagationMode')),
  subPathExpr: string,
});

const volumeDevice = struct('v1.VolumeDevice', {
  name: always(string),
  devicePath: always(string),
});

const capabilities = struct('v1.Capabilities', {
  add: list(text('v1.Capability')),
  drop: list(text('v1.Capability')),
});

export const seLinuxOptions = struct('v1.SELinuxOptions', {
  user: string,
  role: string,
  type: string,
  level: string,
});

export const windowsSecurityContextOptions = struct('v1.WindowsSecurityContextOptions', {
  gmsaCredentialSpecName: pointer(string),
  gmsaCredentialSpec: pointer(string),
  runAsUserName: pointer(string),
  hostProcess: pointer(bool),
});

export const seccompProfile = struct('v1.SeccompProfile', {
  type: always(text('v1.SeccompProfileType')),
  localhostProfile: pointer(string),
});

export const appArmorProfile = struct('v1.AppArmorProfile', {
  type: always(text('v1.AppArmorProfileType')),
  localhostProfile: pointer(string),
});

const securityContext = struct('v1.SecurityContext', {
  capabilities: pointer(capabilities),
  privileged: pointer(bool),
  seLinuxOptions: pointer(seLinuxOptions),
  windowsOptions: pointer(windowsSecurityContextOptions),
  runAsUser: pointer(int64),
  runAsGroup: pointer(int64),
  runAsNonRoot: pointer(bool),
  readOnlyRootFilesystem: pointer(bool),
  allowPrivilegeEscalation: pointer(bool),
  procMount: pointer(text('v1.ProcMountType')),
  seccompProfile: pointer(seccompProfile),
  appArmorProfile: pointer(appArmorProfile),
});

const execAction = struct('v1.ExecAction', {
  command: list(string),
});

const httpHeader = struct('v1.HTTPHeader', {
  name: always(string),
  value: always(string),
});

const httpGetAction = struct('v1.HTTPGetAction', {
  path: string,
  port: always(intOrString),
  host: string,
  scheme: text('v1.URIScheme'),
  httpHeaders: list(httpHeader),
});

const tcpSocketAction = struct('v1.TCPSocketAction', {
  port: always(intOrString),
  host: string,
});

const grpcAction = struct('v1.GRPCAction', {
  port: always(int32),
  service: always(pointer(string)),
});

const probeHandlerFields = {
  exec: pointer(execAction),
  httpGet: pointer(httpGetAction),
  tcpSocket: pointer(tcpSocketAction),
  grpc: pointer(grpcAction),
};

const probe = struct('v1.Probe', {
  ...embedded('ProbeHandler', probeHandlerFields),
  initialDelaySeconds: int32,
  timeoutSeconds: int32,
  periodSeconds: int32,
  successThreshold: int32,
  failureThreshold: int32,
  terminationGracePeriodSeconds: pointer(int64),
});

const sleepAction = struct('v1.SleepAction', {
  seconds: always(int64),
});

const lifecycleHandler = struct('v1.LifecycleHandler', {
  exec: pointer(execAction),
  httpGet: pointer(httpGetAction),
  tcpSocket: pointer(tcpSocketAction),
  sleep: pointer(sleepAction),
});

const lifecycle = struct('v1.Lifecycle', {
  postStart: pointer(lifecycleHandler),
  preStop: pointer(lifecycleHandler),
  stopSignal: pointer(text('v1.Signal')),
});

const containerResizePolicy = struct('v1.ContainerResizePolicy', {
  resourceName: always(text('v1.ResourceName')),
  restartPolicy: always(text('v1.ResourceResizeRestartPolicy')),
});

const containerRestartRuleOnExitCodes = struct('v1.ContainerRestartRuleOnExitCodes', {
  operator: text('v1.ContainerRestartRuleOnExitCodesOperator'),
  values: list(int32),
});

const containerRestartRule = struct('v1.ContainerRestartRule', {
  action: text('v1.ContainerRestartRuleAction'),
  exitCodes: pointer(containerRestartRuleOnExitCodes),
});

export const container = struct('v1.Container', {
  name: always(string),
  image: string,
  command: list(string),
  args: list(string),
  workingDir: string,
  ports: list(containerPort),
  envFrom: list(envFromSource),
  env: list(envVar),
  resources: resourceRequirements,
  resizePolicy: list(containerResizePolicy),
  restartPolicy: pointer(text('v1.ContainerRestartPolicy')),
  restartPolicyRules: list(containerRestartRule),
  volumeMounts: list(volumeMount),
  volumeDevices: list(volumeDevice),
  livenessProbe: pointer(probe),
  readinessProbe: pointer(probe),
  startupProbe: pointer(probe),
  lifecycle: pointer(lifecycle),
  terminationMessagePath: string,
  terminationMessagePolicy: text('v1.TerminationMessagePolicy'),
  imagePullPolicy: text('v1.PullPolicy'),
  securityContext: pointer(securityContext),
  stdin: bool,
  stdinOnce: bool,
  tty: bool,
});

const ephemeralContainerCommonFields = {
  name: always(string),
  image: string,
  command: list(string),
  args: list(string),
  workingDir: string,
  ports: list(containerPort),
  envFrom: list(envFromSource),
  env: list(envVar),
  resources: resourceRequirements,
  resizePolicy: list(containerResizePolicy),
  restartPolicy: pointer(text('v1.ContainerRestartPolicy')),
  restartPolicyRules: list(containerRestartRule),
  volumeMounts: list(volumeMount),
  volumeDevices: list(volumeDevice),
  livenessProbe: pointer(probe),
  readinessProbe: pointer(probe),
  startupProbe: pointer(probe),
  lifecycle: pointer(lifecycle),
  terminationMessagePath: string,
  terminationMessagePolicy: text('v1.TerminationMessagePolicy'),
  imagePullPolicy: text('v1.PullPolicy'),
  securityContext: pointer(securityContext),
  stdin: bool,
  stdinOnce: bool,
  tty: bool,
};

export const ephemeralContainer = struct('v1.EphemeralContainer', {
  ...embedded('EphemeralContainerCommon', ephemeralContainerCommonFields),
  targetContainerName: string,
});
