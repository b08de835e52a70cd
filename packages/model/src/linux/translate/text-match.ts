/** Matches that the machine keeps as text, as nftables writes them: a table of options for each extension. */
import {
  compare,
  firstOf,
  type Header,
  hex,
  NotTranslated,
  numbersOf,
  optionsOf,
  quoted,
  span,
  type TextOption,
} from './part.ts';

/** What an option becomes; several tests, or none. */
type Option = (option: TextOption, header: Header) => string | string[];

const first = ({ values }: TextOption): string => values[0] ?? '';

/**
 * A number or range of numbers; where it is all there are, whether the header is there. `fits`: the most that the field holds, where iptables
 * takes more.
 */
const number =
  (left: string, whole?: { max: number; test: string; fits?: number }): Option =>
  (option) => {
    const right = span(first(option));
    if (whole && right === `0-${whole.max}` && !option.not) return whole.test;
    const { fits } = whole ?? {};
    const [from, to] = numbersOf(first(option));
    if (fits === undefined || (to ?? from) <= fits) return compare(left, right, option.not);
    if (from > fits) throw new NotTranslated(right, `no ${left} is that large`);
    return compare(left, from === fits ? String(from) : `${from}-${fits}`, option.not);
  };

const fixed =
  (text: string): Option =>
  () =>
    text;

/** `value/mask`. */
const bits =
  (left: string): Option =>
  ({ values: [text = ''], not }) => {
    const [value, mask] = numbersOf(text, '/');
    return mask === undefined
      ? compare(left, hex(value), not)
      : `${left} & ${hex(mask)} ${not ? '!=' : '=='} ${hex(value)}`;
  };

const U32 = 0xffffffff;

const ECN = ['not-ect', 'ect1', 'ect0', 'ce'];

/** The extensions whose options each become tests of their own. */
const TABLE: Readonly<Record<string, Readonly<Record<string, Option>>>> = {
  ah: {
    ahspi: number('ah spi', { max: U32, test: 'meta l4proto ah' }),
    ahlen: number('ah hdrlength'),
    ahres: fixed('ah reserved 1'),
  },
  esp: { espspi: number('esp spi', { max: U32, test: 'meta l4proto esp' }) },
  ipcomp: { ipcompspi: number('comp cpi') },
  cgroup: { cgroup: number('meta cgroup') },
  cpu: { cpu: number('meta cpu') },
  dccp: {
    sport: number('dccp sport'),
    dport: number('dccp dport'),
    'dccp-types': (option) => {
      // Types without a name of their own.
      const types = first(option)
        .toLowerCase()
        .split(',')
        .map((type) => (type === 'invalid' ? '10-15' : type));
      return compare('dccp type', types.length === 1 ? (types[0] ?? '') : `{ ${types.join(', ')} }`, option.not);
    },
    'dccp-option': (option) => `dccp option ${first(option)} ${option.not ? 'missing' : 'exists'}`,
  },
  devgroup: { 'src-group': bits('iifgroup'), 'dst-group': bits('oifgroup') },
  dscp: { dscp: (option, header) => compare(`${header} dscp`, first(option), option.not) },
  ecn: {
    'ecn-tcp-ece': ({ not }) => `tcp flags ${not ? '& ecn == 0' : 'ecn'}`,
    'ecn-tcp-cwr': ({ not }) => `tcp flags ${not ? '& cwr == 0' : 'cwr'}`,
    'ecn-ip-ect': (option, header) => compare(`${header} ecn`, ECN[Number(first(option))] ?? '', option.not),
  },
  frag: {
    fragid: number('frag id', { max: U32, test: 'exthdr frag exists' }),
    fragres: fixed('frag reserved 1'),
    fragfirst: fixed('frag frag-off 0'),
    fragmore: fixed('frag more-fragments 1'),
    fraglast: fixed('frag more-fragments 0'),
  },
  hbh: { 'hbh-len': number('hbh hdrlength') },
  dst: { 'dst-len': number('dst hdrlength') },
  helper: { helper: (option) => compare('ct helper', quoted(first(option)), option.not) },
  mh: { 'mh-type': number('mh type', { max: 255, test: 'exthdr mh exists' }) },
  owner: {
    'uid-owner': (option) => compare('meta skuid', first(option), option.not),
    'gid-owner': (option) => compare('meta skgid', first(option), option.not),
  },
  pkttype: {
    'pkt-type': (option) => compare('meta pkttype', first(option) === 'unicast' ? 'host' : first(option), option.not),
  },
  quota: { quota: ({ values: [bytes = ''], not }) => `quota ${not ? 'over ' : ''}${bytes} bytes` },
  realm: { realm: bits('meta rtclassid') },
  rt: {
    'rt-type': number('rt type'),
    'rt-segsleft': number('rt seg-left', { max: U32, test: 'exthdr rt exists', fits: 255 }),
    'rt-len': number('rt hdrlength'),
  },
  tcpmss: { mss: number('tcp option maxseg size') },
};

