/** PersistentVolumes: core/v1/types.go. */
import { nodeSelector, secretReference } from './core-refs.ts';
import { objectReference } from './core-service.ts';
import {
  awsElasticBlockStoreVolumeSource,
  azureDiskVolumeSource,
  fcVolumeSource,
  flockerVolumeSource,
  gcePersistentDiskVolumeSource,
  hostPathVolumeSource,
  nfsVolumeSource,
  photonPersistentDiskVolumeSource,
  portworxVolumeSource,
  quobyteVolumeSource,
  vsphereVirtualDiskVolumeSource,
} from './core-volume-sources.ts';
import { type Draft, root } from './meta.ts';
import { quantity, time } from './scalars.ts';
import { always, bool, embedded, int32, list, map, type Of, pointer, string, struct, text } from './type.ts';

const glusterfsPersistentVolumeSource = struct('v1.GlusterfsPersistentVolumeSource', {
  endpoints: always(string),
  path: always(string),
  readOnly: bool,
  endpointsNamespace: pointer(string),
});

const rbdPersistentVolumeSource = struct('v1.RBDPersistentVolumeSource', {
  monitors: always(list(string)),
  image: always(string),
  fsType: string,
  pool: string,
  user: string,
  keyring: string,
  secretRef: pointer(secretReference),
  readOnly: bool,
});

const iscsiPersistentVolumeSource = struct('v1.ISCSIPersistentVolumeSource', {
  targetPortal: always(string),
  iqn: always(string),
  lun: always(int32),
  iscsiInterface: string,
  fsType: string,
  readOnly: bool,
  portals: list(string),
  chapAuthDiscovery: bool,
  chapAuthSession: bool,
  secretRef: pointer(secretReference),
  initiatorName: pointer(string),
});

const cinderPersistentVolumeSource = struct('v1.CinderPersistentVolumeSource', {
  volumeID: always(string),
  fsType: string,
  readOnly: bool,
  secretRef: pointer(secretReference),
});

const cephFSPersistentVolumeSource = struct('v1.CephFSPersistentVolumeSource', {
  monitors: always(list(string)),
  path: string,
  user: string,
  secretFile: string,
  secretRef: pointer(secretReference),
  readOnly: bool,
});

const flexPersistentVolumeSource = struct('v1.FlexPersistentVolumeSource', {
  driver: always(string),
  fsType: string,
  secretRef: pointer(secretReference),
  readOnly: bool,
  options: map(string),
});

const azureFilePersistentVolumeSource = struct('v1.AzureFilePersistentVolumeSource', {
  secretName: always(string),
  shareName: always(string),
  readOnly: bool,
  secretNamespace: always(pointer(string)),
});

const scaleIOPersistentVolumeSource = struct('v1.ScaleIOPersistentVolumeSource', {
  gateway: always(string),
  system: always(string),
  secretRef: always(pointer(secretReference)),
  sslEnabled: bool,
  protectionDomain: string,
  storagePool: string,
  storageMode: string,
  volumeName: string,
  fsType: string,
  readOnly: bool,
});

const localVolumeSource = struct('v1.LocalVolumeSource', {
  path: always(string),
  fsType: pointer(string),
});

const storageOSPersistentVolumeSource = struct('v1.StorageOSPersistentVolumeSource', {
  volumeName: string,
  volumeNamespace: string,
  fsType: string,
  readOnly: bool,
  secretRef: pointer(objectReference),
});

const csiPersistentVolumeSource = struct('v1.CSIPersistentVolumeSource', {
  driver: always(string),
  volumeHandle: always(string),
  readOnly: bool,
  fsType: string,
  volumeAttributes: map(string),
  controllerPublishSecretRef: pointer(secretReference),
  nodeStageSecretRef: pointer(secretReference),
  nodePublishSecretRef: pointer(secretReference),
  controllerExpandSecretRef: pointer(secretReference),
  nodeExpandSecretRef: pointer(secretReference),
});

const persistentVolumeSourceFields = {
  gcePersistentDisk: pointer(gcePersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(awsElasticBlockStoreVolumeSource),
  hostPath: pointer(hostPathVolumeSource),
  glusterfs: pointer(glusterfsPersistentVolumeSource),
  nfs: pointer(nfsVolumeSource),
  rbd: pointer(rbdPersistentVolumeSource),
  iscsi: pointer(iscsiPersistentVolumeSource),
  cinder: pointer(cinderPersistentVolumeSource),
  cephfs: pointer(cephFSPersistentVolumeSource),
  fc: pointer(fcVolumeSource),
  flocker: pointer(flockerVolumeSource),
  flexVolume: pointer(flexPersistentVolumeSource),
  azureFile: pointer(azureFilePersistentVolumeSource),
  vsphereVolume: pointer(vsphereVirtualDiskVolumeSource),
  quobyte: pointer(quobyteVolumeSource),
  azureDisk: pointer(azureDiskVolumeSource),
  photonPersistentDisk: pointer(photonPersistentDiskVolumeSource),
  portworxVolume: pointer(portworxVolumeSource),
  scaleIO: pointer(scaleIOPersistentVolumeSource),
  local: pointer(localVolumeSource),
  storageos: pointer(storageOSPersistentVolumeSource),
  csi: pointer(csiPersistentVolumeSource),
};

const volumeNodeAffinity = struct('v1.VolumeNodeAffinity', {
  required: pointer(nodeSelector),
});

const persistentVolumeSpec = struct('v1.PersistentVolumeSpec', {
  capacity: map(quantity, 'v1.ResourceList'),
  ...embedded('PersistentVolumeSource', persistentVolumeSourceFields),
  accessModes: list(text('v1.PersistentVolumeAccessMode')),
  claimRef: pointer(objectReference),
  persistentVolumeReclaimPolicy: text('v1.PersistentVolumeReclaimPolicy'),
  storageClassName: string,
  mountOptions: list(string),
  volumeMode: pointer(text('v1.PersistentVolumeMode')),
  nodeAffinity: pointer(volumeNodeAffinity),
  volumeAttributesClassName: pointer(string),
});

const persistentVolumeStatus = struct('v1.PersistentVolumeStatus', {
  phase: text('v1.PersistentVolumePhase'),
  message: string,
  reason: string,
  lastPhaseTransitionTime: pointer(time),
});

export const persistentVolume = root('v1.PersistentVolume', {
  spec: persistentVolumeSpec,
  status: persistentVolumeStatus,
});

export type PersistentVolume = Draft & Of<typeof persistentVolume>;
