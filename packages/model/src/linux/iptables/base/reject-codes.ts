/** What `--reject-with` calls the codes of ICMP's "destination unreachable" (include/uapi/linux/netfilter_ipv4/ipt_REJECT.h, ip6t_REJECT.h). */
export const REJECT_CODES: Readonly<Record<'icmp' | 'icmpv6', Readonly<Record<number, string>>>> = {
  icmp: {
    0: 'icmp-net-unreachable',
    1: 'icmp-host-unreachable',
    2: 'icmp-proto-unreachable',
    3: 'icmp-port-unreachable',
    9: 'icmp-net-prohibited',
    10: 'icmp-host-prohibited',
    13: 'icmp-admin-prohibited',
  },
  icmpv6: {
    0: 'icmp6-no-route',
    1: 'icmp6-adm-prohibited',
    3: 'icmp6-addr-unreachable',
    4: 'icmp6-port-unreachable',
    5: 'icmp6-policy-fail',
    6: 'icmp6-reject-route',
  },
};
