/** Times: `1d2h3m4s5ms`, or a number of seconds (nftables' time_parse). */
import { NftRefusal } from './refusal.ts';

const UNITS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds; throws `NftRefusal`. */
export function parseMilliseconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  let total = 0;
  const seen = new Set<string>();
  const pattern = /(\d+)(ms|d|h|m|s)/y;
  let end = 0;
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    const unit = found[2] as string;
    if (seen.has(unit)) throw new NftRefusal(`${unit} has been specified twice`);
    if ((found[1] as string).length > 8) throw new NftRefusal('value too large');
    seen.add(unit);
    total += Number(found[1]) * (UNITS[unit] as number);
    end = pattern.lastIndex;
  }
  if (seen.size === 0 || end !== text.length) throw new NftRefusal(`wrong time format "${text}"`);
  return total;
}

/** `1d2h3m4s5ms`; nothing for no time at all. */
export function printMilliseconds(total: number): string {
  let rest = Math.round(total);
  let text = '';
  for (const [unit, size] of Object.entries(UNITS)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}
