/** What one iptables extension (`-m name`, `-j NAME`) tells the rule reader: its options and how they become a statement. */
import type { Action, Match } from '@podwire/engine';

import { protocolName } from './names.ts';

export type IpFamily = 'ip' | 'ip6';

/** iptables would refuse the rule; the message says why, in its manner. */
export class Refusal extends Error {}

export interface OptionSpec {
  /** Long name without dashes; `aliases` are other spellings that are read. */
  name: string;
  aliases?: readonly string[];
  /** Number of words that follow; 'optional': one, where the next word looks like none of the tool's own. */
  values: 0 | 1 | 2 | 'optional';
  /** `!` may stand before it. */
  negatable?: boolean;
  /** May be given more than once. */
  repeatable?: boolean;
}

/** One option as it was given, under its canonical name. */
export interface Given {
  name: string;
  values: string[];
  not: boolean;
  /** `-p` as far as it stood before the option: some options look at it at once. */
  after?: ProtocolTest;
}

export interface ProtocolTest {
  protocol: number;
  not?: boolean;
}

/** Where a rule is added, as far as known: tools and kernel refuse some rules by it. */
export interface RulePlace {
  table?: string;
  chain?: string;
  /** Which kind of iptables adds it. */
  backend?: 'nft' | 'legacy';
  /** What else exists there. A kind that is absent is not known, and nothing is refused for it. */
  objects?: {
    /** User-defined chains. */
    chains?: ReadonlySet<string>;
    /** ipsets. */
    sets?: ReadonlySet<string>;
    /** Accounting objects (`nfacct add`). */
    nfacct?: ReadonlySet<string>;
    /** Rate estimators that rules made (`-j RATEEST --rateest-name`). */
    rateest?: ReadonlySet<string>;
  };
  /** The tool alone reads it, and no kernel is asked (`iptables-translate`). */
  unasked?: boolean;
  /** Refuse what iptables itself does not ship. Otherwise the text of an unknown extension is kept. */
  stock?: boolean;
}

/** The part of a rule that extensions look at. */
export interface Context {
  family: IpFamily;
  /** `-p`, as far as read. */
  protocol?: ProtocolTest;
  place: RulePlace;
  /** The rule's matches, once they are read: targets may ask for one. */
  matches: readonly Match[];
}

/** What the kernel asks of the rule around an extension (`struct xt_match`, `struct xt_target`: table, hooks, proto). */
export interface Demands {
  tables?: readonly string[];
  /** Built-in chains it may be used from. */
  chains?: readonly string[];
  /** One of these must stand behind `-p`, not inverted. */
  protocols?: readonly number[];
}

interface Extension extends Demands {
  name: string;
  /** Other names it is loaded by. */
  aliases?: readonly string[];
  /** Both where absent. */
  family?: IpFamily;
  options: readonly OptionSpec[];
}

export interface MatchExtension extends Extension {
  /** `-p` numbers that load it when one of its options appears without `-m`. */
  impliedBy?: readonly number[];
  parse(given: Given[], context: Context): Match;
}

export interface TargetExtension extends Extension {
  parse(given: Given[], context: Context): Action;
}

export type Traits = Omit<OptionSpec, 'name' | 'values'>;

/** One row of an option table. */
export function option(name: string, values: OptionSpec['values'], traits: Traits = {}): OptionSpec {
  return { name, values, ...traits };
}

/** The options given, by name (the last one where repeatable). */
export function byName(given: readonly Given[]): Map<string, Given> {
  return new Map(given.map((g) => [g.name, g]));
}

/** `{ not: true }` or nothing, to spread into a statement. */
export function inverted(not: boolean | undefined): { not?: true } {
  return not ? { not: true } : {};
}

/** The `! ` before an option. */
export function bang(not: boolean | undefined): string {
  return not ? '! ' : '';
}

/** Is `-p` one of `protocols`, not inverted? */
export function isProtocol(test: ProtocolTest | undefined, protocols: readonly number[]): boolean {
  return test !== undefined && !test.not && protocols.includes(test.protocol);
}

/** Refuses a rule whose `-p` is none of `protocols` (the kernel's checkentry of the extension). */
export function needProtocol(context: Context, protocols: readonly number[], message: string): void {
  if (!isProtocol(context.protocol, protocols)) throw new Refusal(message);
}

/** Refuses where the rule's built-in chain is one of `chains`: what is asked for makes no sense there. */
export function refuseIn({ place }: Context, chains: readonly string[], message: string): void {
  if (place.chain !== undefined && chains.includes(place.chain)) throw new Refusal(message);
}

const BUILTIN = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING', 'BROUTING'];

/** net/netfilter/x_tables.c:xt_check_match(), xt_check_target(). In a chain of the user's own the hooks are not known here. */
export function checkDemands(what: string, { tables, chains, protocols }: Demands, context: Context): void {
  const { table, chain, unasked } = context.place;
  if (unasked) return;
  if (tables && table !== undefined && !tables.includes(table)) {
    throw new Refusal(`${what}: only valid in ${tables.join(' or ')} table, not ${table}`);
  }
  if (chains && chain !== undefined && BUILTIN.includes(chain) && !chains.includes(chain)) {
    throw new Refusal(`${what}: used from hooks ${chain}, but only usable from ${chains.join('/')}`);
  }
  if (protocols && !isProtocol(context.protocol, protocols)) {
    throw new Refusal(`${what} requires '-p ${protocols.map(protocolName).join("' or '-p ")}'`);
  }
}

export function needOption(given: readonly Given[], extension: string, ...names: string[]): void {
  if (!given.some((g) => names.includes(g.name))) {
    throw new Refusal(`${extension}: option "--${names[0]}" must be specified`);
  }
}

/** Refuses two options that exclude each other. */
export function exclusive(given: readonly Given[], extension: string, names: readonly string[]): void {
  const met = given.filter((g) => names.includes(g.name));
  if (met.length > 1) {
    throw new Refusal(`${extension}: option "--${met[1]?.name}" cannot be used together with "--${met[0]?.name}"`);
  }
}

/** First word of an option that takes one. */
export function word(given: Given | undefined): string {
  return given?.values[0] ?? '';
}
