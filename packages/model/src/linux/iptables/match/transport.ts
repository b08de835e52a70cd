/** Matches on transport headers that the machine does not look into: IPsec, DCCP, ECN, MSS. */
import { Protocol } from '@podwire/engine';
import { isProtocol, Refusal } from '../base/extension.ts';
import { decimalPort, portRange, printRange } from '../base/numbers.ts';
import { none, type Printer, row, span, type TextExtension, uint } from '../base/table.ts';

const U32 = 0xffffffff;
const negatable = { negatable: true };

const ESP = 50;
const AH = 51;
const DCCP = 33;
const IPCOMP = 108;

const dccpPorts: Printer = ([text = ''], { name }) => printRange(portRange(name, text, decimalPort));
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

const dccpTypes: Printer = ([text = '']) => {
  const asked = text.split(',').filter((part) => part !== '');
  const strange = asked.find((part) => !DCCP_TYPES.includes(part.toUpperCase()));
  if (strange !== undefined || asked.length === 0) throw new Refusal(`Unknown DCCP type \`${strange ?? ''}'`);
  return DCCP_TYPES.filter((type) => asked.some((part) => part.toUpperCase() === type)).join(',');
};

/** 0 says nothing unless inverted. */
const length: Printer = (values, row) => uint(U32, 0, row.not ? undefined : 0)(values, row);

const ahSpi = row('ahspi', span(U32), negatable);

export const transportMatches: readonly TextExtension[] = [
  { name: 'ah', family: 'ip', rows: [ahSpi], protocols: [AH], impliedBy: [AH] },
  {
    name: 'ah',
    family: 'ip6',
    rows: [ahSpi, row('ahlen', length, negatable), row('ahres', none)],
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
      row('dccp-types', dccpTypes, negatable),
      row('dccp-option', uint(255, 1), negatable),
    ],
    protocols: [DCCP],
    impliedBy: [DCCP],
  },
  {
    name: 'ecn',
    rows: [
      row('ecn-tcp-ece', none, negatable),
      row('ecn-tcp-cwr', none, negatable),
      row('ecn-ip-ect', uint(3), negatable),
    ],
    need: [['ecn-ip-ect', 'ecn-tcp-ece', 'ecn-tcp-cwr']],
    check(given, { protocol, place }) {
      // net/netfilter/xt_ecn.c:ecn_mt_check4().
      if (
        place.unasked !== true &&
        !isProtocol(protocol, [Protocol.TCP]) &&
        given.some((g) => g.name.startsWith('ecn-tcp'))
      ) {
        throw new Refusal('ecn: cannot match TCP bits for non-tcp packets');
      }
    },
  },
  {
    name: 'tcpmss',
    rows: [row('mss', span(0xffff, false), negatable)],
    need: [['mss']],
    protocols: [Protocol.TCP],
  },
];
