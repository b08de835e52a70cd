/** What tables hold: base chains, names, sets, and whether conntrack is needed. */
import { JumpCheck } from './encode-jumps.ts';
import { isNft, natFamily } from './encode-nft.ts';
import { asksConntrack, keyOf, setsOfStatement } from './encode-selectors.ts';
import { EngineError } from './errors.ts';
import { findSet } from './find-set.ts';
import { plainStatements } from './plain.ts';
import type { BaseHook, Chain, PlainStatement, Rule, Statement, Table } from './rule.ts';
import { textAsksConntrack } from './tracking-text.ts';

/** Statements that need conntrack in the families of their table (nf_ct_netns_get()); NOTRACK does not. */
const TRACKING: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'state',
  'conntrack',
  'connmark',
  'set-connmark',
  'save-mark',
  'restore-mark',
  'masquerade',
  'redirect',
  'ct-zone',
  'ct-helper',
]);

/** Is it one of those that nobody looks into but for their text? */
function asksByText(statement: PlainStatement): boolean {
  switch (statement.kind) {
    case 'limit':
    case 'unmodelled':
    case 'unmodelled-target':
    case 'note':
      return textAsksConntrack(statement.text);
    default:
      return false;
  }
}

/** Does an nftables statement look at a connection? */
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

/** Families of packets, as bits. */
const IPV4 = 1;
const IPV6 = 2;
const BOTH = 3;

/** Translation to an address asks for conntrack in the family of the address alone (nft_nat_init()). */
function natAsks(table: Table, statement: PlainStatement & { kind: 'dnat' | 'snat' | 'nat-to' }): number {
  if (statement.kind !== 'nat-to') {
    const { addresses } = statement.range;
    return addresses === undefined ? BOTH : addresses.from.includes(':') ? IPV6 : IPV4;
  }
  if (asksConntrack(keyOf(statement.value))) return BOTH;
  const family = natFamily((name) => findSet(table, name), statement);
  return family === 'ipv4_addr' ? IPV4 : family === 'ipv6_addr' ? IPV6 : BOTH;
}

/** The families in which a statement needs conntrack. */
function familiesOf(table: Table, statement: PlainStatement): number {
  const { kind } = statement;
  if (kind === 'dnat' || kind === 'snat' || kind === 'nat-to') return natAsks(table, statement);
  return TRACKING.has(kind) || asksByText(statement) || (isNft(statement) && asks(statement)) ? BOTH : 0;
}

/** What one table holds by itself, without its base. */
interface Own {
  names: ReadonlySet<string>;
  hooked: readonly (Chain & { hook: BaseHook })[];
  /** Chains that need conntrack, and in which families. */
  tracking: ReadonlyMap<string, number>;
  /** ipsets by the chains that name them, and likewise nftables' sets. */
  sets: ReadonlyMap<string, readonly string[]>;
  nftSets: ReadonlyMap<string, readonly string[]>;
}

/** What one chain's rules ask for. */
interface Wanted {
  sets: string[];
  nftSets: string[];
  tracks: number;
}

/** Looks at a chain's rules once: there are many. */
function look(table: Table, { rules }: Chain): Wanted {
  const wanted: Wanted = { sets: [], nftSets: [], tracks: 0 };
  for (let i = 0; i < rules.length; i++) {
    const body = plainStatements((rules[i] as Rule).body);
    for (let j = 0; j < body.length; j++) {
      const statement = body[j] as PlainStatement;
      const { kind } = statement;
      if (kind === 'set' || kind === 'set-add' || kind === 'set-del') wanted.sets.push(statement.set);
      else if (isNft(statement)) {
        for (const ref of setsOfStatement(statement)) if (typeof ref === 'string') wanted.nftSets.push(ref);
      }
      if (wanted.tracks !== BOTH) wanted.tracks |= familiesOf(table, statement);
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
      const tracking = new Map<string, number>();
      for (const chain of table.chains) {
        const wanted = look(table, chain);
        if (wanted.tracks !== 0) tracking.set(chain.name, wanted.tracks);
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

  /** True where a rule needs conntrack for packets of the family. */
  tracks(table: Table, family: string): boolean {
    const wanted = family === 'ip' ? IPV4 : family === 'ip6' ? IPV6 : BOTH;
    for (const { own, isHidden } of this.layers(table))
      for (const [name, families] of own.tracking) if ((families & wanted) !== 0 && !isHidden(name)) return true;
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
