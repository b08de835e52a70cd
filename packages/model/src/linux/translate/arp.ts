/** Rules of arptables, as nftables writes them. */
import type { Rule } from '@podwire/engine';
import { addressTest, interfaceTest } from './header.ts';
import {
  bareOptions,
  compare,
  firstOf,
  hex,
  macTest,
  NotTranslated,
  numbersOf,
  type TextOption,
  verdictText,
} from './part.ts';

const first = ({ values }: TextOption): string => values[0] ?? '';

const address =
  (side: 'saddr' | 'daddr') =>
  (option: TextOption): string =>
    addressTest(`arp ${side} ip`, first(option), option.not);

const mac =
  (side: 'saddr' | 'daddr') =>
  (option: TextOption): string =>
    macTest(`arp ${side} ether`, first(option), option.not);

const field =
  (left: string, print: (value: number) => string) =>
  (option: TextOption): string => {
    const [value, mask] = numbersOf(first(option), '/');
    return mask === undefined
      ? compare(left, print(value), option.not)
      : `${left} & ${print(mask)} ${option.not ? '!=' : '=='} ${print(value)}`;
  };

/** In the order of the fields of the header; what goes without saying for arptables must be said in nftables. */
const FIELDS: readonly { name: string; print(option: TextOption): string; assumed?: string }[] = [
  { name: 'h-type', print: field('arp htype', String), assumed: 'arp htype 1' },
  { name: 'h-length', print: field('arp hlen', String), assumed: 'arp hlen 6' },
  { name: 'p-length', print: field('arp plen', String), assumed: 'arp plen 4' },
  { name: 'opcode', print: field('arp operation', String) },
  { name: 'proto-type', print: field('arp ptype', hex) },
  { name: 's', print: address('saddr') },
  { name: 'd', print: address('daddr') },
  { name: 'src-mac', print: mac('saddr') },
  { name: 'dst-mac', print: mac('daddr') },
];

const ALL = 0xffffffff;

function mangle(text: string): string[] {
  const options = bareOptions(text.replace(/^-j mangle /, ''));
  const set = (left: string, name: string) => {
    const value = firstOf(options, name);
    return value === undefined ? [] : [`${left} set ${value}`];
  };
  const verdict = firstOf(options, 'mangle-target') ?? 'ACCEPT';
  return [
    ...set('arp saddr ip', 'mangle-ip-s'),
    ...set('arp saddr ether', 'mangle-mac-s'),
    ...set('arp daddr ip', 'mangle-ip-d'),
    ...set('arp daddr ether', 'mangle-mac-d'),
    ...(verdict === 'CONTINUE' ? [] : [verdict.toLowerCase()]),
  ];
}

function setMark(value: number, mask: number): string {
  if (mask === ALL) return `meta mark set ${hex(value)}`;
  if (mask === value) return `meta mark set meta mark | ${hex(value)}`;
  return `meta mark set meta mark & ${hex(~mask >>> 0)}${value === 0 ? '' : ` ^ ${hex(value)}`}`;
}

/** Texts of a rule of arptables: tests, a counter, the target. */
export function arpTexts(rule: Rule): string[] {
  const devices: string[] = [];
  const options: TextOption[] = [];
  const actions: string[] = [];
  for (const statement of rule.body) {
    switch (statement.kind) {
      case 'iif':
      case 'oif':
        devices.push(interfaceTest(`${statement.kind}name`, statement.name, statement.not));
        break;
      case 'unmodelled':
        options.push(...bareOptions(statement.text));
        break;
      case 'unmodelled-target':
        if (!statement.text.startsWith('-j mangle ')) throw new NotTranslated(statement.text);
        actions.push(...mangle(statement.text));
        break;
      case 'set-mark':
        actions.push(setMark(statement.value, statement.mask));
        break;
      default:
        actions.push(verdictText(statement));
    }
  }
  const tests = FIELDS.flatMap(({ name, print, assumed }) => {
    const asked = options.find((option) => option.name === name);
    return asked ? [print(asked)] : assumed === undefined ? [] : [assumed];
  });
  return [...devices, ...tests, 'counter', ...actions];
}
