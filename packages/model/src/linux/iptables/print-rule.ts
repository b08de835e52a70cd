/** One rule as iptables-save prints it, without `-A CHAIN`. */
import type { Action, Match, Rule, Statement } from '@podwire/engine';
import type { IpFamily } from './base/extension.ts';
import { type HeaderMatch, headerOrder, printHeader } from './header.ts';
import { actionPrinters, matchPrinters } from './registry.ts';

function isAction(statement: Statement): statement is Action {
  return statement.kind in actionPrinters;
}

function isHeader(match: Match): match is HeaderMatch {
  return headerOrder(match.kind) !== undefined;
}

type OtherMatch = Exclude<Match, HeaderMatch>;

// A table of printers by kind: the compiler cannot see that a statement and the printer found for its kind belong together.
function printMatch(match: OtherMatch, family: IpFamily): string {
  const print = matchPrinters[match.kind] as (statement: OtherMatch, family: IpFamily) => string;
  return print(match, family);
}

function printAction(action: Action, family: IpFamily): string {
  const print = actionPrinters[action.kind] as (statement: Action, family: IpFamily) => string;
  return print(action, family);
}

/**
 * Canonical form of iptables 1.8: header tests in fixed order, matches as written, the target last. Throws for a rule that iptables
 * cannot hold (two targets).
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
    } else if (isHeader(statement)) {
      header.push(statement);
    } else {
      others.push(printMatch(statement, family));
    }
  }
  header.sort((a, b) => (headerOrder(a.kind) ?? 0) - (headerOrder(b.kind) ?? 0));
  return [...header.map(printHeader), ...others, ...(target === undefined ? [] : [target])].join(' ');
}
