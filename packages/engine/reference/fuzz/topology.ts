/** Random networks: nodes on a segment, each with pods behind a bridge or behind wires of their own, a gateway, and an outside. */
import type { Family, Neighbor, Netns, Route, RouteTable } from '../../src/index.ts';
import { address, type Draft, draft, way } from './draft.ts';
import type { Random } from './random.ts';
import { addVrf, filterVlans, joinLan, stackedPods, VRF_TABLE } from './stacked.ts';
import { addTunnels } from './tunnels.ts';
import type { Plan } from './world.ts';

const prefixOf = (family: Family, text: string) => `${text}/${family === 4 ? 32 : 128}`;

/** A pod behind the node's bridge, one subnet a node. */
function bridgedPod(r: Random, node: Draft, n: number, p: number): Draft {
  const pod = draft(`pod-${n}-${p}`);
  const hostLink = `veth${p}`;
  pod.links.push({ name: 'eth0', kind: 'veth', peer: { netns: node.name, link: hostLink } });
  node.links.push({
    name: hostLink,
    kind: 'veth',
    peer: { netns: pod.name, link: 'eth0' },
    master: 'br0',
    ...(r.chance(1, 2) ? { hairpin: true } : {}),
    ...(r.chance(1, 10) ? { isolated: true } : {}),
  });
  address(pod, 'eth0', `10.1.${n}.${p + 1}/24`);
  address(pod, 'eth0', `fd00:1:${n}::${p + 1}/64`);
  way(pod, '0.0.0.0/0', 'eth0', `10.1.${n}.254`);
  way(pod, '::/0', 'eth0', `fd00:1:${n}::254`);
  return pod;
}

/** A pod behind a wire of its own: a host route there, a made-up gateway that the node answers for. */
function routedPod(r: Random, node: Draft, n: number, p: number): Draft {
  const pod = draft(`pod-${n}-${p}`);
  const hostLink = `cali${p}`;
  pod.links.push({ name: 'eth0', kind: 'veth', peer: { netns: node.name, link: hostLink } });
  node.links.push({ name: hostLink, kind: 'veth', peer: { netns: pod.name, link: 'eth0' }, mac: 'ee:ee:ee:ee:ee:ee' });
  address(pod, 'eth0', `10.2.${n}.${p + 1}/32`);
  address(pod, 'eth0', `fd00:2:${n}::${p + 1}/128`);
  way(pod, '169.254.1.1/32', 'eth0');
  way(pod, '0.0.0.0/0', 'eth0', '169.254.1.1');
  way(pod, '::/0', 'eth0', 'fe80::1');
  address(node, hostLink, 'fe80::1/64');
  way(node, prefixOf(4, `10.2.${n}.${p + 1}`), hostLink);
  way(node, prefixOf(6, `fd00:2:${n}::${p + 1}`), hostLink);
  if (r.chance(4, 5)) node.sysctls[`net.ipv4.conf.${hostLink}.proxy_arp`] = 1;
  if (r.chance(1, 5)) pod.neighbors.push({ link: 'eth0', address: '169.254.1.1', lladdr: 'ee:ee:ee:ee:ee:ee' });
  return pod;
}

/** A pod on a link of its own that stands on the node's. */
function macvlanPod(r: Random, node: Draft, n: number, p: number): Draft {
  const pod = draft(`pod-${n}-m${p}`);
  const mode = r.pick(['bridge', 'bridge', 'bridge', 'private', 'vepa', 'passthru']);
  pod.links.push({
    name: 'eth0',
    kind: 'macvlan',
    mode,
    lower: { netns: node.name, link: 'eth0' },
    ...(mode === 'passthru' ? {} : { mac: `02:dd:00:00:0${n}:0${p}` }),
  });
  address(pod, 'eth0', `10.0.0.${n * 10 + p}/24`);
  address(pod, 'eth0', `fd00::${n * 10 + p}/64`);
  way(pod, '0.0.0.0/0', 'eth0', r.chance(1, 2) ? '10.0.0.200' : `10.0.0.${n}`);
  way(pod, '::/0', 'eth0', 'fd00::200');
  if (r.chance(1, 6)) {
    pod.links.push({ name: 'tun0', kind: r.pick(['tun', 'tap', 'nlmon'] as const) });
    way(pod, '10.2.0.0/16', 'tun0');
  }
  return pod;
}

