/** Ports by the names that /etc/services has for them, protocols as socket listings call them. */
import { type Listener, Protocol } from '@podwire/engine';
import { lookUp, wholeNumber } from '../lines.ts';

/** Names that `ss` and `netstat` print without `-n` on machines that serve something; others are named as not understood. */
const SERVICES: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  bootps: 67,
  bootpc: 68,
  tftp: 69,
  http: 80,
  kerberos: 88,
  pop3: 110,
  sunrpc: 111,
  ntp: 123,
  'netbios-ns': 137,
  'netbios-dgm': 138,
  'netbios-ssn': 139,
  imap2: 143,
  snmp: 161,
  bgp: 179,
  ldap: 389,
  https: 443,
  'microsoft-ds': 445,
  submission: 587,
  syslog: 514,
  'dhcpv6-client': 546,
  'dhcpv6-server': 547,
  ipp: 631,
  ldaps: 636,
  rsync: 873,
  imaps: 993,
  pop3s: 995,
  nfs: 2049,
  mysql: 3306,
  'ms-wbt-server': 3389,
  'iscsi-target': 3260,
  postgresql: 5432,
  mdns: 5353,
  amqp: 5672,
  'http-alt': 8080,
  webmin: 10000,
};

export function portOf(text: string): number {
  return lookUp(SERVICES, text) ?? wholeNumber(text, 'port', 65535);
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: Protocol.TCP, udp: Protocol.UDP, sctp: Protocol.SCTP };

/** `tcp`, `udp6`, `sctp` ...; undefined for sockets that no packet of ours ends in. */
export function transportOf(word: string): { protocol: number; isIPv6: boolean } | undefined {
  const m = /^(tcp|udp|sctp)(6?)$/.exec(word);
  const protocol = lookUp(PROTOCOLS, m?.[1]);
  return protocol === undefined ? undefined : { protocol, isIPv6: m?.[2] === '6' };
}

export function transportName(protocol: number): string {
  return Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === protocol) ?? String(protocol);
}

/**
 * Listings but `ss` do not say whether a `::` socket takes IPv4, too. It does not where an IPv4 socket has the same port: the two could
 * not both be bound.
 */
export function settleV6only(listeners: readonly Listener[]): Listener[] {
  const taken = new Set(listeners.filter((l) => l.address === '0.0.0.0').map((l) => `${l.protocol} ${l.port}`));
  return listeners.map((listener) =>
    listener.address === '::' && taken.has(`${listener.protocol} ${listener.port}`)
      ? { ...listener, v6only: true }
      : listener,
  );
}
