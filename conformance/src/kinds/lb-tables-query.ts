/** The questions that a script may ask of a table: all of it, what a key finds, what begins with a key, what follows one. */
import { parseLbAddress } from '@podwire/model';
import type { Agent } from './lb-tables-agent.ts';
import { pickColumns, type TextTable } from './lb-tables-text.ts';

export type Query = 'show' | 'list' | 'get' | 'prefix' | 'lowerbound';

/** Flags before or between the arguments; those that take no value are named. */
export function splitFlags(
  args: readonly string[],
  bare: readonly string[] = [],
): { flags: Record<string, string>; rest: string[] } {
  const flags: Record<string, string> = {};
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? '';
    const found = /^--?([A-Za-z-]+)(?:=(.*))?$/s.exec(argument);
    if (!found?.[1]) rest.push(argument);
    else if (found[2] !== undefined || bare.includes(found[1])) flags[found[1]] = found[2] ?? 'true';
    else flags[found[1]] = args[++index] ?? '';
  }
  return { flags, rest };
}

/** How an address is asked for: whole, in part, or as a prefix of whole bytes. */
function addressKey(text: string): string {
  const whole = parseLbAddress(text);
  // Without a protocol the key ends after the port.
  if (whole) return /\/(TCP|UDP|SCTP)/i.test(text) ? whole.key : whole.key.slice(0, -2);
  const [, ip6, ip4, length] = /^(?:\[?([0-9a-fA-F:]*:[0-9a-fA-F:.]*)\]?|([\d.]+))(?:\/(\d+))?$/.exec(text) ?? [];
  const alone = parseLbAddress(ip6 === undefined ? `${ip4}:0` : `[${ip6}]:0`);
  if (!alone) throw new Error(`${text} is no address`);
  const digits = alone.key.slice(0, 32);
  if (length === undefined) return digits;
  return digits.slice(0, ((ip6 === undefined ? 96 : 0) + Number(length)) / 4);
}

export function queryTable(
  agent: Agent,
  query: Query,
  args: readonly string[],
): { table: TextTable; out: string | undefined } | undefined {
  const { flags, rest } = splitFlags(args, ['delete']);
  const [name = '', key = ''] = rest;
  const table = agent.table(name);
  const { columns, c, format = 'table', f = format, out, o = out, index, i = index } = flags;
  if (!table || f !== 'table' || flags.delete !== undefined) return undefined;
  const by = i ?? Object.keys(table.keyed[0]?.keys ?? {})[0] ?? '';
  const wanted = query !== 'show' && by === 'address' && key !== '' ? addressKey(key) : key;
  const found = table.keyed.flatMap(({ row, keys }) => (keys[by] ?? []).map((value) => ({ row, value })));
  if (by !== '' && query !== 'show') found.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
  const matching = found.filter(({ value }) => {
    if (query === 'list' || query === 'get') return value === wanted;
    return query === 'prefix' ? value.startsWith(wanted) : value >= wanted;
  });
  const rows = query === 'show' ? table.rows : matching.map(({ row }) => row);
  const shown = { columns: table.columns, rows: query === 'get' ? rows.slice(0, 1) : rows };
  const names = (columns ?? c)?.split(',');
  const picked = names ? pickColumns(shown, names) : shown;
  return picked && { table: picked, out: o };
}
