/**
 * A chain as one function from packets to what becomes of them. Built from the last rule to the first: where a rule's tests hold, what the
 * rule does; elsewhere, what the rules behind it do. A jump puts what comes after it where the called chain returns. A mark that
 * is set is substituted in what comes after, so that a test of it further down is a test of the packet as it came.
 */
import type { BaseHook, Chain } from '@podwire/engine';
import { type RuleCompiler, RulesError } from './compile.ts';
import type { Case, Piece } from './piece.ts';
import { Answers } from './space/answers.ts';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { before, type Effect, isNothing } from './space/effect.ts';
import { FIRST_CHANGEABLE } from './space/fields.ts';
import type { PacketSpace } from './space/packet-space.ts';

/** Chains of chance may be called again and again, and are another each time; more calls than these are refused. */
const CALLS_MAX = 200_000;

export class Decider {
  readonly space: PacketSpace;
  readonly #rules: RuleCompiler;
  readonly #known = new Map<Chain, Diagram>();
  readonly #calling: string[] = [];
  /** By diagram: 0 not known, 1 no, 2 yes. */
  #returning = new Uint8Array(1 << 16);
  readonly #spliced = new Answers();
  readonly #bound = new Answers();
  #calls = 0;

  constructor(rules: RuleCompiler) {
    this.#rules = rules;
    this.space = rules.space;
  }

  /** Leaves are outcomes; a base chain ends by its policy, others with `return`. Throws `RulesError`. */
  chain(name: string): Diagram {
    const chain = this.#rules.chain(name);
    const known = this.#known.get(chain);
    if (known !== undefined) return known;
    const draws = this.#rules.draws;
    const made = this.suffixes(name)[0] as Diagram;
    if (this.#rules.draws === draws) this.#known.set(chain, made);
    return made;
  }

  /** What the chain does from each of its rules on; one more than it has rules, the last is its end. */
  suffixes(name: string): Diagram[] {
    if (this.#calling.includes(name))
      throw new RulesError(`chains call each other: ${[...this.#calling, name].join(' > ')}`);
    if (++this.#calls > CALLS_MAX) throw new RulesError(`chains are called more than ${CALLS_MAX} times`);
    this.#calling.push(name);
    const { rules, hook } = this.#rules.chain(name);
    // Forward first: draws are numbered in the order in which packets meet them.
    const prepared = rules.map((rule) => this.#rules.pieces(rule).map((piece) => this.#prepare(piece)));
    const found = new Array<Diagram>(rules.length + 1);
    let rest = this.#end(hook);
    found[rules.length] = rest;
    for (let i = rules.length - 1; i >= 0; i--) {
      rest = this.#rule(prepared[i] as Prepared[], rest, hook);
      found[i] = rest;
    }
    this.#calling.pop();
    return found;
  }

  #end(hook: BaseHook | undefined): Diagram {
    return this.space.outcomes.leaf(hook ? hook.policy : 'return');
  }

  #prepare(piece: Piece): Prepared {
    if (piece.kind === 'test') return piece;
    const called = piece.cases.map(({ next }) =>
      next.kind === 'jump' || next.kind === 'goto' ? this.chain(next.chain) : undefined,
    );
    return { ...piece, called };
  }

  #rule(pieces: readonly Prepared[], rest: Diagram, hook: BaseHook | undefined): Diagram {
    const { space } = this;
    let tail = rest;
    for (let i = pieces.length - 1; i >= 0; i--) {
      const piece = pieces[i] as Prepared;
      if (piece.kind === 'test') {
        tail = space.diagrams.choose(piece.holds, tail, rest);
        continue;
      }
      const [only] = piece.cases;
      if (only && piece.cases.length === 1) {
        // The tests in front of it say where it counts, so that nothing else is gone through.
        let where = only.when;
        for (let before = pieces[i - 1]; before?.kind === 'test'; before = pieces[--i - 1])
          where = space.and(before.holds, where);
        tail = this.#case(where, only, piece.called[0], hook, tail, rest);
        continue;
      }
      let found = rest;
      for (let j = piece.cases.length - 1; j >= 0; j--) {
        const one = piece.cases[j] as Case;
        found = this.#case(one.when, one, piece.called[j], hook, tail, found);
      }
      tail = found;
    }
    return tail;
  }

  /** Where `where` holds, what the case leads to, with the rest of its rule behind; `rest` elsewhere. */
  #case(
    where: Diagram,
    { effect, next }: Case,
    called: Diagram | undefined,
    hook: BaseHook | undefined,
    after: Diagram,
    rest: Diagram,
  ): Diagram {
    const { outcomes, diagrams } = this.space;
    const { choose } = diagrams;
    switch (next.kind) {
      case 'verdict':
        return choose(where, outcomes.leaf(next.verdict, next.text, effect), rest);
      case 'return':
        return choose(where, outcomes.leaf(hook ? hook.policy : 'return', '', effect), rest);
      case 'continue':
        return isNothing(effect)
          ? choose(where, after, rest)
          : this.#splice(where, outcomes.leaf('return', '', effect), after, rest);
      case 'jump':
        return this.#splice(where, this.#done(called as Diagram, effect), after, rest);
      case 'goto':
        return choose(where, this.#policy(this.#done(called as Diagram, effect), hook), rest);
    }
  }

  /** A base chain that goes to another ends by its own policy where that one returns. */
  #policy(diagram: Diagram, hook: BaseHook | undefined): Diagram {
    if (!hook) return diagram;
    const { outcomes, diagrams } = this.space;
    return diagrams.mapLeaves(diagram, (value) => {
      const outcome = outcomes.of(value);
      return outcome?.verdict === 'return' ? outcomes.leaf(hook.policy, '', outcome.effect) : diagrams.leaf(value);
    });
  }

