/** The objects that commands leave behind. */
import { NftRefusal } from './base/refusal.ts';
import type { NftChain, NftCommand, NftElement, NftMap, NftObject, NftReference, NftRule, NftSet } from './syntax.ts';

type Named = { family: string; table?: string; name?: string };

const kindOf = (object: NftObject): string => Object.keys(object)[0] ?? '';
const bodyOf = (object: NftObject): Named => Object.values(object)[0] as Named;

function keyOf(object: NftObject): string {
  const { family, table, name } = bodyOf(object);
  const kind = kindOf(object);
  return `${kind === 'map' ? 'set' : kind} ${family} ${table ?? ''} ${name ?? ''}`;
}

const chainKey = (rule: { family: string; table: string; chain: string }): string =>
  `${rule.family} ${rule.table} ${rule.chain}`;

interface NormalForms {
  rule(rule: NftRule): NftRule;
  elements(set: NftSet | NftMap, elements: readonly NftElement[]): NftElement[];
}

const elementsOf = (elem: unknown): NftElement[] =>
  Array.isArray(elem) ? (elem as NftElement[]) : [elem as NftElement];

export class ObjectStore {
  private readonly normal: NormalForms;
  private named = new Map<string, NftObject>();
  private rules = new Map<string, NftRule[]>();

  constructor(normal: NormalForms) {
    this.normal = normal;
  }

  objects(): NftObject[] {
    const all: NftObject[] = [...this.named.values()].map((object) => this.listed(object));
    for (const rules of this.rules.values()) for (const rule of rules) all.push({ rule });
    return all;
  }

  /** By kind, family, table and name. */
  has(key: string): boolean {
    return this.named.has(key);
  }

  rulesOf(family: string, table: string, chain: string): readonly NftRule[] {
    return this.rules.get(chainKey({ family, table, chain })) ?? [];
  }

  dropRules(family: string, table: string, chain: string, fits: (rule: NftRule) => boolean): void {
    const key = chainKey({ family, table, chain });
    const rules = this.rules.get(key);
    if (rules)
      this.rules.set(
        key,
        rules.filter((rule) => !fits(rule)),
      );
  }

  /** A set's elements are in the listing's order. */
  private listed(object: NftObject): NftObject {
    const set = 'set' in object ? object.set : 'map' in object ? object.map : undefined;
    if (set?.elem) set.elem = this.normal.elements(set, elementsOf(set.elem));
    return object;
  }

  /** Changes the objects; gives the bodies that it made. Throws `NftRefusal`. */
  apply(command: NftCommand): object[] {
    if ('add' in command) return this.add(command.add);
    if ('create' in command) return this.add(command.create);
    if ('insert' in command) return [this.place(this.normal.rule(command.insert.rule), true)];
    if ('replace' in command) return this.replace(this.normal.rule(command.replace.rule));
    if ('flush' in command) this.flush(command.flush as Record<string, NftReference | null | undefined>);
    else if ('rename' in command) this.rename(command.rename.chain);
    else {
      const references = 'delete' in command ? command.delete : command.destroy;
      for (const [kind, what] of Object.entries(references)) if (what) this.remove(kind, what);
    }
    return [];
  }

  private add(object: NftObject): object[] {
    if ('rule' in object) return [this.place(this.normal.rule(object.rule), false)];
    if ('element' in object) {
      this.addElements(object.element, elementsOf(object.element.elem));
      return [];
    }
    const key = keyOf(object);
    const old = this.named.get(key);
    const merged = old ? mergeObject(old, object) : object;
    this.named.set(key, merged);
    return [Object.values(merged)[0] as object];
  }

  private setOf(what: { family: string; table?: string; name?: string }): NftSet | NftMap {
    const object = this.named.get(`set ${what.family} ${what.table ?? ''} ${what.name ?? ''}`);
    if (object && 'set' in object) return object.set;
    if (object && 'map' in object) return object.map;
    throw new NftRefusal(`No such file or directory: set ${what.name ?? ''}`);
  }

  private addElements(what: { family: string; table: string; name: string }, elements: readonly NftElement[]): void {
    const set = this.setOf(what);
    set.elem ??= [];
    for (const element of elements) set.elem.push(element);
  }

  /** A rule by its handle, its index, or at the chain's end or start. */
  private place(rule: NftRule, before: boolean): NftRule {
    const key = chainKey(rule);
    const rules = this.rules.get(key) ?? [];
    this.rules.set(key, rules);
    const { index, ...plain } = rule;
    let at = before ? 0 : rules.length;
    if (index !== undefined) at = before ? index : index + 1;
    else if (rule.handle !== undefined && before) {
      const found = rules.findIndex((other) => other.handle === rule.handle);
      if (found >= 0) at = found;
    }
    rules.splice(at, 0, plain);
    return plain;
  }

