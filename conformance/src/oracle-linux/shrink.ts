/** Makes a scenario that disagrees smaller for as long as it still does: events, rules, chains, tables, routes, settings, namespaces. */
import type { Address, Neighbor, Netns, PolicyRule, Rule, Table } from '@podwire/engine';
import { minimise } from '../lab/minimise.ts';
import { shrinkNft } from './nft-shrink.ts';
import type { Scenario } from './scenario.ts';

type Disagrees = (scenario: Scenario) => Promise<boolean>;

const replaced = <T>(list: readonly T[], at: number, item: T): T[] => list.map((old, i) => (i === at ? item : old));

const withNetns = (scenario: Scenario, at: number, netns: Netns): Scenario => ({
  ...scenario,
  network: { netnses: replaced(scenario.network.netnses, at, netns) },
});

/** Without a namespace: nor its wires, and what stood on their other ends. */
function without(scenario: Scenario, name: string): Scenario {
  const netnses = scenario.network.netnses
    .filter((netns) => netns.name !== name)
    .map((netns) => {
      const links = netns.links.filter((link) => link.peer?.netns !== name);
      const kept = new Set(['lo', ...links.map((link) => link.name)]);
      return {
        ...netns,
        links,
        addresses: netns.addresses.filter((a) => kept.has(a.link)),
        neighbors: netns.neighbors?.filter((n) => kept.has(n.link)) ?? [],
        tables: netns.tables.map((table) => ({
          ...table,
          routes: table.routes.filter((route) => route.nexthops.every((hop) => kept.has(hop.dev))),
        })),
      };
    });
  const { [name]: _, ...nft } = scenario.nft ?? {};
  return {
    ...scenario,
    ...(scenario.nft && { nft }),
    network: { netnses },
    listening: scenario.listening.filter((l) => l.netns !== name),
    events: scenario.events.filter((e) => e.netns !== name),
  };
}

/** One list of a namespace, and how to put a shorter one in its place. */
interface Part {
  items: readonly unknown[];
  put: (rest: unknown[]) => Netns;
}

function part<T>(items: readonly T[] | undefined, put: (rest: T[]) => Netns): Part {
  return { items: items ?? [], put: (rest) => put(rest as T[]) };
}

const tablePart = (netns: Netns, at: number, change: (table: Table) => Table): Netns => ({
  ...netns,
  netfilter: netns.netfilter.map((table, i) => (i === at ? change(table) : table)),
});

const isUsual = ({ priority }: PolicyRule) => [0, 32766, 32767].includes(priority);

const isGlobal = ({ address }: Address) => !address.startsWith('fe80');

function* partsOf(netns: Netns): Generator<(current: Netns) => Part> {
  yield (n) => part(n.netfilter, (netfilter) => ({ ...n, netfilter }));
  for (const [t, table] of netns.netfilter.entries()) {
    for (const [c] of table.chains.entries())
      yield (n) =>
        part(n.netfilter[t]?.chains[c]?.rules, (rules) =>
          tablePart(n, t, (old) => ({
            ...old,
            chains: old.chains.map((chain, i) => (i === c ? { ...chain, rules } : chain)),
          })),
        );
    yield (n) =>
      part(
        n.netfilter[t]?.chains.filter((chain) => !chain.hook),
        (user) =>
          tablePart(n, t, (old) => ({ ...old, chains: [...old.chains.filter((chain) => chain.hook), ...user] })),
      );
  }
  yield (n) => part(Object.entries(n.sysctls), (entries) => ({ ...n, sysctls: Object.fromEntries(entries) }));
  // Without the usual ones IPv6 looks where it always does, unless it ever had others (fib6_has_custom_rules).
  yield (n) =>
    part(
      n.rules?.filter((rule) => !isUsual(rule)),
      (rules) => ({
        ...n,
        ...(n.rules && { rules: [...n.rules.filter(isUsual), ...rules] }),
      }),
    );
  for (const [t] of netns.tables.entries())
    yield (n) =>
      part(n.tables[t]?.routes, (routes) => ({
        ...n,
        tables: n.tables.map((table, i) => (i === t ? { ...table, routes } : table)),
      }));
  // Nobody asks for neighbours through a tunnel.
  const tunnels = new Set(netns.links.filter(({ kind }) => kind === 'vxlan').map(({ name }) => name));
  const isGiven = ({ link }: Neighbor) => tunnels.has(link);
  yield (n) =>
    part(
      n.neighbors?.filter((neighbor) => !isGiven(neighbor)),
      (neighbors) => ({
        ...n,
        neighbors: [...(n.neighbors?.filter(isGiven) ?? []), ...neighbors],
      }),
    );
  yield (n) => part(n.sets, (sets) => ({ ...n, sets }));
  yield (n) => part(n.conntrack, (conntrack) => ({ ...n, conntrack }));
  // Without link-local addresses nobody finds neighbours.
  yield (n) =>
    part(n.addresses.filter(isGlobal), (addresses) => ({
      ...n,
      addresses: [...n.addresses.filter((address) => !isGlobal(address)), ...addresses],
    }));
}

/** Single statements of the rules that are left. */
async function withoutStatements(scenario: Scenario, at: number, disagrees: Disagrees): Promise<Scenario> {
  let best = scenario;
  const netns = () => best.network.netnses[at] as Netns;
  for (const [t, table] of netns().netfilter.entries())
    for (const [c, chain] of table.chains.entries())
      for (const [k] of chain.rules.entries()) {
        const put = (rule: Rule) =>
          withNetns(
            best,
            at,
            tablePart(netns(), t, (old) => ({
              ...old,
              chains: old.chains.map((x, i) => (i === c ? { ...x, rules: replaced(x.rules, k, rule) } : x)),
            })),
          );
        const rule = netns().netfilter[t]?.chains[c]?.rules[k] as Rule;
        const body = await minimise(rule.body, (rest) => disagrees(put({ ...rule, body: rest })));
        best = put({ ...rule, body });
      }
  return best;
}

async function shrinkNetns(scenario: Scenario, at: number, disagrees: Disagrees): Promise<Scenario> {
  let best = scenario;
  for (const partOf of partsOf(scenario.network.netnses[at] as Netns)) {
    const { items, put } = partOf(best.network.netnses[at] as Netns);
    if (items.length === 0) continue;
    const rest = await minimise(items, (fewer) => disagrees(withNetns(best, at, put(fewer))));
    if (rest.length < items.length) best = withNetns(best, at, put(rest));
  }
  return withoutStatements(best, at, disagrees);
}

/** Tries at most `budget` scenarios; `disagrees` builds one and asks both sides. */
export async function shrink(scenario: Scenario, disagrees: Disagrees, budget = 250): Promise<Scenario> {
  let left = budget;
  const fails: Disagrees = async (candidate) => left-- > 0 && (await disagrees(candidate));
  let best = scenario;
  const events = await minimise(best.events, (rest) => fails({ ...best, events: rest }));
  best = { ...best, events };
  for (const { name } of scenario.network.netnses) {
    const candidate = without(best, name);
    if (await fails(candidate)) best = candidate;
  }
  const listening = await minimise(best.listening, (rest) => fails({ ...best, listening: rest }));
  best = { ...best, listening };
  best = await shrinkNft(best, fails);
  for (const at of best.network.netnses.keys()) best = await shrinkNetns(best, at, fails);
  return best;
}
