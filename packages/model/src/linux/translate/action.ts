/** Targets, as nftables writes them. */
import type { IptablesAction, NatRange } from '@podwire/engine';
import { parseNumber } from '../iptables/base/numbers.ts';
import {
  firstOf,
  type Header,
  hex,
  NotTranslated,
  numbersOf,
  optionsOf,
  quoted,
  rangeText,
  span,
  type TextOption,
} from './part.ts';

const ALL = 0xffffffff;

/** `(mark & ~mask) ^ value` of the field `key`. */
function setMark(key: string, value: number, mask: number): string {
  if (mask === ALL) return `${key} set ${hex(value)}`;
  const kept = ~mask >>> 0;
  if (value === 0) return `${key} set ${key} & ${hex(kept)}`;
  if (mask === value) return `${key} set ${key} | ${hex(value)}`;
  if (mask === 0) return `${key} set ${key} ^ ${hex(value)}`;
  return `${key} set ${key} & ${hex(kept)} ^ ${hex(value)}`;
}

function natText(word: string, { addresses, ports, ...flags }: NatRange): string {
  const host = (address: string) => (ports && address.includes(':') ? `[${address}]` : address);
  const range = addresses
    ? addresses.from === addresses.to
      ? host(addresses.from)
      : `${host(addresses.from)}-${host(addresses.to)}`
    : '';
  const to = range === '' && !ports ? '' : ` to ${range}${ports ? `:${rangeText(ports)}` : ''}`;
  const named = [
    ...(flags.random ? ['random'] : []),
    ...(flags.randomFully ? ['fully-random'] : []),
    ...(flags.persistent ? ['persistent'] : []),
  ];
  return `${word}${to}${named.length > 0 ? ` ${named.join(',')}` : ''}`;
}

/** iptables' name of an ICMP code -> nftables'. */
const REJECTS: Readonly<Record<string, string>> = {
  'icmp-net-unreachable': 'icmp type net-unreachable',
  'icmp-host-unreachable': 'icmp type host-unreachable',
  'icmp-proto-unreachable': 'icmp type prot-unreachable',
  'icmp-port-unreachable': 'icmp type port-unreachable',
  'icmp-net-prohibited': 'icmp type net-prohibited',
  'icmp-host-prohibited': 'icmp type host-prohibited',
  'icmp-admin-prohibited': 'icmp type admin-prohibited',
  'icmp6-no-route': 'icmpv6 type no-route',
  'icmp6-adm-prohibited': 'icmpv6 type admin-prohibited',
  'icmp6-addr-unreachable': 'icmpv6 type addr-unreachable',
  'icmp6-port-unreachable': 'icmpv6 type port-unreachable',
  'icmp6-policy-fail': 'icmpv6 type policy-fail',
  'icmp6-reject-route': 'icmpv6 type reject-route',
  'tcp-reset': 'tcp reset',
};
const has = (options: readonly TextOption[], name: string): boolean => options.some((o) => o.name === name);

function only(target: string, options: readonly TextOption[], ...names: string[]): void {
  const strange = options.find((o) => !names.includes(o.name));
  if (strange) throw new NotTranslated(`-j ${target} --${strange.name}`);
}

type Target = (options: readonly TextOption[], header: Header) => string[];

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const LOG_FLAGS: readonly (readonly [string, string])[] = [
  ['log-tcp-sequence', 'tcp sequence'],
  ['log-tcp-options', 'tcp options'],
  ['log-ip-options', 'ip options'],
  ['log-uid', 'skuid'],
  ['log-macdecode', 'ether'],
];

function log(options: readonly TextOption[]): string[] {
  only('LOG', options, 'log-prefix', 'log-level', ...LOG_FLAGS.map(([name]) => name));
  const prefix = firstOf(options, 'log-prefix');
  const level = firstOf(options, 'log-level');
  const flags = LOG_FLAGS.filter(([name]) => has(options, name)).map(([, flag]) => flag);
  const tcp = flags.filter((flag) => flag.startsWith('tcp '));
  const words = tcp.length === 2 ? ['tcp sequence,options', ...flags.filter((flag) => !tcp.includes(flag))] : flags;
  return [
    [
      'log',
      ...(prefix === undefined ? [] : [`prefix ${quoted(prefix)}`]),
      ...(level === undefined ? [] : [`level ${LEVELS[Number(level)] ?? level}`]),
      ...words.map((flag) => `flags ${flag}`),
    ].join(' '),
  ];
}

