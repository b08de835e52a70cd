/**
 * Which packets come to which rule. Packets are pushed through the chains from the base chains on, each with the marks it has been given; a
 * set stands in terms of the packet as it came to the chain. What is drawn (chance, limits, lists) may go either way each time, so
 * that a packet may go both.
 */
import type { Chain, Rule, Table } from '@podwire/engine';
import { type RuleCompiler, RulesError } from './compile.ts';
import { arrivals } from './decision.ts';
import { type Flow, flowOf, isEmpty, meet, merge, minus, onward, setOf } from './flow.ts';
import type { Case, Piece } from './piece.ts';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { image, isNothing } from './space/effect.ts';
import type { PacketSpace } from './space/packet-space.ts';

export interface RuleReach {
  /** Packets that pass the rule's tests. */
  matches: readonly Flow[];
}

export interface ChainReach {
  chain: Chain;
  /** Packets that come to the chain, as they are then. */
  entry: Diagram;
  rules: readonly RuleReach[];
}

/** Callers that send more than can be told in so many steps are taken to send everything of the table's family: no rule is called dead for it. */
const ENTRY_STEPS = 500_000;

type Jumped = (chain: string, packets: Flow) => void;

type Branch = Extract<Piece, { kind: 'branch' }>;

export class Reach {
  readonly space: PacketSpace;
  readonly #rules: RuleCompiler;
  readonly #returns = new Map<Chain, readonly Flow[]>();
  readonly #calling: string[] = [];

  constructor(rules: RuleCompiler) {
    this.#rules = rules;
    this.space = rules.space;
  }

