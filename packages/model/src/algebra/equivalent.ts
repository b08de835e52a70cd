/** Do two chains, tables or rulesets decide every packet alike? If not, one packet that shows it, and what each does with it. */
import { type BaseHook, Hook, type Table } from '@podwire/engine';
import { type CompileOptions, chainsOf, RuleCompiler } from './compile.ts';
import { Decider } from './decide.ts';
import { arrivals, ChainDecision } from './decision.ts';
import { PacketSet } from './packet-set.ts';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { before, unlike } from './space/effect.ts';
import type { Outcome } from './space/outcome.ts';
import type { PacketSpace } from './space/packet-space.ts';
import type { Subject } from './subject.ts';

/** Rules and where they stand. */
export interface RuleSource extends CompileOptions {
  tables: readonly Table[];
}

export interface Difference {
  /** Where: the hook and the chains that run there one after the other. Absent for single chains. */
  stage?: Stage;
  packet: Subject;
  /** What the first and the second do with it. */
  outcomes: readonly [Outcome, Outcome];
  /** All packets that they treat differently. */
  packets: PacketSet;
}

/**
 * Base chains of one hook between which no packet changes but by what they say themselves: conntrack and NAT stand between stages. All chains
 * of NAT are one stage: the next one sees what the ones before did not translate (nf_nat_core.c: nf_nat_inet_fn).
 */
export interface Stage {
  hook: Hook;
  position: 'before conntrack' | 'after conntrack' | 'nat';
  /** 1 behind NAT, else 0. */
  order: 0 | 1;
}

const GONE: ReadonlySet<string> = new Set(['drop', 'reject']);

/** Packets that two outcomes treat differently. Undefined: no packet can come here. */
function unlikeOutcomes(space: PacketSpace, one: Outcome | undefined, other: Outcome | undefined): Diagram {
  if (!one || !other || one.verdict !== other.verdict || one.text !== other.text) return TRUE;
  return unlike(space, one.effect, other.effect, GONE.has(one.verdict));
}

/** Packets on which two functions differ. */
function differing(space: PacketSpace, one: Diagram, other: Diagram): Diagram {
  const { variableOf, leafValue, low, high, choose } = space.diagrams;
  const { outcomes } = space;
  const known = new Map<Diagram, Map<Diagram, Diagram>>();
  const visit = (a: Diagram, b: Diagram): Diagram => {
    if (a === b) return FALSE;
    const [left, right] = [leafValue(a), leafValue(b)];
    if (left !== undefined && right !== undefined) return unlikeOutcomes(space, outcomes.of(left), outcomes.of(right));
    const answers = known.get(a) ?? new Map<Diagram, Diagram>();
    known.set(a, answers);
    const seen = answers.get(b);
    if (seen !== undefined) return seen;
    const first = Math.min(variableOf(a), variableOf(b));
    const part = (diagram: Diagram, half: (diagram: Diagram) => Diagram) =>
      variableOf(diagram) === first ? half(diagram) : diagram;
    // What is found below may ask for marks that were asked for above.
    const made = choose(space.variable(first), visit(part(a, high), part(b, high)), visit(part(a, low), part(b, low)));
    answers.set(b, made);
    return made;
  };
  return visit(one, other);
}

/** Undefined where they are alike, for the packets of `among` (all where absent). All must be of one space. */
export function differenceOf(one: ChainDecision, other: ChainDecision, among?: PacketSet): Difference | undefined {
  const { space } = one;
  if (other.space !== space) throw new RangeError('the decisions are of two spaces');
  const differ = new PacketSet(space, differing(space, one.diagram, other.diagram));
  const packets = among ? differ.intersection(among) : differ;
  const packet = packets.witness();
  if (!packet) return undefined;
  const outcomes = [one.of(packet), other.of(packet)];
  if (!outcomes[0] || !outcomes[1]) throw new RangeError('the chains stand at two hooks: other packets come to them');
  return { packet, outcomes: [outcomes[0], outcomes[1]], packets };
}

const CONNTRACK_PRIORITY = -200;

interface Placed {
  table: Table;
  name: string;
  stage: Stage;
}

/** Where NAT happens, whatever the priorities of its chains: these order them among themselves (nf_nat_proto.c: nf_nat_ipv4_ops). */
const NAT_PRIORITIES: Readonly<Partial<Record<Hook, number>>> = {
  [Hook.PREROUTING]: -100,
  [Hook.OUTPUT]: -100,
  [Hook.INPUT]: 100,
  [Hook.POSTROUTING]: 100,
};

