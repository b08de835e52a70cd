/** Rules of iptables as rules of nftables, as iptables-translate makes them. */
import type { IptablesAction, IptablesMatch, Rule } from '@podwire/engine';
import { headerOrder } from '../iptables/header.ts';
import { type IpFamily, parseIptablesRule, splitRestoreWords } from '../iptables/index.ts';
import { NftRefusal, type NftStatement, readRule } from '../nft/index.ts';
import { actionText } from './action.ts';
import { arpTexts } from './arp.ts';
import { bridgeTexts } from './bridge.ts';
import { headerTest } from './header.ts';
import { matchTests } from './match.ts';
import { compare, NotTranslated, optionsOf } from './part.ts';
import { PROTOCOLS, textTests } from './text-match.ts';

export { NotTranslated } from './part.ts';

export interface Translation {
  expr: NftStatement[];
  comment?: string;
}

/** Tests of the transport header ask for its protocol by themselves. */
const IMPLY: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'icmp', 'icmp6']);
const HEADER_ORDER = ['iif', 'oif', 'fragment', 'protocol', 'saddr', 'daddr'];

const isHeader = (match: IptablesMatch): match is Parameters<typeof headerTest>[0] =>
  headerOrder(match.kind) !== undefined;

function implies(match: IptablesMatch): boolean {
  return match.kind === 'unmodelled' ? PROTOCOLS.has(optionsOf(match.text).name) : IMPLY.has(match.kind);
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

function testsOf(match: IptablesMatch, family: IpFamily, protocol: number | undefined): string[] {
  if (match.kind === 'unmodelled' && match.text.startsWith('-m conntrack ')) return conntrackTests(match.text, family);
  if (match.kind === 'limit' || match.kind === 'unmodelled') return textTests(match.text, family);
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
  'limit',
  'unmodelled',
]);

const isMatch = (statement: Rule['body'][number]): statement is IptablesMatch => MATCHES.has(statement.kind);

/** What the rule is in nftables: tests, a counter, the target. Throws `NotTranslated` where nftables has no words, or none that mean the same. */
export function translateRule(rule: Rule, family: IpFamily | 'bridge' | 'arp'): Translation {
  if (family === 'arp') return readBody(arpTexts(rule));
  if (family === 'bridge') return readBody(bridgeTexts(rule));
  const header: Parameters<typeof headerTest>[0][] = [];
  const others: IptablesMatch[] = [];
  const actions: IptablesAction[] = [];
  let comment: string | undefined;
  for (const statement of rule.body) {
    if (statement.kind === 'comment') comment = statement.text;
    else if (!isMatch(statement)) actions.push(statement as IptablesAction);
    else if (isHeader(statement)) header.push(statement);
    else others.push(statement);
  }
  const protocol = header.find((match) => match.kind === 'protocol');
  const number = protocol?.kind === 'protocol' && !protocol.not ? protocol.protocol : undefined;
  const tests = others.map((match) => ({ match, texts: testsOf(match, family, number) }));
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
  return { ...readBody(text), ...(comment !== undefined && { comment }) };
}

function readBody(texts: readonly string[]): Translation {
  const text = texts.filter((part) => part !== '').join(' ');
  try {
    return { expr: readRule(text).expr };
  } catch (error) {
    if (error instanceof NftRefusal) throw new NotTranslated(`nftables does not read "${text}": ${error.message}`);
    throw error;
  }
}
