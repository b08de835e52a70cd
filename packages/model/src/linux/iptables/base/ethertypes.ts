/** Names of Ethernet protocols as ebtables knows them: the first of a number is printed, the others are read too. */
const ETHERTYPES: readonly (readonly [number, ...string[]])[] = [
  [0x0800, 'IPv4', 'ip', 'ip4'],
  [0x0805, 'X25'],
  [0x0806, 'ARP', 'ether-arp'],
  [0x0808, 'FR_ARP'],
  [0x08ff, 'BPQ'],
  [0x6000, 'DEC'],
  [0x6001, 'DNA_DL'],
  [0x6002, 'DNA_RC'],
  [0x6003, 'DNA_RT'],
  [0x6004, 'LAT'],
  [0x6005, 'DIAG'],
  [0x6006, 'CUST'],
  [0x6007, 'SCA'],
  [0x6558, 'TEB'],
  [0x6559, 'RAW_FR'],
  [0x8035, 'RARP'],
  [0x80f3, 'AARP'],
  [0x809b, 'ATALK'],
  [0x8100, '802_1Q', '8021q', '1q', '802.1q', 'dot1q'],
  [0x8137, 'IPX'],
  [0x8191, 'NetBEUI'],
  [0x86dd, 'IPv6', 'ip6'],
  [0x880b, 'PPP'],
  [0x884c, 'ATMMPOA'],
  [0x8863, 'PPP_DISC'],
  [0x8864, 'PPP_SES'],
  [0x8884, 'ATMFATE'],
  [0x9000, 'LOOP', 'loopback'],
];

/** Any case. */
export function ethertypeNumber(name: string): number | undefined {
  const lower = name.toLowerCase();
  return ETHERTYPES.find(([, ...names]) => names.some((n) => n.toLowerCase() === lower))?.[0];
}

export function ethertypeName(number: number): string | undefined {
  return ETHERTYPES.find(([known]) => known === number)?.[1];
}
