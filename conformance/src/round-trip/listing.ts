/** Listings of the tools beside what was loaded, as far as each is stated to be the same: neither dates nor handles nor figures. */

import { existsSync, readFileSync } from 'node:fs';

/** The first line that stands on one side only. */
function firstDifference(ours: readonly string[], theirs: readonly string[]): string | undefined {
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  if (at < 0 && ours.length === theirs.length) return undefined;
  const place = at < 0 ? ours.length : at;
  return `"${ours[place] ?? '(end)'}" is listed as "${theirs[place] ?? '(end)'}"`;
}

/** `-p ipencap`: names come from the machine's own file. */
function protocolNumbers(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!existsSync('/etc/protocols')) return found;
  for (const line of readFileSync('/etc/protocols', 'utf8').split('\n')) {
    const [, name, number] = /^(\S+)\s+(\d+)/.exec(line) ?? [];
    if (name !== undefined && number !== undefined) found.set(name, number);
  }
  return found;
}

const PROTOCOLS = protocolNumbers();

const withNumbers = (rule: string): string =>
  rule.replace(/ -p (\S+)/, (all, name: string) => (PROTOCOLS.has(name) ? ` -p ${PROTOCOLS.get(name)}` : all));

interface SaveTable {
  chains: string[];
  rules: Map<string, string[]>;
}

/** Tables of a save: chains in any order, rules by chain. A built-in chain that accepts is there whether it is said or not. */
function saveTables(text: string): Map<string, SaveTable> {
  const tables = new Map<string, SaveTable>();
  let open: SaveTable | undefined;
  for (const line of text.split('\n')) {
    const chain = /(?:^|\] )-A (\S+)/.exec(line)?.[1];
    if (line.startsWith('*')) {
      open = { chains: [], rules: new Map() };
      tables.set(line, open);
    } else if (/^:\S+ ACCEPT/.test(line)) continue;
    else if (line.startsWith(':')) open?.chains.push(line.replace(/ \[\d+:\d+\]$/, ''));
    else if (open && chain !== undefined) {
      const rules = open.rules.get(chain) ?? [];
      rules.push(withNumbers(line.replace(/^\[\d+:\d+\] /, '').trimEnd()));
      open.rules.set(chain, rules);
    }
  }
  return tables;
}

/** Tables that were loaded; others are the kernel's own. */
export function saveList(printed: string, listing: string): string | undefined {
  const [ours, theirs] = [saveTables(printed), saveTables(listing)];
  for (const [name, table] of ours) {
    const other = theirs.get(name);
    if (!other) return `${name} is not listed`;
    const chains = firstDifference(table.chains.toSorted(), other.chains.toSorted());
    if (chains !== undefined) return `${name}: ${chains}`;
    for (const [chain, rules] of table.rules) {
      const found = firstDifference(rules, other.rules.get(chain) ?? []);
      if (found !== undefined) return `${name} ${found}`;
    }
  }
  return undefined;
}

/** Counters, quotas used up, and times that run say nothing of rules. */
const withoutFigures = (text: string): string[] =>
  text
    .replaceAll(/ packets \d+ bytes \d+/g, '')
    .replaceAll(/ expires [\dwdhms]+/g, '')
    .replaceAll(/ used \d+ \w+/g, '')
    .split('\n')
    // The size that nft gives to sets which rules write to.
    .filter((line) => line.trim() !== '' && line !== '\t\tsize 65535');

/** Tables by name; what stands in one in the order in which nft lists it. `json`: 1.0.6 knows neither comments of tables, chains and sets there, nor that rules write to a set. */
export function nftList(printed: string, listing: string, json: boolean): string | undefined {
  const tables = (text: string) =>
    withoutFigures(text)
      .filter((line) => !json || !/^\t+(comment |flags dynamic(,timeout)?$)/.test(line))
      .join('\n')
      .split(/^(?=table )/m)
      .toSorted()
      .join('')
      .split('\n');
  return firstDifference(tables(printed), tables(listing));
}

/** Elements of a set in any order; what the kernel chose for its hash says nothing of the set. */
export function ipsetList(printed: string, listing: string): string | undefined {
  const lines = (text: string) =>
    text
      .split('\n')
      .map((line) =>
        line
          .replaceAll(/ (initval|bucketsize|hashsize|revision) \S+/g, '')
          .replaceAll(/ (timeout|packets|bytes) \d+/g, '')
          .trimEnd(),
      )
      .filter((line) => line !== '')
      .toSorted();
  return firstDifference(lines(printed), lines(listing));
}