function makeNode(r: Random, n: number): Draft[] {
  const node = draft(`node-${n}`);
  node.links.push({ name: 'eth0', kind: 'device', segment: 'lan' });
  address(node, 'eth0', `10.0.0.${n}/24`);
  address(node, 'eth0', `fd00::${n}/64`);
  node.sysctls['net.ipv4.ip_forward'] = 1;
  node.sysctls['net.ipv6.conf.all.forwarding'] = 1;
  const bridged = r.chance(1, 2);
  if (bridged) {
    node.links.push({ name: 'br0', kind: 'bridge' });
    address(node, 'br0', `10.1.${n}.254/24`);
    address(node, 'br0', `fd00:1:${n}::254/64`);
    if (r.chance(1, 3)) node.sysctls['net.bridge.bridge-nf-call-iptables'] = 0;
    if (r.chance(1, 3)) node.sysctls['net.bridge.bridge-nf-call-ip6tables'] = 0;
  }
  const pods = 1 + r.below(3);
  const made = [node];
  for (let p = 0; p < pods; p++) made.push((bridged ? bridgedPod : routedPod)(r, node, n, p));
  // One link is under macvlan or under ipvlan.
  const above = r.below(16);
  if (above < 4) for (let p = 0; p < 1 + r.below(2); p++) made.push(macvlanPod(r, node, n, p));
  else if (above < 7) made.push(...stackedPods(r, node, n));
  return made;
}

const ANY_MAC = '00:00:00:00:00:00';

/** The nodes' tunnel ends, which lead to the pods of other nodes, or join the nodes' bridges. */
function overlay(r: Random, nodes: Draft[]): void {
  const v6 = r.chance(1, 4);
  const at = (n: number) => (v6 ? `fd00::${n}` : `10.0.0.${n}`);
  const id = r.chance(1, 8) ? undefined : 7;
  const all = nodes.map((node, i) => ({ node, n: i + 1 }));
  for (const { node, n } of all) {
    const bridged = node.links.some(({ name }) => name === 'br0') && r.chance(1, 3);
    node.links.push({
      name: 'vx0',
      kind: 'vxlan',
      mac: `02:cc:00:00:00:0${n}`,
      mtu: r.pick([1450, 1450, 1500, 1400]),
      ...(bridged ? { master: 'br0' } : {}),
      tunnel: {
        id: id ?? r.below(2),
        port: 4789,
        // Without one its socket is of IPv4 (vxlan_sock_add), and takes no entries of IPv6.
        ...(v6 || r.chance(3, 4) ? { local: at(n) } : {}),
        ...(r.chance(1, 2) ? { dev: 'eth0' } : {}),
        ...(r.chance(1, 3) ? { df: r.pick(['set', 'inherit'] as const) } : {}),
        ...(r.chance(1, 5) ? { ttl: r.pick(['inherit', 2, 9] as const) } : {}),
        ...(r.chance(1, 5) ? { tos: r.pick(['inherit', 8] as const) } : {}),
      },
    });
    if (!bridged) {
      address(node, 'vx0', `10.3.0.${n}/24`);
      address(node, 'vx0', `fd00:3::${n}/64`);
    }
    for (const { n: m } of all) {
      if (m === n) continue;
      if (r.chance(3, 4)) node.fdb.push({ mac: ANY_MAC, link: 'vx0', dst: at(m) });
      if (r.chance(1, 4)) node.fdb.push({ mac: `02:cc:00:00:00:0${m}`, link: 'vx0', dst: at(r.chance(7, 8) ? m : 77) });
      if (!bridged && r.chance(1, 3))
        node.neighbors.push({ link: 'vx0', address: `10.3.0.${m}`, lladdr: `02:cc:00:00:00:0${m}` });
    }
    if (bridged || r.chance(1, 5)) continue;
    for (const route of node.routes) {
      const [hop] = route.nexthops;
      const m = /^(?:10\.0\.0\.|fd00::)(\d)$/.exec(hop?.via ?? '')?.[1];
      if (m !== undefined) route.nexthops = [{ dev: 'vx0', via: route.family === 4 ? `10.3.0.${m}` : `fd00:3::${m}` }];
    }
  }
}

/** Everyone on the segment knows where the others' pods are, and that the gateway knows the rest. */
function connect(nodes: Draft[], gateway: Draft): void {
  for (const [i, node] of nodes.entries()) {
    for (const [j] of nodes.entries()) {
      if (i === j) continue;
      for (const kind of [1, 2]) {
        way(node, `10.${kind}.${j + 1}.0/24`, 'eth0', `10.0.0.${j + 1}`);
        way(node, `fd00:${kind}:${j + 1}::/64`, 'eth0', `fd00::${j + 1}`);
      }
    }
    way(node, '0.0.0.0/0', 'eth0', '10.0.0.200');
    way(node, '::/0', 'eth0', 'fd00::200');
  }
  for (const [j] of nodes.entries())
    for (const kind of [1, 2]) {
      way(gateway, `10.${kind}.${j + 1}.0/24`, 'eth0', `10.0.0.${j + 1}`);
      way(gateway, `fd00:${kind}:${j + 1}::/64`, 'eth0', `fd00::${j + 1}`);
    }
}

