/** Addresses that objects have, by family, as their status or spec shows them. */
import { type Family, formatAddress, parseAddress } from '@podwire/engine';
import type { Node, Pod, Service } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';

export interface OwnAddress {
  address: string;
  family: Family;
}

function own(texts: readonly (string | undefined)[]): OwnAddress[] {
  const found: OwnAddress[] = [];
  for (const text of texts) {
    const parsed = text === undefined ? undefined : parseAddress(text);
    if (!parsed) continue;
    const address = formatAddress(parsed);
    if (!found.some((f) => f.address === address)) found.push({ address, family: parsed.family });
  }
  return found;
}

/** A pod's addresses, primary first. */
export function podAddresses(pod: Pod): OwnAddress[] {
  return own([pod.status?.podIP, ...(pod.status?.podIPs ?? []).map((p) => p.ip)]);
}

/** A node's address of each family, as kubelet and kube-proxy choose it of several. */
export function nodeAddresses(node: Node): OwnAddress[] {
  const { IPv4, IPv6 } = nodeIPs(node);
  return own([IPv4, IPv6]);
}

/** Cluster IPs, primary first; none for headless and ExternalName Services. */
export function clusterIPs(service: Service): OwnAddress[] {
  return own([service.spec.clusterIP, ...(service.spec.clusterIPs ?? [])]);
}

export function externalIPs(service: Service): OwnAddress[] {
  return own(service.spec.externalIPs ?? []);
}

export function loadBalancerIPs(service: Service): OwnAddress[] {
  return own((service.status?.loadBalancer?.ingress ?? []).map((i) => i.ip));
}

/** `10.0.0.1:80`, `[fd00::1]:80`; without a port the bare address. */
export function hostPort(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
