/**
 * Rules of ebtables and arptables for the machine: each is said in nftables' words, as its own tools translate it, and what nftables has
 * no word for stays what it was read as: a question.
 */

import type { Rule, Statement, Table } from '@podwire/engine';
import { Hook } from '@podwire/engine';
import { arpOpcodeNumber } from '../iptables/base/arp-opcodes.ts';
import { printMac, readMac } from '../iptables/base/mac.ts';
import { NftRefusal, readRule } from '../nft/index.ts';
import { nftStatements } from '../nft-compile/index.ts';
import { writtenAs, writtenRule } from '../rule-dump/index.ts';
import { addressTest } from '../translate/header.ts';
import { NotTranslated, translateRule } from '../translate/index.ts';
import { bareOptions, compare, macTest, type TextOption } from '../translate/part.ts';

type Family = 'bridge' | 'arp';

const first = ({ values }: TextOption): string => values[0] ?? '';

const mac = (left: string, option: TextOption): string => macTest(left, first(option), option.not);

const ARP: Readonly<Record<string, (option: TextOption) => string>> = {
  'arp-op': (option) => compare('arp operation', `${arpOpcodeNumber(first(option)) ?? first(option)}`, option.not),
  'arp-htype': (option) => compare('arp htype', first(option), option.not),
  'arp-ptype': (option) => compare('arp ptype', first(option), option.not),
  'arp-ip-src': (option) => addressTest('arp saddr ip', first(option), option.not),
  'arp-ip-dst': (option) => addressTest('arp daddr ip', first(option), option.not),
  'arp-mac-src': (option) => mac('arp saddr ether', option),
  'arp-mac-dst': (option) => mac('arp daddr ether', option),
};

/** What nftables would say; undefined where a test is none of ARP's, or asks what nothing can be compared with. */
function arpTests(text: string): string[] | undefined {
  const tests: string[] = [];
  for (const option of bareOptions(text)) {
    const test = Object.hasOwn(ARP, option.name) ? ARP[option.name] : undefined;
    if (!test) return undefined;
    tests.push(test(option));
  }
  return tests.length > 0 ? tests : undefined;
}

const FIELDS = { 'among-src': 'ether saddr', 'among-dst': 'ether daddr' } as const;

/** Lists of link-layer addresses alone; pairs with addresses are compared with what other frames have in that place. */
function amongTests(text: string): Statement[] | undefined {
  const tests: Statement[] = [];
  for (const option of bareOptions(text)) {
    const { name, not } = option;
    if ((name !== 'among-src' && name !== 'among-dst') || first(option).includes('=')) return undefined;
    const elements = first(option)
      .split(',')
      .map((address) => ({ key: [printMac(readMac(address))] }));
    tests.push({
      kind: 'lookup',
      key: [{ field: FIELDS[name] }],
      set: { type: ['ether_addr'], elements },
      ...(not && { not: true }),
    });
  }
  return tests.length > 0 ? tests : undefined;
}

/** `--mark /0x3`: any of the bits. */
function markTest(text: string): Statement[] | undefined {
  const m = /^(! )?--mark \/(0x[0-9a-f]+)$/.exec(text);
  if (!m) return undefined;
  const key = [{ field: 'meta mark' as const, mask: Number(m[2]) }];
  return [{ kind: 'compare', key, op: m[1] ? 'eq' : 'ne', values: [0] }];
}

/** Frames of spanning tree and of 802.3 carry no packets: what asks about them never holds, inverted or not. */
const isOfOtherFrames = (text: string): boolean => /^(! )?--(stp|802_3)-/.test(text);

const NEVER: Statement = {
  kind: 'lookup',
  key: [{ field: 'meta length' }],
  set: { type: ['integer'], elements: [] },
};

/** What nftables' text says; undefined where it has none. */
function inWords(rule: Rule, family: Family): Statement[] | undefined {
  try {
    return nftStatements(translateRule(rule, family).expr, family);
  } catch (error) {
    if (error instanceof NotTranslated || error instanceof NftRefusal) return undefined;
    throw error;
  }
}

