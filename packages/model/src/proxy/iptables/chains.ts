/** Rule objects and chains out of argument lists. */
import type { Chain, Rule, Statement } from '@podwire/engine';
import { type IpFamily, parseIptablesRule } from '../../linux/iptables/index.ts';
import type { Problem } from '../../problem.ts';
import { type RuleLine, restoreLine } from './rule-line.ts';

/** What tells a statement from others of its kind, for those that stand in many rules. */
function repeated(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'protocol':
      return statement.not ? undefined : `protocol ${statement.protocol}`;
    case 'tcp':
    case 'udp':
    case 'sctp':
      return Object.keys(statement).length === 1 ? statement.kind : undefined;
    case 'comment':
      return `comment ${statement.text}`;
    case 'jump':
      return `jump ${statement.chain}`;
    default:
      return undefined;
  }
}

/** Makes rules and chains; hears of what iptables would refuse. */
export class ChainMaker {
  readonly family: IpFamily;
  readonly #report: (problem: Problem) => void;
  /** Statements that stand in many rules are one object: a large cluster has a hundred thousand rules. */
  readonly #statements = new Map<string, Statement>();
  readonly #refusals = new Set<string>();

  constructor(family: IpFamily, report: (problem: Problem) => void) {
    this.family = family;
    this.#report = report;
  }

  rules(lines: readonly RuleLine[]): Rule[] {
    const rules: Rule[] = [];
    for (const line of lines) {
      const parsed = parseIptablesRule(line.args, this.family);
      if ('rule' in parsed) {
        rules.push({ body: parsed.rule.body.map((statement) => this.shared(statement)), cause: line.cause });
        continue;
      }
      // One rule of each sort is enough.
      if (this.#refusals.has(parsed.error)) continue;
      this.#refusals.add(parsed.error);
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

  /** The one object for statements that are alike, where it is of a sort that stands in many rules. */
  shared(statement: Statement): Statement {
    const key = repeated(statement);
    if (key === undefined) return statement;
    const known = this.#statements.get(key);
    if (known) return known;
    this.#statements.set(key, statement);
    return statement;
  }
}
