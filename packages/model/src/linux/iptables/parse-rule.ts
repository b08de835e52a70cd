/**
 * Reads the words of one rule as the iptables command line does (iptables/xshared.c:do_parse): options in any order, extensions loaded
 * by `-m`, `-j` or, when one of their options appears, by `-p`.
 */
import type { Action, Match, Rule, Statement } from '@podwire/engine';
import {
  type Context,
  type Given,
  type IpFamily,
  type MatchExtension,
  type OptionSpec,
  Refusal,
  type TargetExtension,
  word,
} from './base/extension.ts';
import { parseNumber } from './base/numbers.ts';
import { quoteWord } from './base/words.ts';
import { headerOptions, headerOrder, readAddresses, readHeader, readProtocol, SHORT } from './header.ts';
import { impliedExtension, matchExtension, targetExtension } from './registry.ts';
import { verdicts } from './target/verdict.ts';

interface LoadedMatch {
  extension: MatchExtension | undefined;
  name: string;
  given: Given[];
}

interface LoadedTarget {
  extension: TargetExtension | undefined;
  name: string;
  given: Given[];
}

interface Reading {
  family: IpFamily;
  header: Given[];
  matches: LoadedMatch[];
  target?: LoadedTarget;
  goto?: string;
  context: Context;
}

/** An option name that `specs` knows, or that is the beginning of one only (getopt_long). */
function findOption(specs: readonly OptionSpec[], name: string): OptionSpec | undefined {
  const names = (spec: OptionSpec) => [spec.name, ...(spec.aliases ?? [])];
  const exact = specs.find((spec) => names(spec).includes(name));
  if (exact) return exact;
  const starting = specs.filter((spec) => names(spec).some((n) => n.startsWith(name)));
  return starting.length === 1 ? starting[0] : undefined;
}

interface Found {
  spec: OptionSpec;
  into: Given[];
}

/** Whose option is it? The extension loaded last comes first; whole names before shortened ones. */
function locate(reading: Reading, name: string): Found | undefined {
  const loaded = [...(reading.target ? [reading.target] : []), ...reading.matches.toReversed()];
  const exactly = (spec: OptionSpec) => spec.name === name || spec.aliases?.includes(name) === true;
  for (const { extension, given } of loaded) {
    const spec = extension?.options.find(exactly);
    if (spec) return { spec, into: given };
  }
  const own = headerOptions.find(exactly);
  if (own) return { spec: own, into: reading.header };
  for (const { extension, given } of loaded) {
    const spec = extension && findOption(extension.options, name);
    if (spec) return { spec, into: given };
  }
  const protocol = reading.context.protocol;
  const implied = protocol && !protocol.not ? impliedExtension(protocol.protocol, reading.family) : undefined;
  if (implied && !reading.matches.some((m) => m.extension === implied)) {
    const spec = findOption(implied.options, name);
    if (spec) {
      const match: LoadedMatch = { extension: implied, name: implied.name, given: [] };
      reading.matches.push(match);
      return { spec, into: match.given };
    }
  }
  const header = findOption(headerOptions, name);
  return header && { spec: header, into: reading.header };
}

/** The words of an option that belongs to an extension nobody here knows: all up to the next one that looks like an option. */
function unknownValues(args: readonly string[], at: number): string[] {
  const values: string[] = [];
  for (let i = at; i < args.length; i++) {
    const text = args[i] ?? '';
    if (text === '!' || (text.startsWith('-') && text.length > 1)) break;
    values.push(text);
  }
  return values;
}

/** Where an unknown option goes: the unknown extension loaded last. */
function unknownOwner(reading: Reading): Given[] | undefined {
  const { target } = reading;
  if (target && !target.extension && !(target.name in verdicts)) return target.given;
  return reading.matches.findLast((m) => !m.extension)?.given;
}

function take(reading: Reading, { spec, into }: Found, values: string[], not: boolean): void {
  if (not && !spec.negatable) throw new Refusal(`unexpected ! flag before --${spec.name}`);
  if (!spec.repeatable && into.some((g) => g.name === spec.name)) {
    throw new Refusal(`option "--${spec.name}" can only be used once`);
  }
  const given: Given = { name: spec.name, values, not };
  into.push(given);
  if (into !== reading.header) return;
  const value = word(given);
  if (spec.name === 'protocol') reading.context.protocol = readProtocol(given);
  if (spec.name === 'match') {
    reading.matches.push({ extension: matchExtension(value, reading.family), name: value, given: [] });
  }
  if (spec.name === 'jump' || spec.name === 'goto') {
    if (reading.target || reading.goto !== undefined) throw new Refusal('multiple -j or -g flags not allowed');
    if (value === '') throw new Refusal('Invalid target name (empty)');
    if (spec.name === 'goto') reading.goto = value;
    else
      reading.target = {
        extension: value in verdicts ? undefined : targetExtension(value, reading.family),
        name: value,
        given: [],
      };
  }
}

