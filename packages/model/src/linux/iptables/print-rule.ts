/** One rule as iptables-save prints it, without `-A CHAIN`. */
import type { IptablesAction, IptablesMatch, Rule, Statement } from '@podwire/engine';
import type { IpFamily } from './base/extension.ts';
import { type HeaderMatch, headerOrder, printHeader } from './header.ts';
import { actionPrinters, matchPrinters } from './registry.ts';

function isAction(statement: Statement): statement is IptablesAction {
  return statement.kind in actionPrinters;
}

function isOther(statement: Statement): statement is OtherMatch {
  return statement.kind in matchPrinters;
}

function isHeader(statement: Statement): statement is HeaderMatch {
  return headerOrder(statement.kind) !== undefined;
}

type OtherMatch = Exclude<IptablesMatch, HeaderMatch>;

// A table of printers by kind: the compiler cannot see that a statement and the printer found for its kind belong together.
function printMatch(match: OtherMatch, family: IpFamily): string {
  const print = matchPrinters[match.kind] as (statement: OtherMatch, family: IpFamily) => string;
  return print(match, family);
}

function printAction(action: IptablesAction, family: IpFamily): string {
  const print = actionPrinters[action.kind] as (statement: IptablesAction, family: IpFamily) => string;
  return print(action, family);
}

/**
 * Canonical form of iptables 1.8: header tests in fixed order, matches as written, the target last. Throws for a rule that iptables
 * cannot hold (two targets, a statement that is nftables' alone).
 */
export function printIptablesRule(rule: Rule, family: IpFamily): string {
  const header: HeaderMatch[] = [];
  const others: string[] = [];
  let target: string | undefined;
  for (const statement of rule.body) {
    if (isAction(statement)) {
      if (target !== undefined)
        throw new Error(`an iptables rule has one target: "${target}", "${printAction(statement, family)}"`);
      target = printAction(statement, family);
    } else if (isOther(statement)) {
      others.push(printMatch(statement, family));
    } else if (isHeader(statement)) {
      header.push(statement);
    } else {
      throw new Error(`iptables has no ${statement.kind}`);
    }
  }
  header.sort((a, b) => (headerOrder(a.kind) ?? 0) - (headerOrder(b.kind) ?? 0));
  return [...header.map(printHeader), ...others, ...(target === undefined ? [] : [target])].join(' ');
}
