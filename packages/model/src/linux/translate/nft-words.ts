/**
 * Rules of iptables with the parts that the machine keeps as text in nftables' words: so that a rule and its translation can be compared as
 * sets of packets, where both must name what nobody can look into alike.
 */
import type { Rule, Statement, Table } from '@podwire/engine';
import type { IpFamily } from '../iptables/index.ts';
import { parseNftRuleset, printNftRuleset } from '../nft/index.ts';
import { nftTables } from '../nft-compile/index.ts';
import { Listing } from './listed.ts';
import { neededObjects } from './needs.ts';
import { type TranslateOptions, translateRule } from './rule.ts';
import { setNames } from './set-names.ts';

const OPAQUE: ReadonlySet<string> = new Set<Statement['kind']>([
  'limit',
  'unmodelled',
  'extension',
  'owner',
  'rpfilter',
  'unmodelled-target',
  'extension-target',
  'queue',
  'note',
  'statistic',
]);

/** Options of TCP are a text, too. */
const isOpaque = (statement: Statement): boolean =>
  OPAQUE.has(statement.kind) || (statement.kind === 'tcp' && statement.option !== undefined);

type Family = IpFamily | 'bridge' | 'arp';

/** What the machine makes of the translation of these statements. Throws `NotTranslated`. */
function compiled(body: Statement[], family: Family, options: TranslateOptions): Statement[] {
  const { needs = [], expr } = translateRule({ body }, family, options);
  const [table, chain] = ['t', 'c'];
  const listing = new Listing();
  listing.add(
    { table: { family, name: table } },
    ...neededObjects(needs, family, table),
    ...body.flatMap((s) => (s.kind === 'jump' ? [{ chain: { family, table, name: s.chain } }] : [])),
    { chain: { family, table, name: chain } },
  );
  listing.addRule({ family, table, chain, expr });
  const [made] = nftTables(parseNftRuleset(printNftRuleset(listing.objects)).objects);
  return made?.chains.at(-1)?.rules[0]?.body ?? [];
}

const isProtocol = (statement: Statement): boolean => statement.kind === 'protocol' && statement.not !== true;

/** The rule as it was, but for the parts that are texts. Throws `NotTranslated`. */
export function ruleInNftWords(rule: Rule, family: Family, options: TranslateOptions = {}): Rule {
  // Those of ebtables and arptables are texts all together, and say less than they test.
  if (family === 'bridge' || family === 'arp') return { body: compiled(rule.body, family, options) };
  if (!rule.body.some(isOpaque)) return rule;
  // Some extensions ask for fields of the protocol that -p says; asked for twice it says no more.
  const protocol = rule.body.filter(isProtocol);
  return {
    body: rule.body.flatMap((statement) => {
      if (!isOpaque(statement)) return [statement];
      if (statement.kind !== 'tcp') return compiled([...protocol, statement], family, options);
      const { option, ...tcp } = statement;
      return [tcp, ...(option ? compiled([{ kind: 'tcp', option }], family, options) : [])];
    }),
  };
}

/** Every rule of the table so. Throws `NotTranslated`. */
export function tableInNftWords(table: Table): Table {
  const { family } = table;
  if (family !== 'ip' && family !== 'ip6' && family !== 'bridge' && family !== 'arp') return table;
  const options = { setName: setNames() };
  const chains = table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.map((rule) => ruleInNftWords(rule, family, options)),
  }));
  return { ...table, chains };
}
