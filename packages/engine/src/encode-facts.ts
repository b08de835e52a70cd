/** What tables hold: base chains, names, sets, and whether conntrack is needed. */
import { JumpCheck } from './encode-jumps.ts';
import { isNft } from './encode-nft.ts';
import { asksConntrack, keyOf, setsOfStatement } from './encode-selectors.ts';
import { EngineError } from './errors.ts';
import { plainStatements } from './plain.ts';
import type { BaseHook, Chain, PlainStatement, Rule, Statement, Table } from './rule.ts';

/** Statements that need conntrack (nf_ct_netns_get()); NOTRACK does not. */
const TRACKING: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'nat-to',
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

/** The key and the value that an nftables statement looks at. */
function asks(statement: Statement): boolean {
  switch (statement.kind) {
    case 'compare':
    case 'lookup':
    case 'verdict-map':
      return asksConntrack(statement.key);
    case 'set-update':
      return asksConntrack(statement.key) || (statement.data !== undefined && asksConntrack(keyOf(statement.data)));
    case 'set-meta':
      return statement.target !== 'mark' || asksConntrack(keyOf(statement.value));
    case 'set-header':
      return asksConntrack(keyOf(statement.value));
    default:
      return false;
  }
}

/** What one table holds by itself, without its base. */
interface Own {
  names: ReadonlySet<string>;
  hooked: readonly (Chain & { hook: BaseHook })[];
  /** Names of chains that need conntrack. */
  tracking: readonly string[];
  /** ipsets by the chains that name them, and likewise nftables' sets. */
  sets: ReadonlyMap<string, readonly string[]>;
  nftSets: ReadonlyMap<string, readonly string[]>;
}

/** What one chain's rules ask for. */
interface Wanted {
  sets: string[];
  nftSets: string[];
  tracks: boolean;
}

/** Looks at a chain's rules once: there are many. */
function look({ rules }: Chain): Wanted {
  const wanted: Wanted = { sets: [], nftSets: [], tracks: false };
  for (let i = 0; i < rules.length; i++) {
    const body = plainStatements((rules[i] as Rule).body);
    for (let j = 0; j < body.length; j++) {
      const statement = body[j] as PlainStatement;
      const { kind } = statement;
      if (kind === 'set' || kind === 'set-add' || kind === 'set-del') wanted.sets.push(statement.set);
      else if (isNft(statement)) {
        for (const ref of setsOfStatement(statement)) if (typeof ref === 'string') wanted.nftSets.push(ref);
        if (!wanted.tracks) wanted.tracks = TRACKING.has(kind) || asks(statement);
      } else if (!wanted.tracks) wanted.tracks = TRACKING.has(kind);
    }
  }
  return wanted;
}

/** What tables hold, looked at once. */
export class TableFacts {
  readonly jumps = new JumpCheck();
  readonly #own = new Map<Table, Own>();
  readonly #withSets = new Set<Table>();

  of(table: Table): Own {
    let own = this.#own.get(table);
    if (!own) {
      const sets = new Map<string, string[]>();
      const nftSets = new Map<string, string[]>();
      const tracking: string[] = [];
      for (const chain of table.chains) {
        const wanted = look(chain);
        if (wanted.tracks) tracking.push(chain.name);
        if (wanted.sets.length > 0) sets.set(chain.name, wanted.sets);
        if (wanted.nftSets.length > 0) nftSets.set(chain.name, wanted.nftSets);
      }
      own = {
        names: new Set(table.chains.map((chain) => chain.name)),
        hooked: table.chains.filter((chain): chain is Chain & { hook: BaseHook } => chain.hook !== undefined),
        tracking,
        sets,
        nftSets,
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

  /** Throws `EngineError` for a set that is nowhere in the table and those below it. */
  checkSets(table: Table): void {
    if (this.#withSets.has(table)) return;
    this.#withSets.add(table);
    const known = new Set<string>();
    for (let level: Table | undefined = table; level; level = level.base)
      for (const { name } of level.sets ?? []) if (name !== undefined) known.add(name);
    for (const { own, isHidden } of this.layers(table))
      for (const [chain, names] of own.nftSets)
        for (const name of isHidden(chain) ? [] : names)
          if (!known.has(name))
            throw new EngineError('UNKNOWN_SET', `table ${table.name}: chain ${chain} asks for set ${name}`);
  }

  hooked(table: Table): (Chain & { hook: BaseHook })[] {
    return [...this.layers(table)].flatMap(({ own, isHidden }) => own.hooked.filter(({ name }) => !isHidden(name)));
  }
}
