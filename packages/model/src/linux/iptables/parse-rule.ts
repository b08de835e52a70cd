/**
 * Reads the words of one rule as the iptables command line does (iptables/xshared.c:do_parse): options in any order, extensions loaded
 * by `-m`, `-j` or, when one of their options appears, by `-p`.
 */
import type { Action, Match, Rule, Statement } from '@podwire/engine';
import { checkTargetName } from './base/chain-name.ts';
import { readCounters } from './base/counters.ts';
import { checkDirections } from './base/directions.ts';
import {
  type Context,
  checkDemands,
  type Given,
  type IpFamily,
  type MatchExtension,
  Refusal,
  type RulePlace,
  type TargetExtension,
  word,
} from './base/extension.ts';
import { rulesOfLists } from './base/rules-of-lists.ts';
import { findOption, type Owner, type Scanner, scan } from './base/scan.ts';
import { quoteWord } from './base/words.ts';
import { headerOptions, headerOrder, readAddresses, readHeader, readProtocol, SHORT } from './header.ts';
import { matchMeaning } from './meaning/match.ts';
import { targetMeaning } from './meaning/target.ts';
import { impliedExtension, matchExtension, targetExtension } from './registry.ts';
import { verdicts } from './target/verdict.ts';

interface Loaded<Extension> extends Owner {
  extension: Extension | undefined;
}

interface Reading {
  context: Context;
  header: Given[];
  matches: Loaded<MatchExtension>[];
  target?: Loaded<TargetExtension>;
  goto?: string;
}

function load<Extension extends { options: Owner['options'] }>(
  name: string,
  extension: Extension | undefined,
): Loaded<Extension> {
  return { name, extension, options: extension?.options ?? [], given: [] };
}

/** Options of the tool itself have effects at once. */
function takeHeader(reading: Reading, given: Given): void {
  const { context } = reading;
  const value = word(given);
  if (given.name === 'protocol') context.protocol = readProtocol(given);
  if (given.name === 'match') {
    const extension = matchExtension(value, context.family);
    if (!extension && context.place.stock) {
      throw new Refusal(`Couldn't load match \`${value}':No such file or directory`);
    }
    reading.matches.push(load(value, extension));
  }
  if (given.name === 'jump' || given.name === 'goto') {
    if (reading.target || reading.goto !== undefined) throw new Refusal('multiple --jump options not allowed');
    checkTargetName(value);
    if (given.name === 'goto') reading.goto = value;
    else reading.target = load(value, value in verdicts ? undefined : targetExtension(value, context.family));
  }
}

function scanner(reading: Reading): Scanner {
  const { context } = reading;
  const own: Owner = { name: 'iptables', options: headerOptions, given: reading.header };
  return {
    short: SHORT,
    own,
    loaded: () => [...(reading.target ? [reading.target] : []), ...reading.matches.toReversed()],
    implied(name) {
      const { protocol } = context;
      const extension = protocol && !protocol.not && impliedExtension(protocol.protocol, context.family);
      if (!extension || reading.matches.some((m) => m.extension === extension)) return undefined;
      const match = load(extension.name, extension);
      if (findOption(match, name)) reading.matches.push(match);
      return match;
    },
    taken(owner, given) {
      if (owner === own) takeHeader(reading, given);
    },
    // The unknown extension loaded last has the unknown options.
    unknown() {
      const { target } = reading;
      if (target && !target.extension && !(target.name in verdicts) && !context.place.stock) return target.given;
      return reading.matches.findLast((m) => !m.extension)?.given;
    },
    protocol: () => context.protocol,
  };
}

