/** Rules that can go: those that no packet can match, and why; those without which every packet would fare the same. */
import type { Chain, Netns, Rule, Table } from '@podwire/engine';
import { RuleCompiler } from './compile.ts';
import { Decider } from './decide.ts';
import { type Diagram, FALSE, TRUE } from './diagram.ts';
import { image, isNothing, NOTHING } from './effect.ts';
import { type ChainReach, packetsOf, Reach } from './reach.ts';
import type { PacketSpace } from './space.ts';

export type RuleFinding = RuleAt &
  (
    | {
        /** Its tests contradict each other. */
        kind: 'contradiction';
      }
    | {
        /** Packets that come to the chain are none it asks for: by its hook, its family, or the rules that jump to it. */
        kind: 'no-packets';
      }
    | {
        /** Earlier rules of the chain let no packet through to it. */
        kind: 'shadowed';
        /** The fewest that were found to do so together; indices of rules. */
        by: number[];
      }
    | {
        /** Packets match it, and would fare the same without it. */
        kind: 'redundant';
      }
  );

export interface RuleAt {
  table: Table;
  chain: Chain;
  /** Of the rule, from 0. */
  index: number;
}

/** A chain with rules that no packet comes to. Its rules are not looked at. */
export interface UnreachedChain {
  table: Table;
  chain: Chain;
}

export interface ShadowReport {
  findings: RuleFinding[];
  unreached: UnreachedChain[];
  /** Rules looked at. */
  rules: number;
}

/** More rules that cover one together are not thinned out. */
const THINNED_MAX = 64;

class ChainShadows {
  readonly #space: PacketSpace;
  readonly #reach: Reach;
  readonly #chain: ChainReach;
  readonly #alone = new Map<number, Diagram>();

  constructor(reach: Reach, chain: ChainReach) {
    this.#space = reach.space;
    this.#reach = reach;
    this.#chain = chain;
  }

  /** Of the packets that come to the chain, those that the rule would match if none stood before it. */
  #wants(index: number): Diagram {
    const rule = this.#chain.chain.rules[index] as Rule;
    return packetsOf(this.#space, this.#reach.rule(rule, [{ effect: NOTHING, packets: this.#chain.entry }]).matches);
  }

  /** Of the packets that come to the chain, those that the rule would stop if none stood before it. */
  #stopsAlone(index: number): Diagram {
    let known = this.#alone.get(index);
    if (known === undefined) {
      const { entry, chain } = this.#chain;
      const rule = chain.rules[index] as Rule;
      const { next } = this.#reach.rule(rule, [{ effect: NOTHING, packets: entry }]);
      known = this.#space.without(entry, packetsOf(this.#space, next));
      this.#alone.set(index, known);
    }
    return known;
  }

  /** Why no packet matches the rule. */
  reason(index: number): { kind: 'contradiction' } | { kind: 'no-packets' } | { kind: 'shadowed'; by: number[] } {
    const rule = this.#chain.chain.rules[index] as Rule;
    const anything = this.#reach.rule(rule, [{ effect: NOTHING, packets: TRUE }]).matches;
    if (anything.length === 0) return { kind: 'contradiction' };
    const wanted = this.#wants(index);
    if (wanted === FALSE) return { kind: 'no-packets' };
    return { kind: 'shadowed', by: this.#cover(index, wanted) };
  }

  #cover(index: number, wanted: Diagram): number[] {
    const { rules } = this.#chain;
    const space = this.#space;
    // A rule stops the same packets alone as in its place only where nothing was done to them before.
    const isPlain = (at: number) => rules[at]?.comes.every(({ effect }) => isNothing(effect)) === true;
    const stops = (at: number) => (isPlain(at) ? this.#stopsAlone(at) : (rules[at]?.stops() ?? FALSE));
    const took = rules.slice(0, index).flatMap((rule, at) => (space.and(rule.stops(), wanted) === FALSE ? [] : [at]));
    const single = Array.from({ length: index }, (_, at) => at).find(
      (at) => space.without(wanted, stops(at)) === FALSE,
    );
    if (single !== undefined) return [single];
    let kept = took;
    if (took.length > THINNED_MAX) return took;
    for (const one of [...took].reverse()) {
      const others = kept.filter((at) => at !== one);
      if (space.without(wanted, space.or(...others.map(stops))) === FALSE) kept = others;
    }
    return kept;
  }
}

const DECIDING = new Set(['accept', 'drop', 'reject', 'dnat', 'snat', 'masquerade', 'redirect', 'nat-to']);

/** Only rules with a verdict of their own: a jump to a chain that is empty today, or a log line, has its purpose. */
const decides = ({ body }: Rule): boolean =>
  body.some(({ kind }) => DECIDING.has(kind)) && !body.some(({ kind }) => kind === 'note' || kind.startsWith('set-'));

function redundant(space: PacketSpace, decider: Decider, { chain, rules }: ChainReach): number[] {
  if (!chain.rules.some(decides)) return [];
  const suffixes = decider.suffixes(chain.name);
  const { choose } = space.diagrams;
  return chain.rules.flatMap((rule, index) => {
    const matches = rules[index]?.matches ?? [];
    if (!decides(rule) || matches.length === 0) return [];
    const [withIt, without] = [suffixes[index], suffixes[index + 1]] as [Diagram, Diagram];
    const packets = space.or(...matches.map((flow) => image(space, flow.packets, flow.effect)));
    return choose(packets, withIt, FALSE) === choose(packets, without, FALSE) ? [index] : [];
  });
}

/**
 * Every rule of a table. Rules are judged by the packets that may come: what draws (chance, limits) and what nobody knows may go either way, so
 * that a rule that is called dead is dead. `netns`: where the table stands; absent where only its rules are known.
 * Throws `RulesError` and `AlgebraLimitError`.
 */
export function findShadows(space: PacketSpace, table: Table, netns?: Netns): ShadowReport {
  const compiler = new RuleCompiler(space, table, netns);
  const reach = new Reach(compiler);
  const decider = new Decider(compiler);
  const report: ShadowReport = { findings: [], unreached: [], rules: 0 };
  const reached = new Map(reach.table(table).map((chain) => [chain.chain, chain]));
  // In the order in which the table lists its chains.
  for (const chain of compiler.chains.values()) {
    const found = reached.get(chain);
    if (!found) continue;
    report.rules += chain.rules.length;
    if (found.entry === FALSE) {
      if (chain.rules.length > 0) report.unreached.push({ table, chain });
      continue;
    }
    const shadows = new ChainShadows(reach, found);
    const spare = new Set(redundant(space, decider, found));
    for (const [index, { matches }] of found.rules.entries()) {
      const at = { table, chain, index };
      if (matches.length === 0) report.findings.push({ ...at, ...shadows.reason(index) });
      else if (spare.has(index)) report.findings.push({ ...at, kind: 'redundant' });
    }
  }
  return report;
}
