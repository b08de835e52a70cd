/** The ebtables matches `ip` and `ip6`: net/bridge/netfilter/ebt_ip.c, ebt_ip6.c. */
import { prefix, printHostPrefix } from '../iptables/base/address.ts';
import { type Given, type IpFamily, Refusal } from '../iptables/base/extension.ts';
import { protocolName, protocolNumber } from '../iptables/base/names.ts';
import { decimalPort, number, parseNumber, portRange, printRange } from '../iptables/base/numbers.ts';
import { type Printer, row } from '../iptables/base/table.ts';
import { ICMP_NAMES, ICMP6_NAMES, type IcmpNames } from '../iptables/match/icmp.ts';
import type { EbtContext, EbtExtension } from './extension.ts';

const negatable = { negatable: true };
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ICMP = 1;
const IGMP = 2;
const ICMPV6 = 58;
/** TCP, UDP, UDPLITE, SCTP, DCCP. */
const WITH_PORTS = [6, 17, 136, 132, 33];

const IGMP_NAMES: IcmpNames = {
  'membership-query': [0x11],
  'membership-report-v1': [0x12],
  'membership-report-v2': [0x16],
  'leave-group': [0x17],
  'membership-report-v3': [0x22],
};

interface Span {
  from: number;
  to: number;
}

function byteSpan(what: string, text: string): Span {
  const m = /^([^:]+)(?::(.+))?$/.exec(text);
  const from = parseNumber(m?.[1] ?? '', 255);
  const to = m?.[2] === undefined ? from : parseNumber(m[2], 255);
  if (from === undefined || to === undefined) throw new Refusal(`Unknown ${what} \`${text}'`);
  return { from, to };
}

/** A name that no other begins like, or `type[:type][/code[:code]]`. */
function readIcmp(what: string, names: IcmpNames, text: string): { type: Span; code: Span } {
  const lower = text.toLowerCase();
  const starting = Object.entries(names).filter(([name]) => name.toLowerCase().startsWith(lower));
  if (starting.length > 1) throw new Refusal(`Ambiguous ${what} type \`${text}'`);
  const known = starting[0]?.[1];
  if (known) {
    const [type, code] = known;
    return { type: { from: type, to: type }, code: { from: code ?? 0, to: code ?? 255 } };
  }
  const slash = text.indexOf('/');
  const type = byteSpan(`${what} type`, slash < 0 ? text : text.slice(0, slash));
  const code = slash < 0 ? { from: 0, to: 255 } : byteSpan(`${what} code`, text.slice(slash + 1));
  if (type.from > type.to || code.from > code.to) throw new Refusal(`${what}: the range \`${text}' is reversed`);
  return { type, code };
}

/** By name where type and codes have one. */
function icmpType(what: string, names: IcmpNames, codes: boolean): Printer {
  return ([text = '']) => {
    const { type, code } = readIcmp(what, names, text);
    if (type.from === type.to) {
      const named = Object.entries(names).find(
        ([, [known, only]]) =>
          known === type.from && (!codes || ((only ?? 0) === code.from && (only ?? 255) === code.to)),
      );
      if (named) return named[0];
    }
    return printRange(type) + (codes ? `/${printRange(code)}` : '');
  };
}

function network(family: IpFamily): Printer {
  return ([text = '']) => printHostPrefix(prefix(family, text));
}

const byteHex: Printer = ([text = ''], { name }) =>
  `0x${number(name, text, 255).toString(16).toUpperCase().padStart(2, '0')}`;

function readProtocol(text: string): number {
  const value = protocolNumber(text) ?? parseNumber(text, 255);
  if (value === undefined) throw new Refusal(`unknown protocol "${text}" specified`);
  return value;
}

const protocol: Printer = ([text = '']) => protocolName(readProtocol(text));
const ports: Printer = ([text = ''], { name }) => printRange(portRange(name, text, decimalPort));

/** The kernel's checkentry: ports and message types belong to a protocol. */
function checkTransport(lead: string, given: readonly Given[], types: Readonly<Record<string, number>>): void {
  const test = given.find((g) => g.name === `${lead}-proto`);
  const asked = test && !test.not ? readProtocol(test.values[0] ?? '') : undefined;
  const has = (name: string) => given.some((g) => g.name === `${lead}-${name}`);
  if ((has('sport') || has('dport')) && (asked === undefined || !WITH_PORTS.includes(asked))) {
    throw new Refusal(`${lead}: ports need --${lead}-proto tcp, udp, udplite, sctp or dccp`);
  }
  for (const [name, number] of Object.entries(types)) {
    if (has(name) && asked !== number) {
      throw new Refusal(`${lead}: --${lead}-${name} needs --${lead}-proto ${protocolName(number)}`);
    }
  }
}

function needEther({ ether }: EbtContext, number: number, message: string): void {
  if (!ether || ether.not || ether.number !== number) throw new Refusal(message);
}

const aliased = (...aliases: string[]) => ({ ...negatable, aliases });

export const ip: EbtExtension = {
  name: 'ip',
  rows: [
    row('ip-src', network('ip'), aliased('ip-source')),
    row('ip-dst', network('ip'), aliased('ip-destination')),
    row('ip-tos', byteHex, negatable),
    row('ip-proto', protocol, aliased('ip-protocol')),
    row('ip-sport', ports, aliased('ip-source-port')),
    row('ip-dport', ports, aliased('ip-destination-port')),
    row('ip-icmp-type', icmpType('ICMP', ICMP_NAMES, true), negatable),
    row('ip-igmp-type', icmpType('IGMP', IGMP_NAMES, false), negatable),
  ],
  exclude: [
    ['ip-sport', 'ip-icmp-type', 'ip-igmp-type'],
    ['ip-dport', 'ip-icmp-type', 'ip-igmp-type'],
  ],
  check(given, context) {
    needEther(context, IPV4, 'For IP filtering the protocol must be specified as IPv4.');
    checkTransport('ip', given, { 'icmp-type': ICMP, 'igmp-type': IGMP });
  },
};

export const ip6: EbtExtension = {
  name: 'ip6',
  rows: [
    row('ip6-src', network('ip6'), aliased('ip6-source')),
    row('ip6-dst', network('ip6'), aliased('ip6-destination')),
    row('ip6-tclass', byteHex, negatable),
    row('ip6-proto', protocol, aliased('ip6-protocol')),
    row('ip6-sport', ports, aliased('ip6-source-port')),
    row('ip6-dport', ports, aliased('ip6-destination-port')),
    row('ip6-icmp-type', icmpType('ICMPv6', ICMP6_NAMES, true), negatable),
  ],
  exclude: [
    ['ip6-sport', 'ip6-icmp-type'],
    ['ip6-dport', 'ip6-icmp-type'],
  ],
  check(given, context) {
    needEther(context, IPV6, 'For IPv6 filtering the protocol must be specified as IPv6.');
    checkTransport('ip6', given, { 'icmp-type': ICMPV6 });
  },
};