  #done(diagram: Diagram, effect: Effect): Diagram {
    const { outcomes } = this.space;
    return isNothing(effect) ? diagram : before(this.space, diagram, effect, (value) => outcomes.after(effect, value));
  }

  /** Some packet returns. */
  #returns(diagram: Diagram): boolean {
    const known = this.#returning[diagram];
    if (known) return known === 2;
    const { leafValue, low, high } = this.space.diagrams;
    const value = leafValue(diagram);
    const found =
      value === undefined
        ? this.#returns(low(diagram)) || this.#returns(high(diagram))
        : this.space.outcomes.of(value)?.verdict === 'return';
    if (diagram >= this.#returning.length) {
      const wider = new Uint8Array(2 * diagram);
      wider.set(this.#returning);
      this.#returning = wider;
    }
    this.#returning[diagram] = found ? 2 : 1;
    return found;
  }

  /** Where `where` holds `called`, with `after` in place of its returns; `rest` elsewhere. */
  #splice(where: Diagram, called: Diagram, after: Diagram, rest: Diagram): Diagram {
    if (where === FALSE) return rest;
    if (where === TRUE) return this.#bind(called, after);
    const { diagrams } = this.space;
    if (!this.#returns(called)) return diagrams.choose(where, called, rest);
    const { variableOf } = diagrams;
    const first = Math.min(variableOf(where), variableOf(called), variableOf(after), variableOf(rest));
    if (first >= FIRST_CHANGEABLE) return diagrams.choose(where, this.#bindChangeable(called, after), rest);
    const known = this.#spliced.get(where, called, after, rest);
    if (known !== undefined) return known;
    const part = (diagram: Diagram, of: 'low' | 'high') =>
      variableOf(diagram) === first ? diagrams[of](diagram) : diagram;
    const half = (of: 'low' | 'high') =>
      this.#splice(part(where, of), part(called, of), part(after, of), part(rest, of));
    const made = diagrams.node(first, half('low'), half('high'));
    this.#spliced.set(made, where, called, after, rest);
    return made;
  }

  /** `after` in place of each return of `called`, with what was done until there. */
  #bind(called: Diagram, after: Diagram): Diagram {
    if (!this.#returns(called)) return called;
    const { diagrams } = this.space;
    const { variableOf } = diagrams;
    const first = Math.min(variableOf(called), variableOf(after));
    if (first >= FIRST_CHANGEABLE) return this.#bindChangeable(called, after);
    const known = this.#bound.get(called, after);
    if (known !== undefined) return known;
    const part = (diagram: Diagram, of: 'low' | 'high') =>
      variableOf(diagram) === first ? diagrams[of](diagram) : diagram;
    const half = (of: 'low' | 'high') => this.#bind(part(called, of), part(after, of));
    const made = diagrams.node(first, half('low'), half('high'));
    this.#bound.set(made, called, after);
    return made;
  }

  /** Where only marks and state are left: what is behind asks for them as they are after the call, so it must stay whole. */
  #bindChangeable(called: Diagram, after: Diagram): Diagram {
    const { space } = this;
    const { outcomes, diagrams } = space;
    const known = new Map<Diagram, Diagram>();
    const visit = (at: Diagram): Diagram => {
      const seen = known.get(at);
      if (seen !== undefined) return seen;
      const value = diagrams.leafValue(at);
      let made: Diagram;
      if (value === undefined)
        made = diagrams.choose(
          space.variable(diagrams.variableOf(at)),
          visit(diagrams.high(at)),
          visit(diagrams.low(at)),
        );
      else {
        const outcome = outcomes.of(value);
        made = outcome?.verdict === 'return' ? this.#done(after, outcome.effect) : at;
      }
      known.set(at, made);
      return made;
    };
    return visit(called);
  }
}

type Prepared =
  | Extract<Piece, { kind: 'test' }>
  | (Extract<Piece, { kind: 'branch' }> & { called: readonly (Diagram | undefined)[] });
