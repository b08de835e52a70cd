/**
 * Rules of iptables and what iptables-translate makes of them. Our translation and the suite's must each decide every packet as the rule does
 * (the algebra of packet sets says so, or gives a packet that shows it), and do the same besides (logging and the like).
 */
import type { Rule, Table } from '@podwire/engine';
import {
  type Difference,
  decideChain,
  differenceOf,
  type IpFamily,
  Listing,
  NotTranslated,
  neededObjects,
  nftTables,
  PacketSet,
  PacketSpace,
  parseArptablesRule,
  parseEbtablesRule,
  parseIptablesRule,
  parseNftRuleset,
  printNftRuleset,
  ruleInNftWords,
  type Subject,
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
  /** What nft 1.0.6 said of `nft`. */
  seen: { nft_1_0_6_loads?: boolean };
}

type Family = IpFamily | 'bridge' | 'arp';

const FAMILIES: Readonly<Record<string, Family>> = {
  iptables: 'ip',
  ip6tables: 'ip6',
  ebtables: 'bridge',
  arptables: 'arp',
};

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

function parse(family: Family, { table, words }: Asked) {
  const place = { table, unasked: true };
  if (family === 'arp') return parseArptablesRule(words, place);
  return family === 'bridge' ? parseEbtablesRule(words, place) : parseIptablesRule(words, family, place);
}

/** Chains that rules go on to are there, and empty. */
function targetsOf({ body }: Rule): string[] {
  return body.flatMap((s) => (s.kind === 'jump' || s.kind === 'goto' ? [s.chain] : []));
}

interface Side {
  table: Table;
  /** The rule as nft lists it. */
  listing: string;
}

/** The one rule of a ruleset of nftables; undefined where it cannot be read. */
function sideOf(text: string, chain: string): Side | string {
  const { objects, problems } = parseNftRuleset(text);
  const [problem] = problems;
  if (problem) return problem.message;
  const [table] = nftTables(objects);
  const made = table?.chains.find(({ name }) => name === chain);
  if (!table || made?.rules.length !== 1) return 'not one rule';
  const rules = objects.filter((object) => 'rule' in object || 'set' in object);
  return { table, listing: printNftRuleset(rules, { stateless: true, numericProtocol: true }) };
}

function ownText(rule: Rule, family: Family, { table, chain }: Asked): string {
  const { expr, comment, needs = [] } = translateRule(rule, family);
  const listing = new Listing();
  listing.add({ table: { family, name: table } }, ...neededObjects(needs, family, table));
  for (const name of [...targetsOf(rule), chain]) listing.add({ chain: { family, table, name } });
  listing.addRule({ family, table, chain, expr, ...(comment !== undefined && { comment }) });
  return printNftRuleset(listing.objects);
}

function expectedText(row: TranslateCase, rule: Rule, family: Family, { table, chain }: Asked): string {
  const chains = [...targetsOf(rule), chain].map((name) => `add chain ${family} ${table} ${name}`);
  return [`add table ${family} ${table}`, ...chains, ...row.nft].join('\n');
}

/** What they write shows for whom a rule holds; a rule of nftables that reads such a mark ends where there is no connection (nft_ct.c). */
const MARKS: ReadonlySet<string> = new Set(['set-connmark', 'save-mark', 'restore-mark']);
const marksConnections = (rule: Rule): boolean => rule.body.some(({ kind }) => MARKS.has(kind));

/** What a rule without a target tests would decide nothing: each packet that comes to its end is accepted. */
function accepting(table: Table, chain: string): Table {
  const chains = table.chains.map((one) =>
    one.name === chain
      ? { ...one, rules: one.rules.map((rule) => ({ ...rule, body: [...rule.body, { kind: 'accept' as const }] })) }
      : one,
  );
  return { ...table, chains };
}

function difference(one: Table, other: Table, chain: string, ends: boolean): Difference | undefined {
  const space = new PacketSpace();
  const devices = PacketSet.onDevices(space);
  // Where nothing asks for fragments they are put together before (nf_defrag_ipv4.c): a later one has no ports, and no test of all ports fails.
  const asks = one.chains.some(({ rules }) => rules.some(({ body }) => body.some(({ kind }) => kind === 'fragment')));
  const among = asks ? devices : devices.intersection(PacketSet.unfragmented(space));
  const [left, right] = [one, other].map((table) => decideChain(space, ends ? accepting(table, chain) : table, chain));
  return left && right && differenceOf(left, right, among);
}

const shown = (packet: Subject): string =>
  JSON.stringify(packet, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

function differs(one: Table, other: Table, chain: string, what: string, rule: Rule): string | undefined {
  const found = difference(one, other, chain, !marksConnections(rule));
  if (!found) return undefined;
  const [left, right] = found.outcomes.map(({ verdict, text }) => `${verdict} ${text}`.trim());
  return `${what}: ${left}, not ${right}, for ${shown(found.packet)}`;
}

/** What the machine takes note of and no packet's fate hangs on. */
function notesOf({ chains }: Table, chain: string): string {
  const rules = chains.find(({ name }) => name === chain)?.rules ?? [];
  return JSON.stringify(rules.flatMap(({ body }) => body.flatMap((s) => (s.kind === 'note' ? [s.text] : []))));
}

function judge(row: TranslateCase): Outcome {
  const family = FAMILIES[row.tool];
  const command = asked(row.iptables);
  if (!family || !command) return skip(`${row.tool}: no rule is added`);
  const read = parse(family, command);
  if ('error' in read) return fail(`${row.iptables}: ${read.error}`);
  const { rule } = read;
  const { chain } = command;
  let own: Side | string;
  let words: Rule;
  try {
    own = sideOf(ownText(rule, family, command), chain);
    words = ruleInNftWords(rule, family);
  } catch (error) {
    if (!(error instanceof NotTranslated)) throw error;
    // Nor is there a text that nft takes where nft refuses the suite's.
    return row.untranslatable || row.seen.nft_1_0_6_loads === false ? pass : fail(`${row.iptables}: ${error.message}`);
  }
  if (typeof own === 'string') return fail(`${row.iptables}: own translation is not read: ${own}`);
  const chains = [...new Set([...targetsOf(rule), chain])].map((name) => ({
    name,
    rules: name === chain ? [words] : [],
  }));
  const iptables: Table = { family, name: command.table, chains };
  const wrong = differs(iptables, own.table, chain, `${row.iptables}: "${own.listing.trim()}" decides otherwise`, rule);
  if (wrong !== undefined) return fail(wrong);
  // Where nft itself does not take the text there is no other side.
  if (row.untranslatable || row.nft.length === 0) return pass;
  const expected = sideOf(expectedText(row, rule, family, command), chain);
  if (typeof expected === 'string') {
    if (row.seen.nft_1_0_6_loads === false) return pass;
    return fail(`${row.nft.join('; ')}: ${expected}`);
  }
  if (expected.listing === own.listing) return pass;
  const other = differs(
    iptables,
    expected.table,
    chain,
    `${row.iptables}: ${row.nft.join('; ')} decides otherwise`,
    rule,
  );
  if (other !== undefined) return fail(other);
  const notes = [own.table, expected.table].map((table) => notesOf(table, chain));
  return notes[0] === notes[1] ? pass : fail(`${row.iptables}: beside its verdict ${notes[0]}, expected ${notes[1]}`);
}

export const iptablesTranslate: Kind = {
  kind: 'iptables-translate',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<TranslateCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
