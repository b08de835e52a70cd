/** `-m time`: net/netfilter/xt_time.c. The machine has no clock. */
import { byName, exclusive, type Given, type MatchExtension, option, Refusal, word } from '../base/extension.ts';

const DAY_S = 24 * 60 * 60;
/** INT_MAX: as good as never. */
const FOREVER_S = 0x7fffffff;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MONTH_DAYS = 31;

const two = (n: number): string => String(n).padStart(2, '0');

/** `hh:mm[:ss]` to seconds of the day. */
function readClock(text: string): number {
  const m = /^(\d+):(\d+)(?::(\d+))?$/.exec(text);
  const [hour, minute, second] = [m?.[1], m?.[2], m?.[3] ?? '0'].map(Number);
  if (
    !m ||
    hour === undefined ||
    minute === undefined ||
    second === undefined ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    throw new Refusal(`invalid time "${text}" specified, should be hh:mm[:ss] format and within the boundaries`);
  }
  return hour * 3600 + minute * 60 + second;
}

function printClock(seconds: number): string {
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
}

/** `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` to seconds since 1970, UTC. */
function readDate(text: string): number {
  const m = /^(\d+)(?:-(\d+)(?:-(\d+)(?:T(\d+)(?::(\d+)(?::(\d+))?)?)?)?)?$/.exec(text);
  const part = (index: number, absent: number) => (m?.[index] === undefined ? absent : Number(m[index]));
  const year = part(1, 0);
  const [month, day, hour, minute, second] = [part(2, 1), part(3, 1), part(4, 0), part(5, 0), part(6, 0)];
  if (!m || year < 1970 || year > 2038 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59) {
    throw new Refusal(`Invalid date "${text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`);
  }
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  // The kernel keeps 32 bits.
  if (seconds > 0xffffffff || seconds < 0) throw new Refusal(`Invalid date "${text}" specified`);
  return seconds;
}

function printDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}

/** Numbers of days from 1, marked in a list. */
function readMonthDays(text: string): boolean[] {
  const days: boolean[] = [];
  for (const part of text.split(',')) {
    if (!/^\d{1,2}$/.test(part) || Number(part) > MONTH_DAYS) {
      throw new Refusal(`${part} is not a valid day for --monthdays`);
    }
    days[Number(part)] = true;
  }
  return days;
}

/** Numbers from 1 (Monday) or names, of which the first two letters count. */
function readWeekDays(text: string): boolean[] {
  const days: boolean[] = [];
  for (const part of text.split(',')) {
    if (part === '0') throw new Refusal('No, the week does NOT begin with Sunday.');
    const day = /^[1-7]$/.test(part)
      ? Number(part)
      : WEEKDAYS.findIndex((name) => part.length >= 2 && name.slice(0, 2) === part.slice(0, 2)) + 1;
    if (day === 0) throw new Refusal(`${part} is not a valid day specifier`);
    days[day] = true;
  }
  return days;
}

/** The option for the days that are meant; undefined for all of them. An inverted list is kept and printed as the days it leaves. */
function daysOf(
  given: Given | undefined,
  last: number,
  read: (text: string) => boolean[],
  name: (day: number) => string,
): string | undefined {
  if (!given) return undefined;
  const listed = read(word(given));
  const days = Array.from({ length: last }, (_, i) => i + 1).filter((day) => (listed[day] === true) !== given.not);
  if (days.length === last) return undefined;
  const all = Array.from({ length: last }, (_, i) => i + 1);
  // No day at all the tool prints as an empty list, which it cannot read.
  return days.length > 0
    ? `--${given.name} ${days.map(name).join(',')}`
    : `! --${given.name} ${all.map(name).join(',')}`;
}

const FLAGS = ['contiguous', 'localtz', 'utc', 'kerneltz'];

export const time: MatchExtension = {
  name: 'time',
  options: [
    ...['datestart', 'datestop', 'timestart', 'timestop'].map((name) => option(name, 1)),
    option('weekdays', 1, { negatable: true }),
    option('monthdays', 1, { negatable: true }),
    ...FLAGS.map((name) => option(name, 0)),
  ],
  parse(given) {
    exclusive(given, 'time', ['utc', 'kerneltz']);
    exclusive(given, 'time', ['utc', 'localtz']);
    const g = byName(given);
    const value = (name: string, read: (text: string) => number, absent: number) =>
      g.has(name) ? read(word(g.get(name))) : absent;
    const start = value('timestart', readClock, 0);
    const stop = value('timestop', readClock, DAY_S - 1);
    if (g.has('contiguous') && start < stop) {
      throw new Refusal('time: --contiguous only makes sense when stoptime is smaller than starttime');
    }
    const out = ['-m time'];
    if (start !== 0 || stop !== DAY_S - 1) out.push(`--timestart ${printClock(start)} --timestop ${printClock(stop)}`);
    const monthDays = daysOf(g.get('monthdays'), MONTH_DAYS, readMonthDays, String);
    if (monthDays !== undefined) out.push(monthDays);
    const weekDays = daysOf(g.get('weekdays'), WEEKDAYS.length, readWeekDays, (day) => WEEKDAYS[day - 1] ?? '');
    if (weekDays !== undefined) out.push(weekDays);
    const from = value('datestart', readDate, 0);
    const to = value('datestop', readDate, FOREVER_S);
    if (from !== 0) out.push(`--datestart ${printDate(from)}`);
    // The tool prints the end of its time where none was given.
    if (to !== 0) out.push(`--datestop ${printDate(to)}`);
    if (g.has('kerneltz') || g.has('localtz')) out.push('--kerneltz');
    if (g.has('contiguous')) out.push('--contiguous');
    return { kind: 'unmodelled', text: out.join(' ') };
  },
};
