/** `-m tos`: net/netfilter/xt_dscp.c:tos_mt(): (tos & mask) == value. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

/** RFC 1349. */
const TOS_NAMES: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0x00,
};
/** A name says nothing of the two highest bits. */
const NAME_MASK = 0x3f;

/** `value[/mask]` or a name. */
export function readTos(name: string, text: string): { value: number; mask: number } {
  const named = TOS_NAMES[text.toLowerCase()];
  if (named !== undefined) return { value: named, mask: NAME_MASK };
  const slash = text.indexOf('/');
  if (slash < 0) return { value: number(name, text, 255), mask: 255 };
  return { value: number(name, text.slice(0, slash), 255), mask: number(name, text.slice(slash + 1), 255) };
}

export function printTosValue({ value, mask }: { value: number; mask: number }): string {
  const two = (n: number) => `0x${n.toString(16).padStart(2, '0')}`;
  return `${two(value)}/${two(mask)}`;
}

export const tos: MatchExtension = {
  name: 'tos',
  options: [option('tos', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'tos', 'tos');
    const test = byName(given).get('tos');
    return { kind: 'tos', ...readTos('tos', word(test)), ...inverted(test?.not) };
  },
};

export function printTos(match: Extract<Match, { kind: 'tos' }>): string {
  return `-m tos ${bang(match.not)}--tos ${printTosValue(match)}`;
}