const ofText = (texts: readonly string[], family: Family): Statement[] =>
  nftStatements(readRule(texts.join(' ')).expr, family);

/** ebt_redirect_tg: to the bridge that the port belongs to. */
function redirect(text: string): Statement[] | undefined {
  const m = /^-j redirect ?(?:--redirect-target (\w+))?$/.exec(text);
  if (!m) return undefined;
  const verdict = (m[1] ?? 'ACCEPT').toLowerCase();
  const to: Statement = {
    kind: 'set-header',
    field: 'ether daddr',
    value: { kind: 'selectors', key: [{ field: 'meta ibrhwaddr' }] },
  };
  if (verdict === 'continue') return [to];
  return [to, { kind: verdict as 'accept' | 'drop' | 'return' }];
}

function bridgeTests(text: string): Statement[] | undefined {
  if (isOfOtherFrames(text)) return [NEVER];
  const arp = arpTests(text);
  return arp ? ofText(arp, 'bridge') : (amongTests(text) ?? markTest(text));
}

/** nftables has no word for the whole byte, which it reads by its place. */
function tosTest(statement: Statement): Statement {
  const m = statement.kind === 'unmodelled' ? /^@nh,8,8 (!= )?(0x[0-9a-fA-F]+|\d+)$/.exec(statement.text) : null;
  if (!m) return statement;
  return { kind: 'compare', key: [{ field: 'ip tos' }], op: m[1] ? 'ne' : 'eq', values: [Number(m[2])] };
}

const ASSUMED: Readonly<Record<string, string>> = {
  'arp htype': '--h-type',
  'arp hlen': '--h-length',
  'arp plen': '--p-length',
};

/** What arptables takes for granted: Ethernet and IPv4, which are all that the machine's ARP packets have. */
function goesWithoutSaying(statement: Statement, text: string): boolean {
  const [selector] = statement.kind === 'compare' ? statement.key : [];
  const option = selector && Object.hasOwn(ASSUMED, selector.field) ? ASSUMED[selector.field] : undefined;
  return option !== undefined && !text.includes(option);
}

function compileOne(statement: Statement, family: Family): Statement[] {
  switch (statement.kind) {
    case 'unmodelled': {
      const { text } = statement;
      const own = family === 'bridge' ? bridgeTests(text) : undefined;
      const said = own ?? inWords({ body: [statement] }, family);
      if (!said) return [statement];
      return family === 'bridge' ? said.map(tosTest) : said.filter((test) => !goesWithoutSaying(test, text));
    }
    case 'unmodelled-target':
      return (
        redirect(statement.text) ??
        inWords({ body: [statement] }, family)?.filter((test) => !goesWithoutSaying(test, '')) ?? [statement]
      );
    default:
      return [statement];
  }
}

function compileRule(rule: Rule, family: Family): Rule {
  const { counters, cause } = rule;
  return {
    body: rule.body.flatMap((statement) => compileOne(statement, family)),
    ...(counters && { counters }),
    ...(cause === undefined ? {} : { cause }),
    source: writtenAs(rule),
  };
}

/** `NF_BR_PRI_FILTER_OTHER`: where ebtables-legacy hangs what the host itself sends (ebtable_filter.c). */
const LEGACY_OUTPUT = 200;

/** The table as the machine runs it; printers still print what was read. */
export function frameTable(table: Table, legacy = false): Table {
  const { family } = table;
  if ((family !== 'bridge' && family !== 'arp') || table.syntax === 'nft') return table;
  const chains = table.chains.map((chain) => {
    const { hook } = chain;
    const late = legacy && family === 'bridge' && table.name === 'filter' && hook?.hook === Hook.OUTPUT;
    return {
      ...chain,
      ...(hook && late && { hook: { ...hook, priority: LEGACY_OUTPUT } }),
      rules: chain.rules.map((rule) => (writtenRule(rule) === rule ? compileRule(rule, family) : rule)),
    };
  });
  return { ...table, chains };
}
