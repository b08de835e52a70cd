/** Targets that the machine does not follow: they rewrite fields, hand the packet to a program, or translate prefixes. */

import { Protocol } from '@podwire/engine';
import { prefix } from '../base/address.ts';
import { dictionary } from '../base/dictionary.ts';
import { readDscpClass } from '../base/dscp.ts';
import { type Given, isProtocol, Refusal } from '../base/extension.ts';
import { decimalPort, hex, number, valueAndMask } from '../base/numbers.ts';
import { hexadecimal, host, none, type Printer, row, type TextExtension, uint } from '../base/table.ts';
import { printTosValue, readTos } from '../base/tos.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

const dscp: Printer = (values, row) => hexadecimal(0x3f, 2)(values, row);
const dscpClass: Printer = ([text = '']) => readDscpClass(text);

/** Whatever way it is written: (tos & ~mask) ^ value. */
function tos(change: (value: number) => { value: number; mask: number }): Printer {
  return ([text = ''], { name }) => printTosValue(change(number(name, text, 255)));
}

const setTos: Printer = ([text = ''], { name }) => printTosValue(readTos(name, text));

/** `from:to`, of queues; both ends differ, and the last queue of all is none. */
const queues: Printer = ([text = ''], { name }) => {
  const m = /^([^:]*):([^:]*)$/.exec(text);
  if (!m) throw new Refusal(`Bad range "${text}"`);
  const from = m[1] ? number(name, m[1], U16 - 1) : 0;
  const to = m[2] ? number(name, m[2], U16 - 1) : U16 - 1;
  if (from >= to) throw new Refusal(`${from} should be less than ${to}`);
  return `${from}:${to}`;
};

const TCP_OPTIONS: Readonly<Record<string, number>> = dictionary({
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
});

/** Numbers of TCP options, in order. */
const strip: Printer = ([text = ''], { name }) => {
  const kinds = text.split(',').map((part) => {
    const kind = TCP_OPTIONS[part] ?? number(name, part, 255);
    if (kind < 2) throw new Refusal('Option value may not be 0 or 1');
    return kind;
  });
  const twice = kinds.find((kind, at) => kinds.indexOf(kind) < at);
  if (twice !== undefined) throw new Refusal(`Option "${twice}" already specified`);
  return kinds.sort((a, b) => a - b).join(',');
};

const hops = (name: 'ttl' | 'hl') => ({
  rows: [row(`${name}-set`, uint(255)), row(`${name}-dec`, uint(255, 1)), row(`${name}-inc`, uint(255, 1))],
  need: [[`${name}-set`, `${name}-dec`, `${name}-inc`]],
  exclude: [[`${name}-set`, `${name}-dec`, `${name}-inc`]],
  tables: ['mangle'],
});

/** Prefixes of one length, without host bits: net/ipv6/netfilter/ip6t_NPT.c:ip6t_npt_checkentry(). */
const translatedPrefix: Printer = ([text = ''], { name, context }) => {
  const whole = prefix(context.family, text, true);
  if (Number(whole.split('/')[1]) > 64 || whole !== prefix(context.family, text)) {
    throw new Refusal(`--${name}: "${text}" is no prefix of at most 64 bits`);
  }
  return whole;
};

const prefixes = {
  rows: [row('src-pfx', translatedPrefix), row('dst-pfx', translatedPrefix)],
  need: [['src-pfx'], ['dst-pfx']],
  tables: ['mangle'],
};

const mark: Printer = ([text = ''], { name }) => {
  const { value, mask } = valueAndMask(name, text);
  return `${hex(value)}/${hex(mask ?? U32)}`;
};

const HASH_MODES = ['sourceip', 'sourceip-sourceport', 'sourceip-sourceport-destport'];
const CLUSTER_NODES_MAX = 16;

function checkEcn(given: readonly Given[], { protocol }: { protocol?: { protocol: number; not?: boolean } }): void {
  if (given.length === 0) throw new Refusal('ECN target: An operation is required');
  const has = (name: string) => given.some((g) => g.name === name);
  if (has('ecn-tcp-remove') && (has('ecn-tcp-cwr') || has('ecn-tcp-ece'))) {
    throw new Refusal(
      'ECN: option "--ecn-tcp-remove" cannot be used together with "--ecn-tcp-cwr" or "--ecn-tcp-ece".',
    );
  }
  if (given.some((g) => g.name.startsWith('ecn-tcp')) && !isProtocol(protocol, [Protocol.TCP])) {
    throw new Refusal('ECN: cannot use operation on non-tcp rule');
  }
}

/** Host bits cleared. A mask with holes the tool takes for that of one host (1.8.9, tried). */
const mapped: Printer = ([text = ''], { context: { family } }) => {
  const whole = prefix(family, text);
  return /\/\d+$/.test(whole) ? whole : prefix(family, text.slice(0, text.indexOf('/')));
};

