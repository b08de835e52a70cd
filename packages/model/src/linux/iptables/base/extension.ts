/** What one iptables extension (`-m name`, `-j NAME`) tells the rule reader: its options and how they become a statement. */
import type { Action, Match } from '@podwire/engine';

export type IpFamily = 'ip' | 'ip6';

/** iptables would refuse the rule; the message says why, in its manner. */
export class Refusal extends Error {}

export interface OptionSpec {
  /** Long name without dashes; `aliases` are other spellings that are read. */
  name: string;
  aliases?: readonly string[];
  /** Number of words that follow. */
  values: 0 | 1 | 2;
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
}

/** The part of a rule that extensions look at. */
export interface Context {
  family: IpFamily;
  /** `-p`, as far as read. */
  protocol?: { protocol: number; not?: boolean };
}

interface Extension {
  name: string;
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
export function option(name: string, values: 0 | 1 | 2, traits: Traits = {}): OptionSpec {
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

/** Refuses a rule whose `-p` is none of `protocols` (the kernel's checkentry of the extension). */
export function needProtocol(context: Context, protocols: readonly number[], message: string): void {
  const p = context.protocol;
  if (!p || p.not || !protocols.includes(p.protocol)) throw new Refusal(message);
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
