/**
 * The chains that lead to the service ports: KUBE-SERVICES, KUBE-EXTERNAL-SERVICES, KUBE-NODEPORTS and KUBE-PROXY-FIREWALL. They differ
 * between nodes only by which ports have local endpoints there, and by the jumps to KUBE-NODEPORTS.
 */
import type { Chain, Rule } from '@podwire/engine';
import { dispatchRules } from './dispatch.ts';
import type { FamilyPlan } from './family-plan.ts';
import { nodePortJumps } from './node-ports.ts';
import type { PortPlan } from './port-plan.ts';
import { type RuleLine, restoreLine } from './rule-line.ts';
import type { IptablesSettings } from './settings.ts';

type TableName = 'filter' | 'nat';

/** The rules of one port in one chain; `having` on nodes with local endpoints where that makes a difference. */
interface Part {
  without: Rule[];
  having?: Rule[];
}

interface Slot {
  table: TableName;
  name: string;
  parts: Part[];
  /** Position in `parts` of the ports whose part depends on the node. */
  dependent: Map<PortPlan, number>;
  known: Map<string, Chain>;
}

const SLOTS: readonly (readonly [TableName, string])[] = [
  ['filter', 'KUBE-EXTERNAL-SERVICES'],
  ['filter', 'KUBE-NODEPORTS'],
  ['filter', 'KUBE-PROXY-FIREWALL'],
  ['filter', 'KUBE-SERVICES'],
  ['nat', 'KUBE-NODEPORTS'],
  ['nat', 'KUBE-SERVICES'],
];

/** Jumps to KUBE-NODEPORTS and what tells them from those of other nodes. */
interface Tail {
  key: string;
  rules: Rule[];
}

/** Settings of one key have the same top-level chains, but for the jumps to KUBE-NODEPORTS of single addresses. */
export function topLevelKey({ nodePortAddresses, localhostNodePorts }: IptablesSettings): string {
  return `${nodePortAddresses.matchAll} ${localhostNodePorts}`;
}

export class TopLevel {
  readonly #plan: FamilyPlan;
  readonly #settings: IptablesSettings;
  readonly #slots: Slot[];
  readonly #tails = new Map<string, Tail>();
  /** The jumps of nodes that serve node ports on every address; none where they serve them on some. */
  readonly #everywhere: Tail;

  /** @param settings As of any node: only `matchAll` and `localhostNodePorts` matter, and they are `topLevelKey`. */
  constructor(plan: FamilyPlan, settings: IptablesSettings) {
    this.#plan = plan;
    this.#settings = settings;
    this.#slots = SLOTS.map(([table, name]) => ({ table, name, parts: [], dependent: new Map(), known: new Map() }));
    this.#everywhere = this.#tail(settings.nodePortAddresses.matchAll ? nodePortJumps(settings, []).rules : []);
    for (const port of plan.plans) this.#add(port);
  }

  #add(plan: PortPlan): void {
    const { make } = this.#plan;
    const without = dispatchRules(plan.port, plan.state(false), this.#settings);
    const having = plan.local.size > 0 ? dispatchRules(plan.port, plan.state(true), this.#settings) : without;
    for (const slot of this.#slots) {
      const inSlot = (line: RuleLine) => line.table === slot.table && line.chain === slot.name;
      const left = without.filter(inSlot);
      const right = having === without ? left : having.filter(inSlot);
      if (left.length === 0 && right.length === 0) continue;
      const text = (lines: RuleLine[]) => lines.map(restoreLine).join('\n');
      const part: Part = { without: make.rules(left) };
      if (having !== without && text(left) !== text(right)) {
        part.having = make.rules(right);
        slot.dependent.set(plan, slot.parts.length);
      }
      if (left.length > 0 || part.having) slot.parts.push(part);
    }
  }

  /** The chains of nodes without local endpoints, which serve node ports on every address. */
  shared(table: TableName): Chain[] {
    return this.#slots
      .filter((slot) => slot.table === table)
      .map((slot) => this.#chain(slot, [], this.#isTailed(slot) ? this.#everywhere : undefined));
  }

  /**
   * The chains of this node that are not as in `shared`.
   *
   * @param local Ports with local endpoints. @param jumps The node's jumps to KUBE-NODEPORTS.
   */
  own(table: TableName, local: readonly PortPlan[], jumps: readonly RuleLine[]): Chain[] {
    const tail = this.#tail(jumps);
    return this.#slots.flatMap((slot) => {
      if (slot.table !== table) return [];
      const having = local.flatMap((plan) => slot.dependent.get(plan) ?? []);
      const own = this.#isTailed(slot) ? tail : undefined;
      const isShared = having.length === 0 && (own === undefined || own === this.#everywhere);
      return isShared ? [] : [this.#chain(slot, having, own)];
    });
  }

  #isTailed(slot: Slot): boolean {
    return slot.table === 'nat' && slot.name === 'KUBE-SERVICES';
  }

  #tail(jumps: readonly RuleLine[]): Tail {
    const key = jumps.map(restoreLine).join('\n');
    const known = this.#tails.get(key);
    if (known) return known;
    const tail = { key, rules: this.#plan.make.rules(jumps) };
    this.#tails.set(key, tail);
    return tail;
  }

  #chain(slot: Slot, having: readonly number[], tail: Tail | undefined): Chain {
    const key = `${having.join()} ${tail?.key ?? ''}`;
    const known = slot.known.get(key);
    if (known) return known;
    const isHere = new Set(having);
    const rules = slot.parts.flatMap((part, i) => (isHere.has(i) ? (part.having ?? []) : part.without));
    const chain = { name: slot.name, rules: [...rules, ...(tail?.rules ?? [])] };
    slot.known.set(key, chain);
    return chain;
  }
}
