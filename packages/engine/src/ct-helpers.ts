/**
 * What connections helpers expect beside the one they watch (net/netfilter/nf_conntrack_*.c: nf_ct_expect_init()). Whether they do is written
 * in the data of packets, which nobody knows here; to whom it can be is not.
 */
import { HelperExpects, HelperPlace } from './ct-codes.ts';
import { Protocol } from './terms.ts';

export interface HelperScope {
  /** Bits of `HelperExpects`. */
  protocols: number;
  place: HelperPlace;
}

const { TCP, UDP, GRE, ANY } = HelperExpects;
const { PAIR, TO_CLIENT, ANYWHERE } = HelperPlace;

const SCOPES: Readonly<Record<string, HelperScope>> = {
  'ct expectation tcp': { protocols: TCP, place: PAIR },
  'ct expectation udp': { protocols: UDP, place: PAIR },
  amanda: { protocols: TCP, place: PAIR },
  ftp: { protocols: TCP, place: PAIR },
  'H.245': { protocols: TCP | UDP, place: ANYWHERE },
  irc: { protocols: TCP, place: ANYWHERE },
  'netbios-ns': { protocols: UDP, place: TO_CLIENT },
  pptp: { protocols: GRE, place: PAIR },
  'Q.931': { protocols: TCP | UDP, place: ANYWHERE },
  RAS: { protocols: TCP | UDP, place: ANYWHERE },
  sane: { protocols: TCP, place: PAIR },
  sip: { protocols: TCP | UDP, place: ANYWHERE },
  snmp: { protocols: UDP, place: TO_CLIENT },
  tftp: { protocols: UDP, place: PAIR },
};

/** A helper that is not known may expect anything. */
export function scopeOfHelper(helper: string): HelperScope {
  // Modules that were told other ports have helpers `ftp-2121`.
  const name = helper.replace(/-\d+$/, '');
  const known = Object.hasOwn(SCOPES, name) ? SCOPES[name] : undefined;
  return known ?? { protocols: ANY, place: ANYWHERE };
}

export interface AutomaticHelper {
  helper: string;
  protocol: number;
  /** Of the connection's first packet, at its destination. */
  port: number;
}

/** Before Linux 6.0 `net.netfilter.nf_conntrack_helper` gave them to connections by their ports, where their module was there. */
export const AUTOMATIC_HELPERS: readonly AutomaticHelper[] = [
  { helper: 'amanda', protocol: Protocol.UDP, port: 10080 },
  { helper: 'ftp', protocol: Protocol.TCP, port: 21 },
  { helper: 'irc', protocol: Protocol.TCP, port: 6667 },
  { helper: 'netbios-ns', protocol: Protocol.UDP, port: 137 },
  { helper: 'pptp', protocol: Protocol.TCP, port: 1723 },
  { helper: 'Q.931', protocol: Protocol.TCP, port: 1720 },
  { helper: 'RAS', protocol: Protocol.UDP, port: 1719 },
  { helper: 'sane', protocol: Protocol.TCP, port: 6566 },
  { helper: 'sip', protocol: Protocol.TCP, port: 5060 },
  { helper: 'sip', protocol: Protocol.UDP, port: 5060 },
  { helper: 'snmp', protocol: Protocol.UDP, port: 161 },
  { helper: 'tftp', protocol: Protocol.UDP, port: 69 },
];

/** As a choice about it says. */
export const helperText = (helper: string): string =>
  helper.startsWith('ct expectation') ? `expected by ${helper}` : `expected by the helper ${helper}`;
