/** Priorities of base chains by name (nf_ip_hook_priorities, nf_br_hook_priorities). */
import type { NftFamily } from '../syntax.ts';

type Row = readonly [name: string, value: number];

const STANDARD: readonly Row[] = [
  ['raw', -300],
  ['mangle', -150],
  ['dstnat', -100],
  ['filter', 0],
  ['security', 50],
  ['srcnat', 100],
];

const BRIDGE: readonly Row[] = [
  ['dstnat', -300],
  ['filter', -200],
  ['out', 100],
  ['srcnat', 300],
];

/** Names are used up to this far from their number. */
const REACH = 10;

const rows = (family: NftFamily): readonly Row[] => (family === 'bridge' ? BRIDGE : STANDARD);

/** Does the name mean anything at this hook? */
function fits(name: string, family: NftFamily, hook: string): boolean {
  if (family === 'bridge') {
    if (name === 'dstnat') return hook === 'prerouting';
    if (name === 'out') return hook === 'output';
    return name === 'srcnat' ? hook === 'postrouting' : true;
  }
  if (family === 'arp' || family === 'netdev') return name === 'filter';
  if (name === 'dstnat') return hook === 'prerouting';
  return name === 'srcnat' ? hook === 'postrouting' : true;
}

/** Undefined where the name means nothing there. */
export function priorityNamed(name: string, family: NftFamily, hook: string): number | undefined {
  const row = rows(family).find(([known]) => known === name);
  return row && fits(name, family, hook) ? row[1] : undefined;
}

/** `filter`, `dstnat + 5`, or the number. */
export function printPriority(value: number, family: NftFamily, hook: string, numeric = false): string {
  if (numeric) return String(value);
  const row = rows(family).find(([, known]) => Math.abs(value - known) <= REACH);
  if (!row || !fits(row[0], family, hook)) return String(value);
  const offset = value - row[1];
  return offset === 0 ? row[0] : `${row[0]} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
}
