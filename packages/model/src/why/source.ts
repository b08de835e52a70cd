/** Where a packet arrives with another source than it was sent with, though pods should see pods. */
import type { Outcome } from '../answer/answer.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Fault } from './answer.ts';

/** Undefined where the source is kept, or changed as every cluster does: behind a hairpin, on a node's own network, towards the outside. */
export function sourceFault(cluster: Cluster, outcome: Outcome | undefined): Fault | undefined {
  const { receiver, forward } = outcome ?? {};
  const [start] = forward?.hops ?? [];
  if (!receiver || receiver.sourceKept || start?.place.kind !== 'pod' || receiver.place.kind !== 'pod')
    return undefined;
  if (receiver.place.name === start.place.name) return undefined;
  const node = start.place.node ?? '';
  const own = cluster.proxyOfNodes?.get(node) ?? cluster.settings.proxy;
  if (own.how === 'assumed') return undefined;
  const { masqueradeAll, clusterCIDRs } = own.value;
  if (masqueradeAll) {
    return {
      link: 'nat',
      code: 'masquerade-all',
      text: `kube-proxy runs with --masquerade-all (${own.why}): ${receiver.place.name} sees ${receiver.sees.address} instead of the pod.`,
      setting: 'kube-proxy --masquerade-all',
      mend: 'Take --masquerade-all off (iptables.masqueradeAll: false).',
    };
  }
  return {
    link: 'nat',
    code: 'cluster-cidr',
    text: `kube-proxy takes the pod for a stranger: its --cluster-cidr is ${clusterCIDRs.join(',') || 'not set'} (${own.why}), so the source becomes ${receiver.sees.address}.`,
    setting: `kube-proxy --cluster-cidr=${clusterCIDRs.join(',')}`,
    mend: 'Give kube-proxy the real pod network (--cluster-cidr), or detectLocalMode NodeCIDR.',
  };
}
