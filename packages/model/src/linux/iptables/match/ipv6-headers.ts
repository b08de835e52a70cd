/** Matches on the headers between IPv6 and what it carries (RFC 8200, 8754): the machine does not look into them. */

import { address } from '../base/address.ts';
import { dictionary } from '../base/dictionary.ts';
import { type Given, Refusal } from '../base/extension.ts';
import { protocolNumber } from '../base/names.ts';
import { number, parseNumber, printRange } from '../base/numbers.ts';
import { network, none, type Printer, row, span, type TextExtension, uint } from '../base/table.ts';

const U32 = 0xffffffff;
const negatable = { negatable: true };

/** IP6T_OPTS_OPTSNR, IP6T_RT_HOPS. */
const LIST_MAX = 16;
const PAD0 = 0;

/** `149:92,12:12,123`: option types, each with its length unless any will do. */
const headerOptions: Printer = ([text = ''], { name }) => {
  const parts = text.split(',');
  if (parts.length > LIST_MAX) throw new Refusal(`too many addresses specified for --${name}`);
  return parts
    .map((part, index) => {
      const [type = '', length, ...more] = part.split(':');
      if (more.length) throw new Refusal(`${name}: error parsing length \`${part}'`);
      // The tool keeps the lowest eight bits of whatever number.
      const byte = (digits: string) => {
        const value = parseNumber(digits);
        if (value === undefined) throw new Refusal(`${name}: no valid digits in opt \`${digits}'`);
        return value & 255;
      };
      if (length === undefined) return String(byte(type));
      if (index === LIST_MAX - 1) throw new Refusal('too many ports specified');
      if (byte(type) === PAD0) throw new Refusal("PAD0 hasn't got length");
      // 255 is how "any length" is kept.
      return byte(length) === 255 ? String(byte(type)) : `${byte(type)}:${byte(length)}`;
    })
    .join(',');
};

/** The tool's own names, with the protocol number that stands for each in the kernel's mask, in the order in which they are printed. */
const HEADERS: readonly (readonly [string, number])[] = [
  ['hop-by-hop', 0],
  ['ipv6-opts', 60],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['ah', 51],
  ['esp', 50],
  ['ipv6-nonxt', 59],
  ['protocol', 255],
];
const HEADER_NAMES: Readonly<Record<string, number>> = dictionary({
  'hop-by-hop': 0,
  hop: 0,
  protocol: 255,
  prot: 255,
  dst: 60,
  route: 43,
  frag: 44,
  auth: 51,
  esp: 50,
  none: 59,
});

const headerNames: Printer = ([text = '']) => {
  const asked = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => HEADER_NAMES[part] ?? (part === 'all' ? undefined : protocolNumber(part)) ?? parseNumber(part, 255));
  if (asked.length === 0) throw new Refusal('ip6t_ipv6header: cannot parse header names');
  if (asked.some((n) => !HEADERS.some(([, known]) => known === n)))
    throw new Refusal(`unknown header \`${text}' specified`);
  return HEADERS.filter(([, n]) => asked.includes(n))
    .map(([name]) => name)
    .join(',');
};

const MH_TYPES: readonly (readonly [string, number])[] = [
  ['binding-refresh-request', 0],
  ['brr', 0],
  ['home-test-init', 1],
  ['hoti', 1],
  ['careof-test-init', 2],
  ['coti', 2],
  ['home-test', 3],
  ['hot', 3],
  ['careof-test', 4],
  ['cot', 4],
  ['binding-update', 5],
  ['bu', 5],
  ['binding-acknowledgement', 6],
  ['ba', 6],
  ['binding-error', 7],
  ['be', 7],
];

/** A name, perhaps cut short (the first that fits), or a number. */
function mhType(text: string): number {
  const lower = text.toLowerCase();
  const starting = MH_TYPES.filter(([name]) => name.startsWith(lower));
  const found = starting.findLast(([name]) => name === lower) ?? starting[0];
  const value = found?.[1] ?? parseNumber(text, 255);
  if (value === undefined) throw new Refusal(`Invalid MH type \`${text}'`);
  return value;
}

const mhTypes: Printer = ([text = ''], { not }) => {
  const colon = text.indexOf(':');
  const head = colon < 0 ? text : text.slice(0, colon);
  const tail = colon < 0 ? text : text.slice(colon + 1);
  const from = head === '' && colon >= 0 ? 0 : mhType(head);
  const to = tail === '' && colon >= 0 ? 255 : mhType(tail);
  if (from > to) throw new Refusal('Invalid MH type range (min > max)');
  return from === 0 && to === 255 && !not ? undefined : printRange({ from, to });
};

const routingAddresses: Printer = ([text = ''], { context }) => {
  const parts = text.split(',');
  if (parts.length > LIST_MAX) throw new Refusal('too many addresses specified');
  return parts.map((part) => address(context.family, part)).join(',');
};

/** The options on the addresses of a type 0 header stand behind the test of the type. */
function checkType0(given: readonly Given[]): void {
  for (const name of ['rt-0-res', 'rt-0-addrs']) {
    const at = given.findIndex((g) => g.name === name);
    if (at < 0) continue;
    const type = given.slice(0, at).find((g) => g.name === 'rt-type');
    if (!type || type.not || number('rt-type', type.values[0] ?? '') !== 0) {
      throw new Refusal(`\`--rt-type 0' required before \`--${name}'`);
    }
  }
  const strict = given.findIndex((g) => g.name === 'rt-0-not-strict');
  if (strict >= 0 && !given.slice(0, strict).some((g) => g.name === 'rt-0-addrs')) {
    throw new Refusal("`--rt-0-addr ...' required before `--rt-0-not-strict'");
  }
}

const MOBILITY = 135;

export const ipv6HeaderMatches: readonly TextExtension[] = [
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
    exclude: [['fragmore', 'fraglast']],
  },
  {
    name: 'rt',
    family: 'ip6',
    rows: [
      row('rt-type', uint(U32), negatable),
      row('rt-segsleft', span(U32), negatable),
      row('rt-len', uint(U32), negatable),
      row('rt-0-res', none),
      row('rt-0-addrs', routingAddresses),
      row('rt-0-not-strict', none),
    ],
    check: checkType0,
  },
  {
    name: 'mh',
    aliases: ['mobility-header', 'ipv6-mh'],
    family: 'ip6',
    rows: [row('mh-type', mhTypes, negatable)],
    protocols: [MOBILITY],
    impliedBy: [MOBILITY],
  },
  { name: 'hbh', family: 'ip6', rows: [row('hbh-len', uint(U32), negatable), row('hbh-opts', headerOptions)] },
  { name: 'dst', family: 'ip6', rows: [row('dst-len', uint(U32), negatable), row('dst-opts', headerOptions)] },
  {
    name: 'ipv6header',
    family: 'ip6',
    rows: [row('header', headerNames, negatable), row('soft', none)],
    need: [['header']],
  },
  { name: 'eui64', family: 'ip6', rows: [], chains: ['PREROUTING', 'INPUT', 'FORWARD'] },
  {
    name: 'srh',
    family: 'ip6',
    rows: [
      row('srh-next-hdr', uint(255), negatable),
      ...['hdr-len', 'segs-left', 'last-entry'].flatMap((field) =>
        ['eq', 'gt', 'lt'].map((test) => row(`srh-${field}-${test}`, uint(255), negatable)),
      ),
      row('srh-tag', uint(0xffff), negatable),
      ...['psid', 'nsid', 'lsid'].map((field) => row(`srh-${field}`, network(false), negatable)),
    ],
  },
];
