/** The commands of iptables and its siblings on one table: add, insert, replace, delete, rename, flush, set a policy. */
import type { Rule } from '@podwire/engine';
import { wrongChainName } from '../iptables/base/chain-name.ts';
import { type Fault, lineNotUnderstood, type OpenChain, type OpenTable } from './reading.ts';

type Counters = Rule['counters'];

/** iptables/xshared.h: MAX_ARGC, the program's name and the end included. */
const WORDS_MAX = 253;

const POLICIES = ['ACCEPT', 'DROP'];

const LONG: Readonly<Record<string, string>> = {
  '--append': '-A',
  '--insert': '-I',
  '--replace': '-R',
  '--delete': '-D',
  '--check': '-C',
  '--policy': '-P',
  '--new-chain': '-N',
  '--new': '-N',
  '--delete-chain': '-X',
  '--rename-chain': '-E',
  '--flush': '-F',
  '--zero': '-Z',
  '--list': '-L',
  '--list-rules': '-S',
};
const VERBS = new Set(Object.values(LONG));

/** The short form of a command, also of one among other letters: `-nvL`. */
export function verbOf(word: string): string | undefined {
  if (word.startsWith('--')) return LONG[word];
  if (VERBS.has(word)) return word;
  return /^-[nvxw46]+[LS]$/.test(word) ? `-${word.slice(-1)}` : undefined;
}

/** A built-in chain need not be declared. */
function chainFor(table: OpenTable, name: string): OpenChain | Fault {
  const found = table.chains.get(name);
  if (found) return found;
  if (!table.tool.chains(table.name).includes(name)) {
    const { chainCounters, ownPolicies } = table.tool;
    const declared = `:${name} ${ownPolicies?.[0] ?? '-'}${chainCounters ? ' [0:0]' : ''}`;
    return {
      code: 'unknown-chain',
      message: `table ${table.name} has no chain ${name}`,
      mend: `Declare it: "${declared}".`,
    };
  }
  const chain: OpenChain = { name, policy: 'ACCEPT', rules: [] };
  table.chains.set(name, chain);
  return chain;
}

function isFault(result: object): result is Fault {
  return 'message' in result;
}

/** A policy that the chain may have; undefined where it is not said, and for a chain that has none. */
function checkPolicy({ tool, name: table }: OpenTable, name: string, policy: string): Fault | undefined {
  const builtin = tool.chains(table).includes(name);
  const policies = builtin ? POLICIES : tool.ownPolicies;
  if (policy === '-' || policies?.includes(policy)) return undefined;
  return {
    code: 'policy',
    message:
      policies === undefined && POLICIES.includes(policy)
        ? `${name} is no built-in chain of table ${table} and has no policy`
        : `bad policy name "${policy}" for chain ${name}`,
  };
}

/** `:NAME POLICY [PACKETS:BYTES]`. Declaring a chain again empties it, as restoring does. */
export function declareChain(
  table: OpenTable,
  name: string,
  policy: string | undefined,
  counters: Counters,
): Fault | undefined {
  const wrong = wrongChainName(name, table.tool.hasTarget);
  if (wrong !== undefined) return { code: 'chain', message: wrong };
  const fault = policy === undefined ? undefined : checkPolicy(table, name, policy);
  const builtin = table.tool.chains(table.name).includes(name);
  const usual = builtin ? 'ACCEPT' : table.tool.ownPolicies?.[0];
  const kept = policy === undefined || policy === '-' || fault ? usual : policy;
  table.chains.set(name, {
    name,
    ...(kept !== undefined && { policy: kept }),
    ...(counters && { counters }),
    rules: [],
  });
  return fault;
}

/** `-c PACKETS BYTES` behind a policy. */
function countersBehind(words: readonly string[]): Counters {
  const [option, packets = '', bytes = ''] = words;
  if ((option !== '-c' && option !== '--set-counters') || !/^\d+$/.test(packets) || !/^\d+$/.test(bytes))
    return undefined;
  return { packets: Number(packets), bytes: Number(bytes) };
}

function setPolicy(table: OpenTable, name: string, [policy = '', ...rest]: readonly string[]): Fault | undefined {
  const fault = checkPolicy(table, name, policy);
  if (fault) return fault;
  const chain = chainFor(table, name);
  if (isFault(chain)) return chain;
  chain.policy = policy;
  const counters = countersBehind(rest);
  if (counters) chain.counters = counters;
  table.listed.add(name);
  return undefined;
}

function newChain(table: OpenTable, name: string, [option, policy]: readonly string[]): Fault | undefined {
  if (table.chains.has(name) || table.tool.chains(table.name).includes(name)) {
    return { code: 'chain', message: `chain ${name} exists already` };
  }
  return declareChain(table, name, option === '-P' || option === '--policy' ? policy : undefined, undefined);
}

function deleteChains(table: OpenTable, name: string | undefined): Fault | undefined {
  const builtin = table.tool.chains(table.name);
  if (name !== undefined && (!table.chains.has(name) || builtin.includes(name))) {
    return { code: 'unknown-chain', message: `table ${table.name} has no chain ${name} to delete` };
  }
  const names = name === undefined ? [...table.chains.keys()].filter((one) => !builtin.includes(one)) : [name];
  const full = names.find((one) => (table.chains.get(one)?.rules.length ?? 0) > 0);
  if (full !== undefined) return { code: 'chain', message: `chain ${full} is not empty` };
  for (const one of names) table.chains.delete(one);
  return undefined;
}

