/** Puts a network plugin's chains into the tables that kube-proxy wrote. Equal parts are shared by identity, so that nodes alike hold the same tables. */
import type { Chain, Rule, Table } from '@podwire/engine';
import type { IpFamily } from '../linux/iptables/index.ts';
import { emptyTable } from '../linux/iptables/tables.ts';

/** What one program adds to one table. Share one object between nodes that add the same. */
export interface Addition {
  family: IpFamily;
  table: string;
  /** Rules in built-in chains: before or after what is there. */
  hooked: readonly { chain: string; at: 'first' | 'last'; rules: readonly Rule[] }[];
  chains: readonly Chain[];
}

function findChain(table: Table | undefined, name: string): Chain | undefined {
  for (let layer = table; layer; layer = layer.base) {
    const chain = layer.chains.find((c) => c.name === name);
    if (chain) return chain;
  }
  return undefined;
}

export class TableMerger {
  readonly #empty = new Map<string, Table>();
  readonly #tables = new Map<Table, Map<Addition, Table>>();
  readonly #chains = new Map<Chain, Map<readonly Rule[], Chain>>();

  /** `tables` with all additions, in the order given. */
  merge(tables: readonly Table[], additions: readonly Addition[]): Table[] {
    const result = [...tables];
    for (const addition of additions) {
      const at = result.findIndex((t) => t.family === addition.family && t.name === addition.table);
      const merged = this.#merge(result[at] ?? this.#emptyTable(addition), addition);
      if (at < 0) result.push(merged);
      else result[at] = merged;
    }
    return result;
  }

  #emptyTable({ family, table }: Addition): Table {
    const key = `${family} ${table}`;
    const empty = this.#empty.get(key) ?? emptyTable(family, table);
    this.#empty.set(key, empty);
    return empty;
  }

  #merge(base: Table, addition: Addition): Table {
    const byAddition = this.#tables.get(base) ?? new Map<Addition, Table>();
    this.#tables.set(base, byAddition);
    const known = byAddition.get(addition);
    if (known) return known;
    const hooked = new Map<string, Chain>();
    for (const { chain: name, at, rules } of addition.hooked) {
      const before = hooked.get(name) ?? findChain(base, name) ?? findChain(this.#emptyTable(addition), name);
      if (!before) throw new Error(`table ${addition.table} has no chain ${name}`);
      hooked.set(name, this.#extend(before, rules, at));
    }
    const table: Table = {
      family: base.family,
      name: base.name,
      base,
      chains: [...hooked.values(), ...addition.chains],
    };
    byAddition.set(addition, table);
    return table;
  }

  #extend(chain: Chain, rules: readonly Rule[], at: 'first' | 'last'): Chain {
    const byRules = this.#chains.get(chain) ?? new Map<readonly Rule[], Chain>();
    this.#chains.set(chain, byRules);
    const known = byRules.get(rules);
    if (known) return known;
    const extended = { ...chain, rules: at === 'first' ? [...rules, ...chain.rules] : [...chain.rules, ...rules] };
    byRules.set(rules, extended);
    return extended;
  }
}
