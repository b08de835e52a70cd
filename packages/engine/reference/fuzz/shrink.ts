/** Makes a mismatch small: drops events, namespaces, tables, chains, rules, matches and routes as long as the machines still differ. */
import type { Chain, Netns, Network, Table } from '../../src/index.ts';
import type { Case } from './play.ts';

type StillFails = (candidate: Case) => boolean;

/** Drops as many items as it can: halves first, then ever smaller pieces (delta debugging). */
function without<T>(items: readonly T[], fails: (rest: T[]) => boolean): T[] {
  let rest = [...items];
  for (let size = Math.ceil(rest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < rest.length; ) {
      const candidate = [...rest.slice(0, at), ...rest.slice(at + size)];
      if (fails(candidate)) rest = candidate;
      else at += size;
    }
  }
  return rest;
}

/** Wires to namespaces that are gone go too, and what stood on them. */
function repaired(netnses: readonly Netns[]): Netns[] {
  const names = new Set(netnses.map((netns) => netns.name));
  return netnses.map((netns) => {
    const links = netns.links.filter((link) => !link.peer || names.has(link.peer.netns));
    const kept = new Set(['lo', ...links.map((link) => link.name)]);
    return {
      ...netns,
      links,
      addresses: netns.addresses.filter((address) => kept.has(address.link)),
      ...(netns.neighbors ? { neighbors: netns.neighbors.filter((n) => kept.has(n.link)) } : {}),
    };
  });
}

const inNetns = (of: Case, index: number, change: (netns: Netns) => Netns): Case => ({
  ...of,
  network: { netnses: of.network.netnses.map((netns, i) => (i === index ? change(netns) : netns)) },
});

type ShrinkOne = (of: Case, index: number, fails: StillFails) => Case;

/** Shrinks one list inside one namespace. */
function listOf<T>(
  read: (netns: Netns) => readonly T[] | undefined,
  write: (netns: Netns, items: T[]) => Netns,
): ShrinkOne {
  return (of, index, fails) => {
    const items = read(of.network.netnses[index] as Netns);
    if (!items || items.length === 0) return of;
    const apply = (rest: T[]) => inNetns(of, index, (netns) => write(netns, rest));
    return apply(without(items, (rest) => fails(apply(rest))));
  };
}

const lists = {
  tables: listOf(
    (n) => n.netfilter,
    (n, netfilter) => ({ ...n, netfilter }),
  ),
  listeners: listOf(
    (n) => n.listeners,
    (n, listeners) => ({ ...n, listeners }),
  ),
  sets: listOf(
    (n) => n.sets,
    (n, sets) => ({ ...n, sets }),
  ),
  ipvs: listOf(
    (n) => n.ipvs,
    (n, ipvs) => ({ ...n, ipvs }),
  ),
  rules: listOf(
    (n) => n.rules,
    (n, rules) => ({ ...n, rules }),
  ),
  neighbors: listOf(
    (n) => n.neighbors,
    (n, neighbors) => ({ ...n, neighbors }),
  ),
  addresses: listOf(
    (n) => n.addresses,
    (n, addresses) => ({ ...n, addresses }),
  ),
  links: listOf(
    (n) => n.links,
    (n, links) => ({ ...n, links }),
  ),
  sysctls: listOf(
    (n) => Object.entries(n.sysctls),
    (n, entries) => ({ ...n, sysctls: Object.fromEntries(entries) }),
  ),
  routingTables: listOf(
    (n) => n.tables,
    (n, tables) => ({ ...n, tables }),
  ),
};

/** Layers become one table, so that each chain can be reached. */
function flat(table: Table): Table {
  const chains: Chain[] = [];
  for (let level: Table | undefined = table; level; level = level.base)
    for (const chain of level.chains) if (!chains.some((c) => c.name === chain.name)) chains.push(chain);
  return { family: table.family, name: table.name, chains };
}

function shrinkChains(of: Case, index: number, table: number, fails: StillFails): Case {
  let current = of;
  const chainsIn = (c: Case) => c.network.netnses[index]?.netfilter[table]?.chains ?? [];
  const put = (c: Case, chains: Chain[]) =>
    inNetns(c, index, (netns) => ({
      ...netns,
      netfilter: netns.netfilter.map((t, i) => (i === table ? { ...t, chains } : t)),
    }));
  const base = current;
  current = put(
    base,
    without(chainsIn(base), (rest) => fails(put(base, rest))),
  );
  for (let at = 0; at < chainsIn(current).length; at++) {
    const here = current;
    const withRules = (rules: Chain['rules']) =>
      put(
        here,
        chainsIn(here).map((chain, i) => (i === at ? { ...chain, rules } : chain)),
      );
    const rules = without(chainsIn(here)[at]?.rules ?? [], (rest) => fails(withRules(rest)));
    current = withRules(rules);
    for (let r = 0; r < rules.length; r++) {
      const now = current;
      const list = chainsIn(now)[at]?.rules ?? [];
      const withBody = (body: Chain['rules'][number]['body']) =>
        put(
          now,
          chainsIn(now).map((chain, i) =>
            i === at ? { ...chain, rules: list.map((rule, j) => (j === r ? { ...rule, body } : rule)) } : chain,
          ),
        );
      current = withBody(without(list[r]?.body ?? [], (rest) => fails(withBody(rest))));
    }
  }
  return current;
}

/** Base routes become the table's own, where that makes no difference to the mismatch. */
const flatRoutes = (netns: Netns): Netns => ({
  ...netns,
  tables: netns.tables.map(({ id, base, routes }) => ({ id, routes: [...routes, ...(base?.routes ?? [])] })),
});

function shrinkNetns(of: Case, index: number, fails: StillFails): Case {
  let current = of;
  const simpler: ((netns: Netns) => Netns)[] = [
    (netns) => ({ ...netns, netfilter: netns.netfilter.map(flat) }),
    flatRoutes,
    ({ listeners: _listeners, ...netns }) => netns,
    ({ sets: _sets, ...netns }) => netns,
    ({ rules: _rules, ...netns }) => netns,
  ];
  for (const change of simpler) {
    const candidate = inNetns(current, index, change);
    if (fails(candidate)) current = candidate;
  }
  current = lists.tables(current, index, fails);
  const tables = current.network.netnses[index]?.netfilter.length ?? 0;
  for (let table = 0; table < tables; table++) current = shrinkChains(current, index, table, fails);
  for (const list of Object.values(lists)) current = list(current, index, fails);
  for (let table = 0; table < (current.network.netnses[index]?.tables.length ?? 0); table++) {
    const routes = listOf(
      (n) => n.tables[table]?.routes,
      (n, rest) => ({ ...n, tables: n.tables.map((t, i) => (i === table ? { ...t, routes: rest } : t)) }),
    );
    current = routes(current, index, fails);
  }
  return current;
}

/** `fails` says whether a candidate still shows the mismatch; candidates that no machine loads must not. */
export function shrink(found: Case, fails: StillFails): Case {
  let current = found;
  for (;;) {
    const before = JSON.stringify(current).length;
    const start = current;
    current = { ...start, events: without(start.events, (events) => fails({ ...start, events })) };
    const wired = current;
    const withNetnses = (netnses: Netns[]): Case => ({ ...wired, network: { netnses: repaired(netnses) } as Network });
    const kept = without(wired.network.netnses, (rest) => fails(withNetnses(rest)));
    if (fails(withNetnses(kept))) current = withNetnses(kept);
    for (let index = 0; index < current.network.netnses.length; index++) current = shrinkNetns(current, index, fails);
    if (JSON.stringify(current).length >= before) return current;
  }
}
