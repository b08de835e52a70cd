/** Out of lines, what the machine runs and what nft lists. */
import type { Chain, NftSet as MachineSet, NftElement, Rule, Table } from '@podwire/engine';
import { Hook } from '@podwire/engine';
import { evaluateRule, NftRefusal, readRule, setInfo, type TableScope } from '../../linux/nft/index.ts';
import type {
  NftElement as ElementTree,
  NftExpression,
  NftMap,
  NftObject,
  NftRule,
  NftSet,
  NftStatement,
  NftVerdict,
} from '../../linux/nft/syntax.ts';
import { type DeclaredSet, declaredSet, nftStatements } from '../../linux/nft-compile/index.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { tableFamily } from '../ip.ts';
import {
  type ChainLine,
  type ElementLine,
  type MadeBody,
  type RuleLine,
  ruleCommand,
  type SetLine,
  TABLE,
} from './lines.ts';
import { PROTOCOLS } from './service-rules.ts';

export interface MadeChain {
  chain: Chain;
  objects: NftObject[];
}

export interface MadeSet {
  set: MachineSet;
  object: NftObject;
}

/** One layer of the table: its own, and what it hides of the layers below. */
export interface Layer {
  chains: readonly MadeChain[];
  sets: readonly MadeSet[];
}

const HOOKS: Readonly<Record<string, Hook>> = {
  prerouting: Hook.PREROUTING,
  input: Hook.INPUT,
  forward: Hook.FORWARD,
  output: Hook.OUTPUT,
  postrouting: Hook.POSTROUTING,
};

/** nft gives sets that rules write to a size of their own where none is asked for. */
const DYNAMIC_SIZE = 65535;

const list = <T>(values: readonly T[]): T | T[] => (values.length === 1 ? (values[0] as T) : [...values]);

function setTree({ name, type, isMap, comment, timeout }: SetLine, family: 'ip' | 'ip6'): NftSet | NftMap {
  return {
    family,
    table: TABLE,
    name,
    type: list(type),
    ...(isMap && { map: 'verdict' as const }),
    ...(comment !== undefined && { comment }),
    ...(timeout !== undefined && { size: DYNAMIC_SIZE, flags: ['timeout', 'dynamic'], timeout }),
  };
}

const verdictTree = (verdict: NonNullable<ElementLine['verdict']>): NftVerdict =>
  verdict.kind === 'goto' ? { goto: { target: verdict.chain } } : { drop: null };

function elementTree({ key, verdict, comment }: ElementLine): ElementTree {
  const value = (key.length === 1 ? key[0] : { concat: [...key] }) as NftExpression;
  const left = comment === undefined ? value : { elem: { val: value, comment } };
  return verdict ? [left, verdictTree(verdict)] : left;
}

function element({ key, verdict, comment, cause }: ElementLine): NftElement {
  return {
    key: key.map((part) => (typeof part === 'string' ? (PROTOCOLS[part] ?? part) : part)),
    ...(comment !== undefined && { comment }),
    ...(verdict && { verdict }),
    cause,
  };
}

/** Makes what stands in the table of one family; hears of what nft would refuse. */
export class NftMaker {
  readonly family: 'ip' | 'ip6';
  readonly #report: (problem: Problem) => void;
  readonly #sets = new Map<string, { tree: NftSet | NftMap; empty: MachineSet }>();
  readonly #declared = new Map<string, DeclaredSet>();
  readonly #scope: TableScope;
  /** Bodies by text: most rules say the same as many others. */
  readonly #bodies = new Map<string, MadeBody | undefined>();
  readonly #elements = new Map<ElementLine, { tree: ElementTree; element: NftElement }>();