/** Words of an extension nobody here knows, one blank between them. */
function verbatim(lead: string, name: string, given: readonly Given[]): string {
  const strange = [name, ...given.map((g) => g.name)].find((one) => !/^[\w.:+-]+$/.test(one));
  if (strange !== undefined) throw new Refusal(`Couldn't load ${lead} ${name}: "${strange}" is no name`);
  const options = given.map((g) => [
    g.not ? '!' : '',
    `--${g.name}`,
    ...g.values.map((v) => (/^[\w.,:/@+%=-]+$/.test(v) ? v : quoteWord(v))),
  ]);
  return [lead, name, ...options.flat().filter((part) => part !== '')].join(' ');
}

function readMatch({ extension, name, given }: Loaded<MatchExtension>, context: Context): Match {
  if (!extension) return { kind: 'unmodelled', text: verbatim('-m', name, given) };
  const match = matchMeaning(extension.parse(given, context), context.family);
  checkDemands(`${extension.name} match`, extension, context);
  return match;
}

function checkChain(name: string, { place }: Context): void {
  if (place.objects?.chains?.has(name) === false) throw new Refusal(`Chain '${name}' does not exist`);
}

/** A name that is no known target is a chain, unless options follow. */
function readTarget({ extension, name, given }: Loaded<TargetExtension>, context: Context): Action {
  const verdict = verdicts[name];
  if (verdict) {
    // net/netfilter tables would take it; the tool will not.
    if (name === 'DROP' && context.place.table === 'nat') {
      throw new Refusal('The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.');
    }
    return verdict;
  }
  if (extension) {
    const action = targetMeaning(extension.parse(given, context), context);
    checkDemands(`${extension.name} target`, extension, context);
    return action;
  }
  if (context.place.stock) checkChain(name, context);
  return given.length
    ? { kind: 'unmodelled-target', text: verbatim('-j', name, given) }
    : { kind: 'jump', chain: name };
}

function build({ context, header, matches, target, goto: chain }: Reading): Rule[] {
  const { family } = context;
  checkDirections(header, context.place);
  const simple: Statement[] = [];
  let sources: (Statement | undefined)[] = [undefined];
  let destinations: (Statement | undefined)[] = [undefined];
  for (const given of header) {
    if (given.name === 'source') sources = readAddresses('saddr', given, context);
    else if (given.name === 'destination') destinations = readAddresses('daddr', given, context);
    else if (!['jump', 'goto', 'match', 'set-counters'].includes(given.name)) {
      const test = readHeader(given, family);
      if (test) simple.push(test);
    }
  }
  simple.sort((a, b) => (headerOrder(a.kind) ?? 0) - (headerOrder(b.kind) ?? 0));
  const read = matches.map((match) => readMatch(match, context));
  const rest: Statement[] = [...read];
  const counters = readCounters(header);
  if (target) rest.push(readTarget(target, { ...context, matches: read }));
  if (chain !== undefined) {
    checkChain(chain, context);
    rest.push({ kind: 'goto', chain });
  }
  return rulesOfLists(sources, destinations, (source, destination) => {
    const addresses = [source, destination].filter((s) => s !== undefined);
    return { body: [...addresses, ...simple, ...rest], ...(counters && { counters }) };
  });
}

/**
 * The words after `-A CHAIN`. Lists of addresses make several rules, as they do for iptables. Statements stand in canonical order:
 * header tests, matches as written, the target. What is known of the place is checked as the tool and the kernel do.
 */
export function parseIptablesRules(
  args: readonly string[],
  family: IpFamily,
  place: RulePlace = {},
): { rules: Rule[] } | { error: string } {
  try {
    const reading: Reading = { context: { family, place, matches: [] }, header: [], matches: [] };
    scan(args, scanner(reading));
    return { rules: build(reading) };
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    throw error;
  }
}

/** As `parseIptablesRules` for a rule that must be one. */
export function parseIptablesRule(
  args: readonly string[],
  family: IpFamily,
  place: RulePlace = {},
): { rule: Rule } | { error: string } {
  const result = parseIptablesRules(args, family, place);
  if ('error' in result) return result;
  const [rule, ...others] = result.rules;
  if (!rule || others.length) return { error: 'a list of addresses makes several rules' };
  return { rule };
}
