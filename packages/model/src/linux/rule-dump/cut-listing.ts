/** Listings that were cut out of longer ones: rules stand without their table, or without the chains that were declared before. */
import { splitRestoreWords } from '../iptables/base/words.ts';
import { declareChain } from './commands.ts';
import { complain, type OpenTable, type Reading } from './reading.ts';
import type { DumpTool } from './tool.ts';

/** Rules looked at to find their table, and words of one. */
const SAMPLE = 100;
const WORDS_MAX = 100;
/** Tables that people show most. */
const USUAL = ['filter', 'nat'];

const LISTED = /^\s*(?:\[\d+:\d+\]\s*)?-A (\S+) (.*)$/;
/** What may stand between rules of one listing. */
const BETWEEN = /^\s*(?:#.*|:\S+ .*|-N \S+\s*)?$/;

/** The rules of one listing, from a line on: chain and what stands behind it. */
function rulesFrom(lines: readonly string[], from: number): { chain: string; words: string[] }[] {
  const found: { chain: string; words: string[] }[] = [];
  for (let at = from; at < lines.length && found.length < SAMPLE; at++) {
    const line = lines[at] ?? '';
    const [, chain, rest] = LISTED.exec(line) ?? [];
    const words = chain === undefined ? undefined : splitRestoreWords(rest ?? '');
    if (chain !== undefined) found.push({ chain, words: words?.slice(0, WORDS_MAX) ?? [] });
    else if (!BETWEEN.test(line)) break;
  }
  return found;
}

/** The first of the tables in which the most of the rules can stand: built-in chains and targets that others lack tell. */
export function tableOfRules(tool: DumpTool, lines: readonly string[], from: number): string | undefined {
  const rules = rulesFrom(lines, from);
  const builtin = new Set(tool.tables.flatMap((table) => tool.chains(table)));
  let best: { table: string; fit: number } | undefined;
  for (const table of [...new Set([...USUAL.filter((name) => tool.tables.includes(name)), ...tool.tables])]) {
    const chains = tool.chains(table);
    const fits = rules.filter(
      ({ chain, words }) =>
        (chains.includes(chain) || !builtin.has(chain)) && !('error' in tool.parse(words, { table, chain })),
    );
    if (fits.length > (best?.fit ?? 0)) best = { table, fit: fits.length };
    if (fits.length === rules.length) break;
  }
  return best?.table;
}

/** A listing declares its chains first; one that is listed and was not declared shows that the begin is missing. */
export function openCutChain(reading: Reading, table: OpenTable, name: string): void {
  if (table.chains.has(name) || table.tool.chains(table.name).includes(name)) return;
  // A name that no chain can have is refused with the rule.
  if (declareChain(table, name, undefined, undefined)) return;
  if (!table.isCut) {
    complain(reading, {
      severity: 'warning',
      code: 'cut',
      message: `chain ${name} was not declared: the listing of table ${table.name} is cut, what else it had is not known`,
    });
  }
  table.isCut = true;
}
