/** `iptables-save`, `iptables-restore` and `iptables -S` text to tables and back. */
import type { Chain, Rule, Table } from '@podwire/engine';
import type { Problem } from '../problem.ts';
import type { IpFamily } from './iptables/base/extension.ts';
import { parseIptablesRules, printIptablesRule, splitRestoreWords } from './iptables/index.ts';
import { targetExtension } from './iptables/registry.ts';
import { baseHook, builtinChains, builtinTables, iptablesFamily } from './iptables/tables.ts';

export interface ReadIptables {
  tables: Table[];
  /** One for every line that was not understood; nothing is dropped without one. */
  problems: Problem[];
}

export interface ReadOptions {
  /** Named in problems. */
  file?: string;
  /** The table of lines that stand before any `*table` line, as in `iptables -S`. Worked out from the policies where absent. */
  table?: string;
}

interface Reading {
  family: IpFamily;
  file: string | undefined;
  tables: Map<string, Table>;
  table: Table | undefined;
  problems: Problem[];
  line: number;
}

function complain(reading: Reading, code: string, message: string, mend?: string): void {
  reading.problems.push({
    severity: 'error',
    code,
    message,
    line: reading.line,
    ...(mend !== undefined && { mend }),
    ...(reading.file !== undefined && { file: reading.file }),
  });
}

function findChain(table: Table, name: string): Chain | undefined {
  return table.chains.find((chain) => chain.name === name);
}

/** The chain a rule goes to. A built-in chain need not be declared. */
function chainFor(reading: Reading, table: Table, name: string): Chain | undefined {
  const found = findChain(table, name);
  if (found) return found;
  const hook = baseHook(table.name, name);
  if (!hook) {
    complain(
      reading,
      'iptables-unknown-chain',
      `table ${table.name} has no chain ${name}`,
      `Declare it: ":${name} - [0:0]".`,
    );
    return undefined;
  }
  const chain: Chain = { name, hook, rules: [] };
  table.chains.push(chain);
  return chain;
}

function declareChain(reading: Reading, table: Table, name: string, policy: string | undefined): void {
  const hook = baseHook(table.name, name, policy === 'DROP' ? 'drop' : 'accept');
  if (policy !== undefined && policy !== '-' && !hook) {
    complain(reading, 'iptables-policy', `${name} is no built-in chain of table ${table.name} and has no policy`);
  } else if (policy !== undefined && !['-', 'ACCEPT', 'DROP'].includes(policy)) {
    complain(reading, 'iptables-policy', `bad policy name "${policy}" for chain ${name}`);
    return;
  }
  const found = findChain(table, name);
  // Declaring a chain again empties it, as restoring does.
  const chain: Chain = { name, ...(hook && { hook }), rules: [] };
  if (found) table.chains[table.chains.indexOf(found)] = chain;
  else table.chains.push(chain);
}

/** `[packets:bytes]` in front of a rule. */
function takeCounters(words: string[]): Rule['counters'] {
  const m = /^\[(\d+):(\d+)\]$/.exec(words[0] ?? '');
  if (!m) return undefined;
  words.shift();
  return { packets: Number(m[1]), bytes: Number(m[2]) };
}

function readRules(reading: Reading, words: string[], counters: Rule['counters']): Rule[] | undefined {
  const result = parseIptablesRules(words, reading.family);
  if ('error' in result) {
    complain(reading, 'iptables-rule', `rule not understood: ${result.error}`);
    return undefined;
  }
  return counters ? result.rules.map((rule) => ({ ...rule, counters })) : result.rules;
}

/** `-I` and `-R` number rules from 1. */
function takeNumber(words: string[]): number | undefined {
  if (!/^\d+$/.test(words[0] ?? '')) return undefined;
  return Number(words.shift());
}