export const otherTargets: readonly TextExtension[] = [
  { name: 'TTL', family: 'ip', ...hops('ttl') },
  { name: 'HL', family: 'ip6', ...hops('hl') },
  {
    name: 'DSCP',
    rows: [row('set-dscp', dscp), row('set-dscp-class', dscpClass, { printAs: 'set-dscp' })],
    need: [['set-dscp', 'set-dscp-class']],
    exclude: [['set-dscp', 'set-dscp-class']],
    tables: ['mangle'],
  },
  {
    name: 'TOS',
    rows: [
      row('set-tos', setTos),
      row(
        'and-tos',
        tos((bits) => ({ value: 0, mask: ~bits & 255 })),
        { printAs: 'set-tos' },
      ),
      row(
        'or-tos',
        tos((bits) => ({ value: bits, mask: bits })),
        { printAs: 'set-tos' },
      ),
      row(
        'xor-tos',
        tos((bits) => ({ value: bits, mask: 0 })),
        { printAs: 'set-tos' },
      ),
    ],
    need: [['set-tos', 'and-tos', 'or-tos', 'xor-tos']],
    exclude: [['set-tos', 'and-tos', 'or-tos', 'xor-tos']],
    tables: ['mangle'],
  },
  {
    name: 'ECN',
    family: 'ip',
    rows: [
      row('ecn-tcp-remove', none),
      row('ecn-tcp-ece', uint(1)),
      row('ecn-tcp-cwr', uint(1)),
      row('ecn-ip-ect', uint(3)),
    ],
    tables: ['mangle'],
    check: checkEcn,
  },
  {
    name: 'TCPOPTSTRIP',
    rows: [row('strip-options', strip)],
    protocols: [Protocol.TCP],
    tables: ['mangle'],
  },
  {
    name: 'NFQUEUE',
    rows: [
      row('queue-num', uint(U16)),
      row('queue-balance', queues),
      row('queue-bypass', none),
      row('queue-cpu-fanout', none, { also: 'queue-balance' }),
    ],
    exclude: [['queue-num', 'queue-balance']],
    defaults: { 'queue-num': (has) => (has('queue-balance') ? undefined : '0') },
  },
  { name: 'NETMAP', rows: [row('to', mapped)], need: [['to']], tables: ['nat'] },
  {
    name: 'TPROXY',
    rows: [
      row('on-port', ([text = ''], { name }) => String(decimalPort(name, text))),
      row('on-ip', host),
      row('tproxy-mark', mark),
    ],
    need: [['on-port']],
    defaults: {
      'on-ip': (_, { family }) => (family === 'ip' ? '0.0.0.0' : '::'),
      'tproxy-mark': () => '0x0/0x0',
    },
    protocols: [Protocol.TCP, Protocol.UDP],
    tables: ['mangle'],
    chains: ['PREROUTING'],
  },
  {
    name: 'SYNPROXY',
    rows: [
      row('sack-perm', none),
      row('timestamp', none),
      row('wscale', uint(255)),
      row('mss', uint(U16)),
      row('ecn', none),
    ],
    protocols: [Protocol.TCP],
    chains: ['INPUT', 'FORWARD'],
  },
  { name: 'SNPT', family: 'ip6', ...prefixes, chains: ['INPUT', 'POSTROUTING'] },
  { name: 'DNPT', family: 'ip6', ...prefixes, chains: ['PREROUTING', 'OUTPUT'] },
  {
    name: 'CLUSTERIP',
    family: 'ip',
    rows: [
      row('new', none),
      row(
        'hashmode',
        ([text = '']) => {
          if (!HASH_MODES.includes(text)) throw new Refusal(`Unknown hashmode "${text}"`);
          return text;
        },
        { also: 'new' },
      ),
      row('clustermac', ([text = '']) => text.toUpperCase(), { also: 'new' }),
      row('total-nodes', uint(CLUSTER_NODES_MAX), { also: 'new' }),
      row('local-node', uint(CLUSTER_NODES_MAX), { also: 'new' }),
      row('hash-init', uint(U32), { also: 'new' }),
    ],
    defaults: { 'hash-init': (has) => (has('new') ? '0' : undefined) },
    chains: ['INPUT'],
    check(given) {
      const full = ['new', 'hashmode', 'clustermac', 'total-nodes', 'local-node'];
      if (given.length > 0 && !full.every((name) => given.some((g) => g.name === name))) {
        throw new Refusal('CLUSTERIP target: Invalid parameter combination');
      }
    },
  },
  {
    name: 'QUEUE',
    rows: [],
    check(_, { place }) {
      // A verdict of x_tables' own that nftables' compatibility layer does not know.
      if (place.backend === 'nft') throw new Refusal('RULE_APPEND failed (No such file or directory): target QUEUE');
    },
  },
];