  private replace(rule: NftRule): object[] {
    const rules = this.rules.get(chainKey(rule)) ?? [];
    const at = rules.findIndex((other) => other.handle === rule.handle);
    if (at < 0) throw new NftRefusal(`No such file or directory: rule with handle ${rule.handle ?? ''}`);
    rules[at] = rule;
    return [rule];
  }

  private flush(what: Record<string, NftReference | null | undefined>): void {
    const [kind, reference] = Object.entries(what)[0] ?? ['', undefined];
    if (kind === 'ruleset') {
      const family = reference?.family;
      const keep = (body: { family: string }): boolean => family !== undefined && body.family !== family;
      this.named = new Map([...this.named].filter(([, object]) => keep(bodyOf(object))));
      this.rules = new Map([...this.rules].filter(([, rules]) => rules[0] !== undefined && keep(rules[0])));
    } else if (!reference) return;
    else if (kind === 'chain')
      this.rules.delete(`${reference.family} ${reference.table ?? ''} ${reference.name ?? ''}`);
    else if (kind === 'table') {
      for (const key of this.rules.keys())
        if (key.startsWith(`${reference.family} ${reference.name ?? ''} `)) this.rules.delete(key);
    } else delete this.setOf(reference).elem;
  }

  private rename({ family, table = '', name = '', newname }: NftReference): void {
    const key = `chain ${family} ${table} ${name}`;
    const object = this.named.get(key);
    if (!object || !('chain' in object) || newname === undefined)
      throw new NftRefusal(`No such file or directory: chain ${name}`);
    this.named.delete(key);
    const chain: NftChain = { ...object.chain, name: newname };
    this.named.set(`chain ${family} ${table} ${newname}`, { chain });
    const rules = this.rules.get(`${family} ${table} ${name}`);
    this.rules.delete(`${family} ${table} ${name}`);
    if (rules)
      this.rules.set(
        `${family} ${table} ${newname}`,
        rules.map((rule) => ({ ...rule, chain: newname })),
      );
  }

  private remove(kind: string, what: NftReference): void {
    const { family, table = '', name = '', chain = '', handle } = what;
    if (kind === 'rule') {
      const rules = this.rules.get(`${family} ${table} ${chain}`) ?? [];
      const at = rules.findIndex((rule) => rule.handle === handle);
      if (at < 0) throw new NftRefusal(`No such file or directory: rule with handle ${handle ?? ''}`);
      rules.splice(at, 1);
    } else if (kind === 'element') this.removeElements(what);
    else if (kind === 'table') {
      this.named = new Map([...this.named].filter(([, object]) => !isIn(object, family, name)));
      this.rules = new Map([...this.rules].filter(([key]) => !key.startsWith(`${family} ${name} `)));
    } else {
      if (!this.named.delete(`${kind === 'map' ? 'set' : kind} ${family} ${table} ${name}`))
        throw new NftRefusal(`No such file or directory: ${kind} ${name}`);
      if (kind === 'chain') this.rules.delete(`${family} ${table} ${name}`);
    }
  }

  private removeElements(what: NftReference): void {
    const set = this.setOf(what);
    if (what.elem === undefined) return;
    const without = (there: readonly NftElement[], gone: readonly NftElement[]): NftElement[] => {
      const texts = new Set(gone.map((element) => JSON.stringify(keyOnly(element))));
      return there.filter((element) => !texts.has(JSON.stringify(keyOnly(element))));
    };
    const gone = elementsOf(what.elem);
    const there = set.elem ?? [];
    set.elem = without(there, gone);
    // Not all are written as those that are there.
    if (set.elem.length > there.length - gone.length)
      set.elem = without(this.normal.elements(set, there), this.normal.elements(set, gone));
  }
}

/** An element without what it carries, and without a map's value. */
function keyOnly(element: NftElement): unknown {
  const key = Array.isArray(element) && element.length === 2 ? element[0] : element;
  return typeof key === 'object' && !Array.isArray(key) && 'elem' in key ? key.elem.val : key;
}

function isIn(object: NftObject, family: string, table: string): boolean {
  const body = bodyOf(object);
  if (body.family !== family) return false;
  return 'table' in object ? body.name === table : body.table === table;
}

/** An object that is there already gains what the new text adds: elements, a chain's policy. */
function mergeObject(old: NftObject, next: NftObject): NftObject {
  const kind = kindOf(next);
  const before = Object.values(old)[0] as Record<string, unknown>;
  const after = Object.values(next)[0] as Record<string, unknown>;
  const elem = Array.isArray(before.elem) && Array.isArray(after.elem) ? { elem: [...before.elem, ...after.elem] } : {};
  return { [kind]: { ...before, ...after, ...elem } } as unknown as NftObject;
}
