/** Prints tables as `iptables-save` and its siblings do. */
import type { Chain, Table } from '@podwire/engine';
import { type DumpTool, policyOf, writtenRule } from './tool.ts';

export interface PrintOptions {
  /** Rule counters, as `iptables-save -c`. */
  counters?: boolean;
}

/** What a table holds with its base: own chains hide those of the same name. Built-in chains first, the others as they stand. */
export function mergeChains(table: Table, builtins: readonly string[]): Chain[] {
  const chains = new Map<string, Chain>();
  for (let layer: Table | undefined = table; layer; layer = layer.base) {
    for (const chain of layer.chains) if (!chains.has(chain.name)) chains.set(chain.name, chain);
  }
  const builtin = builtins.map((name) => chains.get(name)).filter((chain) => chain !== undefined);
  return [...builtin, ...[...chains.values()].filter((chain) => !builtins.includes(chain.name))];
}

const bracketed = ({ packets, bytes }: { packets: number; bytes: number }) => `[${packets}:${bytes}]`;

/** Policy and rules of a chain, the rule that stands for a policy left out. */
function parts({ hook, rules }: Chain, tool: DumpTool): { policy: string; rules: Chain['rules'] } {
  const told = policyOf(rules.at(-1));
  if (told !== undefined) return { policy: told, rules: rules.slice(0, -1) };
  return { policy: hook ? hook.policy.toUpperCase() : (tool.ownPolicies?.at(-1) ?? '-'), rules };
}

const NONE = { packets: 0, bytes: 0 };

export function printDump(table: Table, tool: DumpTool, options: PrintOptions): string {
  const chains = mergeChains(table, tool.chains(table.name)).map((chain) => ({ ...chain, ...parts(chain, tool) }));
  const lines = [`*${table.name}`];
  for (const { name, policy, counters = NONE } of chains) {
    lines.push(`:${name} ${policy}${tool.chainCounters ? ` ${bracketed(counters)}` : ''}`);
  }
  for (const { name, rules } of chains) {
    for (const rule of rules) {
      const text = tool.print(writtenRule(rule));
      const front = options.counters ? `${bracketed(rule.counters ?? NONE)} ` : '';
      lines.push(`${front}-A ${name}${text === '' ? '' : ` ${text}`}`);
    }
  }
  return `${lines.join('\n')}\n${tool.chainCounters ? 'COMMIT\n' : ''}`;
}
