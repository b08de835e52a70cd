/** A question about a name, and what every part of its answer is made from. */
import type { Placed } from '../cluster/cluster.ts';
import type { ClientKind } from '../dns/client.ts';
import type { ClusterDns } from '../dns/cluster-dns.ts';
import type { PodResolvConf } from '../dns/resolv-conf.ts';
import type { Pod } from '../objects/kube.ts';
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