function removeRule(reading: Reading, chain: Chain, words: string[]): void {
  const number = words.length === 1 ? takeNumber(words) : undefined;
  let at = number === undefined ? -1 : number - 1;
  if (number === undefined) {
    const rules = readRules(reading, words, undefined);
    if (!rules) return;
    const texts = rules.map((rule) => printIptablesRule(rule, reading.family));
    at = chain.rules.findIndex((rule) => texts.includes(printIptablesRule(rule, reading.family)));
  }
  if (at < 0 || at >= chain.rules.length) {
    complain(reading, 'iptables-rule', `no such rule in chain ${chain.name}`);
    return;
  }
  chain.rules.splice(at, 1);
}

function removeChain(reading: Reading, table: Table, name: string | undefined): void {
  const user = (chain: Chain) => chain.hook === undefined;
  if (name !== undefined && !table.chains.some((chain) => chain.name === name && user(chain))) {
    complain(reading, 'iptables-unknown-chain', `table ${table.name} has no chain ${name} to delete`);
  }
  table.chains = table.chains.filter((chain) => !user(chain) || (name !== undefined && chain.name !== name));
}

/** One command line inside a table, its leading counters taken off. */
function command(reading: Reading, table: Table, words: string[], counters: Rule['counters']): void {
  const verb = words.shift() ?? '';
  const name = words.shift();
  switch (verb) {
    case '-P':
    case '--policy':
      if (name === undefined) break;
      {
        const rules = findChain(table, name)?.rules ?? [];
        declareChain(reading, table, name, words[0]);
        findChain(table, name)?.rules.push(...rules);
      }
      return;
    case '-N':
    case '--new-chain':
      if (name === undefined) break;
      if (findChain(table, name)) complain(reading, 'iptables-chain', `chain ${name} exists already`);
      else declareChain(reading, table, name, undefined);
      return;
    case '-X':
    case '--delete-chain':
      removeChain(reading, table, name);
      return;
    case '-F':
    case '--flush': {
      const chains = name === undefined ? table.chains : [chainFor(reading, table, name)];
      for (const chain of chains) if (chain) chain.rules = [];
      return;
    }
    case '-A':
    case '--append':
    case '-I':
    case '--insert':
    case '-D':
    case '--delete': {
      const chain = name === undefined ? undefined : chainFor(reading, table, name);
      if (!chain) return;
      if (verb === '-D' || verb === '--delete') {
        removeRule(reading, chain, words);
        return;
      }
      const number = verb === '-I' || verb === '--insert' ? (takeNumber(words) ?? 1) : chain.rules.length + 1;
      if (number < 1 || number > chain.rules.length + 1) {
        complain(reading, 'iptables-rule', `index of insertion too big: ${number}`);
        return;
      }
      chain.rules.splice(number - 1, 0, ...(readRules(reading, words, counters) ?? []));
      return;
    }
    default:
  }
  complain(
    reading,
    'iptables-line',
    `line not understood: ${[verb, ...(name === undefined ? [] : [name]), ...words].join(' ')}`,
  );
}

/** `-S` names no table; its policies tell which one it lists. */
function guessTable(text: string): string {
  const chains = new Set([...text.matchAll(/^-P (\S+)/gm)].map((m) => m[1] ?? ''));
  const fits = (table: string) => {
    const builtin = builtinChains(table);
    return builtin.length === chains.size && builtin.every((chain) => chains.has(chain));
  };
  return ['filter', ...builtinTables()].find(fits) ?? 'filter';
}

function openTable(reading: Reading, name: string): void {
  if (builtinChains(name).length === 0) {
    complain(
      reading,
      'iptables-table',
      `table ${name} is none of ${builtinTables().join(', ')}: its chains hang nowhere`,
    );
  }
  // A table that stands twice is restored twice: the second replaces the first.
  reading.table = { family: reading.family, name, chains: [] };
  reading.tables.set(name, reading.table);
}

/**
 * Targets that are no chain of their table belong to extensions nobody here knows: what they do is not modelled.
 */
