/** One rule of ebtables, from its words and back (iptables/nft-bridge.c, xtables-eb.c). */
import type { Action, Match, Rule, Statement } from '@podwire/engine';
import { checkTargetName } from '../iptables/base/chain-name.ts';
import { readCounters } from '../iptables/base/counters.ts';
import { checkDirections } from '../iptables/base/directions.ts';
import { bang, checkDemands, type Given, Refusal, type RulePlace, word } from '../iptables/base/extension.ts';
import { findOption, type Owner, scan } from '../iptables/base/scan.ts';
import { printOptions } from '../iptables/base/table.ts';
import { bareWord } from '../iptables/base/words.ts';
import { verdicts } from '../iptables/target/verdict.ts';
import type { EbtContext, EbtExtension } from './extension.ts';
import { frameMatches } from './frames.ts';
import { HEADER_ORDER, headerOptions, readField, readInterface, readProtocol, SHORT } from './header.ts';
import { ip, ip6 } from './ip.ts';
import { limit, otherMatches, watchers } from './other.ts';
import { targets } from './targets.ts';

/** Matches and watchers. */
export const extensions: readonly EbtExtension[] = [...frameMatches, ip, ip6, ...otherMatches, limit, ...watchers];

interface Loaded extends Owner {
  extension: EbtExtension;
}

interface Reading {
  header: Given[];
  /** Matches and watchers in the order in which their first options stand. */
  loaded: Loaded[];
  target?: Owner & { extension: EbtExtension | undefined };
}

const load = (extension: EbtExtension): Loaded => ({
  name: extension.name,
  extension,
  options: extension.rows,
  given: [],
});

/** The extension that has the option, whole names before shortened ones. */
function owning(name: string): EbtExtension | undefined {
  const exact = extensions.find(({ rows }) => rows.some((r) => r.name === name || r.aliases?.includes(name)));
  return exact ?? extensions.find((extension) => findOption(load(extension), name));
}

function read(args: readonly string[]): Reading {
  const reading: Reading = { header: [], loaded: [] };
  const own: Owner = { name: 'ebtables', options: headerOptions, given: reading.header };
  scan(args, {
    short: SHORT,
    own,
    intrapositioned: true,
    loaded: () => [...(reading.target ? [reading.target] : []), ...reading.loaded],
    implied(name) {
      const extension = owning(name);
      if (!extension || reading.loaded.some((l) => l.extension === extension)) return undefined;
      const loaded = load(extension);
      reading.loaded.push(loaded);
      return loaded;
    },
    taken(owner, given) {
      if (owner !== own || given.name !== 'jump') return;
      const name = word(given);
      checkTargetName(name);
      const extension = targets.find((target) => target.name === name);
      reading.target = { name, extension, options: extension?.rows ?? [], given: [] };
    },
    unknown: () => undefined,
    protocol: () => undefined,
  });
  return reading;
}

function printExtension(extension: EbtExtension, given: readonly Given[], context: EbtContext): string {
  extension.check?.(given, context);
  const { check, ...rest } = extension;
  checkDemands(`${extension.name} target`, extension, context);
  return printOptions(rest, given, context).join(' ');
}

function readTarget({ target }: Reading, context: EbtContext): Action[] {
  if (!target || target.name === 'CONTINUE') return [];
  const verdict = verdicts[target.name];
  if (verdict) return [verdict];
  if (!target.extension) {
    const { chains } = context.place.objects ?? {};
    if (chains?.has(target.name) === false) throw new Refusal(`Chain '${target.name}' does not exist`);
    return [{ kind: 'jump', chain: target.name }];
  }
  // The blank behind the name stands there even where nothing follows.
  const text = `-j ${target.name} ${printExtension(target.extension, target.given, context)}`;
  return [{ kind: 'unmodelled-target', text }];
}

function readTest(given: Given): Match | undefined {
  if (given.name === 'in-interface' || given.name === 'out-interface') {
    const test = readInterface(given);
    return test && { kind: given.name === 'in-interface' ? 'iif' : 'oif', ...test };
  }
  const text = readField(given);
  return text === undefined ? undefined : { kind: 'unmodelled', text };
}

function build(reading: Reading, place: RulePlace): Rule {
  const { header } = reading;
  checkDirections(header, place);
  const given = (name: string) => header.find((g) => g.name === name);
  const protocol = given('protocol');
  const context: EbtContext = {
    family: 'ip',
    place,
    matches: [],
    ...(protocol && { ether: readProtocol(protocol) }),
  };
  const tests = HEADER_ORDER.flatMap((name): Statement[] => {
    const asked = given(name);
    const test = asked && readTest(asked);
    return test ? [test] : [];
  });
  const others = reading.loaded.map(({ extension, given: options }): Statement => {
    const text = printExtension(extension, options, context);
    if (extension.watcher) return { kind: 'note', text };
    return { kind: extension === limit ? 'limit' : 'unmodelled', text };
  });
  const counters = readCounters(header);
  return { body: [...tests, ...others, ...readTarget(reading, context)], ...(counters && { counters }) };
}

/** The words after `-A CHAIN`. */
export function parseEbtablesRule(args: readonly string[], place: RulePlace = {}): { rule: Rule } | { error: string } {
  try {
    return { rule: build(read(args), place) };
  } catch (error) {
    if (error instanceof Refusal) return { error: error.message };
    throw error;
  }
}

function print(statement: Statement): string {
  switch (statement.kind) {
    case 'iif':
      return `${bang(statement.not)}-i ${bareWord(statement.name)}`;
    case 'oif':
      return `${bang(statement.not)}-o ${bareWord(statement.name)}`;
    case 'limit':
    case 'unmodelled':
    case 'note':
    case 'unmodelled-target':
      return statement.text;
    case 'accept':
    case 'drop':
    case 'return':
      return `-j ${statement.kind.toUpperCase()}`;
    case 'jump':
      return `-j ${statement.chain}`;
    default:
      throw new Error(`ebtables has no ${statement.kind}`);
  }
}

const TARGETS: readonly Statement['kind'][] = ['accept', 'drop', 'return', 'jump', 'unmodelled-target'];

/** As `ebtables-save` prints it, without `-A CHAIN`. Throws for a statement that ebtables does not have. */
export function printEbtablesRule(rule: Rule): string {
  const texts = rule.body.map(print).filter((text) => text !== '');
  return [...texts, ...(rule.body.some((s) => TARGETS.includes(s.kind)) ? [] : ['-j CONTINUE'])].join(' ');
}