function nflog(options: readonly TextOption[]): string[] {
  only('NFLOG', options, 'nflog-prefix', 'nflog-group', 'nflog-size', 'nflog-threshold');
  const [prefix, size, threshold] = ['nflog-prefix', 'nflog-size', 'nflog-threshold'].map((n) => firstOf(options, n));
  return [
    [
      'log',
      ...(prefix === undefined ? [] : [`prefix ${quoted(prefix)}`]),
      ...(size === undefined ? [] : [`snaplen ${size}`]),
      ...(threshold === undefined ? [] : [`queue-threshold ${threshold}`]),
      `group ${firstOf(options, 'nflog-group') ?? '0'}`,
    ].join(' '),
  ];
}

function nfqueue(options: readonly TextOption[]): string[] {
  only('NFQUEUE', options, 'queue-num', 'queue-balance', 'queue-bypass', 'queue-cpu-fanout');
  const flags = [
    ...(has(options, 'queue-bypass') ? ['bypass'] : []),
    ...(has(options, 'queue-cpu-fanout') ? ['fanout'] : []),
  ];
  const queues = span(firstOf(options, 'queue-balance') ?? firstOf(options, 'queue-num') ?? '0');
  return [`queue num ${queues}${flags.length > 0 ? ` ${flags.join(',')}` : ''}`];
}

/** The lowest two bits of the field are ECN's: nftables leaves them alone, and so does iptables-translate whatever TOS says of them. */
function setTos(options: readonly TextOption[], header: Header): string[] {
  const [value, mask = 0xff] = numbersOf(firstOf(options, 'set-tos') ?? '', '/');
  const field = `${header} dscp`;
  const [bits, covered] = [value >> 2, mask >> 2];
  if (covered === 0x3f || mask === 0x3f) return [`${field} set ${hex(bits)}`];
  const kept = ~covered & 0x3f;
  if (bits === 0) return [`${field} set ${field} & ${hex(kept)}`];
  if (bits === covered) return [`${field} set ${field} | ${hex(bits)}`];
  if (covered === 0) return [`${field} set ${field} ^ ${hex(bits)}`];
  return [`${field} set (${field} & ${hex(kept)}) ^ ${hex(bits)}`];
}

function classify(options: readonly TextOption[]): string[] {
  const text = firstOf(options, 'set-class') ?? '';
  const [major = 0, minor = 0] = text.split(':').map((part) => Number.parseInt(part, 16));
  if (major === 0 && minor === 0) return ['meta priority set none'];
  if (major === 0xffff && minor === 0xffff) return ['meta priority set root'];
  return [`meta priority set ${major.toString(16)}:${minor.toString(16)}`];
}

function tproxy(options: readonly TextOption[]): string[] {
  only('TPROXY', options, 'on-port', 'on-ip', 'tproxy-mark');
  const ip = firstOf(options, 'on-ip');
  const port = parseNumber(firstOf(options, 'on-port') ?? '0') ?? 0;
  const address = ip === undefined || ip === '0.0.0.0' || ip === '::' ? '' : ip.includes(':') ? `[${ip}]` : ip;
  const [value, mask = ALL] = numbersOf(firstOf(options, 'tproxy-mark') ?? '0/0', '/');
  const marking = mask === 0 && value === 0 ? [] : [setMark('meta mark', value, mask)];
  return [`tproxy to ${address}${port === 0 && address !== '' ? '' : `:${port}`}`, ...marking, 'accept'];
}

function synproxy(options: readonly TextOption[]): string[] {
  const words = options.map(({ name, values: [value] }) => {
    if (name === 'sack-perm' || name === 'timestamp') return name;
    if (name === 'wscale' || name === 'mss') return `${name} ${value}`;
    throw new NotTranslated(`-j SYNPROXY --${name}`);
  });
  return [['synproxy', ...words].join(' ')];
}

