/** Tables, chains and what runs at each hook. Tables are encoded once, however many namespaces share them. */

import type { Arena } from './arena.ts';
import type { TableFacts } from './encode-facts.ts';
import { encodeNftSet } from './encode-nft-sets.ts';
import type { Place } from './encode-record.ts';
import { encodeBody } from './encode-statements.ts';
import type { Encoding } from './encoding.ts';
import { EngineError } from './errors.ts';
import { findSet } from './find-set.ts';
import type { Netns } from './network.ts';
import { FamilyCode } from './nft-codes.ts';
import type { BaseHook, Chain, Table, TableFamily } from './rule.ts';
import { Hook } from './terms.ts';

const GOLDEN = 0x9e3779b1;

const FAMILIES: Readonly<Record<TableFamily, FamilyCode>> = {
  ip: FamilyCode.IPV4,
  ip6: FamilyCode.IPV6,
  inet: FamilyCode.INET,
  bridge: FamilyCode.BRIDGE,
  netdev: FamilyCode.NETDEV,
  arp: FamilyCode.ARP,
};

function placeOf(encoding: Encoding, table: Table): Place {
  return {
    encoding,
    family: table.family === 'ip' ? 4 : table.family === 'ip6' ? 6 : 0,
    where: `table ${table.name}`,
    isBridge: table.family === 'bridge',
    findSet: (name) => findSet(table, name),
  };
}

/** Puts a record under a symbol into pairs, a power of two of them. */
function putNamed(arena: Arena, pairs: number, mask: number, name: number, record: number): void {
  let slot = Math.imul(name, GOLDEN) & mask;
  while (arena.u32[(pairs >>> 2) + slot * 2] !== 0) slot = (slot + 1) & mask;
  arena.u32[(pairs >>> 2) + slot * 2] = name;
  arena.u32[(pairs >>> 2) + slot * 2 + 1] = record;
}

/** A power of two with room for so many names. */
function roomFor(names: number): number {
  let size = 4;
  while (size < names * 2) size *= 2;
  return size;
}

/** The named sets of a table. */
function encodeSets(encoding: Encoding, at: number, table: Table): void {
  const { abi, arena, nftSetNames } = encoding;
  const named = (table.sets ?? []).filter(({ name }) => name !== undefined);
  if (named.length === 0) return;
  const place = placeOf(encoding, table);
  const written = named.map((set) => [nftSetNames.of(set.name as string), encodeNftSet(place, set)] as const);
  const size = roomFor(written.length);
  const pairs = arena.alloc(size * abi.NAMED_SET_SIZE);
  for (const [name, record] of written) putNamed(arena, pairs, size - 1, name, record);
  arena.u32[(at + abi.CHAIN_TABLE_SETS) >>> 2] = pairs;
  arena.u32[(at + abi.CHAIN_TABLE_SETS_MASK) >>> 2] = size - 1;
}

function encodeChain(encoding: Encoding, at: number, chain: Chain, table: Table): void {
  const { abi, arena, chainNames, objects } = encoding;
  const rules = arena.alloc(chain.rules.length * 4);
  const { u32 } = arena;
  u32[(at + abi.CHAIN_ID) >>> 2] = objects.chains.length;
  u32[(at + abi.CHAIN_NAME) >>> 2] = chainNames.of(chain.name);
  u32[(at + abi.CHAIN_RULES) >>> 2] = rules;
  u32[(at + abi.CHAIN_RULE_COUNT) >>> 2] = chain.rules.length;
  objects.chains.push(chain);
  const place = { ...placeOf(encoding, table), where: `table ${table.name}, chain ${chain.name}` };
  for (const [i, rule] of chain.rules.entries()) {
    const body = encodeBody(place, rule.body);
    arena.u32[(rules >>> 2) + i] = body;
  }
}

/** Where the chains of all tables stand: one array, so that the engine can index them. */
export class ChainArray {
  readonly at: number;
  count = 0;
  readonly #abi: Encoding['abi'];

  constructor(encoding: Encoding, capacity: number) {
    this.#abi = encoding.abi;
    this.at = encoding.arena.alloc(capacity * encoding.abi.CHAIN_SIZE);
  }

  next(): number {
    return this.at + this.count++ * this.#abi.CHAIN_SIZE;
  }
}

