/** Rules of one table, taken apart into pieces, with the names of what is drawn on the way. */
import {
  type Chain,
  type Netns,
  type NftSet,
  plainStatements,
  type Rule,
  type Statement,
  type Table,
} from '@podwire/engine';
import { actionPiece } from './action.ts';
import type { MatchContext } from './match/context.ts';
import { isMatch, matchSet } from './match/index.ts';
import { isSteady, setOf } from './match/nft.ts';
import type { Piece } from './piece.ts';
import type { Diagram } from './space/diagram.ts';
import type { Field } from './space/fields.ts';
import type { PacketSpace } from './space/packet-space.ts';

/** Rules that contradict themselves: chains that call each other in a circle, or that are not there. */
export class RulesError extends Error {
  override readonly name = 'RulesError';
}

const writtenBy = (rules: readonly Rule[]): string[] =>
  rules.flatMap(({ body }) =>
    body.flatMap((s) => (s.kind === 'set-add' || s.kind === 'set-del' || s.kind === 'set-update' ? [s.set] : [])),
  );

/** Chains by name, those of the table before those of its base. */
export function chainsOf(table: Table): ReadonlyMap<string, Chain> {
  const chains = new Map<string, Chain>();
  for (let level: Table | undefined = table; level; level = level.base)
    for (const chain of level.chains) if (!chains.has(chain.name)) chains.set(chain.name, chain);
  return chains;
}

function setsOf(table: Table): ReadonlyMap<string, NftSet> {
  const sets = new Map<string, NftSet>();
  for (let level: Table | undefined = table; level; level = level.base)
    for (const set of level.sets ?? []) if (set.name !== undefined && !sets.has(set.name)) sets.set(set.name, set);
  return sets;
}

export interface CompileOptions {
  /** Where the table stands; absent where only its text is known. */
  netns?: Netns;
  /**
   * The name of a test that nobody can look into, made of its text: for comparing rules of two tools, which write the same limit in two
   * ways. The text itself where absent.
   */
  nameOf?(text: string): string;
}

export class RuleCompiler {
  readonly space: PacketSpace;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly #context: MatchContext;
  readonly #nameOf: (text: string) => string;
  readonly #sets: ReadonlyMap<string, NftSet>;
  readonly #netns: Netns | undefined;
  readonly #drawn = new Map<string, number>();
  readonly #drawVariables = new Set<number>();
  readonly #known = new Map<Rule, readonly Piece[]>();
  #draws = 0;

  constructor(space: PacketSpace, table: Table, { netns, nameOf = (text) => text }: CompileOptions = {}) {
    this.space = space;
    this.#nameOf = nameOf;
    this.chains = chainsOf(table);
    this.#sets = setsOf(table);
    this.#netns = netns;
    const everywhere = [table, ...(netns?.netfilter ?? [])].flatMap((t) => [...chainsOf(t).values()]);
    this.#context = {
      space,
      ...(netns && { netns }),
      writtenSets: new Set(everywhere.flatMap(({ rules }) => writtenBy(rules))),
      opaque: (text) => space.atom(nameOf(text)),
      draw: (text) => this.#draw(text),
      drawNumber: (text, width) => this.#drawNumber(text, width),
      setNamed: this.setNamed,
      test: (statement) => (isMatch(statement) ? matchSet(this.#context, statement) : undefined),
    };
  }

  /** A set or map of the table. */
  readonly setNamed = (name: string): NftSet | undefined => this.#sets.get(name);

  /** Nothing is in the set that the statement looks into, and no rule writes to it. */
  looksIntoEmpty(statement: Statement): boolean {
    if (statement.kind === 'set') {
      const set = this.#netns?.sets?.find(({ name }) => name === statement.set);
      return set?.entries.length === 0 && !this.#context.writtenSets.has(statement.set);
    }
    if (statement.kind !== 'lookup' && statement.kind !== 'verdict-map') return false;
    const set = setOf(this.#context, statement.kind === 'lookup' ? statement.set : statement.map);
    return set?.elements.length === 0 && isSteady(this.#context, set);
  }

  /** Throws `RulesError` where the table has none of that name. */
  chain(name: string): Chain {
    const chain = this.chains.get(name);
    if (!chain) throw new RulesError(`there is no chain ${name}`);
    return chain;
  }

  /** The n-th draw of the same text has its own name, so that two rulesets name theirs alike. */
  #drawName(written: string): string {
    const text = this.#nameOf(written);
    const count = (this.#drawn.get(text) ?? 0) + 1;
    this.#drawn.set(text, count);
    this.#draws++;
    return `${text} #${count}`;
  }

  #draw(text: string): Diagram {
    const atom = this.space.atom(this.#drawName(text));
    this.#drawVariables.add(this.space.diagrams.variableOf(atom));
    return atom;
  }

  #drawNumber(text: string, width: number): Field {
    const field = this.space.further(this.#drawName(text), width);
    for (let i = 0; i < width; i++) this.#drawVariables.add(field.first + i);
    return field;
  }

  /** How often something was drawn until now. */
  get draws(): number {
    return this.#draws;
  }

  /** For `Diagrams.exists`. */
  readonly isDraw = (variable: number): boolean => this.#drawVariables.has(variable);

  /** Draws are new each time; a rule without any is taken apart once. */
  pieces(rule: Rule): readonly Piece[] {
    const known = this.#known.get(rule);
    if (known) return known;
    const before = this.#draws;
    const pieces = plainStatements(rule.body).map(
      (statement): Piece =>
        isMatch(statement)
          ? { kind: 'test', holds: matchSet(this.#context, statement) }
          : actionPiece(this.#context, statement),
    );
    if (this.#draws === before) this.#known.set(rule, pieces);
    return pieces;
  }
}
