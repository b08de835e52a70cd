/** Which network plugin the cluster runs, how it carries packets between nodes, and which pod network it was told. */
import type { KubeObject } from '../../objects/kube.ts';
import type { Placed } from '../cluster.ts';
import type { Collected } from '../collect.ts';
import { CNI_PROFILES } from './cni-profiles.ts';
import { at, parseEmbedded, text, truth, words } from './embedded.ts';
import { environment, k3sFlags, type Programs } from './programs.ts';
import { type Finding, finding } from './setting.ts';

export function* cniNames(collected: Collected, programs: Programs): Generator<Finding<string>> {
  for (const profile of CNI_PROFILES) {
    const program = programs.named(...profile.programs)[0];
    if (program) yield finding(profile.name, program.placed, `runs ${program.container.name}`);
  }
  for (const placed of collected.configMaps.values()) {
    const { name } = placed.object.metadata;
    if (name === 'cilium-config') yield finding('cilium', placed, 'is its configuration');
    if (name === 'calico-config') yield finding('calico', placed, 'is its configuration');
    if (name === 'kube-flannel-cfg') yield finding('flannel', placed, 'is its configuration');
  }
  for (const { object, origin } of collected.others) {
    if (object.kind === 'CiliumNode') yield finding('cilium', { object, origin }, 'stands in the input');
    if (object.kind === 'Installation' && object.apiVersion.startsWith('operator.tigera.io/'))
      yield finding('calico', { object, origin }, 'stands in the input');
  }
  for (const placed of collected.nodes.values()) {
    const { annotations = {} } = placed.object.metadata;
    const { providerID = '' } = placed.object.spec ?? {};
    const info = (placed.object.status as { nodeInfo?: { kubeletVersion?: string } } | undefined)?.nodeInfo;
    for (const key of Object.keys(annotations)) {
      if (key.startsWith('projectcalico.org/')) yield finding('calico', placed, `annotation ${key}`);
      if (key.startsWith('flannel.alpha.coreos.com/')) yield finding('flannel', placed, `annotation ${key}`);
      if (key.startsWith('k8s.ovn.org/')) yield finding('ovn-kubernetes', placed, `annotation ${key}`);
      if (key.startsWith('network.cilium.io/')) yield finding('cilium', placed, `annotation ${key}`);
    }
    // What these ship with unless told otherwise, so it comes last.
    if (providerID.startsWith('kind://')) yield finding('kindnet', placed, 'spec.providerID: kind ships kindnet');
    if (info?.kubeletVersion?.includes('+k3s'))
      yield finding('flannel', placed, 'status.nodeInfo.kubeletVersion: k3s ships flannel');
    break;
  }
}

const BACKENDS: Readonly<Record<string, string>> = {
  vxlan: 'VXLAN',
  'host-gw': 'none',
  ipip: 'IP-in-IP',
  wireguard: 'WireGuard',
  udp: 'UDP',
  none: 'none',
  'wireguard-native': 'WireGuard',
};

function* flannel(collected: Collected): Generator<Finding<string>> {
  for (const placed of collected.configMaps.values()) {
    const net = parseEmbedded(placed.object.data?.['net-conf.json'] ?? '');
    const backend = text(at(net, 'Backend', 'Type'));
    if (net)
      yield finding(
        BACKENDS[(backend ?? 'vxlan').toLowerCase()] ?? backend ?? 'VXLAN',
        placed,
        'net-conf.json: Backend.Type',
      );
  }
  const k3s = k3sFlags(collected.nodes);
  const backend = k3s?.flags.get('flannel-backend');
  if (k3s && backend !== undefined) yield finding(BACKENDS[backend] ?? backend, k3s.placed, '--flannel-backend');
  for (const placed of collected.nodes.values()) {
    const type = placed.object.metadata.annotations?.['flannel.alpha.coreos.com/backend-type'];
    if (type !== undefined)
      yield finding(BACKENDS[type.toLowerCase()] ?? type, placed, 'annotation flannel.alpha.coreos.com/backend-type');
  }
}

/** `Always` and `CrossSubnet` both tunnel, the second only between subnets. */
function tunnels(mode: string | undefined): boolean | undefined {
  return mode === undefined ? undefined : mode !== 'Never' && mode !== '' && mode !== 'Off';
}

function calicoOf(ipip: string | undefined, vxlan: string | undefined): string | undefined {
  if (tunnels(vxlan)) return vxlan === 'CrossSubnet' ? 'VXLAN between subnets' : 'VXLAN';
  if (tunnels(ipip)) return ipip === 'CrossSubnet' ? 'IP-in-IP between subnets' : 'IP-in-IP';
  return ipip === undefined && vxlan === undefined ? undefined : 'none';
}

function isPool({ object }: { object: KubeObject }): boolean {
  return object.kind === 'IPPool' && object.apiVersion.includes('projectcalico.org/');
}

