/** Pieces of nftables text, and the options of an iptables extension that is kept as text. */
import type { PortRange, Statement } from '@podwire/engine';
import { parseNumber } from '../iptables/base/numbers.ts';
import type { TextOption } from '../iptables/base/text-options.ts';
import { splitRestoreWords } from '../iptables/base/words.ts';
import type { IpFamily } from '../iptables/index.ts';

export { firstOf, optionsOf, type TextOption } from '../iptables/base/text-options.ts';

/** The other tool has no words for a part of the rule. */
export class NotTranslated extends Error {
  /** As the rule's own tool writes it. */
  readonly part: string;
  readonly why: string;

  constructor(part: string, why = 'nftables has no words for it') {
    super(`${part}: ${why}`);
    this.part = part;
    this.why = why;
  }
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** `tcp dport 80`, `tcp dport != 80`. */
export function compare(left: string, right: string, not?: boolean): string {
  return `${left} ${not ? '!= ' : ''}${right}`;
}

/** `meta mark 0x1`; with a mask `meta mark & 0xff == 0x1`. */
export function masked(left: string, value: number, mask: number, not?: boolean): string {
  if (mask === 0xffffffff) return compare(left, hex(value), not);
  return `${left} & ${hex(mask)} ${not ? '!=' : '=='} ${hex(value)}`;
}

/** `ether saddr 02:00:00:00:00:01`; with a mask behind a slash `ether saddr & ff:ff:ff:00:00:00 == 02:00:00:00:00:00`. */
export function macTest(left: string, text: string, not?: boolean): string {
  const [address = '', mask] = text.split('/');
  return mask === undefined ? compare(left, address, not) : `${left} & ${mask} ${not ? '!=' : '=='} ${address}`;
}

/** What a rule decides without a target's own options. */
export function verdictText(statement: Statement): string {
  switch (statement.kind) {
    case 'jump':
      return `jump ${statement.chain}`;
    case 'accept':
    case 'drop':
    case 'return':
      return statement.kind;
    default:
      throw new NotTranslated(statement.kind);
  }
}

export function rangeText({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** Header of the family: `ip`, `ip6`. */
export type Header = IpFamily;

/** `5`, `5:7` of iptables, as numbers; `/` as in `value/mask` gives the second one. */
export function numbersOf(text: string, separator: ':' | '/' = ':'): readonly [number, number | undefined] {
  const [first = '', second] = text.split(separator);
  const value = parseNumber(first);
  const other = second === undefined ? undefined : parseNumber(second);
  if (value === undefined || (second !== undefined && other === undefined)) throw new NotTranslated(text);
  return [value, other];
}

/** A number or range of iptables as nftables writes it. */
export function span(text: string): string {
  const [from, to] = numbersOf(text);
  return to === undefined || to === from ? String(from) : `${from}-${to}`;
}

/** In quotation marks, as nftables reads it. */
export function quoted(text: string): string {
  if (/["\n]/.test(text)) throw new NotTranslated(JSON.stringify(text), 'nftables has no way to write it');
  return `"${text}"`;
}

/** As `optionsOf` of text that begins with an option: ebtables and arptables name no extension. */
export function bareOptions(text: string): TextOption[] {
  const options: TextOption[] = [];
  let not = false;
  for (const word of splitRestoreWords(text) ?? []) {
    if (word === '!') not = true;
    else if (/^--?[a-z]/.test(word)) {
      options.push({ name: word.replace(/^--?/, ''), values: [], not });
      not = false;
    } else options.at(-1)?.values.push(word);
  }
  return options;
}
