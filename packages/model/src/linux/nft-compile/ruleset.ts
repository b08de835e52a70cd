/** A listing of nftables as the machine's tables. */
import { type BaseHook, type Chain, Hook, type NftSet as MachineSet, type Rule, type Table } from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftChain, NftFamily, NftMap, NftObject, NftRule, NftSet, NftStatement } from '../nft/syntax.ts';
import type { Scope } from './part.ts';
import { declaration, namedSet } from './sets.ts';
import { compileStatement } from './statement.ts';

export interface CompileOptions {
  /** The text of an expression or statement that is not modelled. */
  text: (node: unknown) => string;
  /** What made an object; handed to every rule and set. */
  cause?: (object: NftRule | NftSet | NftMap) => unknown;
}

const HOOKS: Readonly<Record<string, Hook>> = {
  prerouting: Hook.PREROUTING,
  input: Hook.INPUT,
  forward: Hook.FORWARD,
  output: Hook.OUTPUT,
  postrouting: Hook.POSTROUTING,
  ingress: Hook.INGRESS,
  egress: Hook.EGRESS,
};

function baseHook({ type, hook, prio = 0, policy = 'accept', dev }: NftChain): BaseHook | undefined {
  const at = hook === undefined ? undefined : HOOKS[hook];
  if (type === undefined || at === undefined) return undefined;
  const devices = dev === undefined ? {} : { devices: [dev].flat() };
  return { hook: at, priority: prio, type, policy, ...devices };
}

interface Building {
  table: Table;
  chains: Map<string, Chain>;
  sets: (NftSet | NftMap)[];
  rules: NftRule[];
  dormant: boolean;
  objects: NftObject[];
}

/** Bytes and packets of the first counter of a rule. */
function countersOf(statements: readonly NftStatement[]): Rule['counters'] {
  for (const statement of statements) {
    if (!('counter' in statement)) continue;
    const { counter } = statement;
    if (counter === null || typeof counter === 'string' || 'map' in counter) continue;
    return { packets: counter.packets ?? 0, bytes: counter.bytes ?? 0 };
  }
  return undefined;
}

function setsOf(
  { sets }: Building,
  scope: Scope,
  declared: Map<string, ReturnType<typeof declaration>>,
  options: CompileOptions,
): MachineSet[] {
  const made: MachineSet[] = [];
  for (const set of sets) declared.set(set.name, declaration(set, scope));
  for (const set of sets) {
    try {
      made.push(namedSet(set, scope, options.cause?.(set)));
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      // Rules that ask for it find it undeclared, and become questions.
      declared.delete(set.name);
    }
  }
  return made;
}

const TCP = 6;
const UDP = 17;

type Watcher = NonNullable<Scope['watchers']> extends ReadonlyMap<string, infer W> ? W : never;

const FAMILIES: Readonly<Record<string, 4 | 6>> = { ip: 4, ip6: 6 };

/** Objects of helpers are of one protocol, and where they say so of one family; an expectation is of any connection (nft_ct.c). */
function watchersOf({ objects }: Building): Map<string, Watcher> {
  const found = new Map<string, Watcher>();
  for (const object of objects) {
    if ('ct helper' in object) {
      const { name, type, protocol, l3proto } = object['ct helper'];
      const family = FAMILIES[l3proto ?? ''];
      found.set(`ct helper ${name}`, {
        kind: 'ct-helper',
        helper: type,
        protocol: protocol === 'udp' ? UDP : TCP,
        ...(family !== undefined && { family }),
      });
    } else if ('ct expectation' in object) {
      const { name, protocol } = object['ct expectation'];
      found.set(`ct expectation ${name}`, { kind: 'ct-helper', helper: `ct expectation ${protocol}`, protocol: 0 });
    }
  }
  return found;
}

function finish(building: Building, options: CompileOptions): Table {
  const { table, chains, rules } = building;
  const declared = new Map<string, ReturnType<typeof declaration>>();
  const scope: Scope = { family: table.family, declared, watchers: watchersOf(building), text: options.text };
  const sets = setsOf(building, scope, declared, options);
  for (const rule of rules) {
    const chain = chains.get(rule.chain);
    const counters = countersOf(rule.expr);
    chain?.rules.push({
      body: rule.expr.flatMap((statement) => compileStatement(statement, scope)),
      ...(counters ? { counters } : {}),
      source: rule,
      ...(options.cause ? { cause: options.cause(rule) } : {}),
    });
  }
  return { ...table, chains: [...chains.values()], ...(sets.length > 0 ? { sets } : {}), source: building.objects };
}

/** Tables in the order of the listing. Dormant ones hold no hooks. */
export function compileNft(objects: readonly NftObject[], options: CompileOptions): Table[] {
  const tables = new Map<string, Building>();
  const building = (family: NftFamily, name: string, flags: readonly string[] = []): Building => {
    const key = `${family} ${name}`;
    const known = tables.get(key);
    if (known) return known;
    const table: Table = { family, name, syntax: 'nft', chains: [] };
    const made: Building = {
      table,
      chains: new Map(),
      sets: [],
      rules: [],
      dormant: flags.includes('dormant'),
      objects: [],
    };
    tables.set(key, made);
    return made;
  };
  for (const object of objects) {
    if ('table' in object) building(object.table.family, object.table.name, [object.table.flags ?? []].flat());
    else if ('chain' in object) {
      const { chain } = object;
      const into = building(chain.family, chain.table);
      const hook = into.dormant ? undefined : baseHook(chain);
      into.chains.set(chain.name, { name: chain.name, ...(hook ? { hook } : {}), rules: [] });
    } else if ('rule' in object) building(object.rule.family, object.rule.table).rules.push(object.rule);
    else if ('map' in object) building(object.map.family, object.map.table).sets.push(object.map);
    else if ('set' in object) building(object.set.family, object.set.table).sets.push(object.set);
    else if ('element' in object) addElements(building(object.element.family, object.element.table), object.element);
    const [body] = Object.values(object) as { family: NftFamily; table?: string; name: string }[];
    if (body) building(body.family, 'table' in object ? body.name : (body.table ?? body.name)).objects.push(object);
  }
  return [...tables.values()].map((one) => finish(one, options));
}

function addElements(
  { sets }: Building,
  { name, elem }: { name: string; elem: NonNullable<NftSet['elem']>[number] | NonNullable<NftSet['elem']> },
): void {
  const at = sets.findIndex((set) => set.name === name);
  const set = sets[at];
  if (set)
    sets[at] = {
      ...set,
      elem: [...(set.elem ?? []), ...(Array.isArray(elem) ? (elem as NonNullable<NftSet['elem']>) : [elem])],
    };
}
