/** `-c PACKETS BYTES`, also written with a comma between. */
import type { Rule } from '@podwire/engine';
import { type Given, Refusal, word } from './extension.ts';

export function readCounters(header: readonly Given[]): Rule['counters'] {
  const given = header.find((g) => g.name === 'set-counters');
  if (!given) return undefined;
  const [packets = '', bytes] = given.values.length === 1 ? word(given).split(',') : given.values;
  if (bytes === undefined) throw new Refusal('--set-counters requires packet and byte counter');
  if (!/^\s*\d/.test(packets)) throw new Refusal('--set-counters packet counter not numeric');
  if (!/^\s*\d/.test(bytes)) throw new Refusal('--set-counters byte counter not numeric');
  return { packets: Number.parseInt(packets, 10), bytes: Number.parseInt(bytes, 10) };
}
