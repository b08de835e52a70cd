/**
 * Jumps must lead to a chain that is there and is no base chain, and never round in a circle, as the kernel demands. Tables over one
 * shared base are judged by the chains they lay over it, so that a thousand nodes do not walk the same ten thousand chains.
 */
import { EngineError } from './errors.ts';
import type { Chain, Rule, Statement, Table } from './rule.ts';
import type { NftSet } from './selector.ts';

/** The chains of a table without a base, as jumps see them. */
interface Graph {
  chains: Map<string, Chain>;
  /** By the name of a chain, the chains that jump or go there; also for names that no chain has. */
  callers: Map<string, string[]>;
  /** Names that are called and not there. */
  missing: string[];
}

const unknown = (table: Table, from: string, to: string) =>
  new EngineError('UNKNOWN_CHAIN', `table ${table.name}: chain ${from} jumps to ${to}`);

/** Names of the chains that a map's verdicts lead to, each once. */
const targetsOfMap = (map: NftSet): Set<string> =>
  new Set(
    map.elements.flatMap(({ verdict }) =>
      verdict?.kind === 'jump' || verdict?.kind === 'goto' ? [verdict.chain] : [],
    ),
  );

/**
 * The chains of one table, and its named verdict maps as if they were chains that jump to all of their targets: rules call them by name,
 * and those of a table above hide those below, like chains.
 */
function* nodesOf(table: Table): Generator<Chain> {
  yield* table.chains;
  for (const map of table.sets ?? []) {
    if (map.data !== 'verdict' || map.name === undefined) continue;
    const jumps = [...targetsOfMap(map)].map((chain) => ({ kind: 'jump' as const, chain }));
    yield { name: `@${map.name}`, rules: [{ body: jumps }] };
  }
}

export class JumpCheck {
  readonly #graphs = new Map<Table, Graph>();
  readonly #checked = new Set<Table>();
  readonly #targets = new Map<Chain, readonly string[]>();

  /** Names of the chains that a chain's rules jump or go to. */
  #targetsOf(chain: Chain): readonly string[] {
    let targets = this.#targets.get(chain);
    if (targets) return targets;
    const found: string[] = [];
    for (let i = 0; i < chain.rules.length; i++) {
      const { body } = chain.rules[i] as Rule;
      for (let j = 0; j < body.length; j++) {
        const statement = body[j] as Statement;
        if (statement.kind === 'jump' || statement.kind === 'goto') found.push(statement.chain);
        else if (statement.kind === 'verdict-map') {
          const { map } = statement;
          if (typeof map === 'string') found.push(`@${map}`);
          else for (const name of targetsOfMap(map)) found.push(name);
        }
      }
    }
    targets = found;
    this.#targets.set(chain, targets);
    return targets;
  }

  #graph(table: Table): Graph {
    let graph = this.#graphs.get(table);
    if (graph) return graph;
    const chains = new Map([...nodesOf(table)].map((chain) => [chain.name, chain]));
    const callers = new Map<string, string[]>();
    for (const chain of chains.values())
      for (const target of this.#targetsOf(chain)) {
        const known = callers.get(target);
        if (known) known.push(chain.name);
        else callers.set(target, [chain.name]);
      }
    graph = { chains, callers, missing: [...callers.keys()].filter((name) => !chains.has(name)) };
    this.#graphs.set(table, graph);
    return graph;
  }

  /** Throws `EngineError` for a table that the kernel would not load. */
  check(table: Table): void {
    if (this.#checked.has(table)) return;
    this.#checked.add(table);
    if (!table.base) {
      const { chains } = this.#graph(table);
      this.#walk(table, [...chains.values()], (name) => chains.get(name));
      return;
    }
    const own = new Map<string, Chain>();
    let root: Table = table;
    for (; root.base; root = root.base)
      for (const chain of nodesOf(root)) if (!own.has(chain.name)) own.set(chain.name, chain);
    const base = this.#graph(root);
    const isVisible = (caller: string) => !own.has(caller);
    for (const name of base.missing) {
      const caller = base.callers.get(name)?.find(isVisible);
      if (caller !== undefined && !own.has(name)) throw unknown(table, caller, name);
    }
    // Chains of the base from which one of the own chains can be reached: a circle through an own chain leads through these.
    const back = new Set<string>();
    const open = [...own.keys()];
    for (let name = open.pop(); name !== undefined; name = open.pop())
      for (const caller of base.callers.get(name) ?? []) {
        if (!isVisible(caller)) continue;
        if (own.get(name)?.hook) throw unknown(table, caller, name);
        if (back.has(caller)) continue;
        back.add(caller);
        open.push(caller);
      }
    const find = (name: string) => own.get(name) ?? base.chains.get(name);
    this.#walk(table, [...own.values()], find, (name) => own.has(name) || back.has(name));
    if (!this.#checked.has(root)) this.#checkAlone(root);
  }

  /** A base may name chains that only the tables above it have. */
  #checkAlone(table: Table): void {
    this.#checked.add(table);
    const { chains, missing } = this.#graph(table);
    const absent = new Set(missing);
    this.#walk(
      table,
      [...chains.values()],
      (name) => chains.get(name),
      (name) => !absent.has(name),
      absent,
    );
  }

  /** Depth first from `starts`, through the chains that `follow` holds for. */
  #walk(
    table: Table,
    starts: readonly Chain[],
    find: (name: string) => Chain | undefined,
    follow: (name: string) => boolean = () => true,
    absent: ReadonlySet<string> = new Set(),
  ): void {
    const state = new Map<string, 'open' | 'done'>();
    const visit = (chain: Chain): void => {
      state.set(chain.name, 'open');
      for (const name of this.#targetsOf(chain)) {
        if (absent.has(name)) continue;
        const target = find(name);
        if (!target || target.hook) throw unknown(table, chain.name, name);
        if (!follow(name)) continue;
        const known = state.get(name);
        if (known === 'open')
          throw new EngineError('CHAIN_LOOP', `table ${table.name}: chain ${chain.name} comes back to ${name}`);
        if (known === undefined) visit(target);
      }
      state.set(chain.name, 'done');
    };
    for (const chain of starts) if (!state.has(chain.name)) visit(chain);
  }
}
