/**
 * Which packets come to which rule. Packets are pushed through the chains from the base chains on, each with the marks it has been given; a
 * set stands in terms of the packet as it came to the chain. What is drawn (chance, limits, lists) may go either way each time, so
 * that a packet may go both.
 */
import type { Chain, Rule, Table } from '@podwire/engine';
import { type RuleCompiler, RulesError } from './compile.ts';
import { arrivals } from './decision.ts';
import { type Diagram, FALSE, TRUE } from './diagram.ts';
import { andThen, before, type Effect, image, isNothing, NOTHING } from './effect.ts';
import type { Case, Piece } from './piece.ts';
import type { PacketSpace } from './space.ts';

/** Packets, as they came to the chain, to which this was done since. */
export interface Flow {
  effect: Effect;
  packets: Diagram;
}

export interface RuleReach {
  /** Packets that come to the rule, and those of them that pass its tests. */
  comes: readonly Flow[];
  matches: readonly Flow[];
  /** Packets, as they came to the chain, that surely go no further in it. Worked out when it is asked for. */
  stops(): Diagram;
}

export interface ChainReach {
  chain: Chain;
  /** Packets that come to the chain, as they are then. */
  entry: Diagram;
  rules: readonly RuleReach[];
}

type Jumped = (chain: string, packets: Diagram) => void;

/** Flows of the same effect are one. */
function merge(space: PacketSpace, flows: readonly Flow[]): Flow[] {
  const byEffect = new Map<string, Flow>();
  for (const flow of flows) {
    if (flow.packets === FALSE) continue;
    const known = byEffect.get(flow.effect.key);
    byEffect.set(flow.effect.key, known ? { ...known, packets: space.or(known.packets, flow.packets) } : flow);
  }
  return [...byEffect.values()];
}

export const packetsOf = (space: PacketSpace, flows: readonly Flow[]): Diagram =>
  space.or(...flows.map(({ packets }) => packets));

export class Reach {
  readonly space: PacketSpace;
  readonly #rules: RuleCompiler;
  readonly #returns = new Map<Chain, readonly Flow[]>();
  readonly #calling: string[] = [];

  constructor(rules: RuleCompiler) {
    this.#rules = rules;
    this.space = rules.space;
  }

