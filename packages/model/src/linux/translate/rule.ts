/** Rules of iptables as rules of nftables, as iptables-translate makes them. */
import type { IptablesAction, IptablesMatch, Rule } from '@podwire/engine';
import { headerOrder } from '../iptables/header.ts';
import { type IpFamily, parseIptablesRule, splitRestoreWords } from '../iptables/index.ts';
import { printRpfilter } from '../iptables/match/rpfilter.ts';
import { NftRefusal, type NftStatement, readRule } from '../nft/index.ts';
import { actionText } from './action.ts';
import { arpTexts } from './arp.ts';
import { bridgeTexts } from './bridge.ts';
import { dynamicTests } from './dynamic.ts';
import { headerTest } from './header.ts';
import { matchTests } from './match.ts';
import type { NeededObject } from './needs.ts';
import { compare, NotTranslated, optionsOf, quoted } from './part.ts';
import { PROTOCOLS, textTests } from './text-match.ts';

export interface Translation {
  expr: NftStatement[];
  comment?: string;
  /** Absent where the rule stands by itself. */
  needs?: NeededObject[];
}

export interface TranslateOptions {
  /** A name for a set that no other set of the table has; the base with 0 behind it where absent. */
  setName?(base: string): string;
}

/** Tests of the transport header ask for its protocol by themselves. */
const IMPLY: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'icmp', 'icmp6']);
const HEADER_ORDER = ['iif', 'oif', 'fragment', 'protocol', 'saddr', 'daddr'];

const isHeader = (match: IptablesMatch): match is Parameters<typeof headerTest>[0] =>
  headerOrder(match.kind) !== undefined;

/** The text of a match that is kept as one. */
function textOf(match: IptablesMatch): string | undefined {
  switch (match.kind) {
    case 'limit':
    case 'unmodelled':
    case 'extension':
    case 'owner':
      return match.text;
    case 'rpfilter':
      return printRpfilter(match);
    default:
      return undefined;
  }
}

function implies(match: IptablesMatch): boolean {
  // A packet that is none of TCP has no option of it either (nft_exthdr_tcp_eval).
  if (match.kind === 'tcp' && match.option?.not && !match.sport && !match.dport && !match.flags) return false;
  const text = textOf(match);
  return text === undefined ? IMPLY.has(match.kind) : PROTOCOLS.has(optionsOf(text).name);
}

/** `-m conntrack --ctexpire` is kept as text; what else it holds is read as it is without. */
function conntrackTests(text: string, family: IpFamily): string[] {
  const words = splitRestoreWords(text) ?? [];
  const at = words.indexOf('--ctexpire');
  const not = words[at - 1] === '!';
  const [, seconds = ''] = words.splice(at - (not ? 1 : 0), not ? 3 : 2).slice(not ? 1 : 0);
  const read = words.length > 2 ? parseIptablesRule(words, family, { unasked: true }) : { rule: { body: [] } };
  if ('error' in read) throw new NotTranslated(text);
  const [match] = read.rule.body;
  const tests = match && isMatch(match) ? matchTests(match, family, undefined) : [];
  const addresses = tests.findIndex((test) => /^ct (original|reply) (?!protocol)/.test(test));
  const expiry = compare('ct expiration', `${seconds.replace(':', '-')}`, not);
  return tests.toSpliced(addresses < 0 ? tests.length : addresses, 0, expiry);
}

interface Tests {
  texts: string[];
  needs?: NeededObject;
}

/** Protocols whose ports have names of their own. */
const TRANSPORTS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' };

/** Extensions that need something in the table beside the rule. */
function needyTests(
  match: IptablesMatch,
  family: IpFamily,
  protocol: number | undefined,
  setName: (base: string) => string,
): Tests | undefined {
  if (match.kind === 'nfacct') {
    const text = `counter name ${quoted(match.name)}`;
    return { texts: [text], needs: { kind: 'counter', name: match.name, text: 'packets 0 bytes 0' } };
  }
  const kept = textOf(match);
  const dynamic = kept === undefined ? undefined : dynamicTests(kept, family, TRANSPORTS[protocol ?? 0]);
  if (!dynamic) return undefined;
  const { tests, set } = dynamic;
  if (!set) return { texts: tests };
  const name = setName(set.base);
  return { texts: tests.map((text) => text.replace('@{}', `@${name}`)), needs: { kind: 'set', name, text: set.text } };
}

