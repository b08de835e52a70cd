/**
 * The words of a rule, option by option, as the command line of iptables, arptables and ebtables takes them (iptables/xshared.c:do_parse,
 * getopt_long). Which options there are changes while reading: `-m`, `-j` and `-p` bring their own.
 */
import { type Given, type OptionSpec, type ProtocolTest, Refusal } from './extension.ts';

/** Someone who takes options: the tool itself, or an extension that was loaded. */
export interface Owner {
  name: string;
  options: readonly OptionSpec[];
  given: Given[];
}

export interface Scanner {
  /** Short letter -> long option of the tool itself. */
  short: Readonly<Record<string, string>>;
  own: Owner;
  /** `-s ! x` is read as `! -s x`. */
  intrapositioned?: boolean;
  /** Loaded extensions; whose option of the same name counts comes first. */
  loaded(): readonly Owner[];
  /** Loads what the rule implies, to see whether it has the option. */
  implied(name: string): Owner | undefined;
  taken(owner: Owner, given: Given): void;
  /** Takes the options that nobody knows; undefined where that is an error. */
  unknown(): Given[] | undefined;
  protocol(): ProtocolTest | undefined;
}

interface Found {
  spec: OptionSpec;
  owner: Owner;
}

const spellings = (spec: OptionSpec): string[] => [spec.name, ...(spec.aliases ?? [])];

function exactly({ options }: Owner, name: string): OptionSpec | undefined {
  return options.find((spec) => spellings(spec).includes(name));
}

/** A name, or the beginning of one only. */
export function findOption(owner: Owner, name: string): OptionSpec | undefined {
  const exact = exactly(owner, name);
  if (exact) return exact;
  const starting = owner.options.filter((spec) => spellings(spec).some((n) => n.startsWith(name)));
  return starting.length === 1 ? starting[0] : undefined;
}

/** Whole names before shortened ones; what a protocol implies comes last but for shortened names of the tool's own. */
function locate(scanner: Scanner, name: string): Found | undefined {
  const all = [...scanner.loaded(), scanner.own];
  for (const owner of all) {
    const spec = exactly(owner, name);
    if (spec) return { spec, owner };
  }
  for (const owner of scanner.loaded()) {
    const spec = findOption(owner, name);
    if (spec) return { spec, owner };
  }
  const owner = scanner.implied(name);
  const spec = owner && findOption(owner, name);
  if (spec) return { spec, owner };
  const header = findOption(scanner.own, name);
  return header && { spec: header, owner: scanner.own };
}

const looksLikeOption = (text: string): boolean => text === '!' || /^-./.test(text);

/** The words that are left. */
class Words {
  readonly #args: readonly string[];
  #at = 0;

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  next(): string | undefined {
    return this.#args[this.#at++];
  }

  /** The next word, unless it looks like an option. */
  plain(): string | undefined {
    const text = this.#args[this.#at];
    if (text === undefined || looksLikeOption(text)) return undefined;
    this.#at++;
    return text;
  }

  /** All words up to the next that looks like an option. */
  run(): string[] {
    const values: string[] = [];
    for (let value = this.plain(); value !== undefined; value = this.plain()) values.push(value);
    return values;
  }
}

interface Option {
  name: string;
  attached: string | undefined;
}

function splitOption(scanner: Scanner, text: string): Option {
  if (text.startsWith('--')) {
    const equals = text.indexOf('=');
    return {
      name: text.slice(2, equals < 0 ? undefined : equals),
      attached: equals < 0 ? undefined : text.slice(equals + 1),
    };
  }
  const name = scanner.short[text.charAt(1)];
  if (name === undefined) throw new Refusal(`unknown option "${text.slice(0, 2)}"`);
  return { name, attached: text.length > 2 ? text.slice(2) : undefined };
}

function readValues(scanner: Scanner, spec: OptionSpec, attached: string | undefined, words: Words): Given {
  const given: Given = { name: spec.name, values: attached === undefined ? [] : [attached], not: false };
  if (spec.values === 0) {
    if (attached !== undefined) throw new Refusal(`option "--${spec.name}" does not take an argument`);
    return given;
  }
  if (spec.values === 'optional') {
    const value = attached === undefined ? words.plain() : undefined;
    if (value !== undefined) given.values.push(value);
    return given;
  }
  // The first word is taken whatever it looks like; a second one only if it is no option.
  if (attached === undefined) {
    let value = words.next();
    if (value === '!' && scanner.intrapositioned) {
      given.not = true;
      value = words.next();
    }
    if (value === undefined) throw new Refusal(`option "--${spec.name}" requires an argument`);
    given.values.push(value);
  }
  if (spec.values === 2) {
    const second = words.plain();
    if (second !== undefined) given.values.push(second);
    else if (spec.name !== 'set-counters') throw new Refusal(`--${spec.name} requires two args.`);
  }
  return given;
}

function take(scanner: Scanner, { spec, owner }: Found, given: Given): void {
  if (given.not && !spec.negatable) throw new Refusal(`${owner.name}: option "--${spec.name}" cannot be inverted.`);
  if (!spec.repeatable && owner.given.some((g) => g.name === spec.name)) {
    throw new Refusal(`${owner.name}: option "--${spec.name}" can only be used once.`);
  }
  const after = scanner.protocol();
  const full = after ? { ...given, after } : given;
  owner.given.push(full);
  scanner.taken(owner, full);
}

/** Throws `Refusal`. */
export function scan(args: readonly string[], scanner: Scanner): void {
  const words = new Words(args);
  let not = false;
  for (let text = words.next(); text !== undefined; text = words.next()) {
    if (text === '!') {
      if (not) throw new Refusal('multiple consecutive ! not allowed');
      not = true;
      continue;
    }
    if (!text.startsWith('-') || text === '-' || text === '--') throw new Refusal(`Bad argument \`${text}'`);
    const { name, attached } = splitOption(scanner, text);
    const found = locate(scanner, name);
    if (found) {
      const given = readValues(scanner, found.spec, attached, words);
      if (given.not && not) throw new Refusal("Multiple `!' flags not allowed");
      take(scanner, found, { ...given, not: not || given.not });
    } else {
      const into = scanner.unknown();
      if (!into) throw new Refusal(`unknown option "${text}"`);
      into.push({ name, values: attached === undefined ? words.run() : [attached], not });
    }
    not = false;
  }
  if (not) throw new Refusal('nothing appropriate following !');
}
