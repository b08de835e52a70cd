/** Matches on headers that the machine does not look into: IPsec, DCCP, IPv6 extension headers, ECN, MSS. */
import { Protocol } from '@podwire/engine';
import { Refusal } from '../base/extension.ts';
import { portRange, printRange } from '../base/numbers.ts';
import { listOf, none, type Printer, plain, row, span, type TextExtension, uint } from '../base/table.ts';

const U32 = 0xffffffff;
const negatable = { negatable: true };

const ESP = 50;
const AH = 51;
const DCCP = 33;
const IPCOMP = 108;
const MOBILITY = 135;

const dccpPorts: Printer = ([text = ''], { name }) => printRange(portRange(name, text));
const DCCP_TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
];

/** `149:92,12:12,123`. */
const extensionOptions: Printer = ([text = ''], { name }) => {
  if (!/^\d+(:\d+)?(,\d+(:\d+)?)*$/.test(text)) throw new Refusal(`bad value for option "--${name}": "${text}"`);
  return text;
};

const ahSpi = row('ahspi', span(U32), negatable);

export const headerMatches: readonly TextExtension[] = [
  { name: 'ah', family: 'ip', rows: [ahSpi], protocols: [AH], impliedBy: [AH] },
  {
    name: 'ah',
    family: 'ip6',
    rows: [ahSpi, row('ahlen', uint(U32), negatable), row('ahres', none)],
    impliedBy: [AH],
  },
  { name: 'esp', rows: [row('espspi', span(U32), negatable)], protocols: [ESP], impliedBy: [ESP] },
  {
    name: 'ipcomp',
    rows: [row('ipcompspi', span(U32), negatable), row('compres', none)],
    protocols: [IPCOMP],
    impliedBy: [IPCOMP],
  },
  {
    name: 'dccp',
    rows: [
      row('sport', dccpPorts, { ...negatable, aliases: ['source-port'] }),
      row('dport', dccpPorts, { ...negatable, aliases: ['destination-port'] }),
      row('dccp-types', listOf(...DCCP_TYPES), negatable),
      row('dccp-option', uint(255), negatable),
    ],
    protocols: [DCCP],
    impliedBy: [DCCP],
  },
  {
    name: 'frag',
    family: 'ip6',
    rows: [
      row('fragid', span(U32), negatable),
      row('fraglen', uint(U32), negatable),
      row('fragres', none),
      row('fragfirst', none),
      row('fragmore', none),
      row('fraglast', none),
    ],
  },
  {
    name: 'rt',
    family: 'ip6',
    rows: [
      row('rt-type', uint(255), negatable),
      row('rt-segsleft', span(U32), negatable),
      row('rt-len', uint(U32), negatable),
      row('rt-0-res', none),
      row('rt-0-addrs', plain),
      row('rt-0-not-strict', none),
    ],
  },
  {
    name: 'mh',
    family: 'ip6',
    rows: [row('mh-type', span(255), negatable)],
    protocols: [MOBILITY],
    impliedBy: [MOBILITY],
  },
  { name: 'hbh', family: 'ip6', rows: [row('hbh-len', uint(U32), negatable), row('hbh-opts', extensionOptions)] },
  { name: 'dst', family: 'ip6', rows: [row('dst-len', uint(U32), negatable), row('dst-opts', extensionOptions)] },
  { name: 'ipv6header', family: 'ip6', rows: [row('header', plain, negatable), row('soft', none)], need: [['header']] },
  { name: 'eui64', family: 'ip6', rows: [] },
  {
    name: 'srh',
    family: 'ip6',
    rows: [
      row('srh-next-hdr', uint(255), negatable),
      ...['hdr-len', 'segs-left', 'last-entry'].flatMap((field) =>
        ['eq', 'gt', 'lt'].map((test) => row(`srh-${field}-${test}`, uint(255), negatable)),
      ),
      row('srh-tag', uint(0xffff), negatable),
      ...['psid', 'nsid', 'lsid'].map((field) => row(`srh-${field}`, plain, negatable)),
    ],
  },
  {
    name: 'ecn',
    rows: [
      row('ecn-tcp-ece', none, negatable),
      row('ecn-tcp-cwr', none, negatable),
      row('ecn-ip-ect', uint(3), negatable),
    ],
    need: [['ecn-ip-ect', 'ecn-tcp-ece', 'ecn-tcp-cwr']],
    check(given, { protocol }) {
      const tcp = protocol?.protocol === Protocol.TCP && !protocol.not;
      if (!tcp && given.some((g) => g.name.startsWith('ecn-tcp'))) throw new Refusal('ecn: TCP match requires -p tcp');
    },
  },
  {
    name: 'tcpmss',
    rows: [row('mss', span(0xffff, false), negatable)],
    need: [['mss']],
    protocols: [Protocol.TCP],
  },
];