/** Chunks of SCTP as iptables names them -> as nftables does. */
const CHUNKS: Readonly<Record<string, string>> = {
  DATA: 'data',
  INIT: 'init',
  INIT_ACK: 'init-ack',
  SACK: 'sack',
  HEARTBEAT: 'heartbeat',
  HEARTBEAT_ACK: 'heartbeat-ack',
  ABORT: 'abort',
  SHUTDOWN: 'shutdown',
  SHUTDOWN_ACK: 'shutdown-ack',
  ERROR: 'error',
  COOKIE_ECHO: 'cookie-echo',
  COOKIE_ACK: 'cookie-ack',
  ECN_ECNE: 'ecne',
  ECN_CWR: 'cwr',
  SHUTDOWN_COMPLETE: 'shutdown-complete',
  ASCONF: 'asconf',
  ASCONF_ACK: 'asconf-ack',
  FORWARD_TSN: 'forward-tsn',
};
/** And those that it has no names for. */
const NAMELESS_CHUNKS = ['I_DATA', 'RE_CONFIG', 'PAD', 'I_FORWARD_TSN'];

/** xt_sctp.c:match_packet(). nftables asks for each kind of chunk whether the packet has one. */
function sctp(options: readonly TextOption[]): string[] {
  return options.flatMap((option) => {
    const { name, values, not } = option;
    if (name === 'sport' || name === 'dport') return [compare(`sctp ${name}`, span(first(option)), not)];
    const [how = '', list = ''] = values;
    const every = [...Object.keys(CHUNKS), ...NAMELESS_CHUNKS];
    const asked = list === 'ALL' ? every : list === 'NONE' ? [] : list.split(',');
    const part = `--chunk-types ${not ? '! ' : ''}${how} ${list}`;
    if (list.includes(':')) throw new NotTranslated(part, 'nftables tests flags of one chunk among several by no name');
    if (not || (how === 'any' && asked.length !== 1))
      throw new NotTranslated(part, 'one rule of nftables asks for all of its tests, not for any');
    return (how === 'only' ? every : asked).map((chunk) => {
      const word = CHUNKS[chunk];
      if (word === undefined) throw new NotTranslated(part, `nftables has no name for the chunk ${chunk}`);
      return `sctp chunk ${word} ${asked.includes(chunk) && how !== 'none' ? 'exists' : 'missing'}`;
    });
  });
}

type Whole = (options: readonly TextOption[], header: Header) => string[];

const has = (options: readonly TextOption[], name: string): boolean => options.some((o) => o.name === name);

/** Refuses options that nothing here stands for. */
function only(extension: string, options: readonly TextOption[], ...names: string[]): void {
  const strange = options.find((o) => !names.includes(o.name));
  if (strange) throw new NotTranslated(`-m ${extension} --${strange.name}`);
}

const UNITS: Readonly<Record<string, string>> = { sec: 'second', min: 'minute', hour: 'hour', day: 'day' };

function limit(options: readonly TextOption[]): string[] {
  only('limit', options, 'limit', 'limit-burst');
  const [rate = '', unit = ''] = (firstOf(options, 'limit') ?? '').split('/');
  const burst = firstOf(options, 'limit-burst') ?? '5';
  return [`limit rate ${rate}/${UNITS[unit] ?? unit} burst ${burst} packets`];
}

function connbytes(options: readonly TextOption[]): string[] {
  const [range] = options;
  const direction = firstOf(options, 'connbytes-dir');
  const mode = firstOf(options, 'connbytes-mode') ?? '';
  const text = range?.values[0] ?? '';
  const [from, to] = text.split(':');
  const left = `ct ${direction === 'both' ? '' : `${direction} `}${mode}`;
  // `A:B` with `!` is printed `B:A`; open ends compare.
  if (to === '' || to === undefined) return [`${left} ${range?.not ? 'lt' : 'ge'} ${from}`];
  return [compare(left, from === to ? (from ?? '') : `${from}-${to}`, range?.not)];
}

