/** Files of rules, of iptables and its siblings or of nftables, whatever each holds. */
import type { Rule, Table } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { parseIptablesSave, sniffFamily } from '../iptables-save.ts';
import { looksLikeNftJson, type NftObject, parseNftRuleset } from '../nft/index.ts';
import { nftTables } from '../nft-compile/index.ts';
import { sniff } from '../node/sniff.ts';
import type { ReadPlace } from './report.ts';

export interface RuleFile {
  name: string;
  text: string;
}

export interface ReadRules {
  /** Of iptables, ip6tables, ebtables, arptables. */
  tables: Table[];
  /** Of nftables. */
  objects: NftObject[];
  /** Where a rule of `tables`, or the body of one of `objects`, was read. */
  placeOf(rule: object): ReadPlace | undefined;
  problems: Problem[];
}

const NFT_COMMAND =
  /^\s*(?:sudo\s+)?(?:nft\s+(?:-\S+\s+)*)?['"]?(?:add|insert|create|flush|delete|replace|destroy)\s+(?:table|chain|rule|set|map|element|ruleset)\b/;

/** A script that calls nft for each command: the commands alone, each on its line. */
function withoutCalls(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const call = /^\s*(?:sudo\s+)?(?:\/\S*\/)?nft\s+(?!-)(.*)$/.exec(line)?.[1]?.trim();
      if (call === undefined) return line;
      const quoted = /^(['"])(.*)\1$/.exec(call)?.[2];
      return (quoted ?? call.replace(/'/g, '')).replace(/\\([{};"])/g, '$1');
    })
    .join('\n');
}

function isNft(text: string): boolean {
  if (looksLikeNftJson(text) || sniff(text) === 'nft') return true;
  return text.split('\n').some((line) => NFT_COMMAND.test(line));
}

/** `::`, or a word of ICMPv6, is of no rule of iptables. */
function familyOf(text: string, name: string): 'ip' | 'ip6' {
  const own = sniffFamily(text);
  if (own) return own;
  if (/^\s*(\[\d+:\d+\] )?-[AI] .*( -[sd] \S*::|ipv6-icmp|icmpv6|icmp6-)/m.test(text)) return 'ip6';
  return /ip6|v6/i.test(name) ? 'ip6' : 'ip';
}

/** Rules of one node. Lines that are not understood are problems. */
export function readRuleFiles(files: readonly RuleFile[]): ReadRules {
  const tables: Table[] = [];
  const objects: NftObject[] = [];
  const problems: Problem[] = [];
  const places: ((rule: object) => ReadPlace | undefined)[] = [];
  for (const { name: file, text } of files) {
    let lineOf: (rule: object) => number | undefined;
    if (isNft(text)) {
      const read = parseNftRuleset(withoutCalls(text), { file });
      objects.push(...read.objects);
      problems.push(...read.problems);
      lineOf = read.lineOf;
    } else {
      const read = parseIptablesSave(text, familyOf(text, file), { file });
      tables.push(...read.tables);
      problems.push(...read.problems);
      lineOf = (rule) => read.lineOf(rule as Rule);
    }
    places.push((rule) => {
      const line = lineOf(rule);
      return line === undefined ? undefined : { file, line };
    });
  }
  const placeOf = (rule: object): ReadPlace | undefined => {
    for (const place of places) {
      const found = place(rule);
      if (found) return found;
    }
    return undefined;
  };
  return { tables, objects, problems, placeOf };
}

/** The machine's tables of what nft reads. */
export function tablesOfNft(text: string): Table[] {
  return nftTables(parseNftRuleset(text).objects);
}
