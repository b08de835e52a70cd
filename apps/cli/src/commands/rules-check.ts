/** `podwire rules --check`: rules that can never match, of a node, a pod or a file of rules. */
import type { Netns } from '@podwire/engine';
import { checkRules, type RuleCheck } from '@podwire/model';
import { collectDump } from '../input/dumps.ts';
import { ruleCheckText } from '../print/rule-check.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { RulesFlags } from './rules.ts';

/** Files that the tools printed, without the node around them: addresses and sets that they do not hold are not known. */
export async function checkFiles(flags: RulesFlags, streams: Streams): Promise<number> {
  const paths = flags.file ?? [];
  if (paths.length === 0)
    throw new UserError('there is no input', {
      mend: 'Give the output of iptables-save with -f, or a node of a cluster.',
    });
  const check: RuleCheck = { rows: [], rules: 0, undecided: [], coarse: [] };
  let notUnderstood = 0;
  for (const path of paths) {
    const { dump } = await collectDump({ name: 'host', path }, () => streams.input);
    const isWhole = dump.found.some(({ kind }) => kind === 'ip-addr');
    // Problems without a line are about what a whole node would show.
    for (const { line, file, message } of dump.problems) {
      if (line === undefined) continue;
      notUnderstood++;
      if (!flags.quiet) streams.err.write(`${file ?? path}:${line}: ${message}\n`);
    }
    for (const { netns } of dump.netnses) {
      const one = checkRules(netns.netfilter, isWhole ? netns : undefined);
      check.rows.push(...one.rows);
      check.undecided.push(...one.undecided);
      check.coarse.push(...one.coarse);
      check.rules += one.rules;
    }
  }
  return told(check, flags, streams, notUnderstood > 0);
}

export function checkNetns(netns: Netns, flags: RulesFlags, streams: Streams): number {
  return told(checkRules(netns.netfilter, netns), flags, streams, false);
}

function told(check: RuleCheck, flags: RulesFlags, streams: Streams, isPartial: boolean): number {
  if (flags.output === 'json') streams.out.write(`${JSON.stringify(check, null, 2)}\n`);
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    streams.out.write(ruleCheckText(check, style));
  }
  if (check.rows.length > 0) return EXIT.NO;
  return check.undecided.length > 0 || isPartial ? EXIT.UNDECIDED : EXIT.YES;
}
