/**
 * What runs at each hook, by priority: nf_hook_entries_grow (net/netfilter/core.c), enum nf_ip_hook_priorities
 * (include/uapi/linux/netfilter_ipv4.h), nf_nat_register_fn (net/netfilter/nf_nat_core.c).
 */
import {
  type BaseHook,
  type Chain,
  type DataSource,
  type Family,
  Hook,
  type IpvsService,
  type Netns,
  plainStatements,
  type Selector,
  type Statement,
  type Table,
} from '../src/index.ts';
import { textAsksConntrack } from '../src/tracking-text.ts';
import { addressOf } from './addresses.ts';
import { FTP, familyOf } from './ipvs-schedule.ts';
import { namedSet } from './nft-sets.ts';
import type { HookEntry } from './state.ts';

/** NF_IP_PRI_CONNTRACK_DEFRAG */
const DEFRAG = -400;
const CONNTRACK = -200;
const NAT_DST = -100;
const NAT_SRC = 100;
const CONFIRM = 0x7fffffff;

/** ip_vs_ops4, ip_vs_ops6 (net/netfilter/ipvs/ip_vs_core.c) */
const IPVS: Readonly<Partial<Record<Hook, readonly { what: 'in' | 'out' | 'error'; priority: number }[]>>> = {
  [Hook.INPUT]: [
    { what: 'out', priority: NAT_SRC - 2 },
    { what: 'in', priority: NAT_SRC - 1 },
  ],
  [Hook.FORWARD]: [
    { what: 'error', priority: 99 },
    { what: 'out', priority: 100 },
  ],
  [Hook.OUTPUT]: [
    { what: 'out', priority: NAT_DST + 1 },
    { what: 'in', priority: NAT_DST + 2 },
  ],
};

/** Chains by name, those of the table before those of its base. */
export function chainsOf(table: Table): Map<string, Chain> {
  const chains = new Map<string, Chain>();
  for (let level: Table | undefined = table; level; level = level.base)
    for (const chain of level.chains) if (!chains.has(chain.name)) chains.set(chain.name, chain);
  return chains;
}

const FAMILIES: Readonly<Record<Table['family'], readonly Family[]>> = {
  ip: [4],
  ip6: [6],
  inet: [4, 6],
  bridge: [],
  netdev: [],
  arp: [],
};

const tablesOfFamily = (netns: Netns, family: Family): Table[] =>
  netns.netfilter.filter((table) => FAMILIES[table.family].includes(family));

const TRACKING = new Set<Statement['kind']>([
  'state',
  'conntrack',
  'connmark',
  'set-connmark',
  'save-mark',
  'restore-mark',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'ct-zone',
  'ct-helper',
]);

const selectsCt = (key: readonly Selector[]): boolean =>
  key.some((selector) => selector.field.startsWith('ct ') || (selector.field === 'jhash' && selectsCt(selector.key)));

const sourceTracks = (source: DataSource | undefined): boolean =>
  source !== undefined && source.kind !== 'value' && selectsCt(source.key);

/** The type of the address that the packet is translated to; undefined: to none, or nobody knows. */
function addressType(table: Table, { gives, value }: Statement & { kind: 'nat-to' }): string | undefined {
  const at = gives.indexOf('address');
  if (at < 0) return undefined;
  if (value.kind === 'map') {
    const { map } = value;
    const set = typeof map === 'string' ? namedSet(table, map) : map;
    return Array.isArray(set?.data) ? set.data[at] : undefined;
  }
  if (value.kind === 'selectors')
    return /^(ip6?|ct (?:original|reply)) [sd]addr$/.exec(value.key[at]?.field ?? '')?.[1];
  return JSON.stringify(value.values[at]).includes(':') ? 'ip6' : 'ip';
}

/** Of an address in a table of both families the statement asks for the address's family alone (nft_nat_init). */
function natTracks(table: Table, statement: Statement & { kind: 'dnat' | 'snat' | 'nat-to' }, family: Family): boolean {
  if (statement.kind !== 'nat-to') {
    const { addresses } = statement.range;
    return addresses === undefined || addressOf(addresses.from).family === family;
  }
  if (sourceTracks(statement.value)) return true;
  const type = addressType(table, statement);
  if (type === 'ip' || type === 'ipv4_addr') return family === 4;
  return type === 'ip6' || type === 'ipv6_addr' ? family === 6 : true;
}