  constructor(family: IPFamily, report: (problem: Problem) => void) {
    this.family = tableFamily(family);
    this.#report = report;
    this.#scope = {
      family: this.family,
      options: {},
      object: () => undefined,
      set: (name) => {
        const known = this.#sets.get(name);
        return known && setInfo(known.tree);
      },
    };
  }

  set(line: SetLine, elements: readonly ElementLine[] = []): MadeSet {
    const { tree, empty } = this.#sets.get(line.name) ?? this.#declare(line);
    const made = elements.map((one) => this.#element(one));
    const elem = made.map((one) => one.tree);
    const content = elem.length > 0 ? { elem } : {};
    return {
      set: { ...empty, elements: made.map((one) => one.element) },
      object: 'map' in tree ? { map: { ...tree, ...content } } : { set: { ...tree, ...content } },
    };
  }

  #declare(line: SetLine): { tree: NftSet | NftMap; empty: MachineSet } {
    const tree = setTree(line, this.family);
    const { set, declared } = declaredSet(tree, this.family, line.cause);
    this.#declared.set(line.name, declared);
    this.#sets.set(line.name, { tree, empty: set });
    return { tree, empty: set };
  }

  /** Nodes share elements. */
  #element(line: ElementLine): { tree: ElementTree; element: NftElement } {
    const known = this.#elements.get(line) ?? { tree: elementTree(line), element: element(line) };
    this.#elements.set(line, known);
    return known;
  }

  /** Sets that the rules name have to be there before. */
  chain({ name, hook, comment }: ChainLine, lines: readonly RuleLine[]): MadeChain {
    const { family } = this;
    const rules = lines.flatMap((line) => this.#rule(line));
    const base = hook && { type: hook.type, hook: hook.hook, prio: hook.priority, policy: 'accept' as const };
    const object: NftObject = {
      chain: { family, table: TABLE, name, ...base, ...(comment !== undefined && { comment }) },
    };
    const { priority = 0, type = 'filter' } = hook ?? {};
    const at = hook && HOOKS[hook.hook];
    return {
      chain: {
        name,
        ...(at !== undefined && { hook: { hook: at, priority, type, policy: 'accept' as const } }),
        rules: rules.map(({ rule }) => rule),
      },
      objects: [object, ...rules.map(({ source }): NftObject => ({ rule: source }))],
    };
  }

  #rule(line: RuleLine): { rule: Rule; source: NftRule }[] {
    const made = line.made?.() ?? this.#body(line);
    if (!made) return [];
    const { chain, comment, cause } = line;
    const source: NftRule = {
      family: this.family,
      table: TABLE,
      chain,
      expr: made.expr,
      ...(comment !== undefined && { comment }),
    };
    return [{ rule: { body: made.body, source, cause }, source }];
  }

  #body(line: RuleLine): MadeBody | undefined {
    const { text } = line;
    if (this.#bodies.has(text)) return this.#bodies.get(text);
    const body = this.#read(line);
    this.#bodies.set(text, body);
    return body;
  }

  #read(line: RuleLine): MadeBody | undefined {
    let expr: NftStatement[];
    try {
      expr = evaluateRule(readRule(line.text).expr, this.#scope);
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
      this.#report({
        severity: 'error',
        code: 'rule-refused',
        message: `nft refuses a rule of kube-proxy's, and with it everything that kube-proxy writes: ${error.message} (${ruleCommand(this.family, line)}).`,
        mend: 'Correct the kube-proxy configuration.',
      });
      return undefined;
    }
    return { expr, body: nftStatements(expr, this.family, this.#declared) };
  }

  table({ chains, sets }: Layer, base?: Table): Table {
    const { family } = this;
    const head: NftObject[] = base ? [] : [{ table: { family, name: TABLE, comment: 'rules for kube-proxy' } }];
    return {
      family,
      name: TABLE,
      syntax: 'nft',
      ...(base && { base }),
      chains: chains.map(({ chain }) => chain),
      ...(sets.length > 0 && { sets: sets.map(({ set }) => set) }),
      source: [...head, ...sets.map(({ object }) => object), ...chains.flatMap(({ objects }) => objects)],
    };
  }
}
