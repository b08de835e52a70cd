/**
 * What becomes of each setting of the network, by the names of Linux 6.18: some decide what happens to packets and are evaluated, some
 * decide it and are not, so that answers name them where they are not what podwire goes by, and the rest decides nothing that is walked.
 * In names `*` stands for `all`, `default` or an interface, and at the end for anything. `docs/sysctls.md` has the same in words.
 */
import type { Sysctls } from './sysctl.ts';

export interface Followed {
  name: string;
  /** Where no kernel was asked: the function that says so. */
  by?: string;
}

export interface Unfollowed {
  name: string;
  /** What podwire goes by: the kernel's default. */
  value: number;
  /** What another value does. */
  does: string;
}

export interface Idle {
  name: string;
  why: string;
}

const tried = (...names: string[]): Followed[] => names.map((name) => ({ name }));

export const FOLLOWED: readonly Followed[] = [
  ...tried(
    'net.ipv4.ip_forward',
    'net.ipv4.conf.*.forwarding',
    'net.ipv4.conf.*.rp_filter',
    'net.ipv4.conf.*.accept_local',
    'net.ipv4.conf.*.route_localnet',
    'net.ipv4.conf.*.src_valid_mark',
    'net.ipv4.conf.*.ignore_routes_with_linkdown',
    'net.ipv4.conf.*.proxy_arp',
    'net.ipv4.conf.*.proxy_arp_pvlan',
    'net.ipv4.conf.*.arp_announce',
    'net.ipv4.conf.*.arp_filter',
    'net.ipv4.conf.*.arp_ignore',
    'net.ipv4.ip_default_ttl',
    'net.ipv4.ip_no_pmtu_disc',
    'net.ipv4.route.min_pmtu',
    'net.ipv4.route.mtu_expires',
    'net.ipv4.icmp_echo_ignore_all',
    'net.ipv4.fwmark_reflect',
    'net.ipv4.tcp_fwmark_accept',
    'net.ipv4.fib_multipath_hash_policy',
    'net.ipv6.conf.*.forwarding',
    'net.ipv6.conf.*.force_forwarding',
    'net.ipv6.conf.*.disable_ipv6',
    'net.ipv6.conf.*.ignore_routes_with_linkdown',
    'net.ipv6.conf.*.mtu',
    'net.ipv6.conf.*.proxy_ndp',
    'net.ipv6.route.mtu_expires',
    'net.ipv6.icmp.echo_ignore_all',
    'net.ipv6.fwmark_reflect',
    'net.bridge.bridge-nf-call-ip6tables',
    'net.bridge.bridge-nf-call-iptables',
    'net.netfilter.nf_conntrack_generic_timeout',
    'net.netfilter.nf_conntrack_gre_timeout*',
    'net.netfilter.nf_conntrack_icmp*_timeout',
    'net.netfilter.nf_conntrack_sctp_timeout_*',
    'net.netfilter.nf_conntrack_tcp_timeout_*',
    'net.netfilter.nf_conntrack_udp_timeout*',
    'net.netfilter.nf_conntrack_tcp_be_liberal',
    'net.netfilter.nf_conntrack_tcp_ignore_invalid_rst',
    'net.netfilter.nf_conntrack_tcp_loose',
    'net.netfilter.nf_conntrack_tcp_max_retrans',
  ),
  { name: 'net.ipv4.conf.*.send_redirects', by: 'fib_validate_source' },
  { name: 'net.ipv4.ip_forward_use_pmtu', by: 'ip_dst_mtu_maybe_forward' },
  { name: 'net.ipv4.ip_local_port_range', by: 'udp_flow_src_port' },
  { name: 'net.ipv6.fib_multipath_hash_policy', by: 'rt6_multipath_hash' },
  { name: 'net.bridge.bridge-nf-call-arptables', by: 'br_nf_forward_arp' },
  { name: 'net.ipv4.tcp_l3mdev_accept', by: 'inet_sk_bound_dev_eq' },
  { name: 'net.ipv4.udp_l3mdev_accept', by: 'inet_sk_bound_dev_eq' },
  { name: 'net.netfilter.nf_conntrack_max', by: 'early_drop' },
  { name: 'net.nf_conntrack_max', by: 'early_drop' },
  { name: 'net.ipv4.ip_unprivileged_port_start', by: 'ip_vs_service_find' },
  { name: 'net.ipv4.vs.conn_reuse_mode', by: 'ip_vs_in_hook' },
  { name: 'net.ipv4.vs.conntrack', by: 'ip_vs_update_conntrack' },
  { name: 'net.ipv4.vs.drop_packet', by: 'ip_vs_todrop' },
  { name: 'net.ipv4.vs.expire_nodest_conn', by: 'ip_vs_in_hook' },
  { name: 'net.ipv4.vs.expire_quiescent_template', by: 'ip_vs_check_template' },
  { name: 'net.ipv4.vs.nat_icmp_send', by: 'ip_vs_out_hook' },
  { name: 'net.ipv4.vs.sloppy_sctp', by: 'sctp_conn_schedule' },
  { name: 'net.ipv4.vs.sloppy_tcp', by: 'tcp_conn_schedule' },
  { name: 'net.ipv4.vs.snat_reroute', by: 'ip_vs_route_me_harder' },
];

