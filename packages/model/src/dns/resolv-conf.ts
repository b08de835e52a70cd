/** `/etc/resolv.conf` of a pod, as the kubelet writes it (pkg/kubelet/network/dns/dns.go, Kubernetes v1.36). Windows nodes are not covered. */
import { canonical } from '../net/cidr.ts';
import type { Pod } from '../objects/kube.ts';

export interface ResolvConf {
  nameservers: string[];
  searches: string[];
  /** `ndots:5`, `rotate`. */
  options: string[];
}

/** What the kubelet tells beside: events of the Pod or the Node. */
interface ResolvConfEvent {
  type: 'Warning';
  reason: 'DNSConfigForming' | 'MissingClusterDNS';
  message: string;
}

/** Kubernetes' limits (pkg/apis/core/validation): before 1.28 6 paths and 256 characters. */
interface SearchLimits {
  paths: number;
  characters: number;
}

export const searchLimits: SearchLimits = { paths: 32, characters: 2048 };
export const formerSearchLimits: SearchLimits = { paths: 6, characters: 256 };
const NAMESERVERS_MAX = 3;
/** glibc 2.28 ends the process on a longer path. */
const PATH_MAX = 253;

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}

/** A `nameserver` line without an address is an error, which keeps pods from starting. */
export function parseResolvConf(text: string): ResolvConf | { error: string } {
  const found: ResolvConf = { nameservers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === undefined || word.startsWith('#')) continue;
    // Of search the last line counts; of options the last value. `search .`, which systemd-resolved writes, is no path.
    if (word === 'search') found.searches = rest.filter((path) => path !== '.').map((path) => path.replace(/\.$/, ''));
    if (word === 'options') found.options = mergeOptions(found.options, rest.map(splitOption));
    if (word !== 'nameserver') continue;
    const [address] = rest;
    if (address === undefined) return { error: 'nameserver list is empty' };
    found.nameservers.push(address);
  }
  return found;
}

export function fitSearches(
  searches: readonly string[],
  limits: SearchLimits = searchLimits,
): { searches: string[]; event?: ResolvConfEvent } {
  const kept = searches.slice(0, limits.paths).filter((path) => path.length <= PATH_MAX);
  while (kept.join(' ').length > limits.characters) kept.pop();
  if (kept.length === searches.length) return { searches: kept };
  const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(' ')}`;
  return { searches: kept, event: { type: 'Warning', reason: 'DNSConfigForming', message } };
}

export function fitNameservers(nameservers: readonly string[]): { nameservers: string[]; event?: ResolvConfEvent } {
  const kept = nameservers.slice(0, NAMESERVERS_MAX);
  if (kept.length === nameservers.length) return { nameservers: kept };
  const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${kept.join(' ')}`;
  return { nameservers: kept, event: { type: 'Warning', reason: 'DNSConfigForming', message } };
}

function splitOption(option: string): { name: string; value: string } {
  const colon = option.indexOf(':');
  return colon < 0 ? { name: option, value: '' } : { name: option.slice(0, colon), value: option.slice(colon + 1) };
}

/** The Pod's own win. The kubelet writes them in no fixed order; here each stands where it was named first. */
export function mergeOptions(existing: readonly string[], own: readonly { name?: string; value?: string }[]): string[] {
  const values = new Map<string, string>();
  for (const { name = '', value = '' } of [...existing.map(splitOption), ...own]) values.set(name, value);
  return [...values].map(([name, value]) => (value === '' ? name : `${name}:${value}`));
}

type DnsType = 'cluster' | 'host' | 'none';

/** Undefined for a policy that does not exist. In the node's network `ClusterFirst` means the node's own. */
export function dnsTypeOf(policy: string | undefined, hostNetwork: boolean): DnsType | undefined {
  switch (policy) {
    case 'None':
      return 'none';
    case 'ClusterFirstWithHostNet':
      return 'cluster';
    case 'ClusterFirst':
      return hostNetwork ? 'host' : 'cluster';
    case 'Default':
      return 'host';
    default:
      return undefined;
  }
}

export interface KubeletDns {
  /** Addresses of the cluster DNS (`clusterDNS`). */
  clusterDNS: readonly string[];
  /** `clusterDomain`; empty: no search paths of the cluster. */
  clusterDomain: string;
  /** Text of the file that `resolvConf` names; null where it names none. */
  nodeResolvConf: string | null;
  /** Of the node; a kubelet without a file writes the loopback address of each family. */
  nodeIPs?: readonly string[];
}

export interface PodResolvConf extends ResolvConf {
  type: DnsType;
  events: ResolvConfEvent[];
}

function clusterSearches(domain: string, namespace: string, host: readonly string[]): string[] {
  if (domain === '') return [...host];
  return unique([`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host]);
}

/** `error`: the kubelet cannot read its node's file, and starts no pod. */
export function podResolvConf(pod: Pod, kubelet: KubeletDns): PodResolvConf | { error: string } {
  const { dnsPolicy, hostNetwork = false, dnsConfig } = pod.spec;
  const { clusterDNS, clusterDomain, nodeResolvConf, nodeIPs = [] } = kubelet;
  const host = parseResolvConf(nodeResolvConf ?? '');
  if ('error' in host) return host;
  // The API server refuses other policies; the kubelet takes them for ClusterFirst.
  const type = dnsTypeOf(dnsPolicy, hostNetwork) ?? 'cluster';
  const events: ResolvConfEvent[] = [];
  let conf: ResolvConf = { nameservers: [], searches: [], options: [] };
  if (type === 'cluster' && clusterDNS.length > 0) {
    conf = {
      nameservers: clusterDNS.map((ip) => canonical(ip) ?? ip),
      searches: clusterSearches(clusterDomain, pod.metadata.namespace ?? '', host.searches),
      options: ['ndots:5'],
    };
  } else if (type !== 'none') {
    conf = host;
    if (nodeResolvConf === null) {
      const loopbacks = nodeIPs.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
      conf = { nameservers: loopbacks.length > 0 ? loopbacks : ['127.0.0.1'], searches: ['.'], options: [] };
    }
    if (type === 'cluster') {
      const message =
        'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
      events.push({ type: 'Warning', reason: 'MissingClusterDNS', message });
    }
  }
  if (dnsConfig) {
    conf = {
      nameservers: unique([...conf.nameservers, ...(dnsConfig.nameservers ?? [])]),
      searches: unique([...conf.searches, ...(dnsConfig.searches ?? [])]),
      options: mergeOptions(conf.options, dnsConfig.options ?? []),
    };
  }
  const nameservers = fitNameservers(conf.nameservers);
  const searches = fitSearches(conf.searches);
  for (const { event } of [nameservers, searches]) if (event) events.push(event);
  return { type, nameservers: nameservers.nameservers, searches: searches.searches, options: conf.options, events };
}

/** The file itself (kubelet and container runtimes write no line for what is empty). */
export function resolvConfText({ nameservers, searches, options }: ResolvConf): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map((ip) => `nameserver ${ip}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
