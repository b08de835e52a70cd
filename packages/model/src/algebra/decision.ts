/** What one chain decides about every packet that comes to it. */
import { type BaseHook, CtState, Hook, type Table } from '@podwire/engine';
import { type CompileOptions, RuleCompiler } from './compile.ts';
import { Decider } from './decide.ts';
import { leafFor, PacketSet } from './packet-set.ts';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import type { Outcome, OutcomeVerdict } from './space/outcome.ts';
import type { PacketSpace } from './space/packet-space.ts';
import type { Subject } from './subject.ts';

const FAMILIES: Readonly<Partial<Record<Table['family'], 4 | 6>>> = { ip: 4, ip6: 6 };

/** Interfaces that a packet has at a hook: nf_hook_state of each caller (net/ipv4/ip_input.c, ip_output.c, ip_forward.c). */
function interfacesAt(space: PacketSpace, hook: Hook): Diagram {
  const none = (field: 'iif' | 'oif') => space.interfaceName(field, '');
  switch (hook) {
    case Hook.PREROUTING:
    case Hook.INPUT:
      return space.and(space.not(none('iif')), none('oif'));
    case Hook.FORWARD:
      return space.and(space.not(none('iif')), space.not(none('oif')));
    case Hook.OUTPUT:
      return space.and(none('iif'), space.not(none('oif')));
    case Hook.POSTROUTING:
      return space.not(none('oif'));
    default:
      return TRUE;
  }
}

/** Packets that can come to a chain of this table: its family, and what its hook says. Only new connections come to NAT (nf_nat_inet_fn). */
export function arrivals(space: PacketSpace, table: Table, hook: BaseHook | undefined): Diagram {
  const family = FAMILIES[table.family];
  return space.and(
    family === undefined ? TRUE : space.family(family),
    hook && table.family !== 'arp' && table.family !== 'bridge' ? interfacesAt(space, hook.hook) : TRUE,
    hook?.type === 'nat' ? space.state(CtState.NEW | CtState.RELATED) : TRUE,
  );
}

export class ChainDecision {
  readonly space: PacketSpace;
  /** Leaves are outcomes; `FALSE` for packets that cannot come here. */
  readonly diagram: Diagram;

  constructor(space: PacketSpace, diagram: Diagram) {
    this.space = space;
    this.diagram = diagram;
  }

  /** Undefined for a packet that cannot come here. */
  of(subject: Subject): Outcome | undefined {
    return this.space.outcomes.of(leafFor(this.space, this.diagram, subject));
  }

  /** Packets with any of these verdicts. */
  packets(...verdicts: OutcomeVerdict[]): PacketSet {
    const { diagrams, outcomes } = this.space;
    const wanted = (value: number) => {
      const outcome = outcomes.of(value);
      return outcome !== undefined && verdicts.includes(outcome.verdict);
    };
    return new PacketSet(
      this.space,
      diagrams.mapLeaves(this.diagram, (value) => (wanted(value) ? TRUE : FALSE)),
    );
  }

  /** Every outcome that some packet has. */
  outcomes(): Outcome[] {
    return this.space.diagrams.leavesOf(this.diagram).flatMap((value) => this.space.outcomes.of(value) ?? []);
  }
}

/** A chain that is no base chain decides about all packets of the
 * table's family, and ends with `return`. Throws `RulesError` for chains that are not there or call each other in a circle, and
 * `AlgebraLimitError` where the function is too large.
 */
export function decideChain(
  space: PacketSpace,
  table: Table,
  name: string,
  options: CompileOptions = {},
): ChainDecision {
  const rules = new RuleCompiler(space, table, options);
  const diagram = new Decider(rules).chain(name);
  const entry = arrivals(space, table, rules.chain(name).hook);
  return new ChainDecision(space, space.diagrams.choose(entry, diagram, FALSE));
}
