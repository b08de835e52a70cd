/** Rules of iptables and what iptables-translate makes of them: both, as nft lists them, must be the same rule. */
import {
  type IpFamily,
  type NftFamily,
  NftRefusal,
  type NftStatement,
  NotTranslated,
  parseArptablesRule,
  parseEbtablesRule,
  parseIptablesRule,
  printRuleBody,
  Ruleset,
  readRule,
  readScript,
  splitShellWords,
  translateRule,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';

interface TranslateCase {
  id: string;
  tool: string;
  iptables: string;
  nft: string[];
  untranslatable: boolean;
}

const FAMILIES: Readonly<Record<string, IpFamily | 'bridge' | 'arp'>> = {
  iptables: 'ip',
  ip6tables: 'ip6',
  ebtables: 'bridge',
  arptables: 'arp',
};
const COMMAND = /^(?:add|insert) rule (\S+) (\S+) (\S+) (.*)$/;

interface Asked {
  table: string;
  chain: string;
  words: string[];
}

function asked(text: string): Asked | undefined {
  const words = splitShellWords(text) ?? [];
  const take = (...names: string[]) => {
    const at = words.findIndex((word) => names.includes(word));
    return at < 0 ? undefined : words.splice(at, 2)[1];
  };
  const table = take('-t') ?? 'filter';
  const chain = take('-A', '-I');
  return chain === undefined ? undefined : { table, chain, words };
}

/** As nft lists it, in a chain of the same family. */
function listed(expr: readonly NftStatement[], comment: string | undefined, family: NftFamily): string {
  const ruleset = new Ruleset({ numericProtocol: true });
  for (const line of [`add table ${family} t`, `add chain ${family} t c`]) {
    for (const command of readScript(line).commands) ruleset.apply(command);
  }
  const { expr: list } = ruleset.rule({ family, table: 't', chain: 'c', expr: [...expr] });
  return printRuleBody(
    { expr: list, ...(comment !== undefined && { comment }) },
    { family, stateless: true, numericProtocol: true },
  );
}

function parse(family: IpFamily | 'bridge' | 'arp', { table, words }: Asked) {
  const place = { table, unasked: true };
  if (family === 'arp') return parseArptablesRule(words, place);
  return family === 'bridge' ? parseEbtablesRule(words, place) : parseIptablesRule(words, family, place);
}

function judge(row: TranslateCase): Outcome {
  const family = FAMILIES[row.tool];
  if (!family) return skip(`${row.tool}-translate`);
  const command = asked(row.iptables);
  const [line = ''] = row.nft;
  const m = COMMAND.exec(line);
  if (!command || !m || row.nft.length !== 1 || row.untranslatable) return skip('no single rule');
  const read = parse(family, command);
  if ('error' in read) return fail(`${row.iptables}: ${read.error}`);
  let own: string;
  try {
    const { expr, comment } = translateRule(read.rule, family);
    own = listed(expr, comment, family);
  } catch (error) {
    if (error instanceof NotTranslated || error instanceof NftRefusal) return skip(`not translated: ${error.message}`);
    throw error;
  }
  let expected: string;
  try {
    const { expr, comment } = readRule(m[4] ?? '');
    expected = listed(expr, comment, family);
  } catch (error) {
    if (error instanceof NftRefusal) return skip(`not text of nftables: ${m[4]}: ${error.message}`);
    throw error;
  }
  return own === expected ? pass : fail(`${row.iptables}: "${own}", expected "${expected}"`);
}

export const iptablesTranslate: Kind = {
  kind: 'iptables-translate',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<TranslateCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
