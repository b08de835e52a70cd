/**
 * An nftables ruleset whose rules are not evaluated: each of its base chains is one construct that nobody models, so that what passes a hook
 * they stand at is not known, and says so by name.
 */
import { type Chain, Hook, type Table } from '@podwire/engine';

const HOOKS: Readonly<Record<string, Hook>> = {
  prerouting: Hook.PREROUTING,
  input: Hook.INPUT,
  forward: Hook.FORWARD,
  output: Hook.OUTPUT,
  postrouting: Hook.POSTROUTING,
};

const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** `filter`, `filter - 1`, `-150`. */
function priorityOf(text: string): number {
  const m = /^(\w+)\s*(?:([+-])\s*(\d+))?$/.exec(text.trim());
  if (!m) return Number.parseInt(text, 10) || 0;
  const base = PRIORITIES[m[1] as string] ?? Number.parseInt(m[1] as string, 10);
  const offset = Number(m[3] ?? 0) * (m[2] === '-' ? -1 : 1);
  return (Number.isNaN(base) ? 0 : base) + offset;
}

export interface NftStandIn {
  /** Tables as a dump names them: `inet firewalld`. */
  names: string[];
  tables: Table[];
}

const TABLE = /^\s*(?:add )?table (ip|ip6|inet) (\S+) \{/;
const CHAIN = /^\s*chain (\S+) \{/;
const BASE = /^\s*type (?:filter|nat|route) hook (\w+) priority ([^;]+);/;

function chainOf(name: string, hook: Hook, priority: number, text: string): Chain {
  return {
    name,
    hook: { hook, priority, type: 'filter', policy: 'accept' },
    rules: [{ body: [{ kind: 'unmodelled-target', text }] }],
  };
}

/** `given`: tables (`ip filter`) that an iptables dump of the same host holds already: nft lists those of iptables-nft, too. */
export function nftStandIn(text: string, given: ReadonlySet<string>): NftStandIn {
  const names: string[] = [];
  const tables: Table[] = [];
  let family = '';
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    const [, newFamily, newTable] = TABLE.exec(line) ?? [];
    if (newFamily !== undefined && newTable !== undefined) {
      family = newFamily;
      table = newTable;
      if (!given.has(`${family} ${table}`)) names.push(`${family} ${table}`);
    }
    chain = CHAIN.exec(line)?.[1] ?? chain;
    const [, hookName = '', priority = '0'] = BASE.exec(line) ?? [];
    const hook = HOOKS[hookName];
    if (hook === undefined || given.has(`${family} ${table}`)) continue;
    const construct = `nft chain ${family} ${table} ${chain}`;
    for (const own of family === 'inet' ? (['ip', 'ip6'] as const) : [family as 'ip' | 'ip6']) {
      const name = `nft ${family} ${table}`;
      const known = tables.find((t) => t.family === own && t.name === name);
      const made = chainOf(chain, hook, priorityOf(priority), construct);
      if (known) known.chains.push(made);
      else tables.push({ family: own, name, chains: [made] });
    }
  }
  return { names, tables };
}