/** Chains that the tables of a network hold, shared ones counted once. */
export function countChains(netnses: readonly Netns[]): number {
  const seen = new Set<Table>();
  let count = 0;
  for (const { netfilter } of netnses)
    for (const table of netfilter)
      for (let level: Table | undefined = table; level && !seen.has(level); level = level.base) {
        seen.add(level);
        count += level.chains.length;
      }
  return count;
}

/** Returns the address of the table's record. */
function encodeTable(encoding: Encoding, chains: ChainArray, table: Table): number {
  const { abi, arena, chainNames, objects, tables } = encoding;
  const known = tables.get(table);
  if (known !== undefined) return known;
  const base = table.base ? encodeTable(encoding, chains, table.base) : 0;
  const at = arena.alloc(abi.CHAIN_TABLE_SIZE);
  tables.set(table, at);
  const size = roomFor(table.chains.length);
  const names = table.chains.length === 0 ? 0 : arena.alloc(size * 8);
  arena.u32[(at + abi.CHAIN_TABLE_ID) >>> 2] = objects.tables.length;
  arena.u32[(at + abi.CHAIN_TABLE_BASE) >>> 2] = base;
  arena.u32[(at + abi.CHAIN_TABLE_NAMES) >>> 2] = names;
  arena.u32[(at + abi.CHAIN_TABLE_NAMES_MASK) >>> 2] = size - 1;
  arena.u8[at + abi.CHAIN_TABLE_FAMILY] = FAMILIES[table.family];
  objects.tables.push(table);
  encodeSets(encoding, at, table);
  for (const chain of table.chains) {
    const record = chains.next();
    encodeChain(encoding, record, chain, table);
    putNamed(arena, names, size - 1, chainNames.of(chain.name), record);
  }
  return at;
}

/** The record of a chain by its name, in the table or below it. */
function findChain(encoding: Encoding, table: number, name: number): number {
  const { abi, arena } = encoding;
  const { u32 } = arena;
  for (let at = table; at !== 0; at = u32[(at + abi.CHAIN_TABLE_BASE) >>> 2] as number) {
    const names = u32[(at + abi.CHAIN_TABLE_NAMES) >>> 2] as number;
    if (names === 0) continue;
    const mask = u32[(at + abi.CHAIN_TABLE_NAMES_MASK) >>> 2] as number;
    for (let slot = Math.imul(name, GOLDEN) & mask; ; slot = (slot + 1) & mask) {
      const symbol = u32[(names >>> 2) + slot * 2] as number;
      if (symbol === name) return u32[(names >>> 2) + slot * 2 + 1] as number;
      if (symbol === 0) break;
    }
  }
  return 0;
}

/** A base chain of a namespace: address of its table, symbol of its device. */
interface Placed {
  table: number;
  chain: Hooked;
  device: number;
  /** Loaded behind what asked for the kernel's own function of the same priority: it runs before that. */
  early?: boolean;
}

const DEFRAG = -400;
const CONNTRACK = -200;
const NAT_DST = -100;
const NAT_SRC = 100;

/**
 * Conntrack's functions are registered with the first rule that asks for them, those of NAT with its first chain (nf_ct_netns_get(),
 * nf_nat_register_fn()). `tracked` and `nat`: places of the last chain before the one, and of the other; none where absent.
 */
function isEarly({ hook, priority }: BaseHook, place: number, tracked?: number, nat?: number): boolean {
  const isFirst = hook === Hook.PREROUTING || hook === Hook.OUTPUT;
  if (isFirst && (priority === CONNTRACK || priority === DEFRAG)) return tracked !== undefined && place > tracked;
  return priority === (isFirst ? NAT_DST : NAT_SRC) && nat !== undefined && place > nat;
}

/** What runs at the hooks of one namespace and family, by priority. */
export interface Hooks {
  placed: readonly Placed[];
  tracks: boolean;
  translates: boolean;
}

const NONE: Hooks = { placed: [], tracks: false, translates: false };

/** Hooks of devices, whatever table stands there. */
const isDeviceHook = ({ hook }: BaseHook): boolean => hook === Hook.INGRESS || hook === Hook.EGRESS;

