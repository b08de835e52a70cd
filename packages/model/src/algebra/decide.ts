/**
 * A chain as one function from packets to what becomes of them. Built from the last rule to the first: where a rule's tests hold, what the
 * rule does; elsewhere, what the rules behind it do. A jump puts what comes after it where the called chain returns. A mark that
 * is set is substituted in what comes after, so that a test of it further down is a test of the packet as it came.
 */
import type { BaseHook, Chain } from '@podwire/engine';
import { type RuleCompiler, RulesError } from './compile.ts';
import { type Diagram, FALSE, TRUE } from './diagram.ts';
import { before, type Effect, isNothing } from './effect.ts';
import { FIRST_CHANGEABLE } from './fields.ts';
import type { Case, Piece } from './piece.ts';
import type { PacketSpace } from './space.ts';

/** Chains of chance may be called again and again, and are another each time; more calls than these are refused. */
const CALLS_MAX = 200_000;

const isChangeable = (variable: number): boolean => variable >= FIRST_CHANGEABLE;

export class Decider {
  readonly space: PacketSpace;
  readonly #rules: RuleCompiler;
  readonly #known = new Map<Chain, Diagram>();
  readonly #calling: string[] = [];
  readonly #returning = new Map<Diagram, boolean>();
  readonly #bound = new Map<number, Diagram>();
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
    const { choose } = space.diagrams;
    let tests = TRUE;
    const before = pieces.map((piece) => {
      const so = tests;
      if (piece.kind === 'test') tests = space.and(tests, this.#steady(piece.holds));
      return so;
    });
    let tail = rest;
    for (let i = pieces.length - 1; i >= 0; i--) {
      const piece = pieces[i] as Prepared;
      if (piece.kind === 'test') {
        tail = choose(piece.holds, tail, rest);
        continue;
      }
      const after = tail;
      tail = rest;
      for (let j = piece.cases.length - 1; j >= 0; j--) {
        const one = piece.cases[j] as Case;
        const region = space.and(before[i] as Diagram, this.#steady(one.when));
        const done = this.#case(one, piece.called[j], after, region, hook);
        tail = choose(one.when, done, tail);
      }
    }
    return tail;
  }

  /** Without what may change before it counts. */
  #steady(test: Diagram): Diagram {
    return this.space.diagrams.exists(test, isChangeable);
  }

  /** What a case comes to; right only for packets of `region`, so that nothing else has to be gone through. */
  #case(
    { effect, next }: Case,
    called: Diagram | undefined,
    after: Diagram,
    region: Diagram,
    hook: BaseHook | undefined,
  ): Diagram {
    const { outcomes, diagrams } = this.space;
    const within = (diagram: Diagram) => diagrams.choose(region, diagram, FALSE);
    switch (next.kind) {
      case 'verdict':
        return this.#done(outcomes.leaf(next.verdict, next.text), effect);
      case 'return':
        return this.#done(this.#end(hook), effect);
      case 'continue':
        return isNothing(effect) ? after : this.#done(within(after), effect);
      case 'jump':
        return this.#done(this.#bind(within(called as Diagram), within(after)), effect);
      case 'goto':
        return this.#done(hook ? this.#bind(within(called as Diagram), this.#end(hook)) : (called as Diagram), effect);
    }
  }

  #done(diagram: Diagram, effect: Effect): Diagram {
    const { outcomes } = this.space;
    return isNothing(effect) ? diagram : before(this.space, diagram, effect, (value) => outcomes.after(effect, value));
  }

  /** Some packet returns. */
  #returns(diagram: Diagram): boolean {
    const known = this.#returning.get(diagram);
    if (known !== undefined) return known;
    const { leafValue, low, high } = this.space.diagrams;
    const value = leafValue(diagram);
    const found =
      value === undefined
        ? this.#returns(low(diagram)) || this.#returns(high(diagram))
        : this.space.outcomes.of(value)?.verdict === 'return';
    this.#returning.set(diagram, found);
    return found;
  }

  /** `after` in place of each return of `called`, with what was done until there. */
  #bind(called: Diagram, after: Diagram): Diagram {
    if (after === FALSE || !this.#returns(called)) return called;
    const { diagrams } = this.space;
    const first = Math.min(diagrams.variableOf(called), diagrams.variableOf(after));
    if (isChangeable(first)) return this.#bindChangeable(called, after);
    const question = called * 2 ** 26 + after;
    const known = this.#bound.get(question);
    if (known !== undefined) return known;
    const half = (of: 'low' | 'high') => {
      const part = (diagram: Diagram) => (diagrams.variableOf(diagram) === first ? diagrams[of](diagram) : diagram);
      return this.#bind(part(called), part(after));
    };
    const made = diagrams.node(first, half('low'), half('high'));
    this.#bound.set(question, made);
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