const unfollowed = (name: string, value: number, does: string): Unfollowed => ({ name, value, does });

export const UNFOLLOWED: readonly Unfollowed[] = [
  unfollowed('net.ipv4.conf.*.bc_forwarding', 0, 'broadcasts to another network are forwarded'),
  unfollowed('net.ipv4.conf.*.mc_forwarding', 0, 'a program routes multicast'),
  unfollowed('net.ipv4.conf.*.medium_id', 0, 'proxy ARP does not answer between links of one medium'),
  unfollowed('net.ipv4.icmp_echo_ignore_broadcasts', 1, 'echo requests to broadcast addresses are answered'),
  unfollowed('net.ipv4.icmp_echo_enable_probe', 0, 'extended echo requests (RFC 8335) are answered'),
  unfollowed(
    'net.ipv4.icmp_errors_use_inbound_ifaddr',
    0,
    'ICMP errors come from an address of the link by which the packet came',
  ),
  unfollowed('net.ipv4.fib_multipath_use_neigh', 0, 'nexthops that do not answer are passed over'),
  unfollowed('net.ipv4.fib_multipath_hash_fields', 7, 'policy 3 spreads flows by other fields'),
  unfollowed(
    'net.ipv4.ip_early_demux',
    1,
    'rules that write over the ends of a packet at INPUT decide which socket gets it',
  ),
  unfollowed('net.ipv4.tcp_early_demux', 1, 'the same for TCP'),
  unfollowed('net.ipv4.udp_early_demux', 1, 'the same for UDP'),
  unfollowed('net.ipv4.tcp_reflect_tos', 0, 'a SYN/ACK has the TOS of the SYN'),
  unfollowed(
    'net.ipv6.conf.*.hop_limit',
    64,
    'what leaves by the link has another hop limit; that of `all` is taken for every link',
  ),
  unfollowed('net.ipv6.conf.*.mc_forwarding', 0, 'a program routes multicast'),
  unfollowed(
    'net.ipv6.conf.*.use_oif_addrs_only',
    0,
    'sources are chosen among the addresses of the outgoing link alone',
  ),
  unfollowed('net.ipv6.conf.*.use_tempaddr', 0, 'temporary addresses are preferred as sources'),
  unfollowed('net.ipv6.anycast_src_echo_reply', 0, 'an echo reply comes from the anycast address that was asked'),
  unfollowed('net.ipv6.icmp.echo_ignore_anycast', 0, 'echo requests to anycast addresses are not answered'),
  unfollowed('net.ipv6.icmp.error_anycast_as_unicast', 0, 'ICMPv6 errors are sent to anycast addresses'),
  unfollowed('net.ipv6.fib_multipath_hash_fields', 7, 'policy 3 spreads flows by other fields'),
  unfollowed('net.bridge.bridge-nf-filter-vlan-tagged', 0, 'frames with a VLAN tag pass iptables'),
  unfollowed('net.bridge.bridge-nf-filter-pppoe-tagged', 0, 'frames of PPPoE pass iptables'),
  unfollowed(
    'net.bridge.bridge-nf-pass-vlan-input-dev',
    0,
    'frames with a VLAN tag come in by the VLAN device on the bridge',
  ),
  unfollowed('net.ipv4.vs.cache_bypass', 0, 'IPVS sends packets of services by mark past servers that are not there'),
  unfollowed('net.ipv4.vs.ignore_tunneled', 0, 'IPVS leaves alone what came out of a tunnel here'),
  unfollowed('net.ipv4.vs.schedule_icmp', 0, 'IPVS chooses servers for ICMP errors, too'),
  unfollowed('net.ipv4.vs.secure_tcp', 0, 'IPVS follows TCP by another table of states'),
];

