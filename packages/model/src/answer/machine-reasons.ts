/** What a namespace's network stack decided (`Reason` in the engine), and what usually helps. */
import type { ReasonRow } from './reasons.ts';

export const MACHINE: readonly ReasonRow[] = [
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
    code: 'not-admitted',
    verdict: 'dropped',
    meaning:
      'A load balancer in front of the stack (eBPF) does not let this client in, and drops the packet without a word.',
    cause: 'Its address is not among loadBalancerSourceRanges, or the Service has this address for the cluster alone.',
    fix: "Add the client's range to spec.loadBalancerSourceRanges, or come by an address that is for outside (NodePort, LoadBalancer).",
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
    code: 'server-boundary',
    verdict: 'dropped',
    meaning:
      'IPVS chose a server that it does not send such a packet to: it goes from this host to another, or the other way, in a manner that IPVS refuses.',
    cause:
      'A client at a loopback address and a server on another host, a server at 127.0.0.1, or a virtual service without masquerading whose server is this host while its address is not.',
    fix: 'Use an address of the host as source, or masquerading (ipvsadm -m); see the route of the virtual address.',
  },
  {
    code: 'ports-in-use',
    verdict: 'dropped',
    meaning:
      'A new connection came by ports that IPVS and connection tracking still know from an old one. Both forget the old one now: the next try succeeds, a second later.',
    cause:
      'Clients that use the same source port again soon, under net.ipv4.vs.conn_reuse_mode 1 and net.ipv4.vs.conntrack 1.',
    fix: 'Nothing to fix where a retry does. Otherwise keep connections open, or spread them over more source addresses.',
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
    code: 'no-backend',
    verdict: 'unreachable',
    meaning:
      'A load balancer (eBPF) has the address, and no backend behind it: connect fails with "no route to host"; from outside, "port unreachable" goes back.',
    cause: 'The Service has no ready endpoint, or with a traffic policy of Local none on this node.',
    fix: 'See why the Service has no ready endpoint: its selector, the pods, their readiness.',
  },
  {
    code: 'no-server',
    verdict: 'unreachable',
    meaning: 'The virtual service has no server that may take a new connection: "port unreachable" goes back.',
    cause:
      'It has no real servers, all have weight 0 or too many connections, or its scheduler hashes the client to one that has.',
    fix: 'Look at the servers with ipvsadm -Ln. Of a Service: see why it has no ready endpoint.',
  },
  {
    code: 'no-ipvs-connection',
    verdict: 'unreachable',
    meaning:
      'The packet comes from a server of a virtual service, and IPVS knows no connection that it belongs to: "port unreachable" goes back to the server.',
    cause:
      'The sysctl net.ipv4.vs.nat_icmp_send is 1, and the connection has ended, or was never made through this host.',
    fix: 'Compare ipvsadm -Lnc with the packet.',
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
  {
    code: 'unmodelled-balancer',
    verdict: 'unknown',
    meaning: 'A load balancer (eBPF) does something with the packet that podwire does not model.',
    cause: 'Direct server return (DSR) to a backend on another node, SCTP, or a piece of a longer packet.',
    fix: 'The answer names the frontend. Follow the packet from the backend that cilium-dbg bpf lb list shows.',
  },
  {
    code: 'unmodelled-helper',
    verdict: 'unknown',
    meaning:
      'The connection was expected by the helper of another one that is translated: it would be translated as the data of that one say.',
    cause: 'FTP, SIP, TFTP or the like through NAT, with a helper of connection tracking.',
    fix: 'Look at the connection with conntrack -L -p PROTOCOL, and at expectations with conntrack -L expect.',
  },
  {
    code: 'unmodelled-ipvs',
    verdict: 'unknown',
    meaning: 'IPVS does something with the packet that podwire does not model.',
    cause:
      'A server reached by tunnelling (ipvsadm -i), a persistence engine (--pe), net.ipv4.vs.cache_bypass or net.ipv4.vs.schedule_icmp.',
    fix: 'Look at the virtual service with ipvsadm -Ln, and follow the packet from the server that it chose.',
  },
];
