/** A question about a name, and what every part of its answer is made from. */
import type { Placed } from '../cluster/cluster.ts';
import type { ClientKind } from '../dns/client.ts';
import type { ClusterDns } from '../dns/cluster-dns.ts';
import type { PodResolvConf } from '../dns/resolv-conf.ts';
import type { Pod } from '../objects/kube.ts';
import { declaredPorts } from '../objects/pod-facts.ts';
import { isLoopback } from '../pod/listen.ts';
import type { Provenance } from './provenance.ts';
import type { Session } from './session.ts';

export interface DnsQuestionAsked {
  /** As in `Question`: a pod, or what keeps pods. */
  from: string;
  name: string;
  namespace?: string;
  /** `glibc` where absent. */
  client?: ClientKind;
  /** Ask for this type alone, and for the name as it stands. */
  type?: string;
  /** Text of the node's resolv.conf. */
  nodeResolvConf?: string;
  /** Text of the pod's own resolv.conf, which counts more than what the kubelet would write. */
  resolvConf?: string;
}

/** What the parts of an answer are made from. */
export interface DnsAsking {
  session: Session;
  asked: DnsQuestionAsked;
  pod: Placed<Pod>;
  /** `namespace/name` */
  key: string;
  dns: ClusterDns;
  conf: PodResolvConf;
  provenance: Provenance;
}

/** Kubelets were told an address, and the Service of the cluster DNS has another. */
export function isMistaken({ dns, session }: Pick<DnsAsking, 'dns' | 'session'>, address: string): boolean {
  if (dns.addresses.how === 'assumed' || dns.service !== undefined || !dns.addresses.value.includes(address))
    return false;
  return [...session.cluster.services.keys()].some((key) => /\/(kube-dns|coredns|rke2-coredns)/.test(key));
}

/** All nameservers are addresses of the pod's own localhost, where none of its containers declares the port. */
export function asksItself({ conf, pod }: Pick<DnsAsking, 'conf' | 'pod'>): boolean {
  if (pod.object.spec.hostNetwork || conf.nameservers.length === 0) return false;
  return conf.nameservers.every(isLoopback) && !declaredPorts(pod.object).some((port) => port.containerPort === 53);
}

/** `/etc/resolv.conf` as the pod's dump shows it. */
export function dumpedResolvConf({ dumps }: Session, pod: string): string | undefined {
  return dumps.pods.find((dump) => dump.pod === pod)?.dump.netnses[0]?.resolvConf;
}

/** The node's own, as its dump shows it. */
export function dumpedNodeResolvConf({ dumps }: Session, node: string | undefined): string | undefined {
  return dumps.nodes.find(({ name }) => name === node)?.netnses[0]?.resolvConf;
}
