/**
 * Every reason an answer can give: one table for `podwire explain`, the page and `docs/reasons.md` (a test holds them together).
 * The first part are the machine's own (`Reason` in the engine), the second what only the model can know.
 */
import { Reason } from '@podwire/engine';
import type { VerdictWord } from './answer.ts';
import { MACHINE } from './machine-reasons.ts';

export interface ReasonRow {
  /** Stable kebab-case code, as answers carry it. */
  code: string;
  verdict: VerdictWord;
  /** What happened. */
  meaning: string;
  /** What usually is behind it. */
  cause: string;
  /** What usually helps; for a yes, what to keep in mind. */
  fix: string;
}

/** `NO_ROUTE` is `no-route`. */
export function codeOf(reason: Reason): string {
  return Reason[reason].toLowerCase().replaceAll('_', '-');
}

const MODEL: readonly ReasonRow[] = [
  {
    code: 'leaves-by-link',
    verdict: 'delivered',
    meaning:
      'The packet leaves the host by the link that its routes name. What is behind the link is not in the input.',
    cause: 'The host was read from a dump, which shows its own links, routes and rules alone.',
    fix: 'Nothing to fix here. Dump the next host, too, to see what it does with the packet.',
  },
  {
    code: 'leaves-by-other-link',
    verdict: 'unknown',
    meaning:
      'The answer leaves the host by another link than the question came in by. Whether it finds its way back is not in the input.',
    cause: 'Policy rules, marks or several default routes send answers another way: asymmetric routing.',
    fix: 'Dump the next hosts, too; or look at the rules and routes that the answer quotes, and at rp_filter on the way.',
  },
  {
    code: 'no-endpoints',
    verdict: 'rejected',
    meaning: 'The Service has no endpoint that takes traffic, so kube-proxy rejects the packet.',
    cause:
      'The selector matches no pod, the pods are not ready, or a named targetPort is missing in the containers. The answer says which.',
    fix: 'Make selector, labels, readiness and port names fit.',
  },
  {
    code: 'endpoints-not-shown',
    verdict: 'unknown',
    meaning:
      'The Service has no selector, and the input shows no endpoints of it: in the real cluster it may have some.',
    cause:
      'The EndpointSlices are not part of the snapshot. They were written by hand or by a program, not made from pods.',
    fix: 'Give them too: kubectl get endpointslices -A -o json.',
  },
  {
    code: 'connection-unknown',
    verdict: 'refused',
    meaning:
      'The packet belongs to a connection that its receiver does not have: the receiver answers with a reset, and the connection ends.',
    cause:
      'The process that had the connection is gone, or conntrack lost it and the packet went to another endpoint than those before it.',
    fix: 'Let the client connect anew. Programs that end gracefully close their connections themselves, before they are taken away.',
  },
  {
    code: 'no-local-endpoint',
    verdict: 'dropped',
    meaning:
      "Works as intended: the Service's traffic policy is Local and this node has no endpoint, so kube-proxy drops the packet; in IPVS mode the kernel rejects it.",
    cause:
      "The Service's internalTrafficPolicy or externalTrafficPolicy is Local. Load balancers avoid such nodes by the health check node port.",
    fix: 'Run an endpoint on every node that takes traffic (a DaemonSet), or set the policy to Cluster.',
  },
  {
    code: 'source-range',
    verdict: 'dropped',
    meaning: "The client's address is not in the Service's loadBalancerSourceRanges.",
    cause: "The list does not hold the client's network, or the address was translated before it was compared.",
    fix: "Add the client's network to spec.loadBalancerSourceRanges.",
  },
  {
    code: 'node-port-not-served',
    verdict: 'refused',
    meaning:
      'The port is a node port, but kube-proxy does not serve it at this address of the node, and opens no socket there: the connection is refused.',
    cause:
      'Loopback addresses are served in iptables mode for IPv4 alone (iptables.localhostNodePorts), others where nodePortAddresses lets them be.',
    fix: 'Ask at an address of the node that is served: its own one.',
  },
  {
    code: 'no-such-service-port',
    verdict: 'dropped',
    meaning:
      'The address belongs to a Service that has no such port, so no rule translates the packet and it leads nowhere; kube-proxy in nftables or IPVS mode rejects it.',
    cause: "The targetPort or node port was asked for instead of the Service's port, or another protocol.",
    fix: 'Ask one of the ports that the answer lists.',
  },
  {
    code: 'cluster-ip-from-outside',
    verdict: 'unreachable',
    meaning: 'Works as intended: a cluster IP exists only in the rules of the nodes, and no network outside routes it.',
    cause: 'The client stands outside the cluster and the Service is of type ClusterIP.',
    fix: 'Give the Service type NodePort or LoadBalancer, or put an Ingress or a Gateway before it.',
  },
  {
    code: 'no-ping-to-service',
    verdict: 'dropped',
    meaning:
      "Works as intended: kube-proxy translates the Service's ports only, and nothing answers a ping to a cluster IP; in nftables and IPVS mode it is rejected.",
    cause: 'ICMP has no ports, so no Service rule matches.',
    fix: 'Ask a port of the Service instead.',
  },
  {
    code: 'no-address',
    verdict: 'unreachable',
    meaning: 'The destination has no address in the input, so no packet can be sent to it.',
    cause: 'The Service has no address for such clients, or its status is missing.',
    fix: 'Give the objects with their status: kubectl get -o json.',
  },
  {
    code: 'no-pods',
    verdict: 'unreachable',
    meaning: 'The workload has no pods.',
    cause: 'It is scaled to zero, or its pods are not in the input.',
    fix: 'Scale it up, or give the Pods with -f.',
  },
  {
    code: 'no-pod-address',
    verdict: 'unreachable',
    meaning: 'The pod has no address.',
    cause: 'It is not scheduled, is starting, or has ended.',
    fix: 'See why it does not run: kubectl describe pod.',
  },
  {
    code: 'no-node-address',
    verdict: 'unreachable',
    meaning: 'The node has no address in its status.',
    cause: 'The Node object is incomplete in the input.',
    fix: 'Give the Nodes with their status: kubectl get nodes -o json.',
  },
  {
    code: 'name-found',
    verdict: 'delivered',
    meaning: 'The name has addresses, or the question for it reaches a server outside that would know.',
    cause: 'The pod asks the cluster DNS, and that has the name or hands the question on.',
    fix: 'Nothing to fix.',
  },
  {
    code: 'no-such-name',
    verdict: 'unreachable',
    meaning: 'No server that the pod asks has the name, so that there is no address to send to.',
    cause:
      'The Service is in another namespace, is misspelt, has no ready endpoint (headless), or the pod asks servers that know no names of the cluster.',
    fix: 'Ask for NAME.NAMESPACE, or mend what the answer names.',
  },
  {
    code: 'name-not-known-here',
    verdict: 'unknown',
    meaning: 'Whether the name has an address is not in the input.',
    cause: 'A server outside answers it, or a plugin of the cluster DNS that podwire does not model.',
    fix: 'Ask in the cluster: kubectl exec POD -- nslookup NAME.',
  },
  {
    code: 'no-common-family',
    verdict: 'unreachable',
    meaning: "The source has no address of the destination's address family.",
    cause: 'One end is IPv4 only and the other IPv6 only.',
    fix: 'Make one of them dual-stack.',
  },
  {
    code: 'outcomes-differ',
    verdict: 'depends',
    meaning: "The packet's fate depends on which endpoint, path or source is drawn.",
    cause: 'Some endpoints or replicas behave differently from others.',
    fix: 'See the outcomes one by one; the odd one out is the fault.',
  },
  {
    code: 'rate-limit',
    verdict: 'depends',
    meaning: 'The packet passes a rate limit or quota whose fill at that moment nobody can know.',
    cause: 'A limit, hashlimit or quota match in a packet filter rule.',
    fix: 'See both outcomes; the rule is quoted.',
  },
  {
    code: 'construct-not-modelled',
    verdict: 'unknown',
    meaning:
      'The verdict hangs on a rule that podwire does not model. It followed both ways, and they end differently.',
    cause: 'A match or target of the packet filter that podwire has no model of. The answer quotes it.',
    fix: "Judge the quoted rule by hand: each way's end is shown.",
  },
  {
    code: 'proxy-mode-not-modelled',
    verdict: 'unknown',
    meaning: 'Services are handled by something other than kube-proxy, and that is not modelled yet.',
    cause: 'The cluster runs a replacement of kube-proxy, or nothing in its place.',
    fix: "Ask with the pod's address, or, where the ways are alike for your question, override with --proxy-mode iptables.",
  },
  {
    code: 'policy-not-judged',
    verdict: 'unknown',
    meaning:
      'The packet would pass, but a network policy selects one of the ends, and podwire does not judge policies yet.',
    cause: 'The selected pod takes (or sends) only what its policies allow, if the network plugin enforces them.',
    fix: 'Read the policies that the answer names; everything but them lets the packet through.',
  },
];

const ALL: readonly ReasonRow[] = [...MACHINE, ...MODEL];
const BY_CODE = new Map(ALL.map((row) => [row.code, row]));

/** All rows, the machine's first. */
export function reasonCatalogue(): readonly ReasonRow[] {
  return ALL;
}

export function reasonRow(code: string): ReasonRow | undefined {
  return BY_CODE.get(code);
}
