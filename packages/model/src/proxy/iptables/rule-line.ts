/** One rule as kube-proxy hands it to iptables: the argument list behind `-A CHAIN`. Text and rule objects are both made of it. */
import type { ProxyCause } from '../proxy.ts';

export interface RuleLine {
  table: 'filter' | 'nat';
  chain: string;
  /** Plain words, not quoted. */
  args: string[];
  cause: ProxyCause;
}

/** Cause of the rules that are always there. */
export const ALWAYS: ProxyCause = { kind: 'proxy' };

/** `-m comment --comment …`. */
export function comment(text: string): string[] {
  return ['-m', 'comment', '--comment', text];
}

/** The rule as a line of iptables-restore's input. */
export function restoreLine({ chain, args }: RuleLine): string {
  return `-A ${chain} ${args.map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`;
}
