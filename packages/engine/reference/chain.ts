/** One base chain from its first rule to its end: ipt_do_table (net/ipv4/netfilter/ip_tables.c), nft_do_chain (net/netfilter/nf_tables_core.c), rules one after the other. */
import { type BaseHook, type Chain, Disposition, type Hook, Reason, type Table, Verdict } from '../src/index.ts';
import { applyRule } from './apply-rule.ts';
import { chainsOf } from './hook-entries.ts';
import type { Host, Run, Skb, Stop } from './state.ts';
import type { ActionResult } from './target.ts';

/** Where a rule stands, while it is tested. */
export interface Place {
  hook: Hook;
  table: Table;
  chain: Chain;
  index: number;
}

export interface ChainResult {
  stop?: Stop;
  /** The rule that ended the chain. */
  rule?: { table: Table; chain: Chain; index: number };
  /** The device that the packet leaves by at once. */
  device?: string;
}

const chainMaps = new WeakMap<Table, Map<string, Chain>>();
function chainNamed(table: Table, name: string): Chain {
  let chains = chainMaps.get(table);
  if (!chains) {
    chains = chainsOf(table);
    chainMaps.set(table, chains);
  }
  return chains.get(name) as Chain;
}

export function runChain(
  run: Run,
  host: Host,
  skb: Skb,
  hook: Hook,
  table: Table,
  base: Chain,
  baseHook: BaseHook,
): ChainResult {
  const callers: { chain: Chain; next: number }[] = [];
  let chain = base;
  let index = 0;
  for (;;) {
    const rule = chain.rules[index];
    if (!rule) {
      const caller = callers.pop();
      if (!caller) return byPolicy(run, host, skb, hook, table, base, baseHook);
      ({ chain, next: index } = caller);
      continue;
    }
    const place: Place = { hook, table, chain, index };
    const result = applyRule(run, host, skb, place, rule);
    index++;
    if (!result) continue;
    const { verdict } = result;
    run.steps.push({
      kind: 'rule',
      netns: host.netns,
      hook,
      table,
      chain,
      index: place.index,
      rule,
      verdict,
      ...(result.target === undefined ? {} : { target: result.target }),
      ...(result.element ? { element: result.element } : {}),
    });
    if (verdict === Verdict.CONTINUE || verdict === Verdict.BREAK) continue;
    if (verdict === Verdict.JUMP || verdict === Verdict.GOTO) {
      if (verdict === Verdict.JUMP) callers.push({ chain, next: index });
      chain = chainNamed(table, result.target as string);
      index = 0;
      continue;
    }
    if (verdict === Verdict.RETURN) {
      index = chain.rules.length;
      continue;
    }
    run.steps.push({ kind: 'chain', netns: host.netns, hook, table, chain: base, verdict, by: 'rule' });
    return ended(host, skb, hook, { table, chain: place.chain, index: place.index }, result);
  }
}

function byPolicy(run: Run, host: Host, skb: Skb, hook: Hook, table: Table, chain: Chain, base: BaseHook): ChainResult {
  const verdict = base.policy === 'drop' ? Verdict.DROP : Verdict.ACCEPT;
  run.steps.push({ kind: 'chain', netns: host.netns, hook, table, chain, verdict, by: 'policy' });
  if (verdict === Verdict.ACCEPT) return {};
  // A policy has no rule: the index is one past the last.
  const rule = { table, chain, index: chain.rules.length };
  return { stop: { host, disposition: Disposition.DROPPED, reason: Reason.POLICY, skb, rule, hook } };
}

function ended(
  host: Host,
  skb: Skb,
  hook: Hook,
  rule: { table: Table; chain: Chain; index: number },
  { verdict, reply, reason, device }: ActionResult,
): ChainResult {
  if (device !== undefined) return { rule, device };
  if (verdict === Verdict.ACCEPT) return { rule };
  const rejected = verdict === Verdict.REJECT;
  return {
    rule,
    stop: {
      host,
      disposition: rejected ? Disposition.REJECTED : Disposition.DROPPED,
      reason: reason ?? (rejected ? Reason.REJECT_RULE : Reason.RULE),
      skb,
      rule,
      hook,
      reply,
    },
  };
}