function testsOf(match: IptablesMatch, family: IpFamily, protocol: number | undefined): string[] {
  const text = textOf(match);
  if (text?.startsWith('-m conntrack ')) return conntrackTests(text, family);
  if (text !== undefined) return textTests(text, family);
  return matchTests(match, family, protocol);
}

const MATCHES: ReadonlySet<string> = new Set([
  'saddr',
  'daddr',
  'iif',
  'oif',
  'protocol',
  'fragment',
  'tcp',
  'udp',
  'sctp',
  'icmp',
  'icmp6',
  'multiport',
  'mark',
  'connmark',
  'state',
  'conntrack',
  'addrtype',
  'statistic',
  'physdev',
  'recent',
  'set',
  'iprange',
  'mac',
  'tos',
  'ttl',
  'length',
  'nfacct',
  'owner',
  'rpfilter',
  'extension',
  'limit',
  'unmodelled',
]);

const isMatch = (statement: Rule['body'][number]): statement is IptablesMatch => MATCHES.has(statement.kind);

/** src/parser_bison.y takes so many bytes of a comment, and no quotation marks in it. */
const COMMENT_MAX = 128;

function commentText(text: string): string {
  let plain = text.replaceAll('"', "'").replace(/[\n\r\\]/g, ' ');
  while (new TextEncoder().encode(plain).length > COMMENT_MAX) plain = plain.slice(0, -1);
  return plain;
}

const firstName = (base: string): string => `${base}0`;

/** What the rule is in nftables: tests, a counter, the target. Throws `NotTranslated` where nftables has no words, or none that mean the same. */
export function translateRule(
  rule: Rule,
  family: IpFamily | 'bridge' | 'arp',
  { setName = firstName }: TranslateOptions = {},
): Translation {
  if (family === 'arp') return readBody(arpTexts(rule));
  if (family === 'bridge') return readBody(bridgeTexts(rule));
  const header: Parameters<typeof headerTest>[0][] = [];
  const others: IptablesMatch[] = [];
  const actions: IptablesAction[] = [];
  let comment: string | undefined;
  for (const statement of rule.body) {
    if (statement.kind === 'comment') comment = commentText(statement.text);
    else if (!isMatch(statement)) actions.push(statement as IptablesAction);
    else if (isHeader(statement)) header.push(statement);
    else others.push(statement);
  }
  const protocol = header.find((match) => match.kind === 'protocol');
  const number = protocol?.kind === 'protocol' && !protocol.not ? protocol.protocol : undefined;
  const tests = others.map((match): Tests & { match: IptablesMatch } => ({
    match,
    ...(needyTests(match, family, number, setName) ?? { texts: testsOf(match, family, number) }),
  }));
  const implied = tests.some(({ match, texts }) => implies(match) && texts.length > 0);
  header.sort((a, b) => HEADER_ORDER.indexOf(a.kind) - HEADER_ORDER.indexOf(b.kind));
  const text = [
    ...header
      .filter((match) => match.kind !== 'protocol' || match.not || !implied)
      .map((match) => headerTest(match, family)),
    ...tests.flatMap(({ texts }) => texts),
    'counter',
    ...actions.flatMap((action) => actionText(action, family)),
  ];
  const needs = tests.flatMap((one) => one.needs ?? []);
  return {
    ...readBody(text),
    ...(comment !== undefined && { comment }),
    ...(needs.length > 0 && { needs }),
  };
}

function readBody(texts: readonly string[]): Translation {
  const text = texts.filter((part) => part !== '').join(' ');
  try {
    return { expr: readRule(text).expr };
  } catch (error) {
    if (error instanceof NftRefusal) throw new NotTranslated(text, `nftables does not read it: ${error.message}`);
    throw error;
  }
}