function* calico(collected: Collected, programs: Programs): Generator<Finding<string>> {
  for (const { object, origin } of collected.others.filter(isPool)) {
    const found = calicoOf(text(at(object.spec, 'ipipMode')) ?? 'Never', text(at(object.spec, 'vxlanMode')) ?? 'Never');
    if (found !== undefined) yield finding(found, { object, origin }, 'spec.ipipMode and spec.vxlanMode');
  }
  for (const program of programs.named('calico-node')) {
    const found = calicoOf(environment(program, 'CALICO_IPV4POOL_IPIP'), environment(program, 'CALICO_IPV4POOL_VXLAN'));
    if (found !== undefined) yield finding(found, program.placed, 'CALICO_IPV4POOL_IPIP and CALICO_IPV4POOL_VXLAN');
  }
  for (const placed of collected.nodes.values()) {
    const { annotations = {} } = placed.object.metadata;
    if (annotations['projectcalico.org/IPv4IPIPTunnelAddr'])
      yield finding('IP-in-IP', placed, 'annotation projectcalico.org/IPv4IPIPTunnelAddr');
    if (annotations['projectcalico.org/IPv4VXLANTunnelAddr'])
      yield finding('VXLAN', placed, 'annotation projectcalico.org/IPv4VXLANTunnelAddr');
  }
}

function ciliumConfig(collected: Collected): Placed<KubeObject & { data?: Record<string, string> }> | undefined {
  return [...collected.configMaps.values()].find((c) => c.object.metadata.name === 'cilium-config');
}

function* cilium(collected: Collected): Generator<Finding<string>> {
  const placed = ciliumConfig(collected);
  const data = placed?.object.data ?? {};
  if (!placed) return;
  const tunnel = data['tunnel-protocol'] ?? data.tunnel;
  if (data['routing-mode'] === 'native' || tunnel === 'disabled') yield finding('none', placed, 'routing-mode');
  else if (tunnel !== undefined) yield finding(tunnel === 'geneve' ? 'Geneve' : 'VXLAN', placed, 'tunnel-protocol');
}

function* antrea(collected: Collected): Generator<Finding<string>> {
  for (const placed of collected.configMaps.values()) {
    const config = parseEmbedded(placed.object.data?.['antrea-agent.conf'] ?? '');
    const mode = text(config?.trafficEncapMode);
    if (mode !== undefined)
      yield finding(
        mode === 'noEncap' ? 'none' : (text(config?.tunnelType) ?? 'Geneve'),
        placed,
        'antrea-agent.conf: trafficEncapMode',
      );
  }
}

function* kubeRouter(programs: Programs): Generator<Finding<string>> {
  for (const program of programs.named('kube-router')) {
    if (truth(program.flags().get('enable-overlay')) === false)
      yield finding('none', program.placed, '--enable-overlay');
  }
}

/** How the plugin carries packets between nodes: `none`, or the tunnel's name. */
export function encapsulations(cni: string, collected: Collected, programs: Programs): Iterable<Finding<string>> {
  switch (cni) {
    case 'flannel':
    case 'canal':
      return flannel(collected);
    case 'calico':
      return calico(collected, programs);
    case 'cilium':
      return cilium(collected);
    case 'antrea':
      return antrea(collected);
    case 'kube-router':
      return kubeRouter(programs);
    default:
      return [];
  }
}

/** The pod network as the plugin's own configuration has it. */
export function cniPodRanges(collected: Collected, programs: Programs): Finding<string[]>[] {
  const found: Finding<string[]>[] = [];
  const add = (value: unknown, placed: Placed<KubeObject>, what: string): void => {
    const list = words(value);
    if (list.length > 0) found.push(finding(list, placed, what));
  };
  for (const program of programs.named('kindnet', 'kindnetd', 'kindnet-cni'))
    add(environment(program, 'POD_SUBNET'), program.placed, 'POD_SUBNET');
  for (const placed of collected.configMaps.values()) {
    const net = parseEmbedded(placed.object.data?.['net-conf.json'] ?? '');
    if (net)
      add(
        [net.Network, net.IPv6Network].filter((n) => n !== undefined),
        placed,
        'net-conf.json: Network',
      );
  }
  for (const { object, origin } of collected.others.filter(isPool))
    add(at(object.spec, 'cidr'), { object, origin }, 'spec.cidr');
  for (const program of programs.named('calico-node')) {
    const cidrs = [environment(program, 'CALICO_IPV4POOL_CIDR'), environment(program, 'CALICO_IPV6POOL_CIDR')];
    add(
      cidrs.filter((c) => c !== undefined),
      program.placed,
      'CALICO_IPV4POOL_CIDR',
    );
  }
  const config = ciliumConfig(collected);
  if (config)
    add(
      [config.object.data?.['cluster-pool-ipv4-cidr'], config.object.data?.['cluster-pool-ipv6-cidr']].filter(
        (c) => c !== undefined,
      ),
      config,
      'cluster-pool-ipv4-cidr',
    );
  for (const program of programs.named('weave', 'weave-kube'))
    add(environment(program, 'IPALLOC_RANGE'), program.placed, 'IPALLOC_RANGE');
  return found;
}
