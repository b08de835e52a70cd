/** Rules of ebtables, as nftables writes them. */
import type { Rule } from '@podwire/engine';
import { ethertypeNumber } from '../iptables/base/ethertypes.ts';
import { protocolNumber } from '../iptables/base/names.ts';
import { splitRestoreWords } from '../iptables/base/words.ts';
import { ICMP_NAMES, ICMP6_NAMES, type IcmpNames } from '../iptables/match/icmp.ts';
import { interfaceTest } from './header.ts';
import {
  bareOptions,
  compare,
  firstOf,
  hex,
  macTest,
  NotTranslated,
  numbersOf,
  quoted,
  span,
  type TextOption,
  verdictText,
} from './part.ts';

type Option = (option: TextOption) => string | string[];

const first = ({ values }: TextOption): string => values[0] ?? '';
const number =
  (left: string): Option =>
  (option) =>
    compare(left, span(first(option)), option.not);
const plain =
  (left: string): Option =>
  (option) =>
    compare(left, first(option), option.not);

/** Groups of addresses that ebtables has names for. */
const NAMED_MACS: Readonly<Record<string, string>> = {
  Unicast: '00:00:00:00:00:00/01:00:00:00:00:00',
  Multicast: '01:00:00:00:00:00/01:00:00:00:00:00',
  Broadcast: 'ff:ff:ff:ff:ff:ff',
  BGA: '01:80:c2:00:00:00',
};

const mac =
  (left: string): Option =>
  (option) =>
    macTest(left, NAMED_MACS[first(option)] ?? first(option), option.not);

const device =
  (key: 'meta ibrname' | 'meta obrname'): Option =>
  (option) =>
    interfaceTest(key, first(option), option.not);

/** Lengths stand below the first type. */
function ethertype(option: TextOption): string {
  const text = first(option);
  if (text === 'Length') return `ether type ${option.not ? '>=' : '<'} 0x0600`;
  const type = ethertypeNumber(text) ?? Number(text);
  return compare('ether type', `0x${type.toString(16).padStart(4, '0')}`, option.not);
}

const protocol =
  (left: string): Option =>
  (option) =>
    compare(left, String(protocolNumber(first(option)) ?? first(option)), option.not);

/** `TYPE[/CODE]`, both perhaps ranges. */
const icmp =
  (name: 'icmp' | 'icmpv6', names: IcmpNames): Option =>
  (option) => {
    const known = Object.hasOwn(names, first(option)) ? names[first(option)] : undefined;
    const [type = '', code] = known ? known.map(String) : first(option).split('/');
    const tests = [compare(`${name} type`, span(type), option.not)];
    if (code !== undefined && code !== '0:255') {
      if (option.not) throw new NotTranslated(`--ip-icmp-type ! ${first(option)}`);
      tests.push(`${name} code ${span(code)}`);
    }
    return tests;
  };

const PACKET_TYPES: Readonly<Record<string, string>> = {
  otherhost: 'other',
  outgoing: '4',
  loopback: '5',
  fastroute: '6',
};

function mark({ values: [text = ''], not }: TextOption): string {
  const [value, mask] = numbersOf(text, '/');
  return mask === undefined
    ? compare('meta mark', hex(value), not)
    : `meta mark & ${hex(mask)} ${not ? '!=' : '=='} ${hex(value)}`;
}

const TESTS: Readonly<Record<string, (transport: string) => Option>> = {
  p: () => ethertype,
  s: () => mac('ether saddr'),
  d: () => mac('ether daddr'),
  'logical-in': () => device('meta ibrname'),
  'logical-out': () => device('meta obrname'),
  'ip-src': () => plain('ip saddr'),
  'ip-dst': () => plain('ip daddr'),
  'ip-tos': () => plain('@nh,8,8'),
  'ip-proto': () => protocol('ip protocol'),
  'ip-sport': (transport) => number(`${transport} sport`),
  'ip-dport': (transport) => number(`${transport} dport`),
  'ip-icmp-type': () => icmp('icmp', ICMP_NAMES),
  'ip6-src': () => plain('ip6 saddr'),
  'ip6-dst': () => plain('ip6 daddr'),
  'ip6-tclass': () => (option) => compare('ip6 dscp', hex(numbersOf(first(option))[0] >> 2), option.not),
  'ip6-proto': () => protocol('meta l4proto'),
  'ip6-sport': (transport) => number(`${transport} sport`),
  'ip6-dport': (transport) => number(`${transport} dport`),
  'ip6-icmp-type': () => icmp('icmpv6', ICMP6_NAMES),
  'vlan-id': () => number('vlan id'),
  'vlan-prio': () => number('vlan pcp'),
  'vlan-encap': () => (option) =>
    compare('vlan type', hex(ethertypeNumber(first(option)) ?? Number.parseInt(first(option), 16)), option.not),
  mark: () => mark,
  'pkttype-type': () => (option) => compare('meta pkttype', PACKET_TYPES[first(option)] ?? first(option), option.not),
};

