/** Targets that decide nothing about a packet's fate: they log, count, copy or label it. */
import { Protocol } from '@podwire/engine';
import { Refusal } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import {
  cut,
  inQuotes,
  none,
  oneOf,
  type Printer,
  plain,
  quoted,
  row,
  type TextExtension,
  uint,
} from '../base/table.ts';

const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const LEVEL_ALIASES: Readonly<Record<string, number>> = { panic: 0, err: 3, warn: 4 };
const WARNING = 4;

const level: Printer = ([text = '']) => {
  const lower = text.toLowerCase();
  const named = LEVELS.indexOf(lower);
  const value = named >= 0 ? named : (LEVEL_ALIASES[lower] ?? number('log-level', text, 7));
  return value === WARNING ? undefined : String(value);
};

/** `major:minor` in hexadecimal. */
const classId: Printer = ([text = '']) => {
  const m = /^([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})$/.exec(text);
  if (!m) throw new Refusal(`Bad class value \`${text}'`);
  const four = (part = '') => part.toLowerCase().padStart(4, '0');
  return `${four(m[1])}:${four(m[2])}`;
};

export const notes: readonly TextExtension[] = [
  {
    name: 'LOG',
    rows: [
      row('log-prefix', cut(29)),
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
      row('nflog-prefix', cut(63)),
      row('nflog-group', uint(0xffff, 0, 0)),
      row('nflog-range', uint(0xffffffff)),
      row('nflog-size', uint(0xffffffff)),
      row('nflog-threshold', uint(0xffff, 0, 1)),
    ],
    exclude: [['nflog-range', 'nflog-size']],
  },
  {
    name: 'ULOG',
    family: 'ip',
    rows: [
      row('ulog-prefix', quoted),
      row('ulog-nlgroup', plain),
      row('ulog-cprange', plain),
      row('ulog-qthreshold', plain),
    ],
  },
  { name: 'TRACE', rows: [] },
  { name: 'AUDIT', rows: [row('type', oneOf('accept', 'drop', 'reject'))], need: [['type']] },
  { name: 'CHECKSUM', rows: [row('checksum-fill', none)], need: [['checksum-fill']] },
  { name: 'CLASSIFY', rows: [row('set-class', classId)], need: [['set-class']] },
  {
    name: 'TCPMSS',
    rows: [row('set-mss', uint(0xffff)), row('clamp-mss-to-pmtu', none)],
    need: [['set-mss', 'clamp-mss-to-pmtu']],
    exclude: [['set-mss', 'clamp-mss-to-pmtu']],
    protocols: [Protocol.TCP],
  },
  { name: 'TEE', rows: [row('gateway', plain), row('oif', plain)], need: [['gateway']] },
  {
    name: 'CONNSECMARK',
    rows: [row('save', none), row('restore', none)],
    need: [['save', 'restore']],
    exclude: [['save', 'restore']],
  },
  { name: 'SECMARK', rows: [row('selctx', plain)], need: [['selctx']] },
  {
    name: 'IDLETIMER',
    rows: [row('timeout', uint(0xffffffff, 1)), row('label', plain), row('alarm', none)],
    need: [['timeout'], ['label']],
  },
  {
    name: 'LED',
    rows: [row('led-trigger-id', inQuotes), row('led-delay', plain), row('led-always-blink', none)],
    need: [['led-trigger-id']],
  },
  {
    name: 'RATEEST',
    rows: [row('rateest-name', plain), row('rateest-interval', plain), row('rateest-ewmalog', plain)],
    need: [['rateest-name'], ['rateest-interval'], ['rateest-ewmalog']],
  },
];