/** What sees a packet: IPv4, IPv6, bridges, devices, ARP; in the order of a namespace's base chains. */
export const HOOK_FAMILIES = ['ip', 'ip6', 'bridge', 'netdev', 'arp'] as const;

type HookFamily = (typeof HOOK_FAMILIES)[number];

const SEEN_BY: Readonly<Record<HookFamily, readonly TableFamily[]>> = {
  ip: ['ip', 'inet'],
  ip6: ['ip6', 'inet'],
  bridge: ['bridge'],
  netdev: ['netdev', 'inet'],
  arp: ['arp'],
};

type Hooked = Chain & { hook: BaseHook };

function checkSets(facts: TableFacts, netns: Netns, table: Table, sets: ReadonlySet<string>): void {
  facts.checkSets(table);
  for (const { own, isHidden } of facts.layers(table))
    for (const [chain, names] of own.sets)
      for (const name of isHidden(chain) ? [] : names)
        if (!sets.has(name))
          throw new EngineError('UNKNOWN_SET', `network namespace ${netns.name}: chain ${chain} asks for set ${name}`);
}

/** Writes the tables that a namespace's packets of one family meet; returns its base chains there. */
export function encodeHooks(
  encoding: Encoding,
  chains: ChainArray,
  facts: TableFacts,
  netns: Netns,
  family: HookFamily,
): Hooks {
  const { interfaces } = encoding;
  const tables = netns.netfilter.filter((table) => SEEN_BY[family].includes(table.family));
  if (tables.length === 0) return NONE;
  const sets = new Set(netns.sets?.map((set) => set.name));
  const placed: Placed[] = [];
  let tracked: number | undefined;
  for (const table of tables) {
    facts.jumps.check(table);
    checkSets(facts, netns, table, sets);
    const at = encodeTable(encoding, chains, table);
    for (const chain of facts.hooked(table)) {
      if (isDeviceHook(chain.hook) !== (family === 'netdev')) continue;
      const devices = family === 'netdev' ? (chain.hook.devices ?? []).map((name) => interfaces.of(name)) : [0];
      for (const device of devices) placed.push({ table: at, chain, device });
    }
    if (tracked === undefined && facts.tracks(table, family)) tracked = placed.length - 1;
  }
  const nat = placed.findIndex(({ chain }) => chain.hook.type === 'nat');
  const before = netns.conntrack ? undefined : tracked;
  for (const [place, one] of placed.entries())
    one.early = isEarly(one.chain.hook, place, before, nat < 0 ? undefined : nat);
  // Of equal priorities the one that was loaded last runs first (nf_hook_entries_grow()).
  placed.reverse();
  placed.sort((a, b) => a.chain.hook.priority - b.chain.hook.priority);
  return { placed, tracks: tracked !== undefined, translates: nat >= 0 };
}

/** Writes the base chains of a namespace in a row; returns the address of the first. */
export function encodeBaseChains(encoding: Encoding, hooks: readonly Hooks[]): number {
  const { abi, arena, chainNames } = encoding;
  const all = hooks.flatMap(({ placed }) => placed);
  const at = arena.alloc(all.length * abi.BASE_CHAIN_SIZE);
  for (const [i, { table, chain, device, early }] of all.entries()) {
    const record = at + i * abi.BASE_CHAIN_SIZE;
    const { hook } = chain;
    arena.u32[(record + abi.BASE_CHAIN_TABLE) >>> 2] = table;
    arena.u32[(record + abi.BASE_CHAIN_CHAIN) >>> 2] = findChain(encoding, table, chainNames.of(chain.name));
    arena.u32[(record + abi.BASE_CHAIN_PRIORITY) >>> 2] = hook.priority;
    arena.u32[(record + abi.BASE_CHAIN_DEVICE) >>> 2] = device;
    arena.u8[record + abi.BASE_CHAIN_HOOK] = hook.hook;
    arena.u32[(record + abi.BASE_CHAIN_EARLY) >>> 2] = early ? 1 : 0;
    arena.u8[record + abi.BASE_CHAIN_NAT] = hook.type === 'nat' ? 1 : 0;
    arena.u8[record + abi.BASE_CHAIN_REROUTE] = hook.type === 'route' ? 1 : 0;
    arena.u8[record + abi.BASE_CHAIN_DROP] = hook.policy === 'drop' ? 1 : 0;
  }
  return at;
}
