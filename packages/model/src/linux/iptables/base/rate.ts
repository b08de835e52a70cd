/** Rates of `-m limit` and `-m hashlimit`: `5/min`. */
import { Refusal } from './extension.ts';

/** Longest first, as the printers try them. */
const UNITS = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
] as const;
const WRITTEN = ['second', 'minute', 'hour', 'day'] as const;
const SECONDS: Record<(typeof WRITTEN)[number], number> = { second: 1, minute: 60, hour: 3600, day: 86400 };

/** `N[/unit]` to the time between two packets, in 1/`scale` seconds (the kernel keeps whole ones). */
export function readRate(text: string, scale: number): number {
  const [head = '', tail] = text.split('/');
  const count = /^[1-9][0-9]*$/.test(head) ? Number(head) : 0;
  const unit = tail === undefined ? 'second' : WRITTEN.find((u) => tail !== '' && u.startsWith(tail.toLowerCase()));
  if (count === 0 || unit === undefined) throw new Refusal(`bad rate "${text}"`);
  const period = Math.floor((scale * SECONDS[unit]) / count);
  if (period === 0) throw new Refusal(`Rate too fast "${text}"`);
  return period;
}

/** The unit is the shortest that loses nothing (extensions/libxt_limit.c:print_rate). */
function chooseUnit(period: number, scale: number): (typeof UNITS)[number] {
  let chosen: (typeof UNITS)[number] = UNITS[0];
  for (const unit of UNITS.slice(1)) {
    const full = unit[1] * scale;
    if (period > full || Math.floor(full / period) < full % period) break;
    chosen = unit;
  }
  return chosen;
}

export function printRate(period: number, scale: number): string {
  const [name, seconds] = chooseUnit(period, scale);
  return `${Math.floor((seconds * scale) / period)}/${name}`;
}

/** Seconds of the unit that a rate is printed with. */
export function unitOf(period: number, scale: number): number {
  return chooseUnit(period, scale)[1];
}
