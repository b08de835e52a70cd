/**
 * Extensions that the machine does not evaluate, as tables: which options they take and how each value is printed. The result is the
 * extension's canonical text.
 */
import { address, prefix, printHostPrefix } from './address.ts';
import {
  bang,
  type Context,
  type Demands,
  exclusive,
  type Given,
  type IpFamily,
  needOption,
  type OptionSpec,
  Refusal,
} from './extension.ts';
import { number, parseLong, printRange, range } from './numbers.ts';
import { bareWord, cutBytes, quoteWord } from './words.ts';

/** The canonical text of an option's words; undefined when the option then says nothing and is not printed. */
export type Printer = (
  values: readonly string[],
  row: { name: string; not: boolean; context: Context; given: readonly Given[] },
) => string | undefined;

export interface Row extends OptionSpec {
  print: Printer;
  /** The option that says the same in canonical form. */
  printAs?: string;
  /** Must be given with it. */
  also?: string;
}

export interface TextExtension extends Demands {
  name: string;
  aliases?: readonly string[];
  family?: IpFamily;
  /** In the order of printing. */
  rows: readonly Row[];
  /** One of each group must be given. */
  need?: readonly (readonly string[])[];
  /** At most one of each group may be given. */
  exclude?: readonly (readonly string[])[];
  impliedBy?: readonly number[];
  /** What the tool prints for options that were not given: a value, or nothing where another option was. */
  defaults?: Readonly<Record<string, (has: (name: string) => boolean, context: Context) => string | undefined>>;
  /** Anything the rows cannot say. */
  check?: (given: readonly Given[], context: Context) => void;
}

export function row(name: string, print: Printer, traits: Partial<Row> = {}): Row {
  return { name, values: print === none ? 0 : 1, print, ...traits };
}

function check(extension: TextExtension, given: readonly Given[], context: Context): void {
  for (const group of extension.need ?? []) needOption(given, extension.name, ...group);
  for (const group of extension.exclude ?? []) exclusive(given, extension.name, group);
  for (const { name, also } of extension.rows) {
    if (also === undefined || !given.some((g) => g.name === name)) continue;
    if (!given.some((g) => g.name === also)) {
      throw new Refusal(`${extension.name}: option "--${name}" also requires "--${also}".`);
    }
  }
  extension.check?.(given, context);
}

/** The options in canonical form, `--name value` each; refuses as the tool does. */
export function printOptions(extension: TextExtension, given: readonly Given[], context: Context): string[] {
  check(extension, given, context);
  const has = (name: string) => given.some((g) => g.name === name);
  return extension.rows.flatMap(({ name, print, printAs }) => {
    const met = given.filter((g) => g.name === name);
    const preset = met.length === 0 ? extension.defaults?.[name]?.(has, context) : undefined;
    if (preset !== undefined) return [`--${printAs ?? name} ${preset}`];
    return met.flatMap((g) => {
      const text = print(g.values, { name, not: g.not, context, given });
      return text === undefined ? [] : [`${bang(g.not)}--${printAs ?? name}${text === '' ? '' : ` ${text}`}`];
    });
  });
}

/** `name opt opt` in canonical form; refuses as the tool does. */
export function printText(lead: string, extension: TextExtension, given: readonly Given[], context: Context): string {
  return [`${lead} ${extension.name}`, ...printOptions(extension, given, context)].join(' ');
}

/** No value. */
export const none: Printer = () => '';

/** As given, cut to `length` bytes. */
export function bare(length: number): Printer {
  return ([text = '']) => bareWord(cutBytes(text, length));
}

/** As given. */
export const plain: Printer = ([text = '']) => bareWord(text);

/** A number, decimal; left out where it is `omit`. */
export function uint(max: number, min = 0, omit?: number): Printer {
  return ([text = ''], { name }) => {
    const value = number(name, text, max, min);
    return value === omit ? undefined : String(value);
  };
}

/** Always in quotation marks, as some extensions print theirs. */
export const inQuotes: Printer = ([text = '']) => inQuotationMarks(text);

export function inQuotationMarks(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A number of 64 bits. */
export const uint64: Printer = ([text = ''], { name }) => {
  const value = parseLong(text);
  if (value === undefined) {
    throw new Refusal(`bad value for option "--${name}", or out of range (0-${(1n << 64n) - 1n}).`);
  }
  return value.toString();
};

/** One address. */
export const host: Printer = ([text = ''], { context }) => address(context.family, text);

/** An address with its mask, host bits kept; the mask of one host is left out where `bare`. */
export function network(bare: boolean): Printer {
  return ([text = ''], { context }) => {
    const full = prefix(context.family, text, true);
    return bare ? printHostPrefix(full) : full;
  };
}

/** A number, hexadecimal with at least `digits` digits. */
export function hexadecimal(max: number, digits = 1): Printer {
  return ([text = ''], { name }) => `0x${number(name, text, max).toString(16).padStart(digits, '0')}`;
}

/** `from:to`; the full range says nothing unless inverted, where `omitFull`. */
export function span(max: number, omitFull = true): Printer {
  return ([text = ''], { name, not }) => {
    const value = range(name, text, max);
    return omitFull && !not && value.from === 0 && value.to === max ? undefined : printRange(value);
  };
}

/** One of some words, exactly. */
export function wordOf(...words: readonly string[]): Printer {
  return ([text = ''], { name }) => {
    if (!words.includes(text)) throw new Refusal(`Unknown --${name} \`${text}'`);
    return text;
  };
}

/** One of some words, printed as listed; any case. */
export function oneOf(...words: readonly string[]): Printer {
  return ([text = ''], { name }) => {
    const found = words.find((w) => w.toLowerCase() === text.toLowerCase());
    if (found === undefined) throw new Refusal(`bad value for option "--${name}": "${text}"`);
    return found;
  };
}

/** Cut to `length` bytes, then quoted. */
export function cut(length: number): Printer {
  return ([text = '']) => quoteWord(cutBytes(text, length));
}
