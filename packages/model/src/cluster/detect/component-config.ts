/** Network ranges in the configuration of the control plane: kubeadm, kind, flags of the API server and the controller manager, k3s. */
import { canonical } from '../../net/cidr.ts';
import type { KubeObject } from '../../objects/kube.ts';
import type { Placed } from '../cluster.ts';
import type { Collected } from '../collect.ts';
import { at, parseEmbedded, text, words } from './embedded.ts';
import { k3sFlags, type Programs } from './programs.ts';
import { type Finding, finding } from './setting.ts';

/** kubeadm's ClusterConfiguration: alone, or in the ConfigMap that kubeadm leaves in the cluster. */
function* clusterConfigurations(collected: Collected): Generator<{ config: unknown; placed: Placed<KubeObject> }> {
  for (const { object, origin } of collected.others) {
    if (object.kind === 'ClusterConfiguration') yield { config: object, placed: { object, origin } };
  }
  for (const placed of collected.configMaps.values()) {
    const inner =
      placed.object.metadata.name === 'kubeadm-config' ? placed.object.data?.ClusterConfiguration : undefined;
    const config = inner === undefined ? undefined : parseEmbedded(inner);
    if (config) yield { config, placed };
  }
}

function* kindClusters(collected: Collected): Generator<Placed<KubeObject>> {
  for (const { object, origin } of collected.others) {
    if (object.kind === 'Cluster' && object.apiVersion.startsWith('kind.x-k8s.io/')) yield { object, origin };
  }
}

type Range = 'pod' | 'service';

const NAMES = {
  pod: { kubeadm: 'podSubnet', flag: 'cluster-cidr', k3s: 'cluster-cidr' },
  service: { kubeadm: 'serviceSubnet', flag: 'service-cluster-ip-range', k3s: 'service-cidr' },
} as const;

function* lists(collected: Collected, programs: Programs, range: Range): Generator<Finding<string[]>> {
  const { kubeadm, flag, k3s } = NAMES[range];
  for (const program of programs.named('kube-apiserver', 'kube-controller-manager')) {
    const value = program.flags().get(flag);
    if (value !== undefined) yield finding(words(value), program.placed, `--${flag}`);
  }
  for (const { config, placed } of clusterConfigurations(collected)) {
    const value = at(config, 'networking', kubeadm);
    if (text(value) !== undefined) yield finding(words(value), placed, `networking.${kubeadm}`);
  }
  for (const placed of kindClusters(collected)) {
    const value = at(placed.object, 'networking', kubeadm);
    if (text(value) !== undefined) yield finding(words(value), placed, `networking.${kubeadm}`);
  }
  const flags = k3sFlags(collected.nodes);
  const value = flags?.flags.get(k3s);
  if (flags && value !== undefined) yield finding(words(value), flags.placed, `--${k3s}`);
}

export function podRanges(collected: Collected, programs: Programs): Finding<string[]>[] {
  return [...lists(collected, programs, 'pod')];
}

/** ServiceCIDR objects first: they are what the API server allocates from (KEP-1880). */
export function serviceRanges(collected: Collected, programs: Programs): Finding<string[]>[] {
  const objects = collected.others
    .filter(({ object }) => object.kind === 'ServiceCIDR' && object.apiVersion.startsWith('networking.k8s.io/'))
    .map(({ object, origin }) => finding(words(at(object.spec, 'cidrs')), { object, origin }, 'spec.cidrs'))
    .filter(({ value }) => value.length > 0);
  return [...objects, ...lists(collected, programs, 'service')];
}

export function nodePortRanges(programs: Programs): Finding<{ from: number; to: number }>[] {
  const found: Finding<{ from: number; to: number }>[] = [];
  for (const program of programs.named('kube-apiserver')) {
    const match = /^(\d+)-(\d+)$/.exec(program.flags().get('service-node-port-range') ?? '');
    if (match)
      found.push(
        finding({ from: Number(match[1]), to: Number(match[2]) }, program.placed, '--service-node-port-range'),
      );
  }
  return found;
}

/** The cluster's DNS domain: what CoreDNS serves, what kubelets put into resolv.conf. */
export function clusterDomains(collected: Collected, programs: Programs): Finding<string>[] {
  const found: Finding<string>[] = [];
  for (const placed of collected.configMaps.values()) {
    const { data = {}, metadata } = placed.object;
    const zone = /^\s*kubernetes\s+([^\s{]+)/m.exec(data.Corefile ?? '')?.[1];
    if (zone !== undefined && !/arpa\.?$/.test(zone)) found.push(finding(zone.replace(/\.$/, ''), placed, 'Corefile'));
    const kubelet = metadata.name.startsWith('kubelet-config')
      ? text(at(parseEmbedded(data.kubelet ?? ''), 'clusterDomain'))
      : undefined;
    if (kubelet !== undefined) found.push(finding(kubelet, placed, 'kubelet: clusterDomain'));
  }
  for (const { config, placed } of clusterConfigurations(collected)) {
    const domain = text(at(config, 'networking', 'dnsDomain'));
    if (domain !== undefined) found.push(finding(domain, placed, 'networking.dnsDomain'));
  }
  for (const program of programs.named('kubelet')) {
    const domain = program.flags().get('cluster-domain');
    if (domain !== undefined) found.push(finding(domain, program.placed, '--cluster-domain'));
  }
  return found;
}

/** What kubelets were told under a name of their configuration, or by a flag. */
function* toldKubelets(
  collected: Collected,
  programs: Programs,
  field: string,
  flag: string,
): Generator<{ value: unknown; placed: Placed<KubeObject>; why: string }> {
  for (const { object, origin } of collected.others) {
    if (object.kind === 'KubeletConfiguration')
      yield { value: at(object, field), placed: { object, origin }, why: field };
  }
  for (const placed of collected.configMaps.values()) {
    if (!placed.object.metadata.name.startsWith('kubelet-config')) continue;
    yield { value: at(parseEmbedded(placed.object.data?.kubelet ?? ''), field), placed, why: `kubelet: ${field}` };
  }
  for (const program of programs.named('kubelet'))
    yield { value: program.flags().get(flag), placed: program.placed, why: `--${flag}` };
  const k3s = k3sFlags(collected.nodes);
  if (k3s) yield { value: k3s.flags.get(flag), placed: k3s.placed, why: `--${flag}` };
}

/** Addresses of the cluster DNS that kubelets were told. */
export function clusterDNSAddresses(collected: Collected, programs: Programs): Finding<string[]>[] {
  return [...toldKubelets(collected, programs, 'clusterDNS', 'cluster-dns')].flatMap(({ value, placed, why }) => {
    const addresses = words(value).flatMap((word) => canonical(word) ?? []);
    return addresses.length > 0 ? [finding(addresses, placed, why)] : [];
  });
}

/** The domain that kubelets were told. */
export function kubeletDomains(collected: Collected, programs: Programs): Finding<string>[] {
  return [...toldKubelets(collected, programs, 'clusterDomain', 'cluster-domain')].flatMap(({ value, placed, why }) => {
    const domain = text(value);
    return domain === undefined ? [] : [finding(domain.replace(/\.$/, ''), placed, why)];
  });
}

/** Families that kind or kubeadm files ask for. */
export function kindFamily(collected: Collected): Finding<string>[] {
  return [...kindClusters(collected)].flatMap((placed) => {
    const family = text(at(placed.object, 'networking', 'ipFamily'));
    return family === undefined ? [] : [finding(family, placed, 'networking.ipFamily')];
  });
}
