/** The chains of one service port that decide about its traffic before an endpoint is chosen: KUBE-EXT and KUBE-FW. */
import { iptablesIfLocal } from '../detect-local.ts';
import { parseIP } from '../ip.ts';
import { hasExternalEndpoints, type OfPort, type PortState } from '../port-state.ts';
import type { IptablesPort } from './port.ts';
import { comment, type RuleLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

const FROM_NODE = ['-m', 'addrtype', '--src-type', 'LOCAL'];

/** KUBE-EXT: traffic to a node port, an external IP or a load balancer's address. */
export function externalChain(port: IptablesPort, state: PortState, settings: IptablesSettings): RuleLine[] {
  const { info, chains } = port;
  const rules: RuleLine[] = [];
  const add = (...args: string[]) =>
    rules.push({ table: 'nat', chain: chains.external, args, cause: port.cause('spec', 'externalTrafficPolicy') });
  const external = `${info.nameString} external destinations`;
  if (info.externalPolicyLocal) {
    // Pods, wherever they run, and the node itself are not bound by the policy, as if they went out to the load balancer and back.
    const ifLocal = iptablesIfLocal(settings.localDetector);
    if (ifLocal.length > 0) add(...comment(`pod traffic for ${external}`), ...ifLocal, '-j', chains.cluster);
    // The node would come from the very address it goes to, if that is local.
    add(...comment(`masquerade LOCAL traffic for ${external}`), ...FROM_NODE, '-j', 'KUBE-MARK-MASQ');
    add(...comment(`route LOCAL traffic for ${external}`), ...FROM_NODE, '-j', chains.cluster);
  } else {
    // The endpoint may be on another node, whose answer has to come back here.
    add(...comment(`masquerade traffic for ${external}`), '-j', 'KUBE-MARK-MASQ');
  }
  if (hasExternalEndpoints(port, state)) add('-j', info.externalPolicyLocal ? chains.local : chains.cluster);
  return rules;
}

/** Whether a source range holds the node, whose own packets to a load balancer's address may then come from that address. */
export function allowsNode({ info }: OfPort, nodeIP: string | undefined): boolean {
  const address = parseIP(nodeIP ?? '');
  return address !== undefined && info.loadBalancerSourceRanges.some(({ cidr }) => cidr.contains(address));
}

/** KUBE-FW: sources that may use the load balancer's address. What falls through is not translated and meets KUBE-PROXY-FIREWALL. */
export function firewallChain(port: IptablesPort, fromNode: boolean): RuleLine[] {
  const { info, chains } = port;
  const rules: RuleLine[] = [];
  const add = (args: string[], ...path: (string | number)[]) =>
    rules.push({ table: 'nat', chain: chains.firewall, args, cause: port.cause(...path) });
  const allow = (source: string) => [
    ...comment(`${info.nameString} loadbalancer IP`),
    ...['-s', source, '-j', chains.external],
  ];
  for (const { cidr, index } of info.loadBalancerSourceRanges) {
    add(allow(cidr.text), 'spec', 'loadBalancerSourceRanges', index);
  }
  if (fromNode) {
    for (const { ip, index } of info.loadBalancerVIPs) add(allow(ip), 'status', 'loadBalancer', 'ingress', index, 'ip');
  }
  add(
    comment(`other traffic to ${info.nameString} will be dropped by KUBE-PROXY-FIREWALL`),
    ...['spec', 'loadBalancerSourceRanges'],
  );
  return rules;
}
