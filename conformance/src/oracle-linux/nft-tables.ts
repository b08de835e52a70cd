/** Tables of nftables in a scenario: kept as text, as the machine and the kernel both read it. */
import type { Table } from '@podwire/engine';
import { type NftObject, nftTables, parseNftRuleset, printNftRuleset } from '@podwire/model';
import type { Scenario } from './scenario.ts';

const read = (lines: readonly string[]) => parseNftRuleset(`${lines.join('\n')}\n`);

/** Throws where our own reader does not take everything. */
export function readObjects(lines: readonly string[]): NftObject[] {
  const { objects, problems } = read(lines);
  const [problem] = problems;
  if (problem) throw new Error(`not read: ${problem.message}: ${lines[(problem.line ?? 0) - 1] ?? ''}`);
  return objects;
}

/** nft writes a set of one value as that value. */
const withoutSingle = (line: string) => line.replace(/(?<!map) \{ ([^,{} ]+) \}/g, ' $1');

/** As it is listed, without the rules that our reader refuses, as nft does. */
export function listed(text: string): string[] {
  let lines = text.trimEnd().split('\n');
  for (let tries = 0; tries < 20; tries++) {
    const { objects, problems } = read(lines);
    const printed = printNftRuleset(objects).trimEnd().split('\n').map(withoutSingle);
    if (problems.length === 0 && printed.join() === lines.join()) return lines;
    const refused = new Set(problems.map(({ line = 0 }) => line - 1));
    lines = refused.size > 0 ? lines.filter((_, at) => !refused.has(at)) : printed;
  }
  const again = printNftRuleset(read(lines).objects).split('\n');
  const at = lines.findIndex((line, i) => line !== again[i]);
  throw new Error(`a listing does not read back: ${lines[at]?.trim()} | ${again[at]?.trim()}`);
}

const tablesOf = (lines: readonly string[]): Table[] => nftTables(readObjects(lines));

/** The scenario with its tables of nftables behind those of iptables. */
export function withTables(scenario: Scenario): Scenario {
  const { nft, network } = scenario;
  if (!nft) return scenario;
  const netnses = network.netnses.map((netns) => {
    const lines = nft[netns.name];
    return lines ? { ...netns, netfilter: [...netns.netfilter, ...tablesOf(lines)] } : netns;
  });
  return { ...scenario, network: { netnses } };
}
