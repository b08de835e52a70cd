/** Matches that the machine does not evaluate, a few lines each: processors, control groups, connection labels, helpers, routes ... */
import { dictionary } from '../base/dictionary.ts';
import { readDscpClass } from '../base/dscp.ts';
import { type Context, type Given, Refusal, refuseIn } from '../base/extension.ts';
import { protocolNumber } from '../base/names.ts';
import { decimalPort, hex, number, parseLong, parseNumber } from '../base/numbers.ts';
import {
  bare,
  cut,
  hexadecimal,
  network,
  none,
  oneOf,
  type Printer,
  row,
  type TextExtension,
  uint,
  uint64,
  wordOf,
} from '../base/table.ts';
import { bpf } from './bpf.ts';
import { owners } from './owner.ts';

const U32 = 0xffffffff;
const LONGEST = (1n << 64n) - 1n;
const negatable = { negatable: true };

/** `from:to`; the upper end of all is not printed, and neither is a lower end of zero bytes at most. */
const byteRange: Printer = ([text = ''], { name }) => {
  const [head = '', tail, ...more] = text.split(':');
  const read = (part: string, absent: bigint) => (part === '' ? absent : parseLong(part));
  const from = read(head, 0n);
  const to = tail === undefined ? LONGEST : read(tail, LONGEST);
  if (from === undefined || to === undefined || to < from || more.length) {
    throw new Refusal(`connbytes: bad value for option "--${name}" near "${text}", or out of range (0-${LONGEST}).`);
  }
  return to === 0n || to === LONGEST ? String(from) : `${from}:${to}`;
};

const protocol: Printer = ([text = '']) => {
  const value = protocolNumber(text) ?? parseNumber(text, 255);
  if (value === undefined) throw new Refusal(`unknown protocol "${text}" specified`);
  return String(value);
};

const onePort: Printer = ([text = ''], { name }) => String(decimalPort(name, text));

/** `value[/mask]`, hexadecimal; names of /etc/iproute2 are known on the node alone. */
const valueMask: Printer = ([text = ''], { name }) => {
  const [value = '', mask, ...more] = text.split('/');
  if (more.length) throw new Refusal(`bad integer value for option "--${name}"`);
  const whole = mask === undefined ? U32 : number(name, mask);
  return hex(number(name, value)) + (whole === U32 ? '' : `/${hex(whole)}`);
};

const LABEL_MAX = 127;

/** Numbers only: names stand in a file of the node. */
const label: Printer = ([text = '']) => {
  const value = parseNumber(text);
  if (value === undefined) throw new Refusal(`label '${text}' not found or invalid value`);
  if (value > LABEL_MAX) throw new Refusal(`connlabel: label ${value} is above ${LABEL_MAX}`);
  return `"${value}"`;
};

const dscp: Printer = ([text = ''], row) => hexadecimal(0x3f, 2)([text], row);
/** A class is another way to write its number. */
const dscpClass: Printer = ([text = '']) => readDscpClass(text);

const PACKET_TYPES: Readonly<Record<string, string>> = dictionary({
  bcast: 'broadcast',
  mcast: 'multicast',
  host: 'unicast',
});
const packetType: Printer = ([text = '']) => {
  const lower = text.toLowerCase();
  const type = PACKET_TYPES[lower] ?? lower;
  if (!['unicast', 'broadcast', 'multicast', 'otherhost'].includes(type))
    throw new Refusal(`Bad packet type '${text}'`);
  return type;
};

/** Nodes of a cluster are bits of a mask, however they are written. The tool prints masks that it refuses to read: they are read here. */
const NODES_MAX = 32;
const mask32 = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
const localNode: Printer = ([text = ''], { name }) => mask32(2 ** (number(name, text, NODES_MAX, 1) - 1));
const nodeMask: Printer = ([text = ''], { name }) => mask32(number(name, text, U32, 1));

function checkNodes(given: readonly Given[]): void {
  const value = (name: string) => given.find((g) => g.name === name)?.values[0];
  const total = number('cluster-total-nodes', value('cluster-total-nodes') ?? '', NODES_MAX, 1);
  const node = value('cluster-local-node');
  const mask = value('cluster-local-nodemask');
  if (node !== undefined && number('cluster-local-node', node, NODES_MAX, 1) > total) {
    throw new Refusal("cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'");
  }
  if (mask !== undefined && number('cluster-local-nodemask', mask, U32, 1) >= 2 ** total) {
    throw new Refusal("cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'");
  }
}

