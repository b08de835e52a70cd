/** What is read is printed, and what is printed is read as the same: a row per kind of text. */
import { isDeepStrictEqual } from 'node:util';
import type { Address, NexthopObject, PolicyRule, Route, RouteTable, Table } from '@podwire/engine';
import {
  addressRecords,
  type DumpKind,
  emptyNetns,
  linkRecords,
  type NftObject,
  nexthopRecords,
  nftCommandsJson,
  nftRulesetJson,
  parseIptablesSave,
  parseNftRuleset,
  printAddresses,
  printBridgeFdb,
  printConntrack,
  printIpsetSave,
  printIptablesSave,
  printIpvsSave,
  printLinks,
  printNeighbors,
  printNexthops,
  printNftRuleset,
  printRoutes,
  printRules,
  readBridgeFdb,
  readConntrack,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
  readIpset,
  readIpvsSave,
  routeRecords,
  ruleRecords,
  sniffFamily,
} from '@podwire/model';

interface Trip {
  /** What differs; absent where nothing does. */
  wrong?: string;
  /** Lines that were not understood, and are named. */
  named: number;
}

type Form = (text: string) => Trip;

/** For `JSON.stringify`: keys in order. */
const byKey = (_: string, value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The first place where two values differ. */
function difference(one: unknown, other: unknown): string | undefined {
  if (isDeepStrictEqual(one, other)) return undefined;
  const [a, b] = [one, other].map((value) => (JSON.stringify(value, byKey, 1) ?? '').split('\n'));
  const at = (a ?? []).findIndex((line, i) => line !== b?.[i]);
  return `"${(a?.[at] ?? '').trim()}" became "${(b?.[at] ?? '').trim()}"`;
}

/** First that differs of several comparisons; named by what was done. */
function first(...checks: readonly (readonly [what: string, one: unknown, other: unknown])[]): { wrong?: string } {
  for (const [what, one, other] of checks) {
    const found = difference(one, other);
    if (found !== undefined) return { wrong: `${what}: ${found}` };
  }
  return {};
}

export const ipFamily = (text: string): 'ip' | 'ip6' =>
  sniffFamily(text) ?? (/^-A .*( -[sd] \S*::|ipv6-icmp|icmp6-)/m.test(text) ? 'ip6' : 'ip');

/** Rules without the place where they were read. */
const plain = (tables: readonly Table[]) => tables.map((table) => JSON.parse(JSON.stringify(table)) as unknown);

/** With counters where a rule has any. */
export function printedSave(tables: readonly Table[], family: 'ip' | 'ip6'): string {
  const counters = tables.some(({ chains }) => chains.some(({ rules: all }) => all.some((rule) => rule.counters)));
  return printIptablesSave(tables, family, { counters });
}

const iptables: Form = (text) => {
  const family = ipFamily(text);
  const { tables, problems } = parseIptablesSave(text, family);
  const own = tables.filter((table) => table.family === family);
  const printed = printedSave(own, family);
  const again = parseIptablesSave(printed, family);
  return {
    ...first(
      ['tables', plain(own).sort(byName), plain(again.tables).sort(byName)],
      ['text', printed, printedSave(again.tables, family)],
    ),
    named: problems.length,
  };
};

const byName = (a: unknown, b: unknown): number =>
  (a as { name: string }).name < (b as { name: string }).name ? -1 : 1;

interface Cleaning {
  /** nft 1.0.6 neither writes nor reads the flag `dynamic` in JSON: rules that add elements imply it. */
  json: boolean;
}

function cleanedValue(key: string, value: unknown, cleaning: Cleaning): unknown {
  if (Array.isArray(value)) {
    if (key === 'flags' && cleaning.json) {
      const flags = value.filter((flag) => flag !== 'dynamic');
      return flags.length === 0 ? undefined : flags;
    }
    return value.map((inner) => cleanedValue('', inner, cleaning));
  }
  // One flag alone may stand without its list.
  if ((key === 'flags' || key === 'dev') && typeof value === 'string') return cleanedValue(key, [value], cleaning);
  if (typeof value !== 'object' || value === null) return value;
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'handle') continue;
    const clean = cleanedValue(name, inner, cleaning);
    if (clean !== undefined) made[name] = clean;
  }
  return made;
}

/** Without handles, which are of one kernel's making. */
function cleaned(objects: readonly NftObject[], cleaning: Cleaning = { json: false }): NftObject[] {
  return objects.map((object) => {
    const made = cleanedValue('', object, cleaning) as NftObject;
    // A base chain accepts unless told otherwise.
    if (!('chain' in made) || made.chain.hook === undefined) return made;
    return { chain: { ...made.chain, policy: made.chain.policy ?? 'accept' } };
  });
}

/** By kind and name, in which order they are listed says nothing; rules stay in theirs. */
function sorted(objects: readonly NftObject[]): unknown[] {
  const all = objects.map((object) => {
    const [kind = '', body] = Object.entries(object)[0] ?? [];
    const { family, table = '', chain, name = '' } = body as Record<string, string>;
    return { key: `${family} ${table} ${kind} ${chain ?? name}`, object };
  });
  return all.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ object }) => object);
}

