/** Scripts about Cilium's load balancer tables: each expectation is a case of its own, `ID:LINE`, and its variant the command that states it. */
import { fail, type Kind, type Outcome, type SuiteCase } from '../runner/contract.ts';
import { isExpectation, Script, type Step } from './lb-tables-script.ts';

interface LbTablesCase {
  id: string;
  nodeName: string;
  flags: string[];
  steps: Step[];
  files: Record<string, string>;
}

/** Outcomes by step. What goes wrong in a step that expects nothing is told by all that come after it. */
function playAll({ nodeName, flags, steps, files }: LbTablesCase): Map<Step, Outcome> {
  const script = new Script(nodeName, flags, files);
  const outcomes = new Map<Step, Outcome>();
  let broken: string | undefined;
  for (const step of steps) {
    try {
      const outcome = script.play(step);
      if (outcome) outcomes.set(step, broken === undefined ? outcome : fail(broken));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (isExpectation(step)) outcomes.set(step, fail(why));
      else if (!step.expectFailure) broken ??= `line ${step.line}, ${step.cmd}: ${why}`;
    }
  }
  return outcomes;
}

export const lbTables: Kind = {
  kind: 'lb-tables',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<LbTablesCase>('cases.jsonl')) {
      let outcomes: Map<Step, Outcome> | undefined;
      for (const step of row.steps.filter(isExpectation)) {
        yield {
          id: `${row.id}:${step.line}`,
          variant:
            step.cmd === 'db/cmp' ? `${step.cmd} ${step.args.find((argument) => !argument.startsWith('-'))}` : step.cmd,
          run() {
            outcomes ??= playAll(row);
            return outcomes.get(step) ?? fail('the script ended before');
          },
        };
      }
    }
  },
};