/** net/netfilter/xt_devgroup.c:devgroup_mt_checkentry(). */
function checkGroups(given: readonly Given[], context: Context): void {
  const has = (name: string) => given.some((g) => g.name === name);
  if (has('src-group'))
    refuseIn(context, ['OUTPUT', 'POSTROUTING'], 'devgroup: --src-group has no device to look at there');
  if (has('dst-group'))
    refuseIn(context, ['PREROUTING', 'INPUT'], 'devgroup: --dst-group has no device to look at there');
}

/** A connection either is IPVS's or not; what else is asked asks it to be. */
function checkIpvs(given: readonly Given[]): void {
  const whole = given.find((g) => g.name === 'ipvs');
  if (given.length === 0) throw new Refusal('IPVS: At least one option is required');
  if (whole?.not && given.length > 1) throw new Refusal('! --ipvs cannot be together with other options');
}

/** `--ipvs` goes without saying where anything else is asked. */
const ipvs: Printer = (_, { given }) => (given.length > 1 ? undefined : '');

const GENRE_MAX = 31;

export const otherMatches: readonly TextExtension[] = [
  bpf,
  owners,
  {
    name: 'dscp',
    rows: [row('dscp', dscp, negatable), row('dscp-class', dscpClass, { ...negatable, printAs: 'dscp' })],
    need: [['dscp', 'dscp-class']],
    exclude: [['dscp', 'dscp-class']],
  },
  { name: 'pkttype', rows: [row('pkt-type', packetType, negatable)], need: [['pkt-type']] },
  {
    name: 'rpfilter',
    rows: [row('loose', none), row('validmark', none), row('accept-local', none), row('invert', none)],
    tables: ['raw', 'mangle'],
    chains: ['PREROUTING'],
  },
  {
    name: 'socket',
    rows: [row('transparent', none), row('nowildcard', none), row('restore-skmark', none)],
    chains: ['PREROUTING', 'INPUT'],
  },
  { name: 'cpu', rows: [row('cpu', uint(U32), negatable)], need: [['cpu']] },
  {
    name: 'cgroup',
    rows: [row('path', cut(511), negatable), row('cgroup', uint(U32), negatable)],
    need: [['cgroup', 'path']],
    exclude: [['cgroup', 'path']],
    chains: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  },
  {
    name: 'devgroup',
    rows: [row('src-group', valueMask, negatable), row('dst-group', valueMask, negatable)],
    need: [['src-group', 'dst-group']],
    check: checkGroups,
  },
  { name: 'helper', rows: [row('helper', cut(29), negatable)], need: [['helper']] },
  {
    name: 'realm',
    family: 'ip',
    rows: [row('realm', valueMask, negatable)],
    need: [['realm']],
    chains: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  },
  {
    name: 'connbytes',
    rows: [
      row('connbytes', byteRange, negatable),
      row('connbytes-mode', wordOf('packets', 'bytes', 'avgpkt')),
      row('connbytes-dir', wordOf('original', 'reply', 'both')),
    ],
    need: [['connbytes'], ['connbytes-dir'], ['connbytes-mode']],
  },
  { name: 'connlabel', rows: [row('label', label, negatable), row('set', none)], need: [['label']] },
  {
    name: 'cluster',
    rows: [
      row('cluster-local-node', localNode, { ...negatable, printAs: 'cluster-local-nodemask' }),
      row('cluster-local-nodemask', nodeMask, negatable),
      row('cluster-total-nodes', uint(NODES_MAX, 1)),
      row('cluster-hash-seed', ([text = ''], { name }) => mask32(number(name, text))),
    ],
    need: [['cluster-total-nodes'], ['cluster-local-node', 'cluster-local-nodemask'], ['cluster-hash-seed']],
    exclude: [['cluster-local-node', 'cluster-local-nodemask']],
    check: checkNodes,
  },
  {
    name: 'ipvs',
    rows: [
      row('ipvs', ipvs, { values: 0, ...negatable }),
      row('vproto', protocol, negatable),
      row('vaddr', network(true), negatable),
      row('vport', onePort, negatable),
      row('vdir', oneOf('ORIGINAL', 'REPLY')),
      row('vmethod', oneOf('GATE', 'IPIP', 'MASQ'), negatable),
      row('vportctl', onePort, negatable),
    ],
    check: checkIpvs,
  },
  {
    name: 'osf',
    family: 'ip',
    rows: [row('genre', bare(GENRE_MAX), negatable), row('ttl', uint(2)), row('log', uint(2))],
    need: [['genre']],
    protocols: [6],
    chains: ['PREROUTING', 'INPUT', 'FORWARD'],
  },
];

export const quota: TextExtension = { name: 'quota', rows: [row('quota', uint64, negatable)], need: [['quota']] };