const nft: Form = (text) => {
  const read = parseNftRuleset(text);
  const objects = cleaned(read.objects);
  const printed = printNftRuleset(objects);
  const again = parseNftRuleset(printed);
  const listed = parseNftRuleset(JSON.stringify(nftRulesetJson(objects)));
  const commands = parseNftRuleset(JSON.stringify(nftCommandsJson(objects)));
  const inJson = sorted(cleaned(objects, { json: true }));
  return {
    ...first(
      ['text', sorted(objects), sorted(cleaned(again.objects))],
      ['text again', printed, printNftRuleset(again.objects)],
      ['JSON', inJson, sorted(cleaned(listed.objects))],
      ['commands in JSON', inJson, sorted(cleaned(commands.objects))],
    ),
    named: read.problems.length,
  };
};

const ipset: Form = (text) => {
  const { sets, problems } = readIpset(text);
  const again = readIpset(printIpsetSave(sets));
  return { ...first(['sets', sets, again.sets]), named: problems.length };
};

const conntrack: Form = (text) => {
  const { entries, problems } = readConntrack(text);
  const all = { extended: true, id: true, timestamp: true, labels: true };
  return {
    ...first(['entries', entries, readConntrack(printConntrack(entries, all)).entries]),
    named: problems.length,
  };
};

/** But for those of the loopback device's own addresses, which it has whether they are listed or not. */
const routesOf = (tables: readonly RouteTable[]): string[] =>
  tables
    .flatMap(({ id, routes }) => routes.map((route: Route) => `${id} ${JSON.stringify(route)}`))
    .filter((route) => !/^255 .*"destination":"(127\.|::1\/128)/.test(route))
    .sort();

const routes: Form = (text) => {
  const { tables, problems } = readIpRoute(text, undefined);
  const netns = { ...emptyNetns('here'), tables };
  const forms = tables.flatMap(({ id, routes: all }) =>
    ([4, 6] as const)
      .filter((family) => all.some((route) => route.family === family))
      .map((family) => ({ id, family, listing: { family, table: id, details: true } })),
  );
  const json = forms.flatMap(
    ({ id, family, listing }) =>
      readIpRoute(JSON.stringify(routeRecords(netns, listing)), family, { table: id }).tables,
  );
  const lines = forms.flatMap(
    ({ id, family, listing }) => readIpRoute(printRoutes(netns, listing), family, { table: id }).tables,
  );
  const own = routesOf(tables);
  return { ...first(['JSON', own, routesOf(json)], ['text', own, routesOf(lines)]), named: problems.length };
};

const rules: Form = (text) => {
  const { rules: all, problems } = readIpRule(text, undefined);
  const netns = { ...emptyNetns('here'), rules: all };
  const families = [4, 6] as const;
  const own = families.map((family) => all.filter((rule: PolicyRule) => rule.family === family));
  const json = families.map((family) => readIpRule(JSON.stringify(ruleRecords(netns, family)), family).rules);
  const lines = families.map((family) => readIpRule(printRules(netns, family), family).rules);
  return { ...first(['JSON', own, json], ['text', own, lines]), named: problems.length };
};

/** The loopback device has these whether they are listed or not. */
const listed = (all: readonly Address[]): Address[] =>
  all.filter(({ address }) => address !== '127.0.0.1/8' && address !== '::1/128');

const addresses: Form = (text) => {
  const { links, addresses: own, problems } = readIpAddr(text, { netns: 'here' });
  const netns = { ...emptyNetns('here'), links, addresses: own };
  const bare = own.length === 0;
  const records = bare ? linkRecords(netns, { details: true }) : addressRecords(netns, { details: true });
  const json = readIpAddr(JSON.stringify(records), { netns: 'here' });
  const lines = readIpAddr(bare ? printLinks(netns) : printAddresses(netns), { netns: 'here' });
  return {
    ...first(
      ['links, JSON', links, json.links],
      ['addresses, JSON', listed(own), listed(json.addresses)],
      ['addresses, text', listed(own), listed(lines.addresses)],
    ),
    named: problems.length,
  };
};

const neighbors: Form = (text) => {
  const { neighbors: own, problems } = readIpNeigh(text);
  const printed = [false, true].map(
    (proxy) => readIpNeigh(printNeighbors({ ...emptyNetns('here'), neighbors: own }, proxy)).neighbors,
  );
  const key = (all: readonly unknown[]) => all.map((one) => JSON.stringify(one)).sort();
  return { ...first(['neighbours', key(own), key(printed.flat())]), named: problems.length };
};

const nexthops: Form = (text) => {
  const { nexthops: own, problems } = readIpNexthop(text);
  const all: NexthopObject[] = own;
  return {
    ...first(
      ['text', all, readIpNexthop(printNexthops(all)).nexthops],
      ['JSON', all, readIpNexthop(JSON.stringify(nexthopRecords(all))).nexthops],
    ),
    named: problems.length,
  };
};

const fdb: Form = (text) => {
  const { entries, problems } = readBridgeFdb(text);
  return { ...first(['entries', entries, readBridgeFdb(printBridgeFdb(entries)).entries]), named: problems.length };
};

const ipvs: Form = (text) => {
  const { services, problems } = readIpvsSave(text);
  return { ...first(['services', services, readIpvsSave(printIpvsSave(services)).services]), named: problems.length };
};

export const FORMS: Readonly<Partial<Record<DumpKind, Form>>> = {
  'iptables-save': iptables,
  nft,
  ipset,
  conntrack,
  'ip-route': routes,
  'ip-rule': rules,
  'ip-addr': addresses,
  'ip-neigh': neighbors,
  'ip-nexthop': nexthops,
  'bridge-fdb': fdb,
  'ipvs-save': ipvs,
};
