/** Which constructs that are known by their text alone have connections tracked: all that call nf_ct_netns_get() when they are made. */

/** xt_connbytes.c, xt_connlabel.c, xt_connlimit.c (nf_conncount.c), xt_connmark.c, xt_conntrack.c, xt_helper.c, xt_cluster.c. */
const MATCHES: ReadonlySet<string> = new Set([
  'cluster',
  'connbytes',
  'connlabel',
  'connlimit',
  'connmark',
  'conntrack',
  'helper',
  'state',
]);

/** xt_CT.c, xt_connmark.c, xt_CONNSECMARK.c, xt_nat.c, xt_MASQUERADE.c, xt_NETMAP.c, xt_REDIRECT.c, ipt_SYNPROXY.c, ip6t_SYNPROXY.c. */
const TARGETS: ReadonlySet<string> = new Set([
  'CONNMARK',
  'CONNSECMARK',
  'CT',
  'DNAT',
  'MASQUERADE',
  'NETMAP',
  'REDIRECT',
  'SNAT',
  'SYNPROXY',
]);

/** nft_ct.c, nft_connlimit.c, nft_flow_offload.c, nft_synproxy.c; what stands in quotes is no word of nftables. */
const asksInNft = (text: string): boolean =>
  /(^|[\s({.])(ct|synproxy|flow add) /.test(`${text.replace(/"[^"]*"/g, '')} `);

/** `text`: a construct as iptables (`-m NAME ...`, `-j NAME ...`) or nftables prints it. */
export function textAsksConntrack(text: string): boolean {
  const [flag, name = ''] = text.split(' ', 2);
  if (flag === '-m') return MATCHES.has(name);
  return flag === '-j' ? TARGETS.has(name) : asksInNft(text);
}
