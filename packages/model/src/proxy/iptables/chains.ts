/** Rule objects and chains out of argument lists. */
import type { Chain, Rule, Table } from '@podwire/engine';
import { parseIptablesRule } from '../../linux/iptables/index.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { type RuleLine, restoreLine } from './rule-line.ts';

export type TableFamily = Table['family'];

export function tableFamily(family: IPFamily): TableFamily {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

/** Makes rules and chains; hears of what iptables would refuse. */
export class ChainMaker {
  readonly family: TableFamily;
  readonly #report: (problem: Problem) => void;

  constructor(family: TableFamily, report: (problem: Problem) => void) {
    this.family = family;
    this.#report = report;
  }

  rules(lines: readonly RuleLine[]): Rule[] {
    const rules: Rule[] = [];
    for (const line of lines) {
      const parsed = parseIptablesRule(line.args, this.family);
      if ('rule' in parsed) {
        parsed.rule.cause = line.cause;
        rules.push(parsed.rule);
        continue;
      }
      this.#report({
        severity: 'error',
        code: 'rule-refused',
        message: `iptables refuses a rule of kube-proxy's, and with it everything that kube-proxy writes: ${parsed.error} (${restoreLine(line)}).`,
        mend: 'Correct the kube-proxy configuration.',
      });
    }
    return rules;
  }

  chain(name: string, lines: readonly RuleLine[]): Chain {
    return { name, rules: this.rules(lines) };
  }
}
