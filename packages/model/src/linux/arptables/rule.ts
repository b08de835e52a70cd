/** One rule of arptables, from its words and back (iptables/nft-arp.c). */
import type { Action, Match, Rule, Statement } from '@podwire/engine';
import { checkTargetName } from '../iptables/base/chain-name.ts';
import { readCounters } from '../iptables/base/counters.ts';
import { checkDirections } from '../iptables/base/directions.ts';
import {
  bang,
  type Context,
  checkDemands,
  type Given,
  Refusal,
  type RulePlace,
  type TargetExtension,
  word,
} from '../iptables/base/extension.ts';
import { rulesOfLists } from '../iptables/base/rules-of-lists.ts';
import { type Owner, scan } from '../iptables/base/scan.ts';
import { bareWord } from '../iptables/base/words.ts';
import { verdicts } from '../iptables/target/verdict.ts';
import { HEADER_ORDER, headerOptions, readAddresses, readField, readInterface, SHORT } from './header.ts';
import { printMark, targetNamed } from './targets.ts';

interface Reading {
  header: Given[];
  target?: Owner & { extension: TargetExtension | undefined };
}

function read(args: readonly string[]): Reading {
  const reading: Reading = { header: [] };
  const own: Owner = { name: 'arptables', options: headerOptions, given: reading.header };
  scan(args, {
    short: SHORT,
    own,
    intrapositioned: true,
    loaded: () => (reading.target ? [reading.target] : []),
    implied: () => undefined,
    taken(owner, given) {
      if (owner !== own || given.name !== 'jump') return;
      const name = word(given);
      checkTargetName(name);
      const extension = targetNamed(name);
      reading.target = { name, extension, options: extension?.options ?? [], given: [] };
    },
    unknown: () => undefined,
    protocol: () => undefined,
  });
  return reading;
}

function readTarget(reading: Reading, context: Context): Action[] {
  const { target } = reading;
  if (!target || target.name === 'CONTINUE') return [];
  const verdict = verdicts[target.name];
  if (verdict) return [verdict];
  if (!target.extension) {
    const { chains } = context.place.objects ?? {};
    if (chains?.has(target.name) === false) throw new Refusal(`Chain '${target.name}' does not exist`);
    return [{ kind: 'jump', chain: target.name }];
  }
  const action = target.extension.parse(target.given, context);
  checkDemands(`${target.name} target`, target.extension, context);
  return [action];
}

function readTest(given: Given): Match | undefined {
  if (given.name === 'in-interface' || given.name === 'out-interface') {
    const test = readInterface(given);
    return test && { kind: given.name === 'in-interface' ? 'iif' : 'oif', ...test };
  }
  const text = readField(given);
  return text === undefined ? undefined : { kind: 'unmodelled', text };
}

function build(reading: Reading, place: RulePlace): Rule[] {
  const { header } = reading;
  checkDirections(header, place);
  const actions = readTarget(reading, { family: 'ip', place, matches: [] });
  const counters = readCounters(header);
  const given = (name: string) => header.find((g) => g.name === name);
  const strange = header.find((g) => g.name === 'p-length');
  if (strange) throw new Refusal('not supported');
  const addresses = (name: string, letter: 's' | 'd') => {
    const asked = given(name);
    return asked ? readAddresses(letter, asked) : [undefined];
  };
  const destinations = addresses('destination-ip', 'd');
  return rulesOfLists(addresses('source-ip', 's'), destinations, (source, destination): Rule => {
    const texts: Readonly<Record<string, string | undefined>> = { 'source-ip': source, 'destination-ip': destination };
    const tests = HEADER_ORDER.flatMap((name): Match[] => {
      const text = texts[name];
      if (text !== undefined) return [{ kind: 'unmodelled', text }];
      const asked = name in texts ? undefined : given(name);
      const test = asked && readTest(asked);
      return test ? [test] : [];
    });
    return { body: [...tests, ...actions], ...(counters && { counters }) };
  });
}

/** The words after `-A CHAIN`. Lists of addresses make several rules. */
export function parseArptablesRules(
  args: readonly string[],
  place: RulePlace = {},
): { rules: Rule[] } | { error: string } {
  try {
    return { rules: build(read(args), place) };
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    throw error;
  }
}

/** As `parseArptablesRules` for a rule that must be one. */
export function parseArptablesRule(args: readonly string[], place: RulePlace = {}): { rule: Rule } | { error: string } {
  const result = parseArptablesRules(args, place);
  if ('error' in result) return result;
  const [rule, ...others] = result.rules;
  return rule && others.length === 0 ? { rule } : { error: 'a list of addresses makes several rules' };
}

/** `-j NAME` and what follows it: arptables prints the one before the tests and the other behind. */
function printAction(action: Statement): { jump: string; options: string } {
  const text = (() => {
    switch (action.kind) {
      case 'accept':
      case 'drop':
      case 'return':
        return `-j ${action.kind.toUpperCase()}`;
      case 'jump':
        return `-j ${action.chain}`;
      case 'set-mark':
        return printMark(action);
      case 'note':
      case 'unmodelled-target':
        return action.text;
      default:
        throw new Error(`arptables has no ${action.kind}`);
    }
  })();
  const blank = text.indexOf(' ', '-j '.length);
  return blank < 0 ? { jump: text, options: '' } : { jump: text.slice(0, blank), options: text.slice(blank + 1) };
}

/** As `arptables-save` prints it, without `-A CHAIN`. Throws for a statement that arptables does not have. */
export function printArptablesRule(rule: Rule): string {
  const before: string[] = [];
  const tests: string[] = [];
  const after: string[] = [];
  for (const statement of rule.body) {
    if (statement.kind === 'iif' || statement.kind === 'oif') {
      tests.push(`${bang(statement.not)}-${statement.kind === 'iif' ? 'i' : 'o'} ${bareWord(statement.name)}`);
    } else if (statement.kind === 'unmodelled') {
      tests.push(statement.text);
    } else {
      const { jump, options } = printAction(statement);
      before.push(jump);
      if (options !== '') after.push(options);
    }
  }
  return [...before, ...tests, ...after].join(' ');
}
