/** Volumes of Pods: core/v1/types.go. */
import { persistentVolumeClaimTemplate } from './core-claims.ts';
import {
  localObjectReference,
  localObjectReferenceFields,
  objectFieldSelector,
  resourceFieldSelector,
} from './core-refs.ts';
import {
  awsElasticBlockStoreVolumeSource,
  azureDiskVolumeSource,
  fcVolumeSource,
  flockerVolumeSource,
  gcePersistentDiskVolumeSource,
  glusterfsVolumeSource,
  hostPathVolumeSource,
  nfsVolumeSource,
  photonPersistentDiskVolumeSource,
  portworxVolumeSource,
  quobyteVolumeSource,
  vsphereVirtualDiskVolumeSource,
} from './core-volume-sources.ts';
import { labelSelector } from './meta.ts';
import { quantity } from './scalars.ts';
import { always, bool, embedded, int32, int64, list, map, pointer, string, struct, text } from './type.ts';

const emptyDirVolumeSource = struct('v1.EmptyDirVolumeSource', {
  medium: text('v1.StorageMedium'),
  sizeLimit: pointer(quantity),
});

const gitRepoVolumeSource = struct('v1.GitRepoVolumeSource', {
  repository: always(string),
  revision: string,
  directory: string,
});

const keyToPath = struct('v1.KeyToPath', {
  key: always(string),
  path: always(string),
  mode: pointer(int32),
});

const secretVolumeSource = struct('v1.SecretVolumeSource', {
  secretName: string,
  items: list(keyToPath),
  defaultMode: pointer(int32),
  optional: pointer(bool),
});

const iscsiVolumeSource = struct('v1.ISCSIVolumeSource', {
  targetPortal: always(string),
  iqn: always(string),
  lun: always(int32),
  iscsiInterface: string,
  fsType: string,
  readOnly: bool,
  portals: list(string),
  chapAuthDiscovery: bool,
  chapAuthSession: bool,
  secretRef: pointer(localObjectReference),
  initiatorName: pointer(string),
});

const persistentVolumeClaimVolumeSource = struct('v1.PersistentVolumeClaimVolumeSource', {
  claimName: always(string),
  readOnly: bool,
});

const rbdVolumeSource = struct('v1.RBDVolumeSource', {
  monitors: always(list(string)),
  image: always(string),
  fsType: string,
  pool: string,
  user: string,
  keyring: string,
  secretRef: pointer(localObjectReference),
  readOnly: bool,
});

const flexVolumeSource = struct('v1.FlexVolumeSource', {
  driver: always(string),
  fsType: string,
  secretRef: pointer(localObjectReference),
  readOnly: bool,
  options: map(string),
});

const cinderVolumeSource = struct('v1.CinderVolumeSource', {
  volumeID: always(string),
  fsType: string,
  readOnly: bool,
  secretRef: pointer(localObjectReference),
});

const cephFSVolumeSource = struct('v1.CephFSVolumeSource', {
  monitors: always(list(string)),
  path: string,
  user: string,
  secretFile: string,
  secretRef: pointer(localObjectReference),
  readOnly: bool,
});

const downwardAPIVolumeFile = struct('v1.DownwardAPIVolumeFile', {
  path: always(string),
  fieldRef: pointer(objectFieldSelector),
  resourceFieldRef: pointer(resourceFieldSelector),
  mode: pointer(int32),
});

const downwardAPIVolumeSource = struct('v1.DownwardAPIVolumeSource', {
  items: list(downwardAPIVolumeFile),
  defaultMode: pointer(int32),
});

const azureFileVolumeSource = struct('v1.AzureFileVolumeSource', {
  secretName: always(string),
  shareName: always(string),
  readOnly: bool,
});

const configMapVolumeSource = struct('v1.ConfigMapVolumeSource', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  items: list(keyToPath),
  defaultMode: pointer(int32),
  optional: pointer(bool),
});

const secretProjection = struct('v1.SecretProjection', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  items: list(keyToPath),
  optional: pointer(bool),
});

const downwardAPIProjection = struct('v1.DownwardAPIProjection', {
  items: list(downwardAPIVolumeFile),
});

const configMapProjection = struct('v1.ConfigMapProjection', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  items: list(keyToPath),
  optional: pointer(bool),
});

