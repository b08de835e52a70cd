/** The built-in tables and chains of iptables: hooks, priorities and types (net/ipv4/netfilter/iptable_*.c). */
import { type BaseHook, type Chain, Hook, type Table } from '@podwire/engine';
import type { IpFamily } from './base/extension.ts';

const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: Hook.PREROUTING,
  INPUT: Hook.INPUT,
  FORWARD: Hook.FORWARD,
  OUTPUT: Hook.OUTPUT,
  POSTROUTING: Hook.POSTROUTING,
};

const THREE = ['INPUT', 'FORWARD', 'OUTPUT'];

/** table -> [its chains in order, priority] */
const TABLES: ReadonlyMap<string, readonly [readonly string[], number]> = new Map([
  ['raw', [['PREROUTING', 'OUTPUT'], -300]],
  ['mangle', [['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], -150]],
  ['nat', [['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'], -100]],
  ['filter', [THREE, 0]],
  ['security', [THREE, 50]],
]);

/** Source translation runs where nothing comes after it. */
const SOURCE_NAT_PRIORITY = 100;

export function builtinTables(): string[] {
  return [...TABLES.keys()];
}

/** The family of a table that iptables or ip6tables wrote. */
export function iptablesFamily({ family, name, syntax }: Table): IpFamily {
  if (syntax === 'nft' || (family !== 'ip' && family !== 'ip6'))
    throw new Error(`table ${family} ${name} is not of iptables`);
  return family;
}

/** Built-in chains of a table, in the order in which they are printed. Empty for a table that iptables does not have. */
export function builtinChains(table: string): readonly string[] {
  return TABLES.get(table)?.[0] ?? [];
}

/** iptables-nft hangs the table security behind the translation of sources at INPUT (iptables/nft.c: NF_IP_PRI_SECURITY; tried). */
const NFT_SECURITY_PRIORITY = 150;

/** Where a built-in chain hangs, by `backend` where that matters; undefined for any other chain. */
export function baseHook(
  table: string,
  chain: string,
  policy: BaseHook['policy'] = 'accept',
  backend?: 'nft' | 'legacy',
): BaseHook | undefined {
  const [chains, own] = TABLES.get(table) ?? [[], 0];
  const priority = table === 'security' && backend === 'nft' ? NFT_SECURITY_PRIORITY : own;
  const hook = chains.includes(chain) ? HOOKS[chain] : undefined;
  if (hook === undefined) return undefined;
  if (table === 'nat') {
    const source = hook === Hook.INPUT || hook === Hook.POSTROUTING;
    return { hook, priority: source ? SOURCE_NAT_PRIORITY : priority, type: 'nat', policy };
  }
  return { hook, priority, type: table === 'mangle' && hook === Hook.OUTPUT ? 'route' : 'filter', policy };
}

/** A table as it stands before any rule was added. */
export function emptyTable(family: IpFamily, name: string): Table {
  const chains = builtinChains(name).map((chain): Chain => {
    const hook = baseHook(name, chain);
    return { name: chain, ...(hook && { hook }), rules: [] };
  });
  return { family, name, chains };
}
