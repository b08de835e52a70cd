/** A ruleset while commands change it: what nft takes and refuses, and what a rule finds in its table. */

import { NftRefusal } from '../base/refusal.ts';
import type {
  NftChain,
  NftCommand,
  NftElement,
  NftFamily,
  NftMap,
  NftObject,
  NftReference,
  NftRule,
  NftSet,
  NftSetElements,
} from '../syntax.ts';
import type { CodecOptions } from '../tables/codec.ts';
import { isInterval, resolveElements } from './constant.ts';
import { elementsJson } from './emit.ts';
import { checkBase } from './hooks.ts';
import { addSpans, mergeSet, overlapping, type Span, uniqueKeys } from './interval.ts';
import { checkObject } from './object.ts';
import { type EvaluateOptions, evaluateRule } from './rule.ts';
import type { SetInfo, TableScope } from './scope.ts';
import { shapeOfSetType } from './shape.ts';
import type { SetTerm, Shape } from './term.ts';

const list = (flags: string | string[] | undefined): string[] =>
  flags === undefined ? [] : typeof flags === 'string' ? [flags] : flags;

const OBJECT_KINDS = ['counter', 'quota', 'limit', 'synproxy', 'ct helper', 'ct timeout', 'ct expectation', 'secmark'];

/** What rules see of a set. Throws `NftRefusal` where its type is unknown. */
export function setInfo(set: NftSet | NftMap): SetInfo {
  const key = shapeOfSetType(set.type);
  if (!key) throw new NftRefusal(`unknown datatype of set ${set.name}`);
  const info = { name: set.name, key, flags: new Set(list(set.flags)) };
  if (!('map' in set)) return info;
  if (set.map === 'verdict') return { ...info, data: 'verdict' };
  if (typeof set.map === 'string' && OBJECT_KINDS.includes(set.map)) return { ...info, object: set.map };
  const data: Shape | undefined = shapeOfSetType(set.map);
  if (!data) throw new NftRefusal(`unknown datatype of map ${set.name}`);
  return { ...info, data, ...(set.interval === true ? { dataInterval: true } : {}) };
}

interface SetState {
  info: SetInfo;
  set: NftSet | NftMap;
  spans: Span[];
}

interface TableState {
  sets: Map<string, SetState>;
  objects: Set<string>;
  chains: Map<string, NftChain>;
}

export interface RulesetOptions extends CodecOptions, EvaluateOptions {}

/** Rulesets by command. Every method throws `NftRefusal` where nft refuses. */
export class Ruleset {
  private readonly tables = new Map<string, TableState>();
  private readonly options: RulesetOptions;

  constructor(options: RulesetOptions = {}) {
    this.options = options;
  }

  private table(family: NftFamily, name: string): TableState {
    const found = this.tables.get(`${family} ${name}`);
    if (!found) throw new NftRefusal(`No such file or directory: table ${family} ${name}`);
    return found;
  }

  /** What a rule in the table sees. */
  scope(family: NftFamily, name: string, chain?: string): TableScope {
    const table = this.table(family, name);
    const base = chain === undefined ? undefined : table.chains.get(chain);
    return {
      family,
      set: (set) => table.sets.get(set)?.info,
      object: (kind, object) => table.objects.has(`${kind} ${object}`),
      ...(base?.hook === undefined
        ? {}
        : { chain: { hook: base.hook, ...(base.type === undefined ? {} : { type: base.type }) } }),
      ...(this.options.present === true ? { present: true } : {}),
      options: this.options,
    };
  }

  /** A rule as the listing shows it. */
  rule(rule: NftRule): NftRule {
    return { ...rule, expr: evaluateRule(rule.expr, this.scope(rule.family, rule.table, rule.chain), this.options) };
  }

  /** As `rule`; a rule that nft would refuse stays as it was written. */
  tryRule(rule: NftRule): NftRule {
    try {
      return this.rule(rule);
    } catch (error) {
      if (error instanceof NftRefusal) return rule;
      throw error;
    }
  }

  private resolved(state: SetState, family: NftFamily, table: string, elements: readonly NftElement[]): SetTerm {
    const { info } = state;
    const name: Shape = shapeOfSetType('string') ?? [];
    const shape = info.object === undefined ? info.data : name;
    const data = shape === undefined ? undefined : { shape, interval: info.dataInterval === true };
    const resolved = resolveElements(elements, info.key, this.scope(family, table), data);
    return { ...resolved, interval: info.flags.has('interval') };
  }