function renameChain(table: OpenTable, name: string, to: string | undefined): Fault | undefined {
  const chain = table.chains.get(name);
  const builtin = table.tool.chains(table.name);
  if (!chain || to === undefined || builtin.includes(name)) {
    return { code: 'unknown-chain', message: `table ${table.name} has no chain ${name} to rename` };
  }
  if (table.chains.has(to) || builtin.includes(to)) return { code: 'chain', message: `chain ${to} exists already` };
  const wrong = wrongChainName(to, table.tool.hasTarget);
  if (wrong !== undefined) return { code: 'chain', message: wrong };
  chain.name = to;
  const chains = [...table.chains.values()];
  table.chains.clear();
  for (const one of chains) {
    table.chains.set(one.name, one);
    for (const { body } of one.rules) {
      for (const s of body) if ((s.kind === 'jump' || s.kind === 'goto') && s.chain === name) s.chain = to;
    }
  }
  return undefined;
}

/** The chain, or all; nothing is done for a chain that does not exist. */
function eachChain(table: OpenTable, name: string | undefined, change: (chain: OpenChain) => void): Fault | undefined {
  const chain = name === undefined ? undefined : chainFor(table, name);
  if (chain && isFault(chain)) return chain;
  for (const one of chain ? [chain] : table.chains.values()) change(one);
  return undefined;
}

function zero(chain: OpenChain): void {
  delete chain.counters;
  for (const rule of chain.rules) delete rule.counters;
}

function readRules(
  table: OpenTable,
  chain: string,
  words: readonly string[],
  counters: Counters,
): { rules: Rule[] } | Fault {
  const { name, tool, backend } = table;
  const result = tool.parse(words, { table: name, chain, ...(backend && { backend }) });
  if ('error' in result) return { code: 'rule', message: `rule not understood: ${result.error}` };
  const rules = counters ? result.rules.map((rule) => ({ ...rule, counters })) : result.rules;
  table.place(rules);
  return { rules };
}

/** `-I`, `-R` and `-D` number rules from 1. */
function takeNumber(words: string[]): number | undefined {
  return /^\d+$/.test(words[0] ?? '') ? Number(words.shift()) : undefined;
}

/** Where the first of these rules stands in the chain; below 0 where none does. */
function findRule({ tool }: OpenTable, { rules }: OpenChain, wanted: readonly Rule[]): number {
  const texts = wanted.map(tool.print);
  return rules.findIndex((rule) => texts.includes(tool.print(rule)));
}

function ruleCommand(table: OpenTable, verb: string, chain: OpenChain, words: string[], counters: Counters) {
  const number = verb === '-A' || verb === '-C' ? undefined : takeNumber(words);
  const { rules } = chain;
  const at = number === undefined ? undefined : number - 1;
  const none: Fault = { code: 'rule', message: `no such rule in chain ${chain.name}` };
  if (verb === '-D' && at !== undefined && words.length === 0) {
    return rules.splice(at, at < 0 ? 0 : 1).length === 0 ? none : undefined;
  }
  const read = readRules(table, chain.name, words, counters);
  if (isFault(read)) return read;
  switch (verb) {
    case '-A':
      rules.push(...read.rules);
      return undefined;
    case '-I':
      if (at !== undefined && (at < 0 || at > rules.length)) {
        return { code: 'rule', message: `index of insertion too big: ${number}` } satisfies Fault;
      }
      rules.splice(at ?? 0, 0, ...read.rules);
      return undefined;
    case '-R':
      if (at === undefined || at < 0 || at >= rules.length) return none;
      rules.splice(at, 1, ...read.rules);
      return undefined;
    default: {
      const found = findRule(table, chain, read.rules);
      if (found < 0) return none;
      if (verb === '-D') rules.splice(found, 1);
      return undefined;
    }
  }
}

/** Carries out one command; `words` are what is left of it without `-t TABLE`, `counters` stood in front. */
export function command(table: OpenTable, words: readonly string[], counters: Counters): Fault | undefined {
  if (words.length > WORDS_MAX) return { code: 'line', message: 'Parser cannot handle more arguments' };
  // The command may stand behind other options.
  const at = words.findIndex((word) => verbOf(word) !== undefined);
  const verb = at < 0 ? undefined : verbOf(words[at] ?? '');
  const optional = verb === '-F' || verb === '-Z' || verb === '-X' || verb === '-L' || verb === '-S';
  const next = words[at + 1];
  const name = next === undefined || (optional && next.startsWith('-')) ? undefined : next;
  const rest = [...words.slice(0, Math.max(at, 0)), ...words.slice(at + (name === undefined ? 1 : 2))];
  if (verb === undefined || (name === undefined && !optional)) return lineNotUnderstood(words.join(' '));
  switch (verb) {
    case '-L':
    case '-S':
      return undefined;
    case '-F':
      return eachChain(table, name, (chain) => {
        chain.rules = [];
      });
    case '-Z':
      return eachChain(table, name, zero);
    case '-X':
      return deleteChains(table, name);
    case '-P':
      return setPolicy(table, name ?? '', rest);
    case '-N':
      return newChain(table, name ?? '', rest);
    case '-E':
      return renameChain(table, name ?? '', rest[0]);
    default: {
      const chain = chainFor(table, name ?? '');
      return isFault(chain) ? chain : ruleCommand(table, verb, chain, rest, counters);
    }
  }
}
