/** The ebtables matches on frames that carry no IP: ARP, VLAN tags, 802.3, spanning tree. net/bridge/netfilter/ebt_arp.c and its siblings. */

import { prefix, printHostPrefix } from '../iptables/base/address.ts';
import { arpOpcodeName, arpOpcodeNumber } from '../iptables/base/arp-opcodes.ts';
import { dictionary } from '../iptables/base/dictionary.ts';
import { ethertypeNumber } from '../iptables/base/ethertypes.ts';
import { type Given, Refusal } from '../iptables/base/extension.ts';
import { printMacAndMask, readMacAndMask } from '../iptables/base/mac.ts';
import { number, parseNumber, printRange, range } from '../iptables/base/numbers.ts';
import { none, type Printer, row } from '../iptables/base/table.ts';
import type { EbtContext, EbtExtension } from './extension.ts';

const negatable = { negatable: true };
const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffffffff;
const ARP = 0x0806;
const RARP = 0x8035;
const VLAN = 0x8100;

/** A number of `base`, or undefined. */
function parseIn(base: 10 | 16, text: string, max: number): number | undefined {
  const digits = base === 10 ? /^\d+$/ : /^(0[xX])?[0-9a-fA-F]+$/;
  const value = digits.test(text) ? Number.parseInt(text, base) : Number.NaN;
  return value <= max ? value : undefined;
}

/** Hexadecimal, as the tool reads the numbers of link layers. */
function hexadecimal(max: number, digits: number): Printer {
  return ([text = ''], { name }) => {
    const value = parseIn(16, text, max);
    if (value === undefined) throw new Refusal(`bad value for option "--${name}", or out of range (0-${max}).`);
    return `0x${value.toString(16).padStart(digits, '0')}`;
  };
}

const mac: Printer = ([text = '']) => printMacAndMask(readMacAndMask(text, 'Invalid MAC/mask address specified.'));
const network: Printer = ([text = '']) => printHostPrefix(prefix('ip', text));

const opcode: Printer = ([text = '']) => {
  const value = arpOpcodeNumber(text) ?? parseIn(10, text, U16);
  if (value === undefined) throw new Refusal('Problem with specified ARP opcode');
  return arpOpcodeName(value) ?? String(value);
};

const hardwareType: Printer = ([text = '']) => {
  const value = text.toLowerCase() === 'ethernet' ? 1 : parseIn(10, text, U16);
  if (value === undefined) throw new Refusal('Problem with specified ARP hardware type');
  return String(value);
};

const protocolType: Printer = ([text = '']) => {
  const value = parseIn(16, text, U16) ?? ethertypeNumber(text);
  if (value === undefined) throw new Refusal('Problem with specified ARP protocol type');
  return `0x${value.toString(16)}`;
};

const arp: EbtExtension = {
  name: 'arp',
  rows: [
    row('arp-op', opcode, { ...negatable, aliases: ['arp-opcode'] }),
    row('arp-htype', hardwareType, negatable),
    row('arp-ptype', protocolType, negatable),
    row('arp-ip-src', network, negatable),
    row('arp-ip-dst', network, negatable),
    row('arp-mac-src', mac, negatable),
    row('arp-mac-dst', mac, negatable),
    row('arp-gratuitous', none, negatable),
  ],
  check(_, { ether }) {
    if (!ether || ether.not || (ether.number !== ARP && ether.number !== RARP)) {
      throw new Refusal('For (R)ARP filtering the protocol must be specified as ARP or RARP.');
    }
  },
};

/** ETH_ZLEN: shorter frames there are not. */
const ENCAP_MIN = 60;

const encapsulated: Printer = ([text = '']) => {
  const value = parseIn(16, text, U16) ?? ethertypeNumber(text);
  if (value === undefined) throw new Refusal(`Unknown --vlan-encap value ('${text}')`);
  if (value < ENCAP_MIN) throw new Refusal(`Invalid --vlan-encap range ('${text}')`);
  return value.toString(16).toUpperCase().padStart(4, '0');
};

/** The kernel forgets the priority where a tag is asked for (net/bridge/netfilter/ebt_vlan.c:ebt_vlan_mt_check). */
const priority: Printer = ([text = ''], { name, given }) => {
  const value = number(name, text, 7);
  const id = given.find((g: Given) => g.name === 'vlan-id')?.values[0];
  return id !== undefined && parseNumber(id) !== 0 ? undefined : String(value);
};

const vlan: EbtExtension = {
  name: 'vlan',
  rows: [
    row('vlan-id', ([text = ''], { name }) => String(number(name, text, 4094)), negatable),
    row('vlan-prio', priority, negatable),
    row('vlan-encap', encapsulated, negatable),
  ],
  check(_, { ether }: EbtContext) {
    if (ether?.number !== VLAN) throw new Refusal('For vlan filtering the protocol must be specified as 802_1Q.');
  },
};

const ieee8023: EbtExtension = {
  name: '802_3',
  rows: [row('802_3-sap', hexadecimal(U8, 2), negatable), row('802_3-type', hexadecimal(U16, 4), negatable)],
  check(_, { ether }) {
    if (!ether || ether.number !== undefined) {
      throw new Refusal('For 802.3 DSAP/SSAP filtering the protocol must be LENGTH');
    }
  },
};

/** Names of some of a byte's values, any case. */
function namedByte(names: Readonly<Record<string, number>>): Printer {
  return ([text = ''], { name }) => {
    const value = parseNumber(text, U8) ?? names[text.toLowerCase()];
    if (value === undefined) throw new Refusal(`Bad --${name} argument`);
    return Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value);
  };
}

/** Every range is kept, the full one too. */
function span(max: number): Printer {
  return ([text = ''], { name }) => printRange(range(name, text, max));
}

const spanning = (name: string, print: Printer) => row(`stp-${name}`, print, negatable);

const stp: EbtExtension = {
  name: 'stp',
  rows: [
    spanning('type', namedByte(dictionary({ config: 0, tcn: 0x80 }))),
    spanning('flags', namedByte(dictionary({ 'topology-change': 1, 'topology-change-ack': 0x80 }))),
    spanning('root-prio', span(U16)),
    spanning('root-addr', mac),
    spanning('root-cost', span(U32)),
    spanning('sender-prio', span(U16)),
    spanning('sender-addr', mac),
    ...['port', 'msg-age', 'max-age', 'hello-time', 'forward-delay'].map((name) => spanning(name, span(U16))),
  ],
};

export const frameMatches: readonly EbtExtension[] = [ieee8023, arp, vlan, stp];
