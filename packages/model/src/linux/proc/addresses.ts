/** /proc/net/if_inet6, /proc/net/dev and /proc/net/fib_trie: what they show of links and addresses. */
import { type Address, formatPrefix, parsePrefix, type Scope } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import { address6, hex6, hexNumber } from './hex.ts';

/** IFA_GLOBAL, IFA_HOST, IFA_LINK, IFA_SITE (include/net/ipv6.h). */
const SCOPES: Readonly<Record<number, Scope>> = { 0: 'global', 16: 'host', 32: 'link', 64: 'site' };
/** IFA_F_DEPRECATED, IFA_F_PERMANENT. */
const DEPRECATED = 0x20;
const PERMANENT = 0x80;

/** if6_seq_show (net/ipv6/addrconf.c). */
export function readIfInet6(
  text: string,
  options: LineOptions = {},
): { addresses: Address[]; indices: Record<string, number>; problems: Problem[] } {
  const problems: Problem[] = [];
  const addresses: Address[] = [];
  const indices: Record<string, number> = Object.create(null) as Record<string, number>;
  eachLine(linesOf(text, options), 'if-inet6', problems, options, ({ text: line }) => {
    const [hex = '', index, length, scopeText, flagText, link] = wordsOf(line);
    const scope = SCOPES[hexNumber(scopeText, 'scope') & 0xf0];
    if (link === undefined || !scope) throw new RangeError('no address');
    const flags = hexNumber(flagText, 'flags');
    indices[link] = hexNumber(index, 'index');
    addresses.push({
      link,
      address: `${address6(hex)}/${hexNumber(length, 'length')}`,
      scope,
      ...(flags & DEPRECATED && { deprecated: true }),
    });
  });
  return { addresses, indices, problems };
}

export function printIfInet6(addresses: readonly Address[], indexOf: (link: string) => number): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return addresses
    .filter(({ address }) => address.includes(':'))
    .map(({ link, address, scope = 'global', deprecated }) => {
      const [text = '', length = ''] = address.split('/');
      const code = Number(Object.keys(SCOPES).find((key) => SCOPES[Number(key)] === scope) ?? 0);
      const flags = PERMANENT | (deprecated ? DEPRECATED : 0);
      return `${hex6(text)} ${hex(indexOf(link))} ${hex(Number(length))} ${hex(code)} ${hex(flags)} ${link.padStart(8)}\n`;
    })
    .join('');
}

/** dev_seq_show (net/core/net-procfs.c): names, in the order of the file. Counters are not kept. */
export function readProcDev(text: string, options: LineOptions = {}): { names: string[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const names: string[] = [];
  eachLine(linesOf(text, options), 'proc-dev', problems, options, ({ text: line }) => {
    if (/^Inter-\||^ face \|/.test(line)) return;
    const m = /^\s*(\S+?):\s*\d+(\s+\d+){15}$/.exec(line);
    if (!m) throw new RangeError('no interface');
    names.push(m[1] as string);
  });
  return { names, problems };
}

export interface TrieLeaf {
  prefix: string;
  scope: string;
  /** `LOCAL`, `UNICAST`, `BROADCAST` ... */
  type: string;
}

/** fib_trie_seq_show (net/ipv4/fib_trie.c): what stands in each table, without devices. */
export function readFibTrie(
  text: string,
  options: LineOptions = {},
): { tables: Record<string, TrieLeaf[]>; problems: Problem[] } {
  const problems: Problem[] = [];
  const tables: Record<string, TrieLeaf[]> = Object.create(null) as Record<string, TrieLeaf[]>;
  let table = 'Main';
  let address: string | undefined;
  eachLine(linesOf(text, options), 'fib-trie', problems, options, ({ text: line }) => {
    const title = /^(Main|Local|Id \d+):$/.exec(line)?.[1];
    if (title !== undefined) {
      table = title;
      tables[table] ??= [];
      address = undefined;
      return;
    }
    if (/^\s*\+-- \d+\.\d+\.\d+\.\d+\/\d+ \d+ \d+ \d+/.test(line)) return;
    const leaf = /^\s*\|-- (\d+\.\d+\.\d+\.\d+)$/.exec(line)?.[1];
    if (leaf !== undefined) {
      address = leaf;
      return;
    }
    const m = /^\s*\/(\d+) (\S+) ([A-Z]+)(?: tos=\d+)?$/.exec(line);
    const prefix = m && address !== undefined ? parsePrefix(`${address}/${m[1]}`) : undefined;
    if (!m || !prefix) throw new RangeError('no part of the trie');
    const leaves = tables[table] ?? [];
    tables[table] = leaves;
    leaves.push({ prefix: formatPrefix(prefix), scope: m[2] as string, type: m[3] as string });
  });
  return { tables, problems };
}
