/**
 * Every reason an answer can give: one table for `podwire explain`, the page and `docs/reasons.md` (a test holds them together).
 * The first part are the machine's own (`Reason` in the engine), the second what only the model can know.
 */
import { Reason } from '@podwire/engine';
import type { VerdictWord } from './answer.ts';

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

const MACHINE: readonly ReasonRow[] = [
  {
    code: 'listener',
    verdict: 'delivered',
    meaning: 'A socket listens on the address and port the packet arrived at, and gets it.',
    cause: 'The listeners of this network namespace are known, and one fits.',
    fix: 'Nothing to fix.',
  },
  {
    code: 'listener-assumed',
    verdict: 'delivered',
    meaning: 'The packet arrives where it should. Whether a program listens there is not in the input; one is assumed.',
    cause: 'Manifests and snapshots do not say what listens inside a container.',
    fix: 'If the real connection is refused, look inside: ss -tlnp. A program that listens on 127.0.0.1 alone is the usual fault.',
  },
  {
    code: 'icmp-local',
    verdict: 'delivered',
    meaning: 'An ICMP message reached its address; the network stack itself answers it.',
    cause: 'An echo request needs no program to answer.',
    fix: 'Nothing to fix. A ping that works says nothing about a TCP port.',
  },
  {
    code: 'socket',
    verdict: 'delivered',
    meaning: 'The packet belongs to a connection that a program here opened, and reaches it.',
    cause: 'It is a reply, a reset or an error about such a connection.',
    fix: 'Nothing to fix.',
  },
  {
    code: 'no-listener',
    verdict: 'refused',
    meaning:
      'The packet arrived, and nothing listens on that address and port: a reset or "port unreachable" goes back.',
    cause: 'The program is not running, listens on another port, or only on 127.0.0.1.',
    fix: 'Make the program listen on 0.0.0.0 or :: at the targetPort, or correct the port.',
  },
  {
    code: 'rule',
    verdict: 'dropped',
    meaning: 'A packet filter rule dropped the packet; the sender hears nothing and times out.',
    cause:
      'A rule of a host firewall, of the network plugin or of kube-proxy matches the packet. The answer quotes it.',
    fix: 'Change the object or the firewall setting that made the rule.',
  },
  {
    code: 'policy',
    verdict: 'dropped',
    meaning: 'No rule accepted the packet, and the policy of the base chain is DROP.',
    cause: 'Usually "iptables -P FORWARD DROP", as Docker and some firewalls set it.',
    fix: 'Accept traffic of the pod network in that chain, or set the policy to ACCEPT.',
  },
  {
    code: 'rp-filter',
    verdict: 'dropped',
    meaning: 'Reverse path filtering dropped the packet: a reply to its source would leave by another interface.',
    cause: 'Strict rp_filter (1) on a host with several interfaces or asymmetric routes.',
    fix: 'Set net.ipv4.conf.<interface>.rp_filter to 2 (loose), for "all" too: the larger value counts.',
  },
  {
    code: 'martian-source',
    verdict: 'dropped',
    meaning: "The source address cannot come from the network: it is the host's own, loopback, broadcast or multicast.",
    cause: 'A loopback source that left its host, or two hosts with one address.',
    fix: 'Look for an address that is used twice; for localhost node ports set route_localnet.',
  },
  {
    code: 'martian-destination',
    verdict: 'dropped',
    meaning: 'The destination address may not come from the network, such as 127.0.0.0/8.',
    cause: 'A packet to loopback entered from outside, usually after a rewrite.',
    fix: 'Set net.ipv4.conf.<interface>.route_localnet=1 where this is wanted.',
  },
  {
    code: 'forwarding-off',
    verdict: 'dropped',
    meaning: 'The packet is for somebody else and this host does not forward packets.',
    cause:
      'The sysctl net.ipv4.ip_forward (or net.ipv6.conf.all.forwarding) is 0; a reboot or a hardening script reset it.',
    fix: 'Set it to 1, and keep it in /etc/sysctl.d.',
  },
  {
    code: 'nat-exhausted',
    verdict: 'dropped',
    meaning: 'No free source port is left for the translated connection.',
    cause: 'Too many connections from one address to one destination address and port.',
    fix: 'Reuse connections, or spread them over more addresses.',
  },
  {
    code: 'conntrack-full',
    verdict: 'dropped',
    meaning: 'The host tracks as many connections as it may, and none of them makes room: new ones are dropped.',
    cause: 'The sysctl nf_conntrack_max is too small for the load, or connections stay long after their end.',
    fix: 'Raise net.netfilter.nf_conntrack_max (kube-proxy: conntrack.maxPerCore), or shorten the time-outs.',
  },
  {
    code: 'conntrack-clash',
    verdict: 'dropped',
    meaning:
      "Answers to this new connection would be taken for another connection's, so that conntrack drops its packets.",
    cause:
      'An entry of conntrack already has these ends the other way round, mostly a stale one that was translated, and no NAT moves the source port.',
    fix: 'Delete that entry (conntrack -D), or wait until it expires.',
  },
  {
    code: 'fragments-missing',
    verdict: 'dropped',
    meaning: 'A piece of a longer packet waits for the others, which do not come.',
    cause: 'A rule or a link on the way drops some of the pieces: those behind the first have no ports.',
    fix: 'Let pieces pass (-f, ct state), or send less at once: a smaller MTU at the sender.',
  },
  {
    code: 'not-carried',
    verdict: 'dropped',
    meaning: 'The tunnel does not carry packets of this address family, so it drops them without a word.',
    cause:
      'An IPIP tunnel takes IPv4 alone, a SIT tunnel IPv6, an ip6tnl what its mode says; a route sends the other family there.',
    fix: 'Route the other family elsewhere, or make a tunnel that carries both (GRE, ip6tnl mode any, WireGuard).',
  },
  {
    code: 'route-blackhole',
    verdict: 'dropped',
    meaning: 'A blackhole route discards the packet without a word.',
    cause: 'A network plugin keeps blackhole routes for its address blocks; the pod with this address is gone.',
    fix: "Check that the destination still exists; compare the route table with the node's pods.",
  },
  {
    code: 'link-down',
    verdict: 'dropped',
    meaning: 'The interface the packet came in by, or should leave by, is down.',
    cause: 'The interface was set down, or its plugin did not finish.',
    fix: 'Set it up: ip link set <interface> up.',
  },
  {
    code: 'bridge-hairpin-off',
    verdict: 'dropped',
    meaning: 'The bridge would have to send the frame out of the port it came in by, and hairpin mode is off there.',
    cause: 'A pod reaches itself through its own Service, on a bridge without hairpin mode.',
    fix: "Turn on hairpinMode in the bridge plugin's configuration (kubelet --hairpin-mode=hairpin-veth, or promiscuous-bridge).",
  },
  {
    code: 'bridge-isolated',
    verdict: 'dropped',
    meaning: 'Both bridge ports are isolated, and isolated ports do not talk to each other.',
    cause: 'Port isolation is set on the bridge, by the plugin or by hand.',
    fix: 'Turn isolation off for one of the ports.',
  },
  {
    code: 'other-host',
    verdict: 'dropped',
    meaning: 'The frame reached a network namespace that does not own its link-layer address.',
    cause: 'A static neighbour or forwarding entry is wrong or stale.',
    fix: "Compare ip neigh and bridge fdb with the owner's link address.",
  },
  {
    code: 'no-socket',
    verdict: 'dropped',
    meaning: 'The segment belongs to no connection that is known here.',
    cause: 'The connection was closed, or its packets come back another way or with another address than they left.',
    fix: 'Look for asymmetric routes and for translation that happens in one direction only.',
  },
  {
    code: 'bad-scope',
    verdict: 'dropped',
    meaning: 'A loopback or link-local address would have left its link.',
    cause: 'A program sends from or to 127.0.0.0/8, ::1 or fe80::/10 across hosts.',
    fix: 'Use an address of global scope.',
  },
  {
    code: 'no-route',
    verdict: 'unreachable',
    meaning: 'No route leads to the destination.',
    cause:
      'A missing default route, a pod network whose routes were not set, or an address family the host does not have.',
    fix: 'Add the route, or see why the network plugin did not.',
  },
  {
    code: 'route-unreachable',
    verdict: 'unreachable',
    meaning: 'A route of type unreachable answers "host unreachable".',
    cause: 'The route was set on purpose, often for a block of addresses that is not in use.',
    fix: 'Remove the route or use another destination.',
  },
  {
    code: 'route-prohibit',
    verdict: 'unreachable',
    meaning: 'A route of type prohibit answers "administratively prohibited".',
    cause: 'The route was set on purpose.',
    fix: 'Remove the route where the traffic is wanted.',
  },
  {
    code: 'no-neighbor',
    verdict: 'unreachable',
    meaning: "Nobody on the link answers for the next hop's address (ARP or neighbour discovery).",
    cause:
      'The host or pod with that address is gone, down, or on another link, or a rule drops the question or its answer (`unanswered` in the steps).',
    fix: 'Check that the address exists and that the route names the right link.',
  },
  {
    code: 'ttl-exceeded',
    verdict: 'unreachable',
    meaning: 'The hop limit reached zero on the way.',
    cause: 'A routing loop, or a very small TTL.',
    fix: 'Follow the hops in the trace: two routers that send the packet to each other are the loop.',
  },
  {
    code: 'fragmentation-needed',
    verdict: 'unreachable',
    meaning: 'The packet is larger than the next link takes, and must not be fragmented.',
    cause: "An overlay or VPN with a smaller MTU than the pods' interfaces.",
    fix: 'Lower the MTU of the pods\' interfaces, and let ICMP "fragmentation needed" through.',
  },
  {
    code: 'no-source-address',
    verdict: 'unreachable',
    meaning: 'The sender has no address of the family it would need.',
    cause: 'A single-stack pod or node talks to an address of the other family.',
    fix: "Use the destination's address of the sender's family, or make the cluster dual-stack.",
  },
  {
    code: 'loop',
    verdict: 'unreachable',
    meaning: 'The walk made more hops than any packet with a TTL can.',
    cause: 'A loop that does not lower the TTL, such as a bridge loop.',
    fix: 'Follow the hops in the trace to the ones that repeat.',
  },
  {
    code: 'reject-rule',
    verdict: 'rejected',
    meaning: 'A REJECT rule answered with an ICMP error or a TCP reset.',
    cause: 'A host firewall, or kube-proxy for a Service without endpoints. The answer quotes the rule.',
    fix: 'Change the object or the firewall setting that made the rule.',
  },
  {
    code: 'tun',
    verdict: 'unknown',
    meaning: 'The packet left by a tun or tap device: a process has it, and only that process knows what comes of it.',
    cause: 'A VPN client or a virtual machine reads from the device.',
    fix: 'Ask the program: its own routes and peers decide from here on.',
  },
  {
    code: 'unmodelled-link',
    verdict: 'unknown',
    meaning: 'The packet came to a link of a kind, or with a setting, that podwire does not follow.',
    cause:
      'A team, ifb or nlmon device, a tunnel in external mode, an ipvlan of mode l3s on the way in, or a tag within a tag.',
    fix: 'Look at the link with ip -d link, and follow the packet from its other end.',
  },
  {
    code: 'unmodelled-route',
    verdict: 'unknown',
    meaning:
      'The packet left by a route that puts it into another one, or gives it to a program (encap). podwire does not follow it there.',
    cause: 'A route with encap ip, mpls, seg6, bpf or the like: lightweight tunnels.',
    fix: 'The answer quotes the route. Follow the packet from the place that the encapsulation names.',
  },
];

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
    code: 'no-local-endpoint',
    verdict: 'dropped',
    meaning:
      "Works as intended: the Service's traffic policy is Local and this node has no endpoint, so kube-proxy drops the packet.",
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
    code: 'no-such-service-port',
    verdict: 'dropped',
    meaning:
      'The address belongs to a Service that has no such port, so no rule translates the packet and it leads nowhere; kube-proxy in nftables mode rejects it.',
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
      "Works as intended: kube-proxy translates the Service's ports only, and nothing answers a ping to a cluster IP; in nftables mode it is rejected.",
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
    meaning:
      'Services are handled by something other than kube-proxy in iptables or nftables mode, and that is not modelled yet.',
    cause: 'The cluster runs kube-proxy in IPVS mode, or a replacement of it.',
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