const idle = (why: string, ...names: string[]): Idle[] => names.map((name) => ({ name, why }));

export const IDLE: readonly Idle[] = [
  ...idle(
    'redirects are not sent, so that nobody takes any: after the first packets a host may send by a better router',
    'net.ipv4.conf.*.accept_redirects',
    'net.ipv4.conf.*.secure_redirects',
    'net.ipv4.conf.*.shared_media',
    'net.ipv4.route.redirect_*',
    'net.ipv6.conf.*.accept_redirects',
  ),
  ...idle(
    'addresses, routes and neighbours are taken as they are listed, not made',
    'net.ipv4.conf.*.arp_accept',
    'net.ipv4.conf.*.arp_evict_nocarrier',
    'net.ipv4.conf.*.arp_notify',
    'net.ipv4.conf.*.bootp_relay',
    'net.ipv4.conf.*.drop_gratuitous_arp',
    'net.ipv4.conf.*.promote_secondaries',
    'net.ipv4.ip_dynaddr',
    'net.ipv4.neigh.*',
    'net.ipv6.neigh.*',
    'net.ipv6.conf.*.accept_dad',
    'net.ipv6.conf.*.accept_ra*',
    'net.ipv6.conf.*.accept_untracked_na',
    'net.ipv6.conf.*.addr_gen_mode',
    'net.ipv6.conf.*.autoconf',
    'net.ipv6.conf.*.dad_transmits',
    'net.ipv6.conf.*.drop_unsolicited_na',
    'net.ipv6.conf.*.enhanced_dad',
    'net.ipv6.conf.*.force_tllao',
    'net.ipv6.conf.*.keep_addr_on_down',
    'net.ipv6.conf.*.max_addresses',
    'net.ipv6.conf.*.max_desync_factor',
    'net.ipv6.conf.*.ndisc_*',
    'net.ipv6.conf.*.optimistic_dad',
    'net.ipv6.conf.*.ra_*',
    'net.ipv6.conf.*.regen_*',
    'net.ipv6.conf.*.router_*',
    'net.ipv6.conf.*.stable_secret',
    'net.ipv6.conf.*.suppress_frag_ndisc',
    'net.ipv6.conf.*.temp_*',
    'net.ipv6.conf.*.use_optimistic',
    'net.ipv6.idgen_*',
  ),
  ...idle(
    'packets have no IP options, extension headers or flow labels that anything could read',
    'net.ipv4.conf.*.accept_source_route',
    'net.ipv4.cipso_*',
    'net.ipv6.conf.*.accept_source_route',
    'net.ipv6.conf.*.ioam6_*',
    'net.ipv6.conf.*.rpl_seg_enabled',
    'net.ipv6.conf.*.seg6_*',
    'net.ipv6.auto_flowlabels',
    'net.ipv6.calipso_*',
    'net.ipv6.flowlabel_*',
    'net.ipv6.ioam6_*',
    'net.ipv6.max_*',
    'net.ipv6.seg6_flowlabel',
    'net.mpls.*',
  ),
  ...idle(
    'IPsec is not modelled',
    'net.ipv4.conf.*.disable_policy',
    'net.ipv4.conf.*.disable_xfrm',
    'net.ipv6.conf.*.disable_policy',
    'net.core.xfrm_*',
    'net.ipv4.xfrm4_*',
    'net.ipv6.xfrm6_*',
  ),
  ...idle(
    'groups of multicast are not followed, nor frames to them that bear a unicast packet',
    'net.ipv4.conf.*.drop_unicast_in_l2_multicast',
    'net.ipv4.conf.*.force_igmp_version',
    'net.ipv4.conf.*.igmp*',
    'net.ipv4.igmp_*',
    'net.ipv6.conf.*.drop_unicast_in_l2_multicast',
    'net.ipv6.conf.*.force_mld_version',
    'net.ipv6.conf.*.mld*',
    'net.ipv6.icmp.echo_ignore_multicast',
    'net.ipv6.mld_*',
  ),
  ...idle(
    'it hangs on load and time: packets come one by one, pieces at once, errors are always sent',
    'net.core.*',
    'net.ipv4.icmp_msgs_*',
    'net.ipv4.icmp_rate*',
    'net.ipv4.inet_peer_*',
    'net.ipv4.ipfrag_*',
    'net.ipv4.route.error_*',
    'net.ipv4.route.gc_*',
    'net.ipv4.route.max_size',
    'net.ipv4.udp_*',
    'net.ipv6.icmp.rate*',
    'net.ipv6.ip6frag_*',
    'net.ipv6.route.gc_*',
    'net.ipv6.route.max_size',
    'net.netfilter.nf_conntrack_buckets',
    'net.netfilter.nf_conntrack_count',
    'net.netfilter.nf_conntrack_frag6_*',
  ),
  ...idle(
    'it is for processes: what they send and how a conversation goes on is for the question to say',
    'net.ipv4.ip_autobind_reuse',
    'net.ipv4.ip_local_reserved_ports',
    'net.ipv4.ip_nonlocal_bind',
    'net.ipv4.ping_group_range',
    'net.ipv4.raw_l3mdev_accept',
    'net.ipv4.route.min_adv_mss',
    'net.ipv4.tcp_*',
    'net.ipv6.bindv6only',
    'net.ipv6.ip_nonlocal_bind',
    'net.ipv6.route.min_adv_mss',
    'net.mptcp.*',
    'net.unix.*',
  ),
  ...idle(
    'it tells, counts or orders, and decides nothing',
    'net.ipv4.conf.*.log_martians',
    'net.ipv4.conf.*.tag',
    'net.ipv4.fib_multipath_hash_seed',
    'net.ipv4.fib_notify_on_flag_change',
    'net.ipv4.fib_sync_mem',
    'net.ipv4.icmp_ignore_bogus_error_responses',
    'net.ipv4.ip_forward_update_priority',
    'net.ipv4.nexthop_compat_mode',
    'net.ipv6.fib_notify_on_flag_change',
    'net.ipv6.route.skip_notify_on_dev_down',
    'net.netfilter.nf_conntrack_acct',
    'net.netfilter.nf_conntrack_events',
    'net.netfilter.nf_conntrack_log_invalid',
    'net.netfilter.nf_conntrack_timestamp',
    'net.netfilter.nf_log*',
  ),
  ...idle(
    'what it is for is not modelled, and is named where it is met: checksums, helpers, encapsulation by routes, what IPVS tells other hosts, its tunnels',
    'net.ipv4.vs.*',
    'net.netfilter.nf_conntrack_checksum',
    'net.netfilter.nf_conntrack_dccp_*',
    'net.netfilter.nf_conntrack_expect_max',
    'net.netfilter.nf_conntrack_helper',
    'net.netfilter.nf_flowtable_*',
    'net.netfilter.nf_hooks_lwtunnel',
  ),
];

