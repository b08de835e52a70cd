/**
 * Extensions that the machine does not evaluate, as tables: which options they take and how each value is printed. The result is the
 * extension's canonical text.
 */
import { prefix, printHostPrefix } from './address.ts';
import {
  bang,
  type Context,
  exclusive,
  type Given,
  type IpFamily,
  needOption,
  needProtocol,
  type OptionSpec,
  Refusal,
} from './extension.ts';
import { number, printRange, range } from './numbers.ts';
import { quoteWord } from './words.ts';

/** The canonical text of an option's words; undefined when the option then says nothing and is not printed. */
export type Printer = (
  values: readonly string[],
  row: { name: string; not: boolean; context: Context },
) => string | undefined;

export interface Row extends OptionSpec {
  print: Printer;
  /** The option that says the same in canonical form. */
  printAs?: string;
}

export interface TextExtension {
  name: string;
  family?: IpFamily;
  /** In the order of printing. */
  rows: readonly Row[];
  /** One of each group must be given. */
  need?: readonly (readonly string[])[];
  /** At most one of each group may be given. */
  exclude?: readonly (readonly string[])[];
  protocols?: readonly number[];
  impliedBy?: readonly number[];
  /** What the tool prints for an option that was not given, unless another one was. */
  defaultUnless?: { name: string; value: string; given: string };
  /** Anything the rows cannot say. */
  check?: (given: readonly Given[], context: Context) => void;
}

export function row(name: string, print: Printer, traits: Partial<Row> = {}): Row {
  return { name, values: print === none ? 0 : 1, print, ...traits };
}

/** `name opt opt` in canonical form; refuses as the tool does. */
export function printText(lead: string, extension: TextExtension, given: readonly Given[], context: Context): string {
  if (extension.protocols) {
    needProtocol(context, extension.protocols, `${extension.name}: the rule's protocol does not fit`);
  }
  for (const group of extension.need ?? []) needOption(given, extension.name, ...group);
  for (const group of extension.exclude ?? []) exclusive(given, extension.name, group);
  extension.check?.(given, context);
  const out = [`${lead} ${extension.name}`];
  const preset = extension.defaultUnless;
  for (const { name, print, printAs } of extension.rows) {
    const met = given.filter((g) => g.name === name);
    if (met.length === 0 && preset?.name === name && !given.some((g) => g.name === preset.given)) {
      out.push(`--${name} ${preset.value}`);
    }
    for (const g of met) {
      const text = print(g.values, { name, not: g.not, context });
      if (text !== undefined) out.push(`${bang(g.not)}--${printAs ?? name}${text === '' ? '' : ` ${text}`}`);
    }
  }
  return out.join(' ');
}

/** No value. */
export const none: Printer = () => '';

/** As given. */
export const plain: Printer = ([text = '']) => text;

export const quoted: Printer = ([text = '']) => quoteWord(text);

/** A number, decimal; left out where it is `omit`. */
export function uint(max: number, min = 0, omit?: number): Printer {
  return ([text = ''], { name }) => {
    const value = number(name, text, max, min);
    return value === omit ? undefined : String(value);
  };
}

/** Always in quotation marks, as some extensions print theirs. */
export const inQuotes: Printer = ([text = '']) => `"${text.replace(/["\\']/g, '\\$&')}"`;

/** A number of 64 bits. */
export const uint64: Printer = ([text = ''], { name }) => {
  const value = /^[0-9]+$/.test(text) ? BigInt(text) : -1n;
  if (value < 0n || value >> 64n) throw new Refusal(`bad value for option "--${name}", or out of range: "${text}"`);
  return value.toString();
};

/** Words of a list, in the order of `words`. */
export function listOf(...words: readonly string[]): Printer {
  return ([text = ''], { name }) => {
    const asked = text.split(',').map((part) => part.toLowerCase());
    const strange = asked.find((part) => !words.some((w) => w.toLowerCase() === part));
    if (strange !== undefined) throw new Refusal(`bad value for option "--${name}": "${strange}"`);
    return words.filter((w) => asked.includes(w.toLowerCase())).join(',');
  };
}

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
  return ([text = '']) => quoteWord(text.slice(0, length));
}
