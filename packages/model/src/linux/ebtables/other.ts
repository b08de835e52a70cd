/** The other matches of ebtables, and its watchers `log` and `nflog`. */
import { Refusal } from '../iptables/base/extension.ts';
import { hex, number } from '../iptables/base/numbers.ts';
import { printRate, readRate } from '../iptables/base/rate.ts';
import { inQuotationMarks, none, type Printer, row, uint } from '../iptables/base/table.ts';
import { cutBytes } from '../iptables/base/words.ts';
import { readLevel } from '../iptables/target/note.ts';
import { readPairs } from './among.ts';
import type { EbtExtension } from './extension.ts';

const negatable = { negatable: true };
const U16 = 0xffff;
const U32 = 0xffffffff;

const among: EbtExtension = {
  name: 'among',
  rows: [row('among-src', readPairs, negatable), row('among-dst', readPairs, negatable)],
};

/** `value[/mask]`, all of whose bits must agree; `/mask`: any of these bits. */
const mark: Printer = ([text = ''], { name }) => {
  const slash = text.indexOf('/');
  if (slash === 0) return `/${hex(number(name, text.slice(1)))}`;
  const value = hex(number(name, slash < 0 ? text : text.slice(0, slash)));
  const mask = slash < 0 ? U32 : number(name, text.slice(slash + 1));
  return mask === U32 ? value : `${value}/${hex(mask)}`;
};

const CLASSES = ['host', 'broadcast', 'multicast', 'otherhost', 'outgoing', 'loopback', 'fastroute'];

const packetType: Printer = ([text = '']) => {
  const named = CLASSES.indexOf(text.toLowerCase());
  const value = named >= 0 ? named : /^(0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : undefined;
  if (value === undefined) throw new Refusal(`Could not parse class '${text}'`);
  if (value > 255) throw new Refusal('Problem with specified pkttype class');
  // The tool prints large ones decimal, and would read them back as hexadecimal.
  return CLASSES[value] ?? (value < 10 ? String(value) : hex(value));
};

/** XT_LIMIT_SCALE. */
const SCALE = 10_000;
const DEFAULT_RATE = '3/hour';
const DEFAULT_BURST = '5';

/** nftables' limit, to which no burst at all means the usual one. */
const burst: Printer = ([text = ''], { name }) => {
  const value = number(name, text, 10_000);
  return value === 0 ? DEFAULT_BURST : String(value);
};

export const limit: EbtExtension = {
  name: 'limit',
  rows: [row('limit', ([text = '']) => printRate(readRate(text, SCALE), SCALE)), row('limit-burst', burst)],
  defaults: { limit: () => printRate(readRate(DEFAULT_RATE, SCALE), SCALE), 'limit-burst': () => DEFAULT_BURST },
};

export const otherMatches: readonly EbtExtension[] = [
  among,
  { name: 'mark_m', rows: [row('mark', mark, negatable)] },
  { name: 'pkttype', rows: [row('pkttype-type', packetType, negatable)] },
];

const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const NOTICE = 5;

/** Printed between quotation marks, of which it may hold none. The tool leaves backslashes single, and would read something else back. */
function logPrefix(length: number): Printer {
  return ([text = '']) => {
    if (text.includes('"')) throw new Refusal('Use of \\" is not allowed in the prefix');
    return text === '' ? undefined : inQuotationMarks(cutBytes(text, length));
  };
}

/** It only says that something is to be logged. */
const silent: Printer = () => undefined;

export const watchers: readonly EbtExtension[] = [
  {
    name: 'log',
    watcher: true,
    rows: [
      row('log', silent, { values: 0 }),
      row('log-level', ([text = '']) => LEVELS[readLevel(text)]),
      row('log-prefix', logPrefix(29)),
      row('log-ip', none),
      row('log-arp', none),
      row('log-ip6', none),
    ],
    defaults: { 'log-level': () => LEVELS[NOTICE] },
  },
  {
    name: 'nflog',
    watcher: true,
    rows: [
      row('nflog', silent, { values: 0 }),
      row('nflog-prefix', logPrefix(63)),
      row('nflog-group', uint(U16, 0, 0)),
      row('nflog-range', uint(U32, 0, 0)),
      row('nflog-threshold', uint(U16, 0, 1)),
    ],
    defaults: { 'nflog-group': () => '1' },
  },
];