  /** Chains of the table that packets may come to, callers before those they call. Throws `RulesError`. */
  table(table: Table): ChainReach[] {
    const entries = new Map<string, Diagram>();
    const order = this.#order();
    for (const chain of order) if (chain.hook) entries.set(chain.name, arrivals(this.space, table, chain.hook));
    const enter: Jumped = (name, packets) => entries.set(name, this.space.or(entries.get(name) ?? FALSE, packets));
    return order.map((chain) => {
      const entry = entries.get(chain.name) ?? FALSE;
      return { chain, entry, rules: entry === FALSE ? [] : this.#through(chain, entry, enter).rules };
    });
  }

  /** Callers first. */
  #order(): Chain[] {
    const done = new Set<Chain>();
    const order: Chain[] = [];
    const visit = (chain: Chain, path: readonly Chain[]): void => {
      if (path.includes(chain))
        throw new RulesError(`chains call each other: ${[...path, chain].map(({ name }) => name).join(' > ')}`);
      if (done.has(chain)) return;
      for (const target of this.#targets(chain)) visit(target, [...path, chain]);
      done.add(chain);
      order.push(chain);
    };
    for (const chain of [...this.#rules.chains.values()].reverse()) visit(chain, []);
    return order.reverse();
  }

  #targets(chain: Chain): Set<Chain> {
    const names = chain.rules.flatMap((rule) =>
      this.#rules
        .pieces(rule)
        .flatMap((piece) => (piece.kind === 'test' ? [] : piece.cases))
        .flatMap(({ next }) => (next.kind === 'jump' || next.kind === 'goto' ? [next.chain] : [])),
    );
    return new Set([...new Set(names)].map((name) => this.#rules.chain(name)));
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
    const { space } = this;
    const returns: Flow[] = [];
    const rules: RuleReach[] = [];
    let flows: Flow[] = [{ effect: NOTHING, packets: entry }];
    for (const rule of chain.rules) {
      const { matches, next } = this.rule(rule, flows, returns, jumped);
      const comes = flows;
      const stops = () => space.without(packetsOf(space, comes), packetsOf(space, next));
      rules.push({ comes, matches, stops });
      flows = next;
    }
    return { rules, returns: merge(space, [...returns, ...flows]) };
  }

  /** One rule: what passes its tests, and what comes to the next one. Adds to `returns` what leaves the chain by it. */
  rule(
    rule: Rule,
    comes: readonly Flow[],
    returns: Flow[] = [],
    jumped: Jumped = () => {},
  ): { matches: Flow[]; next: Flow[] } {
    const leaving: Flow[] = [];
    let inside: Flow[] = [...comes];
    let matches: Flow[] | undefined;
    for (const piece of this.#rules.pieces(rule)) {
      if (piece.kind === 'test') {
        ({ inside } = this.#test(piece.holds, inside, leaving));
        continue;
      }
      const taken: Flow[] = [];
      const before = inside;
      inside = this.#branch(piece, inside, leaving, returns, taken, jumped);
      matches ??= piece.choice ? taken : before;
    }
    matches ??= inside;
    return { matches: merge(this.space, matches), next: merge(this.space, [...leaving, ...inside]) };
  }

  #test(holds: Diagram, comes: readonly Flow[], leaving: Flow[]): { inside: Flow[] } {
    const { space } = this;
    const { may, must } = this.#drawn(holds);
    const inside: Flow[] = [];
    for (const { effect, packets } of comes) {
      inside.push({ effect, packets: space.and(packets, this.#seen(may, effect)) });
      leaving.push({ effect, packets: space.without(packets, this.#seen(must, effect)) });
    }
    return { inside: inside.filter(({ packets }) => packets !== FALSE) };
  }

  #branch(
    { cases }: Extract<Piece, { kind: 'branch' }>,
    comes: readonly Flow[],
    leaving: Flow[],
    returns: Flow[],
    taken: Flow[],
    jumped: Jumped,
  ): Flow[] {
    const { space } = this;
    const after: Flow[] = [];
    for (const { effect, packets } of comes) {
      let left = packets;
      for (const one of cases) {
        const { may, must } = this.#drawn(one.when);
        const found = space.and(left, this.#seen(may, effect));
        if (found !== FALSE) {
          taken.push({ effect, packets: found });
          after.push(...this.#case(one, { effect, packets: found }, leaving, returns, jumped));
        }
        left = space.without(left, this.#seen(must, effect));
        if (left === FALSE) break;
      }
      leaving.push({ effect, packets: left });
    }
    return after;
  }

  /** What goes on with the rest of the rule. */
  #case(
    { effect, next }: Case,
    { packets, effect: first }: Flow,
    leaving: Flow[],
    returns: Flow[],
    jumped: Jumped,
  ): Flow[] {
    const { space } = this;
    const flow: Flow = { effect: andThen(first, effect), packets };
    switch (next.kind) {
      case 'continue':
        return [flow];
      case 'return':
        returns.push(flow);
        return [];
      case 'verdict':
        // Nobody knows whether it ends the walk through the chain.
        if (next.verdict === 'unknown') leaving.push(flow);
        return [];
      default: {
        jumped(next.chain, image(space, flow.packets, flow.effect));
        const back = this.#returnsOf(next.chain).map((returned) => ({
          effect: andThen(flow.effect, returned.effect),
          packets: space.and(flow.packets, this.#seen(returned.packets, flow.effect)),
        }));
        if (next.kind === 'jump') return back;
        returns.push(...back);
        return [];
      }
    }
  }

  /** A set of packets that had this done to them, in terms of the packets before. */
  #seen(set: Diagram, effect: Effect): Diagram {
    return isNothing(effect) ? set : before(this.space, set, effect);
  }

  /** A test may hold, and must hold, whatever is drawn. */
  #drawn(holds: Diagram): { may: Diagram; must: Diagram } {
    const { space } = this;
    if (this.#rules.draws === 0) return { may: holds, must: holds };
    const { exists } = space.diagrams;
    const may = exists(holds, this.#rules.isDraw);
    return may === holds
      ? { may, must: holds }
      : { may, must: space.not(exists(space.not(holds), this.#rules.isDraw)) };
  }
}
