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

/** Seconds of the unit in `N[/unit]`, which may be cut short. */
export function writtenUnit(text: string): number {
  const slash = text.indexOf('/');
  if (slash < 0) return 1;
  const name = text.slice(slash + 1).toLowerCase();
  const unit = name === '' ? undefined : WRITTEN.find((u) => u.startsWith(name));
  if (unit === undefined) throw new Refusal(`bad rate "${text}"`);
  return SECONDS[unit];
}

/** `N[/unit]` to the time between two packets, in 1/`scale` seconds (the kernel keeps whole ones). */
export function readRate(text: string, scale: number): number {
  // The tool reads as many digits as there are.
  const count = Number(/^\s*(\d+)/.exec(text)?.[1] ?? 0);
  if (count === 0) throw new Refusal(`bad rate "${text}"`);
  const period = Math.floor((scale * writtenUnit(text)) / count);
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