const UNITS: Readonly<Record<string, string>> = { sec: 'second', min: 'minute', hour: 'hour', day: 'day' };

function limit(text: string): string {
  const options = bareOptions(text);
  const [rate = '', unit = ''] = (firstOf(options, 'limit') ?? '').split('/');
  return `limit rate ${rate}/${UNITS[unit] ?? unit} burst ${firstOf(options, 'limit-burst') ?? '5'} packets`;
}

const LEVELS: Readonly<Record<string, string>> = { error: 'err', warning: 'warn' };

/** `--log`, `--nflog`. */
function watcher(text: string): string {
  const options = bareOptions(text);
  const part = (word: string, value: string | undefined) => (value === undefined ? [] : [`${word} ${value}`]);
  const prefix = (name: string) => {
    const value = firstOf(options, name);
    return value === undefined ? undefined : quoted(value);
  };
  if (options[0]?.name.startsWith('nflog')) {
    return [
      'log',
      ...part('prefix', prefix('nflog-prefix')),
      ...part('group', firstOf(options, 'nflog-group')),
      ...part('snaplen', firstOf(options, 'nflog-range')),
      ...part('queue-threshold', firstOf(options, 'nflog-threshold')),
    ].join(' ');
  }
  const level = firstOf(options, 'log-level') ?? 'notice';
  return ['log', ...part('prefix', prefix('log-prefix')), `level ${LEVELS[level] ?? level}`, 'flags ether'].join(' ');
}

const SETTERS: Readonly<Record<string, string>> = {
  'mark-set': '',
  'mark-or': 'meta mark | ',
  'mark-xor': 'meta mark ^ ',
  'mark-and': 'meta mark & ',
};

function target(text: string): string[] {
  const [, name = '', ...words] = splitRestoreWords(text) ?? [];
  const options = bareOptions(words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(' '));
  const asked = firstOf(options, `${name}-target`) ?? 'ACCEPT';
  // Told to go on, a rule of nftables need not say so: iptables-translate does it behind a changed address.
  const verdict = asked === 'CONTINUE' && !name.endsWith('nat') ? [] : [asked.toLowerCase()];
  switch (name) {
    case 'dnat':
      return [`ether daddr set ${firstOf(options, 'to-dst')}`, ...verdict];
    case 'snat':
      if (options.some((option) => option.name === 'snat-arp')) throw new NotTranslated('-j snat --snat-arp');
      return [`ether saddr set ${firstOf(options, 'to-src')}`, ...verdict];
    case 'redirect':
      return ['meta pkttype set host', ...verdict];
    case 'mark': {
      const setter = options.find((option) => option.name in SETTERS);
      return [`meta mark set ${SETTERS[setter?.name ?? ''] ?? ''}${setter ? first(setter) : ''}`, ...verdict];
    }
    default:
      throw new NotTranslated(`-j ${name}`);
  }
}

const ORDER = ['iif', 'logical-in', 'oif', 'logical-out', 'p', 's', 'd'];

interface Test {
  name: string;
  texts: string[];
}

/** Each option a test; ports belong to the protocol that another option names. */
function tests(text: string): Test[] {
  const options = bareOptions(text);
  const transport = firstOf(options, 'ip-proto') ?? firstOf(options, 'ip6-proto') ?? '';
  const icmpOrPorts = options.some(({ name }) => /-(sport|dport|icmp-type)$/.test(name));
  return options.flatMap((option) => {
    const translate = Object.hasOwn(TESTS, option.name) ? TESTS[option.name] : undefined;
    if (!translate) throw new NotTranslated(`--${option.name}`);
    // The transport header's own tests ask for it.
    if (/^ip6?-proto$/.test(option.name) && icmpOrPorts) return [];
    return [{ name: option.name, texts: [translate(transport)(option)].flat() }];
  });
}

/** Texts of a rule of ebtables: tests, what is logged, a counter, the target. */
export function bridgeTexts(rule: Rule): string[] {
  const header: Test[] = [];
  const others: string[] = [];
  const watched: string[] = [];
  const actions: string[] = [];
  for (const statement of rule.body) {
    switch (statement.kind) {
      case 'iif':
      case 'oif':
        header.push({
          name: statement.kind,
          texts: [interfaceTest(`${statement.kind}name`, statement.name, statement.not)],
        });
        break;
      case 'limit':
        others.push(limit(statement.text));
        break;
      case 'unmodelled':
        for (const test of tests(statement.text)) {
          if (ORDER.includes(test.name)) header.push(test);
          else others.push(...test.texts);
        }
        break;
      case 'note':
        watched.push(watcher(statement.text));
        break;
      case 'unmodelled-target':
        actions.push(...target(statement.text));
        break;
      default:
        actions.push(verdictText(statement));
    }
  }
  header.sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  return [...header.flatMap(({ texts }) => texts), ...others, ...watched, 'counter', ...actions];
}