function priorityOf({ type, hook, priority }: BaseHook): number {
  return type === 'nat' ? (NAT_PRIORITIES[hook] ?? priority) : priority;
}

/** Base chains in the order in which they run: by priority; of equals, the one loaded last first (nf_hook_entries_grow). */
function placed({ tables }: RuleSource): Placed[] {
  const bases = tables
    .flatMap((table) =>
      [...chainsOf(table).values()].flatMap((chain) => (chain.hook ? [{ table, chain, hook: chain.hook }] : [])),
    )
    .reverse()
    .sort(
      (a, b) =>
        a.hook.hook - b.hook.hook || priorityOf(a.hook) - priorityOf(b.hook) || a.hook.priority - b.hook.priority,
    );
  // Chains of one family are nothing to packets of the other.
  const translated = { v4: new Set<Hook>(), v6: new Set<Hook>() };
  return bases.map(({ table, chain, hook }) => {
    const before = priorityOf(hook) < CONNTRACK_PRIORITY;
    const nat = hook.type === 'nat';
    const { family } = table;
    const met = [...(family === 'ip6' ? [] : [translated.v4]), ...(family === 'ip' ? [] : [translated.v6])];
    const order = !nat && met.some((hooks) => hooks.has(hook.hook)) ? 1 : 0;
    if (nat) for (const hooks of met) hooks.add(hook.hook);
    const position = before ? 'before conntrack' : nat ? 'nat' : 'after conntrack';
    return { table, name: chain.name, stage: { hook: hook.hook, position, order } };
  });
}

const keyOf = ({ hook, position, order }: Stage): string => `${hook} ${position} ${order}`;

/** What one chain accepts, with what was done to it, goes to the next. */
function thenChain(space: PacketSpace, first: Diagram, second: Diagram): Diagram {
  const { diagrams, outcomes } = space;
  const accepted = diagrams.leavesOf(first).filter((value) => outcomes.of(value)?.verdict === 'accept');
  let made = first;
  for (const value of accepted) {
    const { effect } = outcomes.of(value) as Outcome;
    const here = diagrams.mapLeaves(first, (leaf) => (leaf === value ? TRUE : FALSE));
    const then = before(space, second, effect, (leaf) => outcomes.after(effect, leaf));
    made = diagrams.choose(here, then, made);
  }
  return made;
}

interface StageFunction {
  stage: Stage;
  diagram: Diagram;
  entry: Diagram;
}

/** One function for each stage. */
function stages(space: PacketSpace, source: RuleSource): Map<string, StageFunction> {
  const found = new Map<string, StageFunction>();
  const deciders = new Map(source.tables.map((table) => [table, new RuleCompiler(space, table, source)] as const));
  for (const { table, name, stage } of placed(source)) {
    const rules = deciders.get(table) as RuleCompiler;
    const decided = new Decider(rules).chain(name);
    // A chain that packets of another family do not come to lets them by.
    const entry = arrivals(space, table, rules.chain(name).hook);
    const diagram = space.diagrams.choose(entry, decided, space.outcomes.leaf('accept'));
    const known = found.get(keyOf(stage));
    found.set(
      keyOf(stage),
      known
        ? { stage, diagram: thenChain(space, known.diagram, diagram), entry: space.or(known.entry, entry) }
        : { stage, diagram, entry },
    );
  }
  return found;
}

/**
 * Compares base chains hook by hook, those of all tables that run one after the other taken together. Undefined: they decide every packet
 * alike. Rulesets whose chains stand at different stages differ only where such a chain does anything.
 * Draws (chance, limits) count as alike where the n-th of the same text is alike. `among`: the packets that count; all where absent.
 */
export function rulesetDifference(
  space: PacketSpace,
  one: RuleSource,
  other: RuleSource,
  among?: PacketSet,
): Difference | undefined {
  const functions = [stages(space, one), stages(space, other)] as const;
  const keys = [...new Set([...functions[0].keys(), ...functions[1].keys()])];
  for (const key of keys) {
    const [a, b] = [functions[0].get(key), functions[1].get(key)];
    const { stage } = (a ?? b) as StageFunction;
    const entry = space.or(a?.entry ?? FALSE, b?.entry ?? FALSE);
    const decision = (of: StageFunction | undefined) =>
      new ChainDecision(space, space.diagrams.choose(entry, of?.diagram ?? space.outcomes.leaf('accept'), FALSE));
    const difference = differenceOf(decision(a), decision(b), among);
    if (difference) return { ...difference, stage };
  }
  return undefined;
}
