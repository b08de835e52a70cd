/** What goes wrong with kube-proxy's IPVS mode alone, and with what it leaves behind. */
import { containsAddress, type IpvsService, type Netns, parseAddress, parsePrefix } from '@podwire/engine';
import type { ObjectRef } from '../answer/answer.ts';
import { endText } from '../linux/ipvs/index.ts';
import type { Service } from '../objects/kube.ts';
import { DUMMY_LINK } from '../proxy/ipvs/names.ts';
import { ipvsConfig } from '../proxy/ipvs/settings.ts';
import type { Finding } from './answer.ts';
import { dig, type Looking, textOf } from './look.ts';

const some = (names: readonly string[]): string =>
  names.length <= 2 ? names.join(' and ') : `${names[0]} and ${names.length - 1} more`;

/** Where the objects say that MetalLB answers ARP for addresses of load balancers (its L2 mode). */
function layer2(looking: Looking): string | undefined {
  const [advertisement] = looking
    .of('L2Advertisement')
    .filter(({ object }) => object.apiVersion.startsWith('metallb.io/'));
  if (advertisement) return `L2Advertisement ${advertisement.object.metadata.name}`;
  const old = looking
    .of('ConfigMap')
    .find(({ object }) => /protocol:\s*layer2/.test(textOf(dig(object, 'data', 'config')) ?? ''));
  return old && `ConfigMap ${old.object.metadata.name}`;
}

function configMap(looking: Looking): ObjectRef | undefined {
  for (const sourced of looking.of('ConfigMap')) {
    for (const [key, value] of Object.entries(dig(sourced.object, 'data') ?? {})) {
      if (typeof value === 'string' && value.includes('KubeProxyConfiguration'))
        return looking.at(sourced, ['data', key]);
    }
  }
  return undefined;
}

/**
 * The addresses stand on a link of every node, and without strictARP every node answers for them: which node the packets go to is chance.
 * (https://metallb.io/installation, "Preparation")
 */
function strictArp(looking: Looking): Finding[] {
  const { cluster } = looking.session;
  if (ipvsConfig(cluster.settings.proxy.value).strictARP) return [];
  const by = layer2(looking);
  if (by === undefined) return [];
  const balanced = [...cluster.services.values()].filter(({ object }) => object.spec.type === 'LoadBalancer');
  const isLocal = balanced.some(({ object }) => object.spec.externalTrafficPolicy === 'Local');
  const object = configMap(looking);
  return [
    {
      rank: isLocal ? 'broken' : 'suspect',
      code: 'strict-arp',
      text: `kube-proxy runs in IPVS mode without strictARP, so every node answers ARP for the addresses of load balancers, and not only the one that MetalLB (${by}) chose${isLocal ? '; of a Service with externalTrafficPolicy Local most nodes have no endpoint' : ''}.`,
      mend: 'Set ipvs.strictARP: true in the configuration of kube-proxy, and restart it.',
      ...(object ? { object } : { setting: 'kube-proxy --ipvs-strict-arp' }),
    },
  ];
}

/** Every address at which Services are served. */
function serviceAddresses({ spec, status }: Service): string[] {
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '');
  return [spec.clusterIP ?? '', ...(spec.clusterIPs ?? []), ...(spec.externalIPs ?? []), ...ingress];
}

const nameOf = ({ protocol, address = '', port = 0 }: IpvsService) => `${protocol} ${endText({ address, port })}`;

/** kube-proxy deletes at each sync what is not its own, but for excludeCIDRs. */
function strangers(looking: Looking, { name, addresses, ipvs = [] }: Netns): Finding[] {
  const { cluster } = looking.session;
  const own = new Set([
    ...[...cluster.services.values()].flatMap(({ object }) => serviceAddresses(object)),
    ...addresses.map(({ address }) => address.split('/', 1)[0] ?? ''),
  ]);
  const kept = ipvsConfig(cluster.settings.proxy.value).excludeCIDRs.flatMap((text) => parsePrefix(text) ?? []);
  // Which addresses the node has, a dump of parts may not show.
  const nodePorts = new Set(
    [...cluster.services.values()].flatMap(({ object }) => (object.spec.ports ?? []).map(({ nodePort }) => nodePort)),
  );
  const foreign = ipvs.filter(({ protocol, address = '', port }) => {
    const parsed = parseAddress(address);
    const isKept = parsed && kept.some((prefix) => prefix.family === parsed.family && containsAddress(prefix, parsed));
    return protocol !== undefined && !own.has(address) && !nodePorts.has(port) && !isKept;
  });
  if (foreign.length === 0) return [];
  return [
    {
      rank: 'suspect',
      code: 'virtual-services-of-others',
      text: `${name} has virtual services at addresses of no Service (${some(foreign.map(nameOf))}): kube-proxy deletes them at its next sync.`,
      mend: 'If another program makes them, put their addresses into ipvs.excludeCIDRs of kube-proxy.',
      setting: `ipvsadm on ${name}`,
    },
  ];
}

/** Weight 0: no endpoint any more, but it has connections. */
function draining({ name, ipvs = [] }: Netns): Finding[] {
  const found = ipvs.flatMap((service) =>
    service.servers.filter(({ weight }) => weight === 0).map((server) => ({ service, server })),
  );
  if (found.length === 0) return [];
  const which = some(found.map(({ service, server }) => `${endText(server)} of ${nameOf(service)}`));
  return [
    {
      rank: 'note',
      code: 'draining-servers',
      text: `On ${name} real servers have weight 0 (${which}): they are endpoints no more and get no new connections; kube-proxy looks once a minute and deletes each when its last connection has ended.`,
      setting: `ipvsadm on ${name}`,
    },
  ];
}

/** Addresses that a former IPVS mode left on a node whose kube-proxy runs in another one. */
function leftovers(looking: Looking, mode: string): Finding[] {
  return looking.session.dumps.nodes.flatMap(({ netnses: [host] }): Finding[] => {
    const left = (host?.netns.addresses ?? []).filter(({ link }) => link === DUMMY_LINK);
    if (!host || left.length === 0) return [];
    return [
      {
        rank: 'suspect',
        code: 'ipvs-left-behind',
        text: `${host.netns.name} has ${left.length} addresses on ${DUMMY_LINK}, though kube-proxy runs in ${mode} mode: the node takes what is sent to them for itself, also when their Services are long gone.`,
        mend: `Delete the link on ${host.netns.name} (ip link del ${DUMMY_LINK}) and the virtual services (ipvsadm --clear), or restart the node.`,
        setting: `${DUMMY_LINK} on ${host.netns.name}`,
      },
    ];
  });
}

export function checkIpvs(looking: Looking): Finding[] {
  const mode = looking.session.cluster.settings.proxyMode.value;
  if (mode === 'iptables' || mode === 'nftables') return leftovers(looking, mode);
  if (mode !== 'ipvs') return [];
  const dumped = looking.session.dumps.nodes.flatMap(({ netnses: [host] }) => (host ? [host.netns] : []));
  return [...strictArp(looking), ...dumped.flatMap((netns) => [...strangers(looking, netns), ...draining(netns)])];
}
