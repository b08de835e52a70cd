/** Sources that volumes of Pods and PersistentVolumes share: core/v1/types.go. */
import { always, bool, int32, list, pointer, string, struct, text } from './type.ts';

export const hostPathVolumeSource = struct('v1.HostPathVolumeSource', {
  path: always(string),
  type: pointer(text('v1.HostPathType')),
});

export const gcePersistentDiskVolumeSource = struct('v1.GCEPersistentDiskVolumeSource', {
  pdName: always(string),
  fsType: string,
  partition: int32,
  readOnly: bool,
});

export const awsElasticBlockStoreVolumeSource = struct('v1.AWSElasticBlockStoreVolumeSource', {
  volumeID: always(string),
  fsType: string,
  partition: int32,
  readOnly: bool,
});

export const nfsVolumeSource = struct('v1.NFSVolumeSource', {
  server: always(string),
  path: always(string),
  readOnly: bool,
});

export const glusterfsVolumeSource = struct('v1.GlusterfsVolumeSource', {
  endpoints: always(string),
  path: always(string),
  readOnly: bool,
});

export const vsphereVirtualDiskVolumeSource = struct('v1.VsphereVirtualDiskVolumeSource', {
  volumePath: always(string),
  fsType: string,
  storagePolicyName: string,
  storagePolicyID: string,
});

export const quobyteVolumeSource = struct('v1.QuobyteVolumeSource', {
  registry: always(string),
  volume: always(string),
  readOnly: bool,
  user: string,
  group: string,
  tenant: string,
});

export const azureDiskVolumeSource = struct('v1.AzureDiskVolumeSource', {
  diskName: always(string),
  diskURI: always(string),
  cachingMode: pointer(text('v1.AzureDataDiskCachingMode')),
  fsType: pointer(string),
  readOnly: pointer(bool),
  kind: pointer(text('v1.AzureDataDiskKind')),
});

export const photonPersistentDiskVolumeSource = struct('v1.PhotonPersistentDiskVolumeSource', {
  pdID: always(string),
  fsType: string,
});

export const portworxVolumeSource = struct('v1.PortworxVolumeSource', {
  volumeID: always(string),
  fsType: string,
  readOnly: bool,
});

export const fcVolumeSource = struct('v1.FCVolumeSource', {
  targetWWNs: list(string),
  lun: pointer(int32),
  fsType: string,
  readOnly: bool,
  wwids: list(string),
});

export const flockerVolumeSource = struct('v1.FlockerVolumeSource', {
  datasetName: string,
  datasetUUID: string,
});