function settleTargets(table: Table): void {
  const names = new Set(table.chains.map((chain) => chain.name));
  for (const chain of table.chains) {
    for (const rule of chain.rules) {
      const at = rule.body.findIndex((s) => s.kind === 'jump' && !names.has(s.chain));
      const jump = rule.body[at];
      if (jump?.kind === 'jump' && !targetExtension(jump.chain, iptablesFamily(table))) {
        rule.body[at] = { kind: 'unmodelled-target', text: `-j ${jump.chain}` };
      }
    }
  }
}

/** Family of a dump by its own header line; undefined where it has none. */
export function sniffFamily(text: string): IpFamily | undefined {
  const m = /^# Generated by (ip6?)tables-save/m.exec(text);
  return m ? (m[1] === 'ip6' ? 'ip6' : 'ip') : undefined;
}

export function parseIptablesSave(text: string, family: IpFamily, options: ReadOptions = {}): ReadIptables {
  const reading: Reading = { family, file: options.file, tables: new Map(), table: undefined, problems: [], line: 0 };
  for (const raw of text.split('\n')) {
    reading.line++;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line === 'COMMIT') {
      reading.table = undefined;
      continue;
    }
    if (line.startsWith('*')) {
      openTable(reading, line.slice(1).trim());
      continue;
    }
    const words = splitRestoreWords(line);
    if (!words) {
      complain(reading, 'iptables-line', 'a quotation mark is not closed');
      continue;
    }
    if (reading.table === undefined) {
      if (!/^(\[\d+:\d+\] )?-[A-Z]/.test(line)) {
        complain(reading, 'iptables-line', `line not understood: ${line}`);
        continue;
      }
      const name = options.table ?? guessTable(text);
      reading.table = reading.tables.get(name) ?? { family, name, chains: [] };
      reading.tables.set(name, reading.table);
    }
    const table = reading.table;
    if (line.startsWith(':')) {
      const m = /^:\s*(\S+)\s+(\S+)/.exec(line);
      if (m?.[1] === undefined) complain(reading, 'iptables-line', `line not understood: ${line}`);
      else declareChain(reading, table, m[1], m[2]);
      continue;
    }
    const counters = takeCounters(words);
    command(reading, table, words, counters);
  }
  const tables = [...reading.tables.values()];
  for (const table of tables) settleTargets(table);
  return { tables, problems: reading.problems };
}

/** What a table holds with its base: own chains hide those of the same name. Built-in chains first, the others as they stand. */
export function mergedChains(table: Table): Chain[] {
  const chains = new Map<string, Chain>();
  for (let layer: Table | undefined = table; layer; layer = layer.base) {
    for (const chain of layer.chains) if (!chains.has(chain.name)) chains.set(chain.name, chain);
  }
  const all = [...chains.values()];
  const order = builtinChains(table.name);
  const builtin = order.map((name) => chains.get(name)).filter((chain) => chain !== undefined);
  return [...builtin, ...all.filter((chain) => !order.includes(chain.name))];
}

export interface PrintOptions {
  /** Rule counters, as `iptables-save -c`. */
  counters?: boolean;
}

function printTable(table: Table, { counters }: PrintOptions): string {
  const chains = mergedChains(table);
  const lines = [`*${table.name}`];
  for (const chain of chains) {
    const policy = chain.hook ? chain.hook.policy.toUpperCase() : '-';
    lines.push(`:${chain.name} ${policy} [0:0]`);
  }
  for (const chain of chains) {
    for (const rule of chain.rules) {
      const { packets = 0, bytes = 0 } = rule.counters ?? {};
      const text = printIptablesRule(rule, iptablesFamily(table));
      lines.push(`${counters ? `[${packets}:${bytes}] ` : ''}-A ${chain.name}${text === '' ? '' : ` ${text}`}`);
    }
  }
  return `${lines.join('\n')}\nCOMMIT\n`;
}

/** All tables of one family, as iptables-save prints them but for its comment lines with the date. Loads into iptables-restore. */
export function printIptablesSave(tables: readonly Table[], family: IpFamily, options: PrintOptions = {}): string {
  return tables
    .filter((table) => table.family === family && table.syntax !== 'nft')
    .map((table) => printTable(table, options))
    .join('');
}
