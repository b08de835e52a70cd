/** Matches that the machine does not evaluate: time, owners, contents, counters. */

import { readDscpClass } from '../base/dscp.ts';
import type { Given, OptionSpec } from '../base/extension.ts';
import { Refusal } from '../base/extension.ts';
import { protocolNumber } from '../base/names.ts';
import { parseNumber } from '../base/numbers.ts';
import {
  hexadecimal,
  inQuotes,
  listOf,
  network,
  none,
  oneOf,
  type Printer,
  plain,
  quoted,
  row,
  type TextExtension,
  uint,
  uint64,
} from '../base/table.ts';

const U32 = 0xffffffff;
const negatable = { negatable: true };

/** A user or group: a number, a range, or `root`; other names are known on the node alone. */
const owner: Printer = ([text = ''], { name }) => {
  if (text === 'root') return '0';
  const [from = '', to = from] = text.split('-');
  if (parseNumber(from) === undefined || parseNumber(to) === undefined) {
    throw new Refusal(`bad value for option "--${name}": "${text}" (give a number)`);
  }
  return text;
};

/** `from:to`; the upper end of all is not printed. */
const byteRange: Printer = ([text = ''], row) => {
  const [from = '', to] = text.split(':');
  const low = from === '' ? '0' : (uint64([from], row) ?? '');
  return to === undefined || to === '' ? low : `${low}:${uint64([to], row)}`;
};

const protocol: Printer = ([text = ''], { name }) => {
  const number = protocolNumber(text) ?? parseNumber(text, 255);
  if (number === undefined) throw new Refusal(`bad value for option "--${name}": "${text}"`);
  return String(number);
};

const dscp: Printer = ([text = ''], row) => hexadecimal(0x3f, 2)([text], row);

/** A class is another way to write its number. */
const dscpClass: Printer = ([text = '']) => readDscpClass(text);

const clock: Printer = ([text = ''], { name }) => {
  const m = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$/.exec(text);
  if (!m) throw new Refusal(`bad value for option "--${name}": "${text}"`);
  return [m[1], m[2], m[3] ?? '0'].map((part) => (part ?? '').padStart(2, '0')).join(':');
};

/** Every number is printed in hexadecimal. */
const u32: Printer = ([text = '']) =>
  `"${text.replace(/\s+/g, '').replace(/0[xX][0-9a-fA-F]+|\d+/g, (n) => `0x${Number(n).toString(16)}`)}"`;

const LAST_BYTE = 65535;

/** `--algo` stands behind the pattern, and the whole packet goes without saying. */
const stringRows = [
  row('string', inQuotes, negatable),
  row('hex-string', inQuotes, negatable),
  row('algo', oneOf('bm', 'kmp')),
  row('from', uint(LAST_BYTE, 0, 0)),
  row('to', uint(LAST_BYTE, 0, LAST_BYTE)),
  row('icase', none),
];

function needGroupBefore(given: readonly Given[]): void {
  const at = given.findIndex((g) => g.name === 'suppl-groups');
  if (at >= 0 && !given.slice(0, at).some((g) => g.name === 'gid-owner')) {
    throw new Refusal('owner: --suppl-groups needs --gid-owner before it');
  }
}

