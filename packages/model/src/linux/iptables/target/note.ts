/** Targets that decide nothing about a packet's fate: they log, count, copy or label it. */

import { Protocol, TcpFlag } from '@podwire/engine';
import { dictionary } from '../base/dictionary.ts';
import { type Context, type Given, Refusal, refuseIn } from '../base/extension.ts';
import { number, parseNumber } from '../base/numbers.ts';
import { cut, host, inQuotes, none, oneOf, type Printer, plain, row, type TextExtension, uint } from '../base/table.ts';
import { bareWord, cutBytes, interfaceName } from '../base/words.ts';
import { rateEstimator } from './rateest.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

const LEVELS: Readonly<Record<string, number>> = dictionary({
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
});
const WARNING = 4;

/** Of syslog: a name (exactly) or a number. */
export function readLevel(text: string): number {
  const value = parseNumber(text, 7) ?? LEVELS[text];
  if (value === undefined) throw new Refusal(`log level "${text}" unknown`);
  return value;
}

const level: Printer = ([text = '']) => {
  const value = readLevel(text);
  return value === WARNING ? undefined : String(value);
};

/** One line, cut to `length` bytes. */
function logPrefix(length: number): Printer {
  return (values, row) => {
    if (values[0] === '') throw new Refusal('Argument must have a minimum length of 1 characters');
    if (values[0]?.includes('\n')) throw new Refusal(`Newlines not allowed in --${row.name}`);
    return cut(length)(values, row);
  };
}

/** `major:minor` in hexadecimal, 16 bits each. */
export function readClass(text: string): { major: number; minor: number } {
  const m = /^\s*(?:0[xX])?([0-9a-fA-F]+):(?:0[xX])?([0-9a-fA-F]+)/.exec(text);
  if (!m?.[1] || !m[2]) throw new Refusal(`Bad class value "${text}"`);
  const low = (digits: string) => Number.parseInt(digits, 16) & U16;
  return { major: low(m[1]), minor: low(m[2]) };
}

const classId: Printer = ([text = '']) => {
  const { major, minor } = readClass(text);
  return [major, minor].map((n) => n.toString(16).padStart(4, '0')).join(':');
};

/** net/netfilter/xt_TCPMSS.c:tcpmss_tg4_check(): it rewrites SYN packets only, and looks at the way out. */
function checkMss(given: readonly Given[], context: Context): void {
  if (given.some((g) => g.name === 'clamp-mss-to-pmtu')) {
    refuseIn(
      context,
      ['PREROUTING', 'INPUT'],
      'TCPMSS: path-MTU clamping only supported in FORWARD, OUTPUT and POSTROUTING hooks',
    );
  }
  // Rules of nftables may hold the flags elsewhere, so that the kernel does not look there.
  if (context.place.backend !== 'legacy') return;
  const syn = context.matches.some((m) => m.kind === 'tcp' && m.flags && !m.flags.not && m.flags.set & TcpFlag.SYN);
  if (!syn) throw new Refusal('TCPMSS: Only works on TCP SYN packets');
}

/** Both headers leave less than 64 KiB. */
const mss: Printer = (values, row) => uint(U16 - (row.context.family === 'ip' ? 20 : 40))(values, row);

/** nftables traces with a statement of its own, in any table. */
function checkTrace({ place }: Context): void {
  if (place.backend === 'legacy' && place.table !== undefined && place.table !== 'raw') {
    throw new Refusal(`TRACE target: only valid in raw table, not ${place.table}`);
  }
}

const LED_NAME_MAX = 16;
const ledName: Printer = (values, row) => {
  if ((values[0]?.length ?? 0) > LED_NAME_MAX) {
    throw new Refusal(`Argument must have a maximum length of ${LED_NAME_MAX} characters`);
  }
  return inQuotes(values, row);
};

const ledDelay: Printer = ([text = ''], { name }) => {
  if (text.slice(0, 3).toLowerCase() === 'inf') return 'inf';
  const value = number(name, text);
  return value === 0 ? undefined : String(value);
};

const TIMER_NAME_MAX = 27;
/** In milliseconds it must fit into 31 bits. */
const TIMER_MAX_S = 2147482;

export const notes: readonly TextExtension[] = [
  {
    name: 'LOG',
    rows: [
      row('log-prefix', logPrefix(29)),
      row('log-level', level),
      row('log-tcp-sequence', none),
      row('log-tcp-options', none),
      row('log-ip-options', none),
      row('log-uid', none),
      row('log-macdecode', none),
    ],
  },
  {
    name: 'NFLOG',
    rows: [
      row('nflog-prefix', logPrefix(63)),
      row('nflog-group', uint(U16, 0, 0)),
      row('nflog-range', uint(U32, 0, 0)),
      row('nflog-size', uint(U32)),
      row('nflog-threshold', uint(U16, 0, 0)),
    ],
    exclude: [['nflog-range', 'nflog-size']],
  },
  {
    name: 'ULOG',
    family: 'ip',
    rows: [
      row('ulog-prefix', logPrefix(31)),
      row('ulog-nlgroup', uint(32, 1, 1)),
      row('ulog-cprange', uint(U32, 0, 0)),
      row('ulog-qthreshold', uint(50, 1, 1)),
    ],
  },
  { name: 'TRACE', rows: [], check: (_, context) => checkTrace(context) },
  { name: 'AUDIT', rows: [row('type', oneOf('accept', 'drop', 'reject'))], need: [['type']] },
  { name: 'CHECKSUM', rows: [row('checksum-fill', none)], need: [['checksum-fill']], tables: ['mangle'] },
  {
    name: 'CLASSIFY',
    rows: [row('set-class', classId)],
    need: [['set-class']],
    chains: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  },
  {
    name: 'TCPMSS',
    rows: [row('set-mss', mss), row('clamp-mss-to-pmtu', none)],
    need: [['set-mss', 'clamp-mss-to-pmtu']],
    exclude: [['set-mss', 'clamp-mss-to-pmtu']],
    protocols: [Protocol.TCP],
    check: checkMss,
  },
  {
    name: 'TEE',
    rows: [
      row('gateway', host),
      row('oif', ([text = '']) => (text === '' ? undefined : bareWord(interfaceName(text)))),
    ],
    need: [['gateway']],
    check(given) {
      if (/^(0\.0\.0\.0|::)$/.test(given.find((g) => g.name === 'gateway')?.values[0] ?? '')) {
        throw new Refusal('TEE: the gateway has no address');
      }
    },
  },
  {
    name: 'CONNSECMARK',
    rows: [row('save', none), row('restore', none)],
    need: [['save', 'restore']],
    exclude: [['save', 'restore']],
    tables: ['mangle', 'security'],
  },
  { name: 'SECMARK', rows: [row('selctx', plain)], need: [['selctx']], tables: ['mangle', 'security'] },
  {
    name: 'IDLETIMER',
    rows: [
      row('timeout', uint(TIMER_MAX_S, 1)),
      row('label', ([text = '']) => {
        if (text === '') throw new Refusal('IDLETIMER: label is empty or not nul-terminated');
        return bareWord(cutBytes(text, TIMER_NAME_MAX));
      }),
      row('alarm', none),
      row('send_nl_msg', none),
    ],
    need: [['timeout'], ['label']],
  },
  {
    name: 'LED',
    rows: [row('led-trigger-id', ledName), row('led-delay', ledDelay), row('led-always-blink', none)],
    need: [['led-trigger-id']],
  },
  rateEstimator,
];