function makeGateway(): Draft[] {
  const gateway = draft('gateway');
  gateway.links.push({ name: 'eth0', kind: 'device', segment: 'lan' });
  gateway.links.push({ name: 'wan', kind: 'device', peer: { netns: 'outside', link: 'eth0' } });
  address(gateway, 'eth0', '10.0.0.200/24');
  address(gateway, 'eth0', 'fd00::200/64');
  address(gateway, 'wan', '192.0.2.1/24');
  address(gateway, 'wan', '2001:db8::1/64');
  gateway.sysctls['net.ipv4.ip_forward'] = 1;
  gateway.sysctls['net.ipv6.conf.all.forwarding'] = 1;
  const outside = draft('outside');
  outside.links.push({ name: 'eth0', kind: 'device', peer: { netns: 'gateway', link: 'wan' } });
  address(outside, 'eth0', '192.0.2.7/24');
  address(outside, 'eth0', '2001:db8::7/64');
  way(outside, '0.0.0.0/0', 'eth0', '192.0.2.1');
  way(outside, '::/0', 'eth0', '2001:db8::1');
  return [gateway, outside];
}

const settings: readonly [name: string, values: readonly number[]][] = [
  ['net.ipv4.conf.all.rp_filter', [0, 1, 2]],
  ['net.ipv4.conf.all.route_localnet', [0, 1]],
  ['net.ipv4.conf.all.accept_local', [0, 1]],
  ['net.ipv4.conf.all.src_valid_mark', [0, 1]],
  ['net.ipv4.conf.all.send_redirects', [0, 1]],
  ['net.ipv4.conf.all.arp_filter', [0, 1]],
  ['net.ipv4.conf.all.arp_ignore', [0, 1, 2, 3, 8]],
  ['net.ipv4.conf.eth0.rp_filter', [0, 1, 2]],
  ['net.ipv4.conf.eth0.forwarding', [0, 1]],
  ['net.ipv4.conf.all.proxy_arp', [0, 1]],
  ['net.ipv6.conf.all.proxy_ndp', [0, 1]],
  ['net.ipv4.ip_forward', [0, 1]],
  ['net.ipv6.conf.all.forwarding', [0, 1]],
  ['net.ipv4.ip_default_ttl', [64, 3]],
  ['net.ipv4.fwmark_reflect', [0, 1]],
  ['net.ipv6.fwmark_reflect', [0, 1]],
  ['net.ipv4.tcp_fwmark_accept', [0, 1]],
  ['net.ipv4.fib_multipath_hash_policy', [0, 1, 2, 3]],
  ['net.ipv4.conf.all.arp_announce', [0, 1, 2]],
  ['net.ipv4.conf.eth0.proxy_arp_pvlan', [0, 1]],
  ['net.ipv4.conf.br0.proxy_arp_pvlan', [0, 1]],
  ['net.ipv6.fib_multipath_hash_policy', [0, 1]],
  ['net.netfilter.nf_conntrack_tcp_loose', [0, 1]],
  ['net.netfilter.nf_conntrack_tcp_be_liberal', [0, 1]],
  ['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst', [0, 1]],
  ['net.netfilter.nf_conntrack_tcp_max_retrans', [0, 1]],
  ['net.netfilter.nf_conntrack_max', [1, 3, 8]],
  ['net.netfilter.nf_conntrack_helper', [0, 1]],
  ['net.netfilter.nf_conntrack_tcp_timeout_syn_sent', [0, 2]],
  ['net.netfilter.nf_conntrack_tcp_timeout_established', [5, 200, 1000]],
  ['net.netfilter.nf_conntrack_tcp_timeout_max_retrans', [1, 20]],
  ['net.netfilter.nf_conntrack_tcp_timeout_unacknowledged', [2, 150]],
  ['net.netfilter.nf_conntrack_udp_timeout', [0, 1, 10]],
  ['net.netfilter.nf_conntrack_udp_timeout_stream', [3, 60]],
  ['net.netfilter.nf_conntrack_icmp_timeout', [0, 2]],
  ['net.netfilter.nf_conntrack_generic_timeout', [1, 5]],
  ['net.netfilter.nf_conntrack_sctp_timeout_established', [1, 7]],
  ['net.ipv4.icmp_echo_ignore_all', [0, 1]],
  ['net.ipv4.ip_no_pmtu_disc', [1, 2, 3]],
  ['net.ipv4.ip_forward_use_pmtu', [0, 1]],
  ['net.ipv4.route.min_pmtu', [552, 1000]],
  ['net.ipv4.route.mtu_expires', [600, 10]],
  ['net.ipv6.route.mtu_expires', [600, 10]],
  ['net.ipv6.conf.eth0.mtu', [1280, 1400]],
];

