/** Addresses that objects have, by family, as their status or spec shows them. */
import { type Family, formatAddress, parseAddress } from '@podwire/engine';
import type { Node, Pod, Service } from '../objects/kube.ts';

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

/** A node's internal addresses; its external ones where it has no internal one. */
export function nodeAddresses(node: Node): OwnAddress[] {
  const all = node.status?.addresses ?? [];
  const internal = own(all.filter((a) => a.type === 'InternalIP').map((a) => a.address));
  return internal.length > 0 ? internal : own(all.filter((a) => a.type === 'ExternalIP').map((a) => a.address));
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
