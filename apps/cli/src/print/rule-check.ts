/** Rules that can go, one below the other. */
import type { RuleCheck, RuleCheckKind, RuleCheckRow } from '@podwire/model';
import type { Style } from './style.ts';

const WORDS: Readonly<Record<RuleCheckKind, string>> = {
  contradiction: 'never matches: its tests contradict each other',
  'empty-set': 'never matches: the set it looks into is empty',
  'no-packets': 'never matches: no packet that comes to this chain is what it asks for',
  shadowed: 'never matches',
  redundant: 'changes nothing: its packets would fare the same without it',
  'unreached-chain': 'no packet comes to this chain: no rule that can match leads here',
};

/** Of the rules that shadow one, so many are quoted. */
const QUOTED_MAX = 3;

function shadows(by: NonNullable<RuleCheckRow['by']>): string {
  const numbers = by.map(({ rule }) => rule);
  if (numbers.length === 1) return `: rule ${numbers[0]} shadows it`;
  return `: rules ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)} shadow it together`;
}

function rowLines({ table, chain, rule, text, kind, by = [] }: RuleCheckRow, style: Style): string[] {
  const place = `${table} ${chain}${rule === undefined ? '' : ` rule ${rule}`}`;
  const why = `${WORDS[kind]}${kind === 'shadowed' ? shadows(by) : ''}`;
  const quoted = by.slice(0, QUOTED_MAX).map((one) => `      ${one.rule}: ${one.text}`);
  return [
    `${style(place, 'bold')} ${style(why, kind === 'redundant' ? 'yellow' : 'red')}`,
    ...(text === undefined ? [] : [`    ${text}`]),
    ...(kind === 'shadowed' ? quoted.map((line) => style(line, 'dim')) : []),
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

export function ruleCheckText({ rows, rules, undecided, coarse }: RuleCheck, style: Style): string {
  const lines = rows.flatMap((row) => rowLines(row, style));
  for (const { table, why } of undecided) lines.push(`${style(table, 'bold')} ${style('undecided', 'yellow')}: ${why}`);
  for (const { table, chain } of coarse)
    lines.push(`${style(`${table} ${chain}`, 'bold')} is too large to find rules in it that change nothing`);
  const chains = rows.filter(({ rule }) => rule === undefined).length;
  const never = rows.filter(({ kind, rule }) => rule !== undefined && kind !== 'redundant').length;
  const spare = rows.filter(({ kind }) => kind === 'redundant').length;
  lines.push(
    `${counted(rules, 'rule')}: ${never} can never match, ${spare} change nothing, ${counted(chains, 'chain')} no packet comes to`,
  );
  return `${lines.join('\n')}\n`;
}