  /**
   * Elements of a named set as the listing shows them: each once, in order, joined where the set merges them. As they are written where nft
   * would refuse one of them.
   */
  tryElements(
    where: { family: NftFamily; table: string; name: string },
    elements: readonly NftElement[],
  ): NftElement[] {
    const state = this.tables.get(`${where.family} ${where.table}`)?.sets.get(where.name);
    if (!state) return [...elements];
    try {
      const set = this.resolved(state, where.family, where.table, elements);
      const plain = set.elements.every(({ data, options }) => data === undefined && options === undefined);
      // Neighbours that a listing shows apart were added apart.
      const merges = state.set['auto-merge'] === true && plain && set.interval && overlapping(set.elements);
      const listed = merges ? mergeSet(set) : { ...set, elements: uniqueKeys(set.elements) };
      return elementsJson(listed, this.options);
    } catch (error) {
      if (error instanceof NftRefusal) return [...elements];
      throw error;
    }
  }

  private addSet(set: NftSet | NftMap): void {
    const table = this.table(set.family, set.table);
    const info = setInfo(set);
    const vague = info.key.find(({ bits }) => bits === 0);
    if (vague) throw new NftRefusal(`unqualified type ${vague.type.name} specified in set definition`);
    const old = table.sets.get(set.name);
    const state: SetState = old ?? { info, set, spans: [] };
    table.sets.set(set.name, state);
    if (set.elem) this.addElements({ family: set.family, table: set.table, name: set.name, elem: set.elem });
  }

  private addElements(given: NftSetElements): void {
    const table = this.table(given.family, given.table);
    const state = table.sets.get(given.name);
    if (!state) throw new NftRefusal(`No such file or directory: set ${given.name}`);
    const { info, set } = state;
    const nodes = Array.isArray(given.elem) ? (given.elem as NftSetElements['elem'][]) : [given.elem];
    const { elements } = this.resolved(state, given.family, given.table, nodes as NftElement[]);
    uniqueKeys(elements);
    const interval = info.flags.has('interval');
    if (!interval && elements.some((element) => isInterval(element.key)))
      throw new NftRefusal(`You must add 'flags interval' to your set declaration if you want to add range elements`);
    const timed = info.flags.has('timeout') || info.flags.has('dynamic') || set.timeout !== undefined;
    if (!timed && elements.some((element) => element.options?.timeout !== undefined))
      throw new NftRefusal('Could not process rule: Invalid argument: the set has no timeout flag');
    if (!interval) return;
    addSpans(state.spans, elements, set['auto-merge'] === true);
  }

  private addChain(chain: NftChain): void {
    checkBase(chain);
    const { chains } = this.table(chain.family, chain.table);
    if (!chains.has(chain.name)) chains.set(chain.name, chain);
  }

  private addObject(object: NftObject): void {
    if ('table' in object) {
      const key = `${object.table.family} ${object.table.name}`;
      if (!this.tables.has(key)) this.tables.set(key, { sets: new Map(), objects: new Set(), chains: new Map() });
    } else if ('chain' in object) this.addChain(object.chain);
    else if ('rule' in object) this.rule(object.rule);
    else if ('set' in object) this.addSet(object.set);
    else if ('map' in object) this.addSet(object.map);
    else if ('meter' in object) this.addSet(object.meter);
    else if ('element' in object) this.addElements(object.element);
    else if (!('flowtable' in object)) {
      checkObject(object);
      const [kind, body] = Object.entries(object)[0] as [string, { family: NftFamily; table: string; name: string }];
      this.table(body.family, body.table).objects.add(`${kind} ${body.name}`);
    }
  }

  private remove(kind: string, what: NftReference): void {
    if (kind === 'table' && what.name !== undefined) this.tables.delete(`${what.family} ${what.name}`);
    if (what.table === undefined || what.name === undefined) return;
    const table = this.table(what.family, what.table);
    if (kind === 'set' || kind === 'map') table.sets.delete(what.name);
    else if (kind === 'chain') table.chains.delete(what.name);
    else if (kind === 'element') {
      const state = table.sets.get(what.name);
      if (state) state.spans = [];
    } else table.objects.delete(`${kind} ${what.name}`);
  }

  apply(command: NftCommand): void {
    if ('add' in command) this.addObject(command.add);
    else if ('create' in command) this.addObject(command.create);
    else if ('insert' in command) this.rule(command.insert.rule);
    else if ('replace' in command) this.rule(command.replace.rule);
    else if ('flush' in command) {
      if ('ruleset' in command.flush) this.tables.clear();
    } else if (!('rename' in command)) {
      const references = 'delete' in command ? command.delete : command.destroy;
      for (const [kind, what] of Object.entries(references)) if (what) this.remove(kind, what);
    }
  }
}