/** Expressions of nftables ask for conntrack when they are made (nft_ct_get_init, nft_ct_set_init, nft_nat_init). */
function statementTracks(table: Table, statement: Statement, family: Family): boolean {
  switch (statement.kind) {
    case 'dnat':
    case 'snat':
    case 'nat-to':
      return natTracks(table, statement, family);
    case 'compare':
    case 'lookup':
    case 'verdict-map':
      return selectsCt(statement.key);
    case 'set-meta':
      return statement.target !== 'mark' || sourceTracks(statement.value);
    case 'set-header':
      return sourceTracks(statement.value);
    case 'limit':
    case 'unmodelled':
    case 'unmodelled-target':
    case 'note':
      return textAsksConntrack(statement.text);
    case 'set-update':
      return selectsCt(statement.key) || sourceTracks(statement.data);
    default:
      return TRACKING.has(statement.kind);
  }
}

const known = { 4: new WeakMap<Chain, boolean>(), 6: new WeakMap<Chain, boolean>() };
function chainTracks(table: Table, chain: Chain, family: Family): boolean {
  const before = known[family].get(chain);
  if (before !== undefined) return before;
  const tracks = chain.rules.some((rule) =>
    plainStatements(rule.body).some((statement) => statementTracks(table, statement, family)),
  );
  known[family].set(chain, tracks);
  return tracks;
}

const tableTracks = (table: Table, family: Family): boolean =>
  [...chainsOf(table).values()].some((chain) => chainTracks(table, chain, family));

/** Conntrack registers its hooks with the first rule that needs it (nf_ct_netns_get); NOTRACK does not. */
export function needsConntrack(netns: Netns, family: Family): boolean {
  if (netns.conntrack?.some((entry) => entry.family === family)) return true;
  // Of FTP's masquerading servers IPVS asks for it itself (ip_vs_register_conntrack).
  const isFtp = ({ port, servers }: IpvsService) => port === FTP && servers.some((s) => s.method === 'masquerade');
  if (netns.ipvs?.some((service) => familyOf(service) === family && isFtp(service))) return true;
  return tablesOfFamily(netns, family).some((table) => tableTracks(table, family));
}

interface Placed {
  table: Table;
  chain: Chain;
  base: BaseHook;
}

type Ordered = HookEntry & { order: number };

/** Conntrack's functions are registered behind the chains of the first table with a rule that needs them. */
function orderOfConntrack(netns: Netns, family: Family, tables: readonly Table[], placed: readonly Placed[]): number {
  const asks = tables.find((table) => tableTracks(table, family));
  if (!asks || netns.conntrack) return Number.POSITIVE_INFINITY;
  const upTo = tables.slice(0, tables.indexOf(asks) + 1);
  return placed.filter(({ table }) => upTo.includes(table)).length - 0.5;
}

export function hookEntries(netns: Netns, family: Family, conntrack: boolean): HookEntry[][] {
  const placed: Placed[] = [];
  const tables = tablesOfFamily(netns, family);
  for (const table of tables)
    for (const chain of chainsOf(table).values()) if (chain.hook) placed.push({ table, chain, base: chain.hook });
  const conntrackOrder = orderOfConntrack(netns, family, tables, placed);
  // NAT's own functions are registered with its first chain (nf_nat_register_fn).
  const natOrder = placed.findIndex(({ base }) => base.type === 'nat');
  const balances = netns.ipvs?.some((service) => familyOf(service) === family) === true;
  return [Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING].map((hook) => {
    // Of equal priorities, what was registered last runs first (nf_hook_entries_grow puts a new entry before its equals).
    const here = placed
      .map((one, order) => ({ ...one, order }))
      .filter(({ base }) => base.hook === hook)
      .reverse();
    const entries: Ordered[] = [];
    const first = hook === Hook.PREROUTING || hook === Hook.OUTPUT;
    const last = hook === Hook.INPUT || hook === Hook.POSTROUTING;
    if (conntrack && first)
      entries.push(
        { kind: 'defrag', priority: DEFRAG, order: conntrackOrder },
        { kind: 'conntrack', priority: CONNTRACK, order: conntrackOrder },
      );
    if (conntrack && natOrder >= 0 && hook !== Hook.FORWARD)
      entries.push({
        kind: 'nat',
        priority: first ? NAT_DST : NAT_SRC,
        order: natOrder,
        chains: here.filter(({ base }) => base.type === 'nat').sort((a, b) => a.base.priority - b.base.priority),
      });
    for (const { table, chain, base, order } of here)
      if (base.type !== 'nat') entries.push({ kind: 'chain', priority: base.priority, table, chain, base, order });
    // Registered with the first service of the family: behind all chains, which then run later at the same priority.
    const order = Number.POSITIVE_INFINITY;
    if (balances) for (const at of IPVS[hook] ?? []) entries.push({ kind: 'ipvs', ...at, order });
    entries.sort((a, b) => a.priority - b.priority || b.order - a.order);
    if (conntrack && last) entries.push({ kind: 'confirm', priority: CONFIRM, order: 0 });
    return entries;
  });
}
