/** Tables, chains and what runs at each hook. Tables are encoded once, however many namespaces share them. */

import { JumpCheck } from './encode-jumps.ts';
import { encodeRule } from './encode-statements.ts';
import type { Encoding } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Netns } from './network.ts';
import type { Family } from './packet.ts';
import type { BaseHook, Chain, Rule, Statement, Table } from './rule.ts';

const GOLDEN = 0x9e3779b1;

/** Statements that need conntrack (nf_ct_netns_get()); NOTRACK does not. */
const TRACKING: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'state',
  'conntrack',
  'connmark',
  'set-connmark',
  'save-mark',
  'restore-mark',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'ct-zone',
]);

/** What one table holds by itself, without its base. */
interface Own {
  names: ReadonlySet<string>;
  hooked: readonly (Chain & { hook: BaseHook })[];
  /** Names of chains that need conntrack. */
  tracking: readonly string[];
  /** Sets by the chains that name them. */
  sets: ReadonlyMap<string, readonly string[]>;
}

/** The sets that a chain's rules name, into `sets`; true where one of them needs conntrack. */
function look({ rules }: Chain, sets: string[]): boolean {
  let tracks = false;
  for (let i = 0; i < rules.length; i++) {
    const { body } = rules[i] as Rule;
    for (let j = 0; j < body.length; j++) {
      const statement = body[j] as Statement;
      const { kind } = statement;
      if (kind === 'set' || kind === 'set-add' || kind === 'set-del') sets.push(statement.set);
      else if (!tracks) tracks = TRACKING.has(kind);
    }
  }
  return tracks;
}

/** What tables hold, looked at once. */
export class TableFacts {
  readonly jumps = new JumpCheck();
  readonly #own = new Map<Table, Own>();

  of(table: Table): Own {
    let own = this.#own.get(table);
    if (!own) {
      const sets = new Map<string, string[]>();
      const tracking: string[] = [];
      for (const chain of table.chains) {
        const names: string[] = [];
        if (look(chain, names)) tracking.push(chain.name);
        if (names.length > 0) sets.set(chain.name, names);
      }
      own = {
        names: new Set(table.chains.map((chain) => chain.name)),
        hooked: table.chains.filter((chain): chain is Chain & { hook: BaseHook } => chain.hook !== undefined),
        tracking,
        sets,
      };
      if (own.names.size !== table.chains.length)
        throw new EngineError('DUPLICATE_NAME', `table ${table.name} has two chains of one name`);
      this.#own.set(table, own);
    }
    return own;
  }

  /** The layers of a table, top first, each with the names that hide its chains. */
  *layers(table: Table): Generator<{ own: Own; isHidden: (name: string) => boolean }> {
    const above: ReadonlySet<string>[] = [];
    for (let level: Table | undefined = table; level; level = level.base) {
      const own = this.of(level);
      const hiding = [...above];
      yield { own, isHidden: (name) => hiding.some((names) => names.has(name)) };
      above.push(own.names);
    }
  }

  tracks(table: Table): boolean {
    for (const { own, isHidden } of this.layers(table)) if (own.tracking.some((name) => !isHidden(name))) return true;
    return false;
  }

  hooked(table: Table): (Chain & { hook: BaseHook })[] {
    return [...this.layers(table)].flatMap(({ own, isHidden }) => own.hooked.filter(({ name }) => !isHidden(name)));
  }
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
  const place = {
    encoding,
    family: (table.family === 'ip' ? 4 : 6) as Family,
    where: `table ${table.name}, chain ${chain.name}`,
  };
  for (const [i, rule] of chain.rules.entries()) {
    const body = encodeRule(place, rule);
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
  let size = 4;
  while (size < table.chains.length * 2) size *= 2;
  const names = table.chains.length === 0 ? 0 : arena.alloc(size * 8);
  arena.u32[(at + abi.CHAIN_TABLE_ID) >>> 2] = objects.tables.length;
  arena.u32[(at + abi.CHAIN_TABLE_BASE) >>> 2] = base;
  arena.u32[(at + abi.CHAIN_TABLE_NAMES) >>> 2] = names;
  arena.u32[(at + abi.CHAIN_TABLE_NAMES_MASK) >>> 2] = size - 1;
  arena.u8[at + abi.CHAIN_TABLE_FAMILY] = table.family === 'ip' ? 4 : 6;
  objects.tables.push(table);
  for (const chain of table.chains) {
    const record = chains.next();
    encodeChain(encoding, record, chain, table);
    const name = chainNames.of(chain.name);
    let slot = Math.imul(name, GOLDEN) & (size - 1);
    while (arena.u32[(names >>> 2) + slot * 2] !== 0) slot = (slot + 1) & (size - 1);
    arena.u32[(names >>> 2) + slot * 2] = name;
    arena.u32[(names >>> 2) + slot * 2 + 1] = record;
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

/** What runs at the hooks of one namespace and family. */
export interface Hooks {
  at: number;
  count: number;
  tracks: boolean;
  translates: boolean;
}

const NONE: Hooks = { at: 0, count: 0, tracks: false, translates: false };

/** Writes the namespace's base chains of one family, by priority. */
export function encodeHooks(
  encoding: Encoding,
  chains: ChainArray,
  facts: TableFacts,
  netns: Netns,
  family: 'ip' | 'ip6',
): Hooks {
  if (netns.netfilter.length === 0) return NONE;
  const { abi, arena, chainNames } = encoding;
  const tables = netns.netfilter.filter((table) => table.family === family);
  if (tables.length === 0) return NONE;
  const sets = new Set(netns.sets?.map((set) => set.name));
  const placed: { table: number; chain: Chain & { hook: BaseHook } }[] = [];
  let tracks = false;
  for (const table of tables) {
    facts.jumps.check(table);
    for (const { own, isHidden } of facts.layers(table))
      for (const [chain, names] of own.sets)
        for (const name of isHidden(chain) ? [] : names)
          if (!sets.has(name))
            throw new EngineError(
              'UNKNOWN_SET',
              `network namespace ${netns.name}: chain ${chain} asks for set ${name}`,
            );
    tracks ||= facts.tracks(table);
    const at = encodeTable(encoding, chains, table);
    for (const chain of facts.hooked(table)) placed.push({ table: at, chain });
  }
  // Of equal priorities the one that was loaded last runs first (nf_hook_entries_grow()).
  placed.reverse();
  placed.sort((a, b) => a.chain.hook.priority - b.chain.hook.priority);
  const at = arena.alloc(placed.length * abi.BASE_CHAIN_SIZE);
  for (const [i, { table, chain }] of placed.entries()) {
    const record = at + i * abi.BASE_CHAIN_SIZE;
    const { hook } = chain;
    arena.u32[(record + abi.BASE_CHAIN_TABLE) >>> 2] = table;
    arena.u32[(record + abi.BASE_CHAIN_CHAIN) >>> 2] = findChain(encoding, table, chainNames.of(chain.name));
    arena.u32[(record + abi.BASE_CHAIN_PRIORITY) >>> 2] = hook.priority;
    arena.u8[record + abi.BASE_CHAIN_HOOK] = hook.hook;
    arena.u8[record + abi.BASE_CHAIN_NAT] = hook.type === 'nat' ? 1 : 0;
    arena.u8[record + abi.BASE_CHAIN_REROUTE] = hook.type === 'route' ? 1 : 0;
    arena.u8[record + abi.BASE_CHAIN_DROP] = hook.policy === 'drop' ? 1 : 0;
  }
  return { at, count: placed.length, tracks, translates: placed.some(({ chain }) => chain.hook.type === 'nat') };
}