/** `*` alone between dots is one part, at the end or within a part it is anything. */
function patternOf(name: string): RegExp {
  const parts = name.split('.');
  const any = (part: string, i: number) =>
    part === '*' && i < parts.length - 1 ? '[^.]+' : part.replaceAll('*', '.*');
  return new RegExp(`^${parts.map(any).join('\\.')}$`);
}

const patterns = new Map<string, RegExp>();

function fits(pattern: string, name: string): boolean {
  let known = patterns.get(pattern);
  if (!known) {
    known = patternOf(pattern);
    patterns.set(pattern, known);
  }
  return known.test(name);
}

export type Fate = 'followed' | 'unfollowed' | 'idle';

/** Undefined: a setting that nobody here has heard of. */
export function fateOf(name: string): Fate | undefined {
  if (FOLLOWED.some((setting) => fits(setting.name, name))) return 'followed';
  if (UNFOLLOWED.some((setting) => fits(setting.name, name))) return 'unfollowed';
  return IDLE.some((setting) => fits(setting.name, name)) ? 'idle' : undefined;
}

export interface Strange {
  name: string;
  value: string | number;
  does: string;
}

/** What decides packets' fate there in a way that podwire does not follow, by name. */
export function unfollowedSettings(sysctls: Sysctls): Strange[] {
  return Object.entries(sysctls)
    .flatMap(([name, value]): Strange[] => {
      if (fateOf(name) !== 'unfollowed') return [];
      const setting = UNFOLLOWED.find((one) => fits(one.name, name));
      return setting && Number(value) !== setting.value ? [{ name, value, does: setting.does }] : [];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
