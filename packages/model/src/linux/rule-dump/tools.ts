/** The tools, each as the readers and printers of dumps see it. */
import { type BaseHook, Hook, type Rule } from '@podwire/engine';
import { parseArptablesRules, printArptablesRule } from '../arptables/index.ts';
import { targetNamed } from '../arptables/targets.ts';
import { parseEbtablesRule, printEbtablesRule } from '../ebtables/index.ts';
import { targets as ebtablesTargets } from '../ebtables/targets.ts';
import type { IpFamily, RulePlace } from '../iptables/base/extension.ts';
import { parseIptablesRules, printIptablesRule } from '../iptables/index.ts';
import { targetExtension } from '../iptables/registry.ts';
import { baseHook, builtinChains, builtinTables } from '../iptables/tables.ts';
import type { DumpTools } from './read.ts';
import { type DumpTool, policySource } from './tool.ts';

function ipTool(family: IpFamily): DumpTool {
  return {
    name: family === 'ip' ? 'iptables' : 'ip6tables',
    code: 'iptables',
    family,
    tables: builtinTables(),
    chains: builtinChains,
    hook: baseHook,
    parse: (words, place) => parseIptablesRules(words, family, place),
    print: (rule) => printIptablesRule(rule, family),
    hasTarget: (name) => targetExtension(name, family) !== undefined,
    chainCounters: true,
  };
}

export const iptables: Readonly<Record<IpFamily, DumpTool>> = { ip: ipTool('ip'), ip6: ipTool('ip6') };

/** table -> chain -> where it hangs. */
type Hooks = Readonly<Record<string, Readonly<Record<string, readonly [Hook, number]>>>>;

function hookOf(hooks: Hooks) {
  return (table: string, chain: string, policy: BaseHook['policy']): BaseHook | undefined => {
    const place = Object.hasOwn(hooks, table) ? hooks[table] : undefined;
    const at = place && Object.hasOwn(place, chain) ? place[chain] : undefined;
    return at && { hook: at[0], priority: at[1], type: 'filter', policy };
  };
}

function chainsOf(hooks: Hooks) {
  return (table: string): readonly string[] => (Object.hasOwn(hooks, table) ? Object.keys(hooks[table] ?? {}) : []);
}

/** include/uapi/linux/netfilter_bridge.h: enum nf_br_hook_priorities. Table broute runs before all others (NF_BR_PRI_FIRST). */
const BRIDGE_HOOKS: Hooks = {
  filter: { INPUT: [Hook.INPUT, -200], FORWARD: [Hook.FORWARD, -200], OUTPUT: [Hook.OUTPUT, -200] },
  nat: { PREROUTING: [Hook.PREROUTING, -300], OUTPUT: [Hook.OUTPUT, 100], POSTROUTING: [Hook.POSTROUTING, 300] },
  broute: { BROUTING: [Hook.PREROUTING, -(2 ** 31)] },
};

const BROUTE_DROP = { kind: 'unmodelled-target', text: '-j DROP' } as const;

/** In table broute DROP hands the frame to IP instead of the bridge, which is not modelled. */
function parseEbtables(words: readonly string[], place: RulePlace): { rules: Rule[] } | { error: string } {
  const result = parseEbtablesRule(words, place);
  if ('error' in result) return result;
  const { rule } = result;
  if (place.table !== 'broute') return { rules: [rule] };
  return { rules: [{ ...rule, body: rule.body.map((s) => (s.kind === 'drop' ? BROUTE_DROP : s)) }] };
}

export const ebtables: DumpTool = {
  name: 'ebtables',
  code: 'ebtables',
  family: 'bridge',
  tables: Object.keys(BRIDGE_HOOKS),
  chains: chainsOf(BRIDGE_HOOKS),
  hook: hookOf(BRIDGE_HOOKS),
  parse: parseEbtables,
  print: printEbtablesRule,
  hasTarget: (name) => ebtablesTargets.some((target) => target.name === name),
  ownPolicies: ['ACCEPT', 'DROP', 'RETURN'],
  policyRule(table, policy, builtin) {
    const source = policySource(policy);
    if (policy === 'DROP' && table === 'broute') return { body: [BROUTE_DROP], source };
    // The end of a chain returns by itself.
    if (builtin || policy === 'RETURN') return undefined;
    return { body: [{ kind: policy === 'DROP' ? 'drop' : 'accept' }], source };
  },
  chainCounters: false,
};

/** net/ipv4/netfilter/arptable_filter.c. */
const ARP_HOOKS: Hooks = {
  filter: { INPUT: [Hook.INPUT, 0], OUTPUT: [Hook.OUTPUT, 0], FORWARD: [Hook.FORWARD, 0] },
};

export const arptables: DumpTool = {
  name: 'arptables',
  code: 'arptables',
  family: 'arp',
  tables: Object.keys(ARP_HOOKS),
  chains: chainsOf(ARP_HOOKS),
  hook: hookOf(ARP_HOOKS),
  parse: parseArptablesRules,
  print: printArptablesRule,
  hasTarget: (name) => targetNamed(name) !== undefined,
  chainCounters: false,
};

/** The tools, with the one whose lines do not say so. */
export function dumpTools(own: DumpTool): DumpTools {
  return { own, named: { iptables: iptables.ip, ip6tables: iptables.ip6, ebtables, arptables } };
}
