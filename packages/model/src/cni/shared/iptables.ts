/** Calls of iptables as coreos/go-iptables makes and reports them. */
import { IptablesRefusal, type LiveIptables } from '../../linux/index.ts';
import { CniError } from '../runtime/call.ts';

/** A refusal is an error of the plugin, the call and the tool's words in it. */
export function runIptables(tool: LiveIptables, words: readonly string[]): void {
  try {
    tool.run(words);
  } catch (error) {
    if (!(error instanceof IptablesRefusal)) throw error;
    const { isUsage, message } = error;
    const front = `running [/usr/sbin/${tool.name} ${words.join(' ')} --wait]: exit status ${isUsage ? 2 : 4}: ${tool.name} v1.8.9 (nf_tables):`;
    throw new CniError(
      isUsage
        ? `${front} ${message}\nTry \`${tool.name} -h' or '${tool.name} --help' for more information.\n`
        : `${front}  ${message}\n`,
    );
  }
}

/** Does the rule stand there? What the tool does not understand is an error. */
export function ruleStands(tool: LiveIptables, table: string, chain: string, rule: readonly string[]): boolean {
  const words = ['-t', table, '-C', chain, ...rule];
  try {
    tool.run(words);
    return true;
  } catch (error) {
    if (!(error instanceof IptablesRefusal)) throw error;
    if (error.isUsage) runIptables(tool, words);
    return false;
  }
}

/** At the chain's end, or its begin, unless it stands there already (pkg/utils/iptables.go:InsertUnique). */
export function putOnce(
  tool: LiveIptables,
  table: string,
  chain: string,
  rule: readonly string[],
  place: 'first' | 'last' = 'last',
): void {
  if (ruleStands(tool, table, chain, rule)) return;
  runIptables(tool, ['-t', table, ...(place === 'first' ? ['-I', chain, '1'] : ['-A', chain]), ...rule]);
}

/** pkg/utils/iptables.go:EnsureChain */
export function ensureChain(tool: LiveIptables, table: string, chain: string): void {
  if (!tool.hasChain(table, chain)) runIptables(tool, ['-t', table, '-N', chain]);
}
