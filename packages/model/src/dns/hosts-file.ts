/** `/etc/hosts` of a pod, which resolvers read before they ask any server (pkg/kubelet/kubelet_pods.go, `managedHostsFileContent()`). */

import { canonical } from '../net/cidr.ts';
import type { Pod } from '../objects/kube.ts';
import { podAddresses } from '../objects/pod-facts.ts';

/** Hostnames are cut to what Linux takes. */
const HOSTNAME_MAX = 63;

const ALWAYS: readonly (readonly [string, readonly string[]])[] = [
  ['127.0.0.1', ['localhost']],
  ['::1', ['localhost', 'ip6-localhost', 'ip6-loopback']],
];

/** The pod's hostname, and with a subdomain the domain behind it. */
function podHostname(pod: Pod, domain: string): { hostname: string; domain?: string } {
  const { hostname, subdomain } = pod.spec;
  const { name, namespace } = pod.metadata;
  const short = (hostname || name).slice(0, HOSTNAME_MAX).replace(/[-.]+$/, '');
  return { hostname: short, ...(subdomain && { domain: `${subdomain}.${namespace}.svc.${domain}` }) };
}

/** Addresses of a name in the pod's own file. In the node's network the file is the node's, of which only these lines are known. */
export function hostsAddresses(pod: Pod, domain: string, name: string): string[] {
  const wanted = name.replace(/\.$/, '').toLowerCase();
  const own = podHostname(pod, domain);
  const ownNames = [own.hostname, ...(own.domain === undefined ? [] : [`${own.hostname}.${own.domain}`])];
  const lines: [string, readonly string[]][] = [
    ...ALWAYS.map(([ip, names]): [string, readonly string[]] => [ip, names]),
    ...(pod.spec.hostNetwork ? [] : podAddresses(pod).map((ip): [string, readonly string[]] => [ip, ownNames])),
    ...(pod.spec.hostAliases ?? []).map((alias): [string, readonly string[]] => [alias.ip, alias.hostnames ?? []]),
  ];
  const found = lines.filter(([, names]) => names.some((n) => n.toLowerCase() === wanted));
  return [...new Set(found.flatMap(([ip]) => canonical(ip) ?? []))];
}
