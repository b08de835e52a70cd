/** The TOS byte as rules write it: a name, or value and mask. */
import { dictionary } from './dictionary.ts';
import { number } from './numbers.ts';

/** RFC 1349. */
const TOS_NAMES: Readonly<Record<string, number>> = dictionary({
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0x00,
});
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