function tee(options: readonly TextOption[]): string[] {
  const device = firstOf(options, 'oif');
  return [`dup to ${firstOf(options, 'gateway')}${device === undefined ? '' : ` device ${quoted(device)}`}`];
}

function hoplimit(name: 'TTL' | 'HL', field: string): Target {
  return ([option]) => {
    if (!option?.name.endsWith('-set')) throw new NotTranslated(`-j ${name} --${option?.name}`);
    return [`${field} set ${option.values[0]}`];
  };
}

const TARGETS: Readonly<Record<string, Target>> = {
  LOG: log,
  NFLOG: nflog,
  NFQUEUE: nfqueue,
  AUDIT: () => ['log level audit'],
  CLASSIFY: classify,
  DSCP: (options, header) => [`${header} dscp set ${firstOf(options, 'set-dscp')}`],
  SYNPROXY: synproxy,
  TCPMSS: (options) => [
    `tcp option maxseg size set ${has(options, 'clamp-mss-to-pmtu') ? 'rt mtu' : firstOf(options, 'set-mss')}`,
  ],
  TEE: tee,
  TOS: setTos,
  TPROXY: tproxy,
  TRACE: () => ['meta nftrace set 1'],
  TTL: hoplimit('TTL', 'ip ttl'),
  HL: hoplimit('HL', 'ip6 hoplimit'),
};

function textAction(text: string, header: Header): string[] {
  const { name, options } = optionsOf(text);
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (!target) throw new NotTranslated(`-j ${name}`);
  return target(options, header);
}

const USUAL_REJECT = { ip: 'icmp-port-unreachable', ip6: 'icmp6-port-unreachable' };

export function actionText(action: IptablesAction, header: Header): string[] {
  switch (action.kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return [action.kind];
    case 'jump':
    case 'goto':
      return [`${action.kind} ${action.chain}`];
    case 'reject': {
      if (action.with === USUAL_REJECT[header]) return ['reject'];
      const how = Object.hasOwn(REJECTS, action.with) ? REJECTS[action.with] : undefined;
      if (how === undefined) throw new NotTranslated(`-j REJECT --reject-with ${action.with}`);
      return [`reject with ${how}`];
    }
    case 'set-mark':
      return [setMark('meta mark', action.value, action.mask)];
    case 'set-connmark':
      if (action.shift) throw new NotTranslated('-j CONNMARK with a shift');
      return [setMark('ct mark', action.value, action.mask)];
    case 'save-mark':
    case 'restore-mark': {
      if (action.shift) throw new NotTranslated('-j CONNMARK with a shift');
      const saves = action.kind === 'save-mark';
      const [read, written] = saves ? [action.nfmask, action.ctmask] : [action.ctmask, action.nfmask];
      if (written !== ALL)
        throw new NotTranslated(
          `-j CONNMARK --${action.kind}`,
          'a mark made of bits of two marks: nftables 1.0 writes bits from constants only',
        );
      const bits = read === ALL ? '' : ` & ${hex(read)}`;
      return [saves ? `ct mark set meta mark${bits}` : `meta mark set ct mark${bits}`];
    }
    case 'ct-zone':
      return [`ct ${action.direction ? `${action.direction.toLowerCase()} ` : ''}zone set ${action.zone}`];
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      if (action.range.netmap) throw new NotTranslated('-j NETMAP');
      return [natText(action.kind, action.range)];
    case 'notrack':
      return ['notrack'];
    // Helpers are given by targets that have a text of their own.
    case 'ct-helper':
      throw new NotTranslated(`helper ${action.helper}`, 'an object of nftables has to say it');
    case 'note':
    case 'queue':
    case 'extension-target':
    case 'unmodelled-target':
      return textAction(action.text, header);
    case 'set-add':
    case 'set-del':
      throw new NotTranslated(`-j SET ${action.set}`, 'sets of ipset are not seen by nftables');
  }
}
