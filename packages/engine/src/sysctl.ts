/** Reads interface settings as the kernel holds them, from what `sysctl` prints (include/linux/inetdevice.h, net/ipv6/addrconf.c). */
import type { Family } from './packet.ts';

export type Sysctls = Readonly<Record<string, string | number>>;

/** Values of a fresh kernel that are not 0. */
const DEFAULTS: Readonly<Record<string, number>> = {
  'net.ipv4.ip_default_ttl': 64,
  'net.ipv6.conf.all.hop_limit': 64,
  'net.ipv4.tcp_fwmark_accept': 0,
  'net.ipv4.route.min_pmtu': 552,
  'net.ipv4.route.mtu_expires': 600,
  'net.ipv6.route.mtu_expires': 600,
  'net.ipv4.icmp_echo_ignore_broadcasts': 1,
  'net.ipv4.ip_unprivileged_port_start': 1024,
  'net.ipv4.vs.conn_reuse_mode': 1,
  'net.ipv4.vs.pmtu_disc': 1,
  'net.ipv4.vs.snat_reroute': 1,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.bridge.bridge-nf-call-ip6tables': 1,
  'net.bridge.bridge-nf-call-arptables': 1,
  'net.netfilter.nf_conntrack_tcp_loose': 1,
  'net.netfilter.nf_conntrack_tcp_max_retrans': 3,
  'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': 120,
  'net.netfilter.nf_conntrack_tcp_timeout_syn_recv': 60,
  'net.netfilter.nf_conntrack_tcp_timeout_established': 432000,
  'net.netfilter.nf_conntrack_tcp_timeout_fin_wait': 120,
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': 60,
  'net.netfilter.nf_conntrack_tcp_timeout_last_ack': 30,
  'net.netfilter.nf_conntrack_tcp_timeout_time_wait': 120,
  'net.netfilter.nf_conntrack_tcp_timeout_close': 10,
  'net.netfilter.nf_conntrack_tcp_timeout_max_retrans': 300,
  'net.netfilter.nf_conntrack_tcp_timeout_unacknowledged': 300,
  'net.netfilter.nf_conntrack_udp_timeout': 30,
  'net.netfilter.nf_conntrack_udp_timeout_stream': 120,
  'net.netfilter.nf_conntrack_icmp_timeout': 30,
  'net.netfilter.nf_conntrack_icmpv6_timeout': 30,
  'net.netfilter.nf_conntrack_generic_timeout': 600,
  'net.netfilter.nf_conntrack_gre_timeout': 30,
  'net.netfilter.nf_conntrack_gre_timeout_stream': 180,
  'net.netfilter.nf_conntrack_sctp_timeout_closed': 10,
  'net.netfilter.nf_conntrack_sctp_timeout_cookie_wait': 3,
  'net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed': 3,
  'net.netfilter.nf_conntrack_sctp_timeout_established': 210,
  'net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent': 3,
  'net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd': 3,
  'net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent': 3,
  'net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent': 30,
};

/** Likewise for settings that every interface and `all` have. */
const CONF_DEFAULTS: Readonly<Record<string, number>> = { send_redirects: 1 };

const numeric = (value: string | number | undefined): number | undefined => {
  if (value === undefined) return undefined;
  const number = typeof value === 'number' ? value : Number(value.trim());
  return Number.isFinite(number) ? number : undefined;
};

/** One value by its full name; the kernel's default where absent. */
export function sysctl(sysctls: Sysctls, name: string): number {
  return numeric(sysctls[name]) ?? DEFAULTS[name] ?? 0;
}

/** `sysctl` prints a dot inside an interface name as a slash. */
const keyOf = (family: Family, link: string, name: string) =>
  `net.ipv${family}.conf.${link.replaceAll('.', '/')}.${name}`;

const linksWithOwn = new WeakMap<Sysctls, ReadonlySet<string>>();

/** Whether any setting is the link's own: all links that have none are alike. Remembered by the object's identity. */
export function hasOwnConf(sysctls: Sysctls, link: string): boolean {
  let names = linksWithOwn.get(sysctls);
  if (!names) {
    const found = new Set<string>();
    for (const key in sysctls) {
      const name = /^net\.ipv[46]\.conf\.([^.]+)\./.exec(key)?.[1];
      if (name !== undefined) found.add(name.replaceAll('/', '.'));
    }
    names = found;
    linksWithOwn.set(sysctls, names);
  }
  return names.has(link);
}

/** `conf.all.NAME`; `ip_forward` is another name of `conf.all.forwarding`. */
export function confAll(sysctls: Sysctls, family: Family, name: string): number {
  const value = numeric(sysctls[keyOf(family, 'all', name)]);
  if (value !== undefined) return value;
  return name === 'forwarding' && family === 4 ? sysctl(sysctls, 'net.ipv4.ip_forward') : (CONF_DEFAULTS[name] ?? 0);
}

const WRITTEN_6: ReadonlySet<string> = new Set(['ignore_routes_with_linkdown', 'force_forwarding']);

/**
 * `conf.LINK.NAME`. A device copies `default` when it is made; writing `all.forwarding`, `all.disable_ipv6` or, for IPv6,
 * `all.ignore_routes_with_linkdown` and `all.force_forwarding` writes every device (inet_forward_change, dev_forward_change, dev_disable_change,
 * addrconf_linkdown_change, addrconf_sysctl_force_forwarding).
 */
export function confOf(sysctls: Sysctls, family: Family, link: string, name: string): number {
  const own = numeric(sysctls[keyOf(family, link, name)]);
  if (own !== undefined) return own;
  if (name === 'forwarding' || name === 'disable_ipv6' || (family === 6 && WRITTEN_6.has(name))) {
    const written = numeric(sysctls[keyOf(family, 'all', name)]);
    if (written !== undefined) return written;
    if (name === 'forwarding' && family === 4 && sysctls['net.ipv4.ip_forward'] !== undefined)
      return sysctl(sysctls, 'net.ipv4.ip_forward');
  }
  return numeric(sysctls[keyOf(family, 'default', name)]) ?? CONF_DEFAULTS[name] ?? 0;
}

/** `net.ipv6.conf.LINK.mtu`, where it is smaller than the link's own. */
export function mtu6(sysctls: Sysctls, link: string, mtu: number): number {
  if (!hasOwnConf(sysctls, link)) return mtu;
  return Math.min(mtu, numeric(sysctls[keyOf(6, link, 'mtu')]) ?? mtu);
}

/** `IN_DEV_ORCONF`: set for `all` or for the link. */
export function confAny(sysctls: Sysctls, family: Family, link: string, name: string): boolean {
  return confAll(sysctls, family, name) !== 0 || confOf(sysctls, family, link, name) !== 0;
}

/** `IN_DEV_MAXCONF`: the larger of `all` and the link's own. */
export function confMax(sysctls: Sysctls, family: Family, link: string, name: string): number {
  return Math.max(confAll(sysctls, family, name), confOf(sysctls, family, link, name));
}