/** Small troubles: a link down, an odd size, addresses and neighbours that do not fit. */
function trouble(r: Random, made: Draft[]): void {
  for (const { links, addresses, sysctls, neighbors } of made) {
    for (const [key, values] of settings) if (r.chance(1, 12)) sysctls[key] = r.pick(values);
    for (const link of links) {
      if (r.chance(1, 40)) link.up = false;
      if (r.chance(1, 20)) link.mtu = r.pick([576, 1280, 1400, 9000]);
    }
    const link = r.pick(links).name;
    if (r.chance(1, 8)) addresses.push({ link, address: r.pick(['10.0.0.99/24', '10.9.9.9/32', '172.16.0.1/16']) });
    if (r.chance(1, 8)) addresses.push({ link, address: r.pick(['fd00::99/64', 'fd09::9/128']) });
    if (r.chance(1, 10)) addresses.push({ link: 'lo', address: r.pick(['10.8.8.8/32', 'fd08::8/128', '10.8.9.1/24']) });
    if (r.chance(1, 12)) addresses.push({ link, address: '10.7.0.1/32', peer: '10.7.0.2' });
    const target = r.pick(['10.0.0.1', '10.0.0.2', '192.0.2.1', 'fd00::1', '10.1.1.1']);
    if (r.chance(1, 12))
      neighbors.push(
        r.pick<Neighbor>([
          { link, address: target, lladdr: '02:ff:00:00:00:01' },
          { link, address: target, state: 'failed' },
          { link, address: target, proxy: true },
        ]),
      );
  }
}

const mainTable = (routes: Route[]): RouteTable => ({ id: 254, routes });

const finish = ({ name, links, addresses, routes, vrfRoutes, sysctls, neighbors, fdb }: Draft): Netns => ({
  name,
  links,
  addresses,
  tables: [mainTable(routes), ...(vrfRoutes.length > 0 ? [{ id: VRF_TABLE, routes: vrfRoutes }] : [])],
  sysctls,
  netfilter: [],
  ...(neighbors.length > 0 ? { neighbors } : {}),
  ...(fdb.length > 0 ? { fdb } : {}),
});

export function makePlan(r: Random): Plan {
  const count = 1 + r.below(2);
  const groups = Array.from({ length: count }, (_, i) => makeNode(r, i + 1));
  const gateway = makeGateway();
  const nodes = groups.map(([node]) => node as Draft);
  connect(nodes, gateway[0] as Draft);
  if (r.chance(1, 2)) overlay(r, nodes);
  const ends = nodes.map((host, i) => ({ host, n: i + 1 }));
  const routers = r.chance(1, 3) || ends.length < 2 ? [...ends, { host: gateway[0] as Draft, n: 200 }] : ends;
  const inside = r.chance(1, 2) ? addTunnels(r, routers) : [];
  const made = [...groups.flat(), ...gateway, ...inside];
  if (r.chance(1, 2)) {
    made.push(...joinLan(r, [...nodes, ...gateway]));
    for (const node of nodes) filterVlans(r, node);
    for (const host of [...nodes, gateway[0] as Draft]) addVrf(r, host);
  }
  trouble(r, made);
  const netnses = made.map(finish);
  const of = (family: Family) =>
    netnses
      .flatMap((netns) => netns.addresses.map((a) => (a.address.split('/') as [string])[0]))
      .filter((a) => a.includes(':') === (family === 6));
  return {
    netnses,
    addresses: { 4: of(4), 6: of(6) },
    strangers: {
      4: ['10.96.0.1', '10.96.0.10', '198.51.100.5', '10.1.1.77', '10.0.0.250'],
      6: ['fd00:96::1', 'fd00:96::a', '2001:db8:5::5', 'fd00:1:1::77', 'fd00::250'],
    },
    prefixes: {
      4: ['10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16', '10.0.0.0/24', '10.96.0.0/12', '192.0.2.0/24', '0.0.0.0/0'],
      6: ['fd00::/8', 'fd00:1::/32', 'fd00:2::/32', 'fd00::/64', 'fd00:96::/112', '2001:db8::/32', '::/0'],
    },
    virtual: [],
    links: [
      'eth0',
      'vx0',
      'br0',
      'veth0',
      'veth1',
      'veth+',
      'cali0',
      'cali+',
      'lo',
      'wan',
      'eth+',
      'tn0',
      'tn+',
      'blue',
      'trunk',
      'br0.7',
      'p0',
    ],
  };
}
