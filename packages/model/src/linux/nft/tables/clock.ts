/** Dates and hours as nft reads and prints them: in the node's own time, kept in UTC. */

const DAY = 86_400;

/** Seconds since 1970 of `YYYY-MM-DD[ HH:MM[:SS]]`; undefined for anything else. */
export function parseDate(text: string, utcOffset: number): bigint | undefined {
  const found = /^(\d{4})-(\d{1,2})-(\d{1,2})(?: +(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?)?$/.exec(text);
  if (!found) return /^\d+$/.test(text) ? BigInt(text) : undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - utcOffset);
}

const two = (value: number): string => String(value).padStart(2, '0');

export function printDate(seconds: bigint, utcOffset: number): string {
  const date = new Date((Number(seconds) + utcOffset) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** Seconds since midnight UTC of `HH:MM[:SS]`; a plain number is such already. */
export function parseHour(text: string, utcOffset: number): bigint | undefined {
  if (/^\d+$/.test(text)) return BigInt(text);
  const found = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$/.exec(text);
  if (!found) return undefined;
  const [hour = 0, minute = 0, second = 0] = found.slice(1).map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  return BigInt((hour * 3600 + minute * 60 + second - utcOffset + 2 * DAY) % DAY);
}

export function printHour(seconds: bigint, utcOffset: number): string {
  const total = (Number(seconds) + utcOffset + DAY) % DAY;
  const second = total % 60;
  const text = `${two(Math.floor(total / 3600))}:${two(Math.floor(total / 60) % 60)}`;
  return second === 0 ? text : `${text}:${two(second)}`;
}
