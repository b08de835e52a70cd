/** Rules that can go: those that no packet can match, and why; those without which every packet would fare the same. */
import type { Chain, Netns, Rule, Table } from '@podwire/engine';
import { RuleCompiler } from './compile.ts';
import { Decider } from './decide.ts';
import { type Flow, flowOf, isEmpty, plainSet, setOf } from './flow.ts';
import { type ChainReach, Reach } from './reach.ts';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { image, isNothing } from './space/effect.ts';
import type { PacketSpace } from './space/packet-space.ts';

export type RuleFinding = RuleAt &
  (
    | {
        /** Its tests contradict each other. */
        kind: 'contradiction';
      }
    | {
        /** It looks into a set that is empty. */
        kind: 'empty-set';
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

interface RuleAt {
  table: Table;
  chain: Chain;
  /** Of the rule, from 0. */
  index: number;
}

/** A chain with rules that no packet comes to. Its rules are not looked at. */
interface UnreachedChain {
  table: Table;
  chain: Chain;
}

export interface ShadowReport {
  findings: RuleFinding[];
  unreached: UnreachedChain[];
  /** Chains that decide too much to look for redundant rules in them. */
  coarse: { table: Table; chain: Chain }[];
  /** Rules looked at. */
  rules: number;
}

/** More rules that cover one together are not thinned out. */
const THINNED_MAX = 64;
/** Steps for what a chain decides, and for the packets of one rule: beyond it redundant rules are not looked for. */
const DECISION_STEPS = 1_000_000;
const MATCH_STEPS = 2000;

type Reason = { kind: 'contradiction' | 'empty-set' | 'no-packets' } | { kind: 'shadowed'; by: number[] };

class ChainShadows {
  readonly #space: PacketSpace;
  readonly #rules: RuleCompiler;
  readonly #reach: Reach;
  readonly #chain: ChainReach;
  readonly #stopped = new Map<number, Diagram | undefined>();

  constructor(rules: RuleCompiler, reach: Reach, chain: ChainReach) {
    this.#space = reach.space;
    this.#rules = rules;
    this.#reach = reach;
    this.#chain = chain;
  }

  #rule(index: number): Rule {
    return this.#chain.chain.rules[index] as Rule;
  }

  #isMatched(index: number, comes: readonly Flow[]): boolean {
    return this.#reach.rule(this.#rule(index), comes).matches.some((flow) => !isEmpty(this.#space, flow));
  }

  /** Why no packet matches the rule. */
  reason(index: number): Reason {
    if (!this.#isMatched(index, [flowOf(TRUE)])) {
      const empty = this.#rule(index).body.some((statement) => this.#rules.looksIntoEmpty(statement));
      return { kind: empty ? 'empty-set' : 'contradiction' };
    }
    const entry = [flowOf(this.#chain.entry)];
    const wanted = this.#reach.rule(this.#rule(index), entry).matches.filter((flow) => !isEmpty(this.#space, flow));
    // A rule that wants a mark which others set here wants other packets than come.
    if (wanted.length === 0) return { kind: 'no-packets' };
    return { kind: 'shadowed', by: this.#cover(index, wanted) };
  }

  /** Do these rules by themselves keep from the rule all that it wants? */
  #covers(by: readonly number[], index: number, wanted: readonly Flow[]): boolean {
    let left = wanted;
    for (const at of by) left = this.#reach.rule(this.#rule(at), left).next;
    return !this.#isMatched(index, left);
  }

  /** Packets that the rule would stop if none stood before it; undefined where that is no plain set. */
  #stops(index: number): Diagram | undefined {
    if (this.#stopped.has(index)) return this.#stopped.get(index);
    const { entry } = this.#chain;
    const next = this.#reach.rule(this.#rule(index), [flowOf(entry)]).next;
    const left = next.map((flow) => (isNothing(flow.effect) ? plainSet(flow) : undefined));
    const stopped = left.every((set) => set !== undefined)
      ? this.#space.without(entry, this.#space.or(...left))
      : undefined;
    this.#stopped.set(index, stopped);
    return stopped;
  }

  #cover(index: number, wanted: readonly Flow[]): number[] {
    const space = this.#space;
    const [only] = wanted;
    const plain = only && wanted.length === 1 ? plainSet(only) : undefined;
    const some: number[] = [];
    for (let at = 0; at < index; at++) {
      const stopped = this.#stops(at);
      if (plain === undefined || stopped === undefined) {
        if (!this.#isMatched(at, wanted)) continue;
        if (this.#covers([at], index, wanted)) return [at];
        some.push(at);
      } else if (space.and(plain, stopped) !== FALSE) {
        if (space.without(plain, stopped) === FALSE) return [at];
        some.push(at);
      }
    }
    if (some.length > THINNED_MAX) return some;
    let kept = some;
    for (const one of [...some].reverse()) {
      const others = kept.filter((at) => at !== one);
      if (this.#covers(others, index, wanted)) kept = others;
    }
    return kept;
  }
}

const DECIDING = new Set(['accept', 'drop', 'reject', 'dnat', 'snat', 'masquerade', 'redirect', 'nat-to']);

/** Only rules with a verdict of their own: a jump to a chain that is empty today, or a log line, has its purpose. */
const decides = ({ body }: Rule): boolean =>
  body.some(({ kind }) => DECIDING.has(kind)) && !body.some(({ kind }) => kind === 'note' || kind.startsWith('set-'));

/** Undefined: the chain decides too much for this. */
function redundant(space: PacketSpace, decider: Decider, { chain, rules }: ChainReach): number[] | undefined {
  if (!chain.rules.some(decides)) return [];
  const { attempt, choose } = space.diagrams;
  let suffixes: Diagram[] = [];
  const decided = attempt(DECISION_STEPS, () => {
    suffixes = decider.suffixes(chain.name);
    return TRUE;
  });
  if (decided === undefined) return undefined;
  const changesNothing = (index: number): boolean =>
    (rules[index]?.matches ?? []).every((flow) => {
      const packets = setOf(space, flow, MATCH_STEPS);
      if (packets === undefined) return false;
      const now = image(space, packets, flow.effect);
      return choose(now, suffixes[index] as Diagram, FALSE) === choose(now, suffixes[index + 1] as Diagram, FALSE);
    });
  return chain.rules.flatMap((rule, index) => (decides(rule) && changesNothing(index) ? [index] : []));
}

/**
 * Every rule of a table. Rules are judged by the packets that may come: what draws (chance, limits) and what nobody knows may go either way, so
 * that a rule that is called dead is dead. `netns`: where the table stands; absent where only its rules are known.
 * Throws `RulesError` and `AlgebraLimitError`.
 */
export function findShadows(space: PacketSpace, table: Table, netns?: Netns): ShadowReport {
  const compiler = new RuleCompiler(space, table, netns ? { netns } : {});
  const reach = new Reach(compiler);
  const decider = new Decider(compiler);
  const report: ShadowReport = { findings: [], unreached: [], coarse: [], rules: 0 };
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
    const shadows = new ChainShadows(compiler, reach, found);
    const spare = redundant(space, decider, found);
    if (!spare) report.coarse.push({ table, chain });
    for (const [index, { matches }] of found.rules.entries()) {
      const at = { table, chain, index };
      if (matches.every((flow) => isEmpty(space, flow))) report.findings.push({ ...at, ...shadows.reason(index) });
      else if (spare?.includes(index)) report.findings.push({ ...at, kind: 'redundant' });
    }
  }
  return report;
}
