/** Targets that the machine does not follow: they rewrite fields, hand the packet to a program, or translate prefixes. */
import { Protocol } from '@podwire/engine';
import { readDscpClass } from '../base/dscp.ts';
import { Refusal } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { hexadecimal, network, none, type Printer, plain, row, type TextExtension, uint } from '../base/table.ts';
import { printTosValue, readTos } from '../base/tos.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

const dscp: Printer = ([text = ''], row) => hexadecimal(0x3f, 2)([text], row);
const dscpClass: Printer = ([text = '']) => readDscpClass(text);

/** Whatever way it is written: (tos & ~mask) ^ value. */
function tos(change: (value: number) => { value: number; mask: number }): Printer {
  return ([text = ''], { name }) => printTosValue(change(number(name, text, 255)));
}

const setTos: Printer = ([text = ''], { name }) => printTosValue(readTos(name, text));

/** `from:to`, of queues; both ends differ, and the last queue of all is none. */
const queues: Printer = ([text = ''], { name }) => {
  const m = /^(\d*):(\d*)$/.exec(text);
  if (!m) throw new Refusal(`bad value for option "--${name}": "${text}"`);
  const from = m[1] ? number(name, m[1], U16) : 0;
  const to = m[2] ? number(name, m[2], U16) : U16 - 1;
  if (from >= to || to >= U16) throw new Refusal(`NFQUEUE: range ${text} is too wide or empty`);
  return `${from}:${to}`;
};

const strip: Printer = ([text = ''], { name }) => {
  for (const part of text.split(',')) if (/^\d+$/.test(part)) number(name, part, 255, 2);
  return text;
};

const hops = (name: 'ttl' | 'hl') => ({
  rows: [row(`${name}-set`, uint(255)), row(`${name}-dec`, uint(255, 1)), row(`${name}-inc`, uint(255, 1))],
  need: [[`${name}-set`, `${name}-dec`, `${name}-inc`]],
  exclude: [[`${name}-set`, `${name}-dec`, `${name}-inc`]],
});

const HMARK_PORTS = ['hmark-sport-mask', 'hmark-dport-mask'];

const prefixes = {
  rows: [row('src-pfx', plain), row('dst-pfx', plain)],
  need: [['src-pfx'], ['dst-pfx']],
  check(given: readonly { name: string; values: string[] }[]) {
    const lengths = given.map((g) => g.values[0]?.split('/')[1]);
    if (lengths[0] !== lengths[1]) throw new Refusal('the prefixes must be of the same length');
  },
};

export const otherTargets: readonly TextExtension[] = [
  { name: 'TTL', family: 'ip', ...hops('ttl') },
  { name: 'HL', family: 'ip6', ...hops('hl') },
  {
    name: 'DSCP',
    rows: [row('set-dscp', dscp), row('set-dscp-class', dscpClass, { printAs: 'set-dscp' })],
    need: [['set-dscp', 'set-dscp-class']],
    exclude: [['set-dscp', 'set-dscp-class']],
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
  },
  {
    name: 'ECN',
    family: 'ip',
    rows: [row('ecn-tcp-remove', none)],
    need: [['ecn-tcp-remove']],
    protocols: [Protocol.TCP],
  },
  {
    name: 'TCPOPTSTRIP',
    rows: [row('strip-options', strip)],
    need: [['strip-options']],
    protocols: [Protocol.TCP],
  },
  {
    name: 'NFQUEUE',
    rows: [
      row('queue-num', uint(U16)),
      row('queue-balance', queues),
      row('queue-bypass', none),
      row('queue-cpu-fanout', none),
    ],
    exclude: [['queue-num', 'queue-balance']],
    defaultUnless: { name: 'queue-num', value: '0', given: 'queue-balance' },
  },
  { name: 'NETMAP', rows: [row('to', network(false))], need: [['to']] },
  {
    name: 'TPROXY',
    rows: [row('on-port', uint(U16)), row('on-ip', plain), row('tproxy-mark', plain)],
    need: [['on-port']],
    protocols: [Protocol.TCP, Protocol.UDP],
  },
  {
    name: 'SYNPROXY',
    rows: [
      row('sack-perm', none),
      row('timestamp', none),
      row('wscale', uint(14)),
      row('mss', uint(U16)),
      row('ecn', none),
    ],
    protocols: [Protocol.TCP],
  },
  {
    name: 'HMARK',
    rows: [
      row('hmark-src-prefix', uint(128)),
      row('hmark-dst-prefix', uint(128)),
      row('hmark-sport-mask', hexadecimal(U16, 4)),
      row('hmark-dport-mask', hexadecimal(U16, 4)),
      row('hmark-spi-mask', hexadecimal(U32, 8)),
      row('hmark-sport', plain),
      row('hmark-dport', plain),
      row('hmark-spi', plain),
      row('hmark-proto-mask', plain),
      row('hmark-rnd', hexadecimal(U32, 8)),
      row('hmark-mod', uint(U32, 1)),
      row('hmark-offset', uint(U32)),
      row('hmark-tuple', plain),
    ],
    need: [['hmark-mod'], ['hmark-tuple', 'hmark-src-prefix']],
    check(given) {
      const spi = given.some((g) => g.name.startsWith('hmark-spi'));
      if (spi && given.some((g) => HMARK_PORTS.includes(g.name))) {
        throw new Refusal('HMARK: --hmark-spi-mask cannot be used with port masks');
      }
    },
  },
  { name: 'SNPT', family: 'ip6', ...prefixes },
  { name: 'DNPT', family: 'ip6', ...prefixes },
  {
    name: 'CLUSTERIP',
    family: 'ip',
    rows: ['new', 'hashmode', 'clustermac', 'total-nodes', 'local-node', 'hash-init'].map((n) =>
      row(n, n === 'new' ? none : plain),
    ),
  },
  { name: 'QUEUE', rows: [] },
  { name: 'MIRROR', rows: [] },
  { name: 'SAME', rows: [row('to', plain), row('nodst', none), row('random', none)] },
];
