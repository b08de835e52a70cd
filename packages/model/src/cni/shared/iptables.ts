/** Calls of iptables as coreos/go-iptables makes and reports them. */
import { IptablesRefusal, type LiveIptables } from '../../linux/index.ts';
import { CniError } from '../runtime/call.ts';

/** A refusal is an error of the plugin, the call and the tool's words in it. */
export function runIptables(tool: LiveIptables, words: readonly string[]): void {
  try {
    tool.run(words);
  } catch (error) {
    if (!(error instanceof IptablesRefusal)) throw error;
    throw new CniError(
      `running [/usr/sbin/${tool.name} ${words.join(' ')} --wait]: exit status 4: ${tool.name} v1.8.9 (nf_tables):  ${error.message}\n`,
    );
  }
}