export const otherMatches: readonly TextExtension[] = [
  {
    name: 'dscp',
    rows: [row('dscp', dscp, negatable), row('dscp-class', dscpClass, { ...negatable, printAs: 'dscp' })],
    need: [['dscp', 'dscp-class']],
    exclude: [['dscp', 'dscp-class']],
  },
  {
    name: 'pkttype',
    rows: [row('pkt-type', oneOf('unicast', 'broadcast', 'multicast'), negatable)],
    need: [['pkt-type']],
  },
  {
    name: 'owner',
    rows: [
      row('socket-exists', none, negatable),
      row('uid-owner', owner, negatable),
      row('gid-owner', owner, negatable),
      row('suppl-groups', none),
    ],
    need: [['uid-owner', 'gid-owner', 'socket-exists']],
    check: needGroupBefore,
  },
  { name: 'string', rows: stringRows, need: [['algo'], ['string', 'hex-string']], exclude: [['string', 'hex-string']] },
  {
    name: 'time',
    rows: [
      row('timestart', clock),
      row('timestop', clock),
      row('monthdays', plain, negatable),
      row('weekdays', listOf('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'), negatable),
      row('datestart', plain),
      row('datestop', plain),
      row('kerneltz', none),
      row('contiguous', none),
    ],
  },
  { name: 'u32', rows: [row('u32', u32, negatable)], need: [['u32']] },
  {
    name: 'bpf',
    rows: [row('bytecode', inQuotes), row('object-pinned', quoted)],
    need: [['bytecode', 'object-pinned']],
  },
  {
    name: 'rpfilter',
    rows: [row('loose', none), row('validmark', none), row('accept-local', none), row('invert', none)],
  },
  { name: 'socket', rows: [row('transparent', none), row('nowildcard', none), row('restore-skmark', none)] },
  { name: 'cpu', rows: [row('cpu', uint(U32), negatable)], need: [['cpu']] },
  {
    name: 'cgroup',
    rows: [row('path', inQuotes, negatable), row('cgroup', uint(U32), negatable)],
    need: [['cgroup', 'path']],
    exclude: [['cgroup', 'path']],
  },
  { name: 'devgroup', rows: [row('src-group', plain, negatable), row('dst-group', plain, negatable)] },
  { name: 'helper', rows: [row('helper', quoted, negatable)], need: [['helper']] },
  { name: 'realm', rows: [row('realm', plain, negatable)], need: [['realm']] },
  {
    name: 'connbytes',
    rows: [
      row('connbytes', byteRange, negatable),
      row('connbytes-mode', oneOf('packets', 'bytes', 'avgpkt')),
      row('connbytes-dir', oneOf('original', 'reply', 'both')),
    ],
    need: [['connbytes'], ['connbytes-dir'], ['connbytes-mode']],
  },
  { name: 'connlabel', rows: [row('label', inQuotes, negatable), row('set', none)], need: [['label']] },
  {
    name: 'cluster',
    rows: ['cluster-total-nodes', 'cluster-local-node', 'cluster-local-nodemask', 'cluster-hash-seed'].map((name) =>
      row(name, plain, negatable),
    ),
    need: [['cluster-total-nodes'], ['cluster-local-node', 'cluster-local-nodemask'], ['cluster-hash-seed']],
  },
  {
    name: 'ipvs',
    rows: [
      row('ipvs', none, negatable),
      row('vproto', protocol, negatable),
      row('vaddr', network(true), negatable),
      row('vport', uint(0xffff), negatable),
      row('vdir', oneOf('ORIGINAL', 'REPLY')),
      row('vmethod', oneOf('GATE', 'IPIP', 'MASQ'), negatable),
      row('vportctl', uint(0xffff), negatable),
    ],
  },
  {
    name: 'osf',
    family: 'ip',
    rows: [row('genre', plain, negatable), row('ttl', uint(2)), row('log', uint(2))],
    need: [['genre']],
    protocols: [6],
  },
];

export const quota: TextExtension = { name: 'quota', rows: [row('quota', uint64, negatable)], need: [['quota']] };

/** IPsec policies: each `--next` begins another one. */
const POLICY = ['reqid', 'spi', 'proto', 'mode', 'tunnel-dst', 'tunnel-src'];

export function printPolicy(given: readonly Given[]): string {
  const one = (name: string) => given.find((g) => g.name === name);
  for (const name of ['dir', 'pol']) if (!one(name)) throw new Refusal(`policy match: --${name} is required`);
  const out = [`-m policy --dir ${one('dir')?.values[0]} --pol ${one('pol')?.values[0]}`];
  if (one('strict')) out.push('--strict');
  const parts: Given[][] = [[]];
  for (const g of given) {
    if (g.name === 'next') parts.push([]);
    else if (POLICY.includes(g.name)) parts.at(-1)?.push(g);
  }
  for (const [index, part] of parts.entries()) {
    if (index > 0) out.push('--next');
    const tunnel = part.some((g) => g.name.startsWith('tunnel-'));
    if (tunnel && !part.some((g) => g.name === 'mode' && g.values[0] === 'tunnel')) {
      throw new Refusal('policy match: --tunnel-src and --tunnel-dst need --mode tunnel');
    }
    for (const name of POLICY) {
      for (const g of part.filter((p) => p.name === name)) out.push(`${g.not ? '! ' : ''}--${name} ${g.values[0]}`);
    }
  }
  return out.join(' ');
}

export const policyOptions: readonly OptionSpec[] = [
  { name: 'dir', values: 1 },
  { name: 'pol', values: 1 },
  { name: 'strict', values: 0 },
  { name: 'next', values: 0, repeatable: true },
  ...POLICY.map((name): OptionSpec => ({ name, values: 1, negatable: true, repeatable: true })),
];