function rpfilter(options: readonly TextOption[]): string[] {
  only('rpfilter', options, 'validmark', 'invert', 'loose');
  const mark = has(options, 'validmark') ? ' . mark' : '';
  const device = has(options, 'loose') ? '' : ' . iif';
  return [`fib saddr${mark}${device} oif ${has(options, 'invert') ? '' : '!= '}0`];
}

function socket(options: readonly TextOption[]): string[] {
  only('socket', options, 'transparent', 'nowildcard', 'restore-skmark');
  const out = [
    ...(has(options, 'nowildcard') ? [] : ['socket wildcard 0']),
    ...(has(options, 'transparent') ? ['socket transparent 1'] : []),
  ];
  // Without any test: is there a socket at all?
  if (out.length === 0) out.push('socket wildcard <= 1');
  return [...out, ...(has(options, 'restore-skmark') ? ['meta mark set socket mark'] : [])];
}

function policy(options: readonly TextOption[]): string[] {
  only('policy', options, 'dir', 'pol');
  const none = firstOf(options, 'pol') === 'none';
  if (firstOf(options, 'dir') === 'in') return [`meta ipsec ${none ? 'missing' : 'exists'}`];
  return [`rt ipsec ${none ? 'missing' : 'exists'}`];
}

const DAYS: Readonly<Record<string, number>> = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 };
const FIRST_DATE = '1970-01-01 00:00:00';
const LAST_DATE = '2038-01-19 03:14:07';

function time(options: readonly TextOption[]): string[] {
  only('time', options, 'timestart', 'timestop', 'weekdays', 'datestart', 'datestop', 'utc', 'kerneltz');
  const date = (name: string) => firstOf(options, name)?.replace('T', ' ');
  const out: string[] = [];
  const [from, to] = [date('datestart'), date('datestop')];
  if ((from ?? FIRST_DATE) !== FIRST_DATE || (to ?? LAST_DATE) !== LAST_DATE)
    out.push(`meta time "${from ?? FIRST_DATE}"-"${to ?? LAST_DATE}"`);
  const [start, stop] = [firstOf(options, 'timestart'), firstOf(options, 'timestop')];
  if (start !== undefined || stop !== undefined) out.push(`meta hour "${start ?? '00:00:00'}"-"${stop ?? '23:59:59'}"`);
  const days = options.find((o) => o.name === 'weekdays');
  if (days) {
    const list = first(days)
      .split(',')
      .map((day) => String(DAYS[day] ?? day));
    out.push(compare('meta day', list.length === 1 ? (list[0] ?? '') : `{ ${list.join(', ')} }`, days.not));
  }
  return out;
}

function connlabel(options: readonly TextOption[]): string[] {
  only('connlabel', options, 'label', 'set');
  const label = options.find((o) => o.name === 'label');
  const bit = label ? first(label) : '';
  const test = label?.not ? `ct label & ${bit} != ${bit}` : `ct label ${bit}`;
  return has(options, 'set') ? [`ct label set ${bit}`, test] : [test];
}

const WHOLE: Readonly<Record<string, Whole>> = { limit, connbytes, rpfilter, socket, policy, time, connlabel, sctp };

/** Extensions that ask for their header without any option. */
const PRESENT: Readonly<Record<string, string>> = {
  ah: 'meta l4proto ah',
  esp: 'meta l4proto esp',
  frag: 'exthdr frag exists',
  mh: 'exthdr mh exists',
  rt: 'exthdr rt exists',
};

/** Extensions whose tests ask for the protocol by themselves. */
export const PROTOCOLS: ReadonlySet<string> = new Set(['ah', 'esp', 'ipcomp', 'dccp', 'mh', 'sctp']);

/** `-m NAME ...` as iptables prints it. */
export function textTests(text: string, header: Header): string[] {
  const { name, options } = optionsOf(text);
  if (Object.hasOwn(WHOLE, name)) return WHOLE[name]?.(options, header) ?? [];
  const table = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
  if (!table) throw new NotTranslated(`-m ${name}`);
  if (options.length === 0 && PRESENT[name] !== undefined) return [PRESENT[name] ?? ''];
  return options.flatMap((option) => {
    const translate = Object.hasOwn(table, option.name) ? table[option.name] : undefined;
    if (!translate) throw new NotTranslated(`-m ${name} --${option.name}`);
    return translate(option, header);
  });
}