  /** Chains of the table, callers before those they call. Throws `RulesError`. */
  table(table: Table): ChainReach[] {
    const { space } = this;
    const everything = arrivals(space, table, undefined);
    const entries = new Map<string, Diagram>();
    const order = this.#order();
    for (const chain of order) if (chain.hook) entries.set(chain.name, arrivals(space, table, chain.hook));
    const enter: Jumped = (name, flow) => {
      if (isEmpty(space, flow)) return;
      const before = entries.get(name) ?? FALSE;
      const packets = setOf(space, flow, ENTRY_STEPS);
      const joined =
        packets !== undefined &&
        space.diagrams.attempt(ENTRY_STEPS, () => space.or(before, image(space, packets, flow.effect)));
      entries.set(name, joined === undefined || joined === false ? everything : joined);
    };
    return order.map((chain) => {
      const entry = entries.get(chain.name) ?? FALSE;
      return { chain, entry, rules: entry === FALSE ? [] : this.#through(chain, entry, enter).rules };
    });
  }

  /** Callers first. */
  #order(): Chain[] {
    const done = new Set<Chain>();
    const order: Chain[] = [];
    const path = new Set<Chain>();
    const visit = (chain: Chain): void => {
      if (path.has(chain))
        throw new RulesError(`chains call each other: ${[...path, chain].map(({ name }) => name).join(' > ')}`);
      if (done.has(chain)) return;
      path.add(chain);
      for (const target of this.#targets(chain)) visit(target);
      path.delete(chain);
      done.add(chain);
      order.push(chain);
    };
    for (const chain of [...this.#rules.chains.values()].reverse()) visit(chain);
    return order.reverse();
  }

  #targets(chain: Chain): Chain[] {
    const names = chain.rules.flatMap((rule) =>
      this.#rules
        .pieces(rule)
        .flatMap((piece) => (piece.kind === 'test' ? [] : piece.cases))
        .flatMap(({ next }) => (next.kind === 'jump' || next.kind === 'goto' ? [next.chain] : [])),
    );
    return [...new Set(names)].map((name) => this.#rules.chain(name));
  }

  /** What packets of all kinds the chain gives back, and what it did to them. */
  #returnsOf(name: string): readonly Flow[] {
    const chain = this.#rules.chain(name);
    let known = this.#returns.get(chain);
    if (!known) {
      if (this.#calling.includes(name))
        throw new RulesError(`chains call each other: ${[...this.#calling, name].join(' > ')}`);
      this.#calling.push(name);
      known = this.#through(chain, TRUE, () => {}).returns;
      this.#calling.pop();
      this.#returns.set(chain, known);
    }
    return known;
  }

  #through(chain: Chain, entry: Diagram, jumped: Jumped): { rules: RuleReach[]; returns: Flow[] } {
    const returns: Flow[] = [];
    const rules: RuleReach[] = [];
    let flows: Flow[] = [flowOf(entry)];
    for (const rule of chain.rules) {
      const { matches, next } = this.rule(rule, flows, returns, jumped);
      rules.push({ matches });
      flows = next;
    }
    return { rules, returns: merge(this.space, [...returns, ...flows]) };
  }

  /** One rule: what passes its tests, and what comes to the next one. Adds to `returns` what leaves the chain by it. */
  rule(
    rule: Rule,
    comes: readonly Flow[],
    returns: Flow[] = [],
    jumped: Jumped = () => {},
  ): { matches: Flow[]; next: Flow[] } {
    const { space } = this;
    const leaving: Flow[] = [];
    let inside = comes;
    let matches: readonly Flow[] | undefined;
    // Tests in a row are one: a flow is gone through once for all of them.
    let tests: Diagram[] = [];
    const pass = () => {
      if (tests.length > 0) inside = this.#test(space.and(...tests.reverse()), inside, leaving);
      tests = [];
    };
    for (const piece of this.#rules.pieces(rule)) {
      if (piece.kind === 'test') {
        tests.push(piece.holds);
        continue;
      }
      pass();
      const taken: Flow[] = [];
      const before = inside;
      inside = this.#branch(piece, inside, leaving, returns, taken, jumped);
      matches ??= piece.choice ? taken : before;
    }
    pass();
    matches ??= inside;
    return { matches: merge(space, matches), next: merge(space, [...leaving, ...inside]) };
  }

  #test(holds: Diagram, comes: readonly Flow[], leaving: Flow[]): Flow[] {
    const { may, must } = this.#drawn(holds);
    leaving.push(...comes.map((flow) => minus(this.space, flow, must)));
    return merge(
      this.space,
      comes.map((flow) => meet(this.space, flow, may)),
    );
  }

  #branch(
    { cases }: Branch,
    comes: readonly Flow[],
    leaving: Flow[],
    returns: Flow[],
    taken: Flow[],
    jumped: Jumped,
  ): Flow[] {
    const { space } = this;
    const after: Flow[] = [];
    for (const flow of comes) {
      let left = flow;
      for (const one of cases) {
        const { may, must } = this.#drawn(one.when);
        const found = meet(space, left, may);
        taken.push(found);
        after.push(...this.#case(one, found, leaving, returns, jumped));
        left = minus(space, left, must);
        if (must === TRUE) break;
      }
      leaving.push(left);
    }
    return after;
  }

  /** What goes on with the rest of the rule. */
  #case({ effect, next }: Case, flow: Flow, leaving: Flow[], returns: Flow[], jumped: Jumped): Flow[] {
    const { space } = this;
    const changed = isNothing(effect) ? flow : onward(space, flow, flowOf(TRUE, effect));
    switch (next.kind) {
      case 'continue':
        return [changed];
      case 'return':
        returns.push(changed);
        return [];
      case 'verdict':
        // Nobody knows whether it ends the walk through the chain.
        if (next.verdict === 'unknown') leaving.push(changed);
        return [];
      default: {
        jumped(next.chain, changed);
        const back = this.#returnsOf(next.chain).map((returned) => onward(space, changed, returned));
        if (next.kind === 'jump') return back;
        returns.push(...back);
        return [];
      }
    }
  }

  /** A test may hold, and must hold, whatever is drawn. */
  #drawn(holds: Diagram): { may: Diagram; must: Diagram } {
    const { space } = this;
    if (this.#rules.draws === 0) return { may: holds, must: holds };
    const { exists } = space.diagrams;
    const may = exists(holds, this.#rules.isDraw);
    if (may === holds) return { may, must: holds };
    return { may, must: space.not(exists(space.not(holds), this.#rules.isDraw)) };
  }
}
