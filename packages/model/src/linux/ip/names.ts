/** Names that iproute2 has for numbers: routing tables, route protocols, scopes (its rt_tables, rt_protos, rt_scopes). */
import type { Scope } from '@podwire/engine';
import { numberOf } from './words.ts';

const TABLES: readonly (readonly [string, number])[] = [
  ['local', 255],
  ['main', 254],
  ['default', 253],
  ['unspec', 0],
];

export function tableId(text: string): number {
  return TABLES.find(([name]) => name === text)?.[1] ?? numberOf(text, 'table');
}

/** Names of a host's own, and numbers for names that nobody explains. */
export type TableNames = Map<string, number>;

/** Made-up ids are larger than what people give. */
const INVENTED = 0x70000000;

/** As `tableId`, with names of the host's own; a name that is not explained gets a number that stands for it in all its texts. */
export function tableIdOf(text: string, { tableNames }: { tableNames?: TableNames }): number {
  const known = tableNames?.get(text);
  if (known !== undefined || !tableNames || /^(0x)?\d/.test(text) || TABLES.some(([name]) => name === text)) {
    return known ?? tableId(text);
  }
  const id = INVENTED + tableNames.size;
  tableNames.set(text, id);
  return id;
}

export function tableName(id: number): string {
  return TABLES.find(([, number]) => number === id)?.[0] ?? String(id);
}

const PROTOCOLS: readonly (readonly [string, number])[] = [
  ['unspec', 0],
  ['redirect', 1],
  ['kernel', 2],
  ['boot', 3],
  ['static', 4],
  ['gated', 8],
  ['ra', 9],
  ['mrt', 10],
  ['zebra', 11],
  ['bird', 12],
  ['dnrouted', 13],
  ['xorp', 14],
  ['ntk', 15],
  ['dhcp', 16],
  ['keepalived', 18],
  ['babel', 42],
  ['bgp', 186],
  ['isis', 187],
  ['ospf', 188],
  ['rip', 189],
  ['eigrp', 192],
];

/** The name a route protocol is printed with. */
export function protocolWord(text: string): string {
  if (PROTOCOLS.some(([name]) => name === text)) return text;
  const number = numberOf(text, 'protocol', 255);
  return PROTOCOLS.find(([, value]) => value === number)?.[0] ?? String(number);
}

/** Groups of interfaces: iproute2 has one name, a host's own are its `/etc/iproute2/group`'s. */
export const groupId = (text: string): number => (text === 'default' ? 0 : numberOf(text, 'group'));

/** Has it a number that anybody knows? */
export const isKnownGroup = (text: string): boolean => text === 'default' || /^(0x[0-9a-f]+|[0-9]+)$/i.test(text);

export const groupName = (id: number): string => (id === 0 ? 'default' : String(id));

/** Code points by the names of iproute2's rt_dsfield. */
const DSCP: Readonly<Record<string, number>> = {
  default: 0,
  LE: 1,
  'VOICE-ADMIT': 44,
  EF: 46,
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((n) => [`CS${n}`, n * 8])),
  ...Object.fromEntries([1, 2, 3, 4].flatMap((n) => [1, 2, 3].map((drop) => [`AF${n}${drop}`, n * 8 + drop * 2]))),
};

const DSCP_MAX = 0x3f;

export const dscpOf = (text: string): number => DSCP[text] ?? numberOf(text, 'dscp', DSCP_MAX);

const SCOPES: Readonly<Record<Scope, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

/** `RT_SCOPE_*`: the nearer, the larger. */
export function scopeNumber(scope: Scope): number {
  return SCOPES[scope];
}

export function scopeOf(text: string): Scope {
  const name = text === 'universe' ? 'global' : text;
  if (name in SCOPES) return name as Scope;
  const number = numberOf(text, 'scope', 255);
  const found = Object.entries(SCOPES).find(([, value]) => value === number);
  if (!found) throw new Error(`scope ${number} has no name`);
  return found[0] as Scope;
}