function read(args: readonly string[], family: IpFamily): Reading {
  const reading: Reading = { family, header: [], matches: [], context: { family } };
  let not = false;
  for (let at = 0; at < args.length; ) {
    const text = args[at] ?? '';
    if (text === '!') {
      if (not) throw new Refusal('Multiple consecutive ! not allowed');
      not = true;
      at++;
      continue;
    }
    if (!text.startsWith('-') || text === '-' || text === '--') throw new Refusal(`Bad argument \`${text}'`);
    let name: string;
    let attached: string | undefined;
    if (text.startsWith('--')) {
      const equals = text.indexOf('=');
      name = text.slice(2, equals < 0 ? undefined : equals);
      if (equals >= 0) attached = text.slice(equals + 1);
    } else {
      const long = SHORT[text.charAt(1)];
      if (!long) throw new Refusal(`unknown option "${text}"`);
      name = long;
      if (text.length > 2) attached = text.slice(2);
    }
    at++;
    const found = locate(reading, name);
    if (!found) {
      const owner = unknownOwner(reading);
      if (!owner) throw new Refusal(`unknown option "${text}"`);
      const values = attached === undefined ? unknownValues(args, at) : [attached];
      if (attached === undefined) at += values.length;
      owner.push({ name, values, not });
      not = false;
      continue;
    }
    const values = attached === undefined ? [] : [attached];
    while (values.length < found.spec.values) {
      const next = args[at];
      if (next === undefined) throw new Refusal(`option "--${found.spec.name}" requires an argument`);
      // The first word is taken whatever it looks like; a second one only if it is no option.
      if (values.length > 0 && (next === '!' || /^-./.test(next))) {
        if (found.spec.name === 'set-counters') break;
        throw new Refusal(`--${found.spec.name} requires two arguments`);
      }
      values.push(next);
      at++;
    }
    if (values.length > found.spec.values) throw new Refusal(`option "--${found.spec.name}" does not take an argument`);
    take(reading, found, values, not);
    not = false;
  }
  if (not) throw new Refusal('nothing appropriate following !');
  return reading;
}

/** Words of an extension nobody here knows, one blank between them. */
function verbatim(lead: string, name: string, given: readonly Given[]): string {
  const options = given.map((g) => [
    g.not ? '!' : '',
    `--${g.name}`,
    ...g.values.map((v) => (/^[\w.,:/@+%=-]+$/.test(v) ? v : quoteWord(v))),
  ]);
  return [lead, name, ...options.flat().filter((part) => part !== '')].join(' ');
}

function readMatch({ extension, name, given }: LoadedMatch, context: Context): Match {
  return extension ? extension.parse(given, context) : { kind: 'unmodelled', text: verbatim('-m', name, given) };
}

/** A name that is no known target is a chain, unless options follow. */
function readTarget({ extension, name, given }: LoadedTarget, context: Context): Action {
  const verdict = verdicts[name];
  if (verdict) return verdict;
  if (extension) return extension.parse(given, context);
  return given.length
    ? { kind: 'unmodelled-target', text: verbatim('-j', name, given) }
    : { kind: 'jump', chain: name };
}

function readCounters(header: readonly Given[]): Rule['counters'] {
  const given = header.find((g) => g.name === 'set-counters');
  if (!given) return undefined;
  const parts = given.values.length === 1 ? word(given).split(',') : given.values;
  const [packets, bytes] = parts.map((part) => parseNumber(part, Number.MAX_SAFE_INTEGER));
  if (parts.length !== 2 || packets === undefined || bytes === undefined)
    throw new Refusal('-c requires packet and byte counter');
  return { packets, bytes };
}

function build(reading: Reading): Rule[] {
  const { family, header, context } = reading;
  const simple: Statement[] = [];
  let sources: (Statement | undefined)[] = [undefined];
  let destinations: (Statement | undefined)[] = [undefined];
  for (const given of header) {
    if (given.name === 'source') sources = readAddresses('saddr', given, family);
    else if (given.name === 'destination') destinations = readAddresses('daddr', given, family);
    else if (!['jump', 'goto', 'match', 'set-counters'].includes(given.name)) {
      const test = readHeader(given, family);
      if (test) simple.push(test);
    }
  }
  simple.sort((a, b) => (headerOrder(a.kind) ?? 0) - (headerOrder(b.kind) ?? 0));
  const rest: Statement[] = reading.matches.map((match) => readMatch(match, context));
  if (reading.target) rest.push(readTarget(reading.target, context));
  if (reading.goto !== undefined) rest.push({ kind: 'goto', chain: reading.goto });
  const counters = readCounters(header);
  return sources.flatMap((source) =>
    destinations.map((destination) => {
      const addresses = [source, destination].filter((s) => s !== undefined);
      return { body: [...addresses, ...simple, ...rest], ...(counters && { counters }) };
    }),
  );
}

/**
 * The words after `-A CHAIN`. Lists of addresses make several rules, as they do for iptables. Statements stand in canonical order:
 * header tests, matches as written, the target.
 */
export function parseIptablesRules(args: readonly string[], family: IpFamily): { rules: Rule[] } | { error: string } {
  try {
    return { rules: build(read(args, family)) };
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    throw error;
  }
}

/** As `parseIptablesRules` for a rule that must be one. */
export function parseIptablesRule(args: readonly string[], family: IpFamily): { rule: Rule } | { error: string } {
  const result = parseIptablesRules(args, family);
  if ('error' in result) return result;
  const [rule, ...others] = result.rules;
  if (!rule || others.length) return { error: 'a list of addresses makes several rules' };
  return { rule };
}
