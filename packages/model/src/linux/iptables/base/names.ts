/** Names that iptables takes for numbers: IP protocols and the services that rules are commonly written with (IANA registries). */

/** Protocol names as the C library knows them; the first name of a number is the one that is printed. */
const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
  ['ethernet', 143],
];

const numberOfProtocol = new Map<string, number>(PROTOCOLS);
const nameOfProtocol = new Map<number, string>();
for (const [name, number] of PROTOCOLS) if (!nameOfProtocol.has(number)) nameOfProtocol.set(number, name);

/** Number of a protocol name (any case); `all` and `ip` are 0. Undefined for a name that is not known. */
export function protocolNumber(name: string): number | undefined {
  const lower = name.toLowerCase();
  return lower === 'all' || lower === 'ip' ? 0 : numberOfProtocol.get(lower);
}

/** The name a protocol is printed with, or its number. */
export function protocolName(number: number): string {
  return nameOfProtocol.get(number) ?? String(number);
}

/** What libxtables knows by itself (xtables_chain_protos): `-p` prints no other name. */
const WELL_KNOWN: ReadonlySet<number> = new Set([1, 6, 17, 33, 50, 51, 58, 108, 132, 135, 136]);

/** As `protocolName`, behind `-p`. */
export function headerProtocolName(number: number): string {
  return WELL_KNOWN.has(number) ? protocolName(number) : String(number);
}

const SERVICES: readonly (readonly [string, number])[] = [
  ['tcpmux', 1],
  ['echo', 7],
  ['discard', 9],
  ['systat', 11],
  ['daytime', 13],
  ['netstat', 15],
  ['qotd', 17],
  ['chargen', 19],
  ['ftp-data', 20],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['mail', 25],
  ['time', 37],
  ['whois', 43],
  ['tacacs', 49],
  ['domain', 53],
  ['bootps', 67],
  ['bootpc', 68],
  ['tftp', 69],
  ['gopher', 70],
  ['finger', 79],
  ['http', 80],
  ['www', 80],
  ['kerberos', 88],
  ['pop3', 110],
  ['sunrpc', 111],
  ['portmapper', 111],
  ['auth', 113],
  ['ident', 113],
  ['nntp', 119],
  ['ntp', 123],
  ['epmap', 135],
  ['netbios-ns', 137],
  ['netbios-dgm', 138],
  ['netbios-ssn', 139],
  ['imap2', 143],
  ['imap', 143],
  ['snmp', 161],
  ['snmp-trap', 162],
  ['snmptrap', 162],
  ['xdmcp', 177],
  ['bgp', 179],
  ['irc', 194],
  ['ldap', 389],
  ['https', 443],
  ['microsoft-ds', 445],
  ['kpasswd', 464],
  ['submissions', 465],
  ['smtps', 465],
  ['isakmp', 500],
  ['rtsp', 554],
  ['submission', 587],
  ['ipp', 631],
  ['ldaps', 636],
  ['domain-s', 853],
  ['rsync', 873],
  ['imaps', 993],
  ['pop3s', 995],
  ['socks', 1080],
  ['openvpn', 1194],
  ['ms-sql-s', 1433],
  ['l2f', 1701],
  ['l2tp', 1701],
  ['radius', 1812],
  ['radius-acct', 1813],
  ['nfs', 2049],
  ['gsigatekeeper', 2119],
  ['cvspserver', 2401],
  ['iscsi-target', 3260],
  ['mysql', 3306],
  ['ms-wbt-server', 3389],
  ['svn', 3690],
  ['epmd', 4369],
  ['ipsec-nat-t', 4500],
  ['sip', 5060],
  ['sip-tls', 5061],
  ['xmpp-client', 5222],
  ['xmpp-server', 5269],
  ['mdns', 5353],
  ['postgresql', 5432],
  ['postgres', 5432],
  ['amqps', 5671],
  ['amqp', 5672],
  ['x11', 6000],
  ['x11-1', 6001],
  ['redis', 6379],
  ['http-alt', 8080],
  ['webcache', 8080],
  ['puppet', 8140],
  ['bacula-dir', 9101],
  ['git', 9418],
  ['zabbix-agent', 10050],
  ['zabbix-trapper', 10051],
];

const portOfService = new Map<string, number>(SERVICES);

/** Port of a service name (exact case, as the C library compares). */
export function servicePort(name: string): number | undefined {
  return portOfService.get(name);
}
