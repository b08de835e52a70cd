/** One rule: as nft takes it, and as nft then lists it. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftStatement } from '../syntax.ts';
import { Evaluator } from './evaluator.ts';
import { checkHooks } from './hooks.ts';
import { listSteps } from './listing.ts';
import type { TableScope } from './scope.ts';
import { evaluateStatement } from './statement.ts';

export interface EvaluateOptions {
  /** Protocols are listed as numbers (`nft -p`). */
  numericProtocol?: boolean;
  /** The rule stands in a kernel already, so it is not asked whether it may: other programs than nft write rules, too. */
  present?: boolean;
}

/** Statements of a rule as nft lists them. Throws `NftRefusal` where nft does not take the rule. */
export function evaluateRule(
  expr: readonly NftStatement[],
  scope: TableScope,
  options: EvaluateOptions = {},
): NftStatement[] {
  if (options.present !== true) checkHooks(expr, scope);
  const evaluator = new Evaluator(scope);
  let over = false;
  for (const statement of expr) {
    if (over && options.present !== true) throw new NftRefusal('Statement after terminal statement has no effect');
    over = evaluateStatement(evaluator, statement);
  }
  return listSteps(evaluator.steps, scope.family, { ...scope.options, ...options });
}
