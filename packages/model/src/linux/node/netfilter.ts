/** Tables of several dumps of one namespace: one of each family and name, and both implementations' where both hold rules. */
import type { Table } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { frameTable } from '../frame-rules/index.ts';
import { nftTables } from '../nft-compile/index.ts';
import type { CollectedNetns, NftRead, ReadFile } from './collected.ts';

function hasRules(table: Table): boolean {
  return table.chains.some((chain) => chain.rules.length > 0 || chain.hook?.policy === 'drop');
}

export interface JoinedFilters {
  tables: Table[];
  /** Tables that both implementations have rules in: `ip filter`. */
  mixed: string[];
  problems: Problem[];
}

export function unreadableRuleset(error: unknown, { file, line }: ReadFile): Problem {
  const why = error instanceof Error ? error.message : String(error);
  return {
    severity: 'error',
    code: 'nft-unreadable',
    message: `the nftables ruleset cannot be read, and none of it is taken: ${why}`,
    file,
    line,
  };
}

/** nft lists the tables of iptables-nft among its own: those that iptables-save gave are not taken twice. */
function ownTables({ objects, from }: NftRead, given: ReadonlySet<string>, problems: Problem[]): Table[] {
  const own = objects.filter((object) => {
    const body = Object.values(object)[0] as { family?: string; table?: string; name?: string };
    const table = 'table' in object ? body.name : body.table;
    return !given.has(`${body.family} ${table}`);
  });
  try {
    return nftTables(own);
  } catch (error) {
    problems.push(unreadableRuleset(error, from));
    return [];
  }
}

export function joinFilters({ netfilter, warnsOfLegacy, nft }: CollectedNetns): JoinedFilters {
  const problems: Problem[] = [];
  const mixed: string[] = [];
  const chosen = new Map<string, (typeof netfilter)[number]>();
  for (const dump of netfilter) {
    const key = `${dump.table.family} ${dump.table.name}`;
    const flavours = [`${key} legacy`, `${key} nft`, `${key} unknown`];
    const own = `${key} ${dump.flavour}`;
    // A dump that does not say which it is, is one that is there already, if any is.
    const before =
      dump.flavour === 'unknown' ? flavours.find((name) => chosen.has(name)) : chosen.has(own) ? own : undefined;
    if (before === undefined) chosen.set(own, dump);
    else if (!hasRules((chosen.get(before) as typeof dump).table) && hasRules(dump.table)) chosen.set(before, dump);
  }
  // Tables without rules decide nothing, whoever has them; where one implementation has rules, the other's empty one is left out.
  const tables: Table[] = [];
  const byName = new Map<string, (typeof netfilter)[number][]>();
  for (const dump of chosen.values()) {
    const key = `${dump.table.family} ${dump.table.name}`;
    byName.set(key, [...(byName.get(key) ?? []), dump]);
  }
  for (const [key, dumps] of byName) {
    const full = dumps.filter(({ table }) => hasRules(table));
    const taken = full.length > 0 ? full : dumps.slice(0, 1);
    tables.push(...taken.map(({ table, flavour }) => frameTable(table, flavour === 'legacy')));
    if (full.length > 1) {
      mixed.push(key);
      problems.push({
        severity: 'warning',
        code: 'mixed-iptables',
        message: `table ${key} has rules in iptables-legacy and in iptables-nft: both are run, in the order legacy, nft, which the dump does not say`,
      });
    }
  }
  if (warnsOfLegacy && !netfilter.some(({ flavour }) => flavour === 'legacy')) {
    problems.push({
      severity: 'warning',
      code: 'legacy-missing',
      message: 'the nft dump says that iptables-legacy tables exist, too, and they are not in the dump',
      mend: 'Add the output of iptables-legacy-save.',
    });
  }
  const rank = ({ name }: Table) => ['raw', 'mangle', 'nat', 'filter', 'security'].indexOf(name);
  const listed = [...chosen.values()].filter(({ flavour }) => flavour !== 'legacy');
  const given = new Set(listed.map(({ table }) => `${table.family} ${table.name}`));
  // The fullest, where one ruleset was listed several times.
  const [ruleset] = nft.toSorted((a, b) => b.objects.length - a.objects.length);
  return {
    tables: [...tables.sort((a, b) => rank(a) - rank(b)), ...(ruleset ? ownTables(ruleset, given, problems) : [])],
    mixed,
    problems,
  };
}
