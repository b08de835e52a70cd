/** The sets and maps that are always there. They differ between nodes only by which ports have local endpoints there. */
import { ensureElements } from './elements.ts';
import type { FamilyPlan } from './family-plan.ts';
import type { ElementLine, SetLine } from './lines.ts';
import type { MadeSet } from './maker.ts';
import type { PortPlan } from './port-plan.ts';
import type { NftablesSettings } from './settings.ts';
import { SETS, topSets } from './top-level.ts';

const text = (lines: readonly ElementLine[]) =>
  lines
    .map(({ key, verdict }) => `${key.join(' ')} ${verdict?.kind === 'goto' ? verdict.chain : verdict?.kind}`)
    .join();

interface Slot {
  line: SetLine;
  parts: { without: ElementLine[]; having: ElementLine[] }[];
  /** Position in `parts` of the ports whose part depends on the node. */
  dependent: Map<PortPlan, number>;
  known: Map<string, MadeSet>;
}

export class TopSets {
  readonly #plan: FamilyPlan;
  readonly #slots: Slot[];

  /** @param settings As of any node: only whether all addresses serve node ports matters. */
  constructor(plan: FamilyPlan, settings: NftablesSettings) {
    this.#plan = plan;
    this.#slots = topSets(settings).map((line) => ({ line, parts: [], dependent: new Map(), known: new Map() }));
    for (const port of plan.plans) this.#add(port);
  }

  #add(port: PortPlan): void {
    const { without: left, having: right } = port.elements;
    for (const slot of this.#slots) {
      const inSlot = ({ set }: ElementLine) => set === slot.line.name;
      const without = left.filter(inSlot);
      const having = left === right ? without : right.filter(inSlot);
      if (without.length === 0 && having.length === 0) continue;
      if (text(without) !== text(having)) slot.dependent.set(port, slot.parts.length);
      slot.parts.push({ without, having });
    }
  }

  /** Those of nodes without local endpoints; of the sets of a node's own addresses they are empty. */
  shared(): MadeSet[] {
    return this.#slots.map((slot) => this.#set(slot, []));
  }

  /**
   * The sets of this node that are not as in `shared`.
   *
   * @param local Ports with local endpoints.
   */
  own(local: readonly PortPlan[], nodePortIPs: readonly ElementLine[], hairpins: readonly ElementLine[]): MadeSet[] {
    return this.#slots.flatMap((slot) => {
      const { name } = slot.line;
      const own = name === SETS.nodePortIPs ? nodePortIPs : name === SETS.hairpin ? hairpins : [];
      if (own.length > 0) return [this.#plan.make.set(slot.line, ensureElements(own))];
      const having = local.flatMap((port) => slot.dependent.get(port) ?? []);
      return having.length === 0 ? [] : [this.#set(slot, having)];
    });
  }

  #set(slot: Slot, having: readonly number[]): MadeSet {
    const key = having.join();
    const known = slot.known.get(key);
    if (known) return known;
    const isHere = new Set(having);
    const lines = slot.parts.flatMap((part, i) => (isHere.has(i) ? part.having : part.without));
    const made = this.#plan.make.set(slot.line, ensureElements(lines));
    slot.known.set(key, made);
    return made;
  }
}