const serviceAccountTokenProjection = struct('v1.ServiceAccountTokenProjection', {
  audience: string,
  expirationSeconds: pointer(int64),
  path: always(string),
});

const clusterTrustBundleProjection = struct('v1.ClusterTrustBundleProjection', {
  name: pointer(string),
  signerName: pointer(string),
  labelSelector: pointer(labelSelector),
  optional: pointer(bool),
  path: always(string),
});

const podCertificateProjection = struct('v1.PodCertificateProjection', {
  signerName: string,
  keyType: string,
  maxExpirationSeconds: pointer(int32),
  credentialBundlePath: string,
  keyPath: string,
  certificateChainPath: string,
  userAnnotations: map(string),
});

const volumeProjection = struct('v1.VolumeProjection', {
  secret: pointer(secretProjection),
  downwardAPI: pointer(downwardAPIProjection),
  configMap: pointer(configMapProjection),
  serviceAccountToken: pointer(serviceAccountTokenProjection),
  clusterTrustBundle: pointer(clusterTrustBundleProjection),
  podCertificate: pointer(podCertificateProjection),
});

const projectedVolumeSource = struct('v1.ProjectedVolumeSource', {
  sources: always(list(volumeProjection)),
  defaultMode: pointer(int32),
});

const scaleIOVolumeSource = struct('v1.ScaleIOVolumeSource', {
  gateway: always(string),
  system: always(string),
  secretRef: always(pointer(localObjectReference)),
  sslEnabled: bool,
  protectionDomain: string,
  storagePool: string,
  storageMode: string,
  volumeName: string,
  fsType: string,
  readOnly: bool,
});

const storageOSVolumeSource = struct('v1.StorageOSVolumeSource', {
  volumeName: string,
  volumeNamespace: string,
  fsType: string,
  readOnly: bool,
  secretRef: pointer(localObjectReference),
});

const csiVolumeSource = struct('v1.CSIVolumeSource', {
  driver: always(string),
  readOnly: pointer(bool),
  fsType: pointer(string),
  volumeAttributes: map(string),
  nodePublishSecretRef: pointer(localObjectReference),
});

const ephemeralVolumeSource = struct('v1.EphemeralVolumeSource', {
  volumeClaimTemplate: pointer(persistentVolumeClaimTemplate),
});

const imageVolumeSource = struct('v1.ImageVolumeSource', {
  reference: string,
  pullPolicy: text('v1.PullPolicy'),
});

const volumeSourceFields = {
  hostPath: pointer(hostPathVolumeSource),
  emptyDir: pointer(emptyDirVolumeSource),
  gcePersistentDisk: pointer(gcePersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(awsElasticBlockStoreVolumeSource),
  gitRepo: pointer(gitRepoVolumeSource),
  secret: pointer(secretVolumeSource),
  nfs: pointer(nfsVolumeSource),
  iscsi: pointer(iscsiVolumeSource),
  glusterfs: pointer(glusterfsVolumeSource),
  persistentVolumeClaim: pointer(persistentVolumeClaimVolumeSource),
  rbd: pointer(rbdVolumeSource),
  flexVolume: pointer(flexVolumeSource),
  cinder: pointer(cinderVolumeSource),
  cephfs: pointer(cephFSVolumeSource),
  flocker: pointer(flockerVolumeSource),
  downwardAPI: pointer(downwardAPIVolumeSource),
  fc: pointer(fcVolumeSource),
  azureFile: pointer(azureFileVolumeSource),
  configMap: pointer(configMapVolumeSource),
  vsphereVolume: pointer(vsphereVirtualDiskVolumeSource),
  quobyte: pointer(quobyteVolumeSource),
  azureDisk: pointer(azureDiskVolumeSource),
  photonPersistentDisk: pointer(photonPersistentDiskVolumeSource),
  projected: pointer(projectedVolumeSource),
  portworxVolume: pointer(portworxVolumeSource),
  scaleIO: pointer(scaleIOVolumeSource),
  storageos: pointer(storageOSVolumeSource),
  csi: pointer(csiVolumeSource),
  ephemeral: pointer(ephemeralVolumeSource),
  image: pointer(imageVolumeSource),
};

export const volume = struct('v1.Volume', {
  name: always(string),
  ...embedded('VolumeSource', volumeSourceFields),
});
