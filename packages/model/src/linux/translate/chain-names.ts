/** Names of chains, as the other tool can read them. */

/** Words of nftables' grammar that are no name of a chain (src/scanner.l; tried with nft 1.0.6). */
const KEYWORDS = new Set(
  `
  accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create ct day dccp define
  delete describe device devices dnat drop dst dup dynamic ecn element elements eq esp ether exists expires export exthdr fib flags
  flow flowtable flush frag fwd gc-interval ge get goto gt handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup
  iifname iiftype import include index inet insert interval ip ip6 ipsec jhash jump le limit list log lshift lt map mark masquerade
  meta meter mh missing monitor ne netdev nftrace not notrack numgen obriport obrname offload oif oifgroup oifname oiftype or osf
  pkttype policy position priority queue quota random redefine redirect reject rename replace reset return rshift rt rt0 rt2
  rtclassid rule ruleset sctp secmark set size skgid skuid snat socket srh symhash synproxy table tcp th time timeout tproxy type
  typeof udp udplite undefine update vlan vmap xor xt
`
    .trim()
    .split(/\s+/),
);

const NFT_NAME = /^[A-Za-z][A-Za-z0-9_./-]*$/;
/** NFT_NAME_MAXLEN and XT_EXTENSION_MAXNAMELEN, less the ending zero byte. */
const NFT_LENGTH_MAX = 127;
const IPTABLES_LENGTH_MAX = 28;

/** The name, or the first like it that is not taken. */
function free(name: string, isTaken: (name: string) => boolean, lengthMax: number): string {
  let made = name.slice(0, lengthMax);
  for (let n = 1; isTaken(made); n++) made = `${name.slice(0, lengthMax - String(n).length - 1)}-${n}`;
  return made;
}

/** A name that nft reads. */
export function nftChainName(name: string, isTaken: (name: string) => boolean): string {
  if (NFT_NAME.test(name) && !KEYWORDS.has(name) && name.length <= NFT_LENGTH_MAX && !isTaken(name)) return name;
  const plain = name.replace(/[^A-Za-z0-9_./-]/g, '_');
  return free(NFT_NAME.test(plain) && !KEYWORDS.has(plain) ? plain : `chain-${plain}`, isTaken, NFT_LENGTH_MAX);
}

/** A name that iptables takes, and that is no target's. */
export function iptablesChainName(name: string, isTaken: (name: string) => boolean): string {
  const plain = name.replace(/^[-!]/, '_');
  return free(plain, isTaken, IPTABLES_LENGTH_MAX);
}
