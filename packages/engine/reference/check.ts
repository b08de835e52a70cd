/** Refuses networks that contradict themselves, before anything runs. */
import {
  type Balancer,
  type Balancing,
  type Chain,
  checkStacks,
  EngineError,
  type LinkBalancing,
  type Netns,
  type Network,
  parseAddress,
  parsePrefix,
  plainStatements,
  type Statement,
  type Table,
} from '../src/index.ts';
import { chainsOf } from './hook-entries.ts';
import { namedSet } from './nft-sets.ts';
import { isRejectName } from './reject.ts';

function unique(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new EngineError('DUPLICATE_NAME', `${what} ${name} stands twice`);
    seen.add(name);
  }
}

function checkLinks(netns: Netns, byName: ReadonlyMap<string, Netns>): void {
  const links = new Map(netns.links.map((link) => [link.name, link]));
  unique(
    netns.links.map((link) => link.name),
    `link in network namespace ${netns.name}:`,
  );
  for (const link of netns.links) {
    const at = `link ${link.name} of network namespace ${netns.name}`;
    if (link.peer) {
      const peer = byName.get(link.peer.netns)?.links.find((other) => other.name === link.peer?.link);
      if (peer?.peer?.netns !== netns.name || peer.peer.link !== link.name)
        throw new EngineError('UNKNOWN_PEER', `${at}: its peer ${link.peer.netns}/${link.peer.link} does not name it`);
    }
    const master = link.master === undefined ? undefined : links.get(link.master)?.kind;
    if (link.master !== undefined && master !== 'bridge' && master !== 'bond' && master !== 'vrf')
      throw new EngineError('UNKNOWN_MASTER', `${at}: no bridge ${link.master}`);
    const { tunnel } = link;
    if (tunnel?.underlay !== undefined && !byName.has(tunnel.underlay))
      throw new EngineError('UNKNOWN_NETNS', `${at}: no network namespace ${tunnel.underlay}`);
    for (const text of [tunnel?.local, tunnel?.remote])
      if (text !== undefined && !parseAddress(text))
        throw new EngineError('BAD_ADDRESS', `${at}: tunnel address ${text}`);
    for (const peer of tunnel?.peers ?? [])
      for (const prefix of peer.allowedIps)
        if (!parsePrefix(prefix)) throw new EngineError('BAD_ADDRESS', `${at}: allowed-ips ${prefix}`);
  }
}

/** Every address that a load balancer names. */
function balancedAddresses(balancing: Balancing & Partial<LinkBalancing>): string[] {
  const { balancer, nodes = [], local = [], sources = [], loopback = [] } = balancing;
  const texts = [...nodes, ...local, ...sources, ...loopback];
  for (let layer: Balancer | undefined = balancer; layer; layer = layer.base)
    for (const { address, backends, sourceRanges = [] } of layer.frontends)
      texts.push(address, ...sourceRanges, ...backends.map((backend) => backend.address));
  return texts;
}

function checkBalancers(netns: Netns): void {
  const places = [netns.balancing ?? [], ...netns.links.map(({ balancing = [] }) => balancing)].flat();
  for (const text of places.flatMap(balancedAddresses))
    if (!parsePrefix(text))
      throw new EngineError('BAD_ADDRESS', `network namespace ${netns.name}: ${text} in a load balancer`);
}

function checkAddresses(netns: Netns): void {
  const names = new Set(['lo', ...netns.links.map((link) => link.name)]);
  const wants = (text: string, parsed: unknown, what: string) => {
    if (!parsed) throw new EngineError('BAD_ADDRESS', `network namespace ${netns.name}: ${what} ${text}`);
  };
  for (const address of netns.addresses) {
    wants(address.address, parsePrefix(address.address), 'address');
    if (address.peer !== undefined) wants(address.peer, parsePrefix(address.peer), 'peer address');
    if (!names.has(address.link))
      throw new EngineError(
        'UNKNOWN_LINK',
        `network namespace ${netns.name}: ${address.address} on link ${address.link}`,
      );
  }
  for (const table of netns.tables)
    for (const route of table.routes) {
      wants(route.destination, parsePrefix(route.destination), 'route to');
      for (const { via } of route.nexthops) if (via !== undefined) wants(via, parseAddress(via), 'gateway');
    }
  for (const neighbor of netns.neighbors ?? []) {
    wants(neighbor.address, parseAddress(neighbor.address), 'neighbour');
    if (!names.has(neighbor.link))
      throw new EngineError('UNKNOWN_LINK', `network namespace ${netns.name}: neighbour on link ${neighbor.link}`);
  }
}

function statementTargets(table: Table, statement: Statement): string[] {
  if (statement.kind === 'jump' || statement.kind === 'goto') return [statement.chain];
  if (statement.kind !== 'verdict-map') return [];
  const { map } = statement;
  const { elements } = typeof map === 'string' ? namedSet(table, map) : map;
  return elements.flatMap(({ verdict }) => (verdict && 'chain' in verdict ? [verdict.chain] : []));
}

/** The chains a chain jumps or goes to. */
const targetsOf = (table: Table, chain: Chain): string[] =>
  chain.rules.flatMap((rule) => rule.body.flatMap((s) => statementTargets(table, s)));

const checked = new WeakSet<Table>();

/** Jumps lead somewhere, and from a base chain never round in a circle. */
function checkTable(table: Table): void {
  if (checked.has(table)) return;
  const chains = chainsOf(table);
  const done = new Set<Chain>();
  const visit = (chain: Chain, path: readonly string[]): void => {
    if (path.includes(chain.name))
      throw new EngineError('CHAIN_LOOP', `table ${table.name}: chains ${[...path, chain.name].join(' > ')}`);
    if (done.has(chain)) return;
    for (const name of targetsOf(table, chain)) {
      const target = chains.get(name);
      if (!target || target.hook)
        throw new EngineError('UNKNOWN_CHAIN', `table ${table.name}: chain ${chain.name} jumps to ${name}`);
      visit(target, [...path, chain.name]);
    }
    done.add(chain);
  };
  for (const chain of chains.values()) visit(chain, []);
  checked.add(table);
}

const setsCovered = new WeakMap<Chain, string[]>();
function setsOf(chain: Chain): string[] {
  let names = setsCovered.get(chain);
  if (!names) {
    names = chain.rules.flatMap((rule) =>
      plainStatements(rule.body).flatMap((s) =>
        s.kind === 'set' || s.kind === 'set-add' || s.kind === 'set-del' ? [s.set] : [],
      ),
    );
    for (const rule of chain.rules)
      for (const s of plainStatements(rule.body))
        if (s.kind === 'reject' && !isRejectName(s.with))
          throw new EngineError('BAD_VALUE', `chain ${chain.name}: reject with ${s.with}`);
    setsCovered.set(chain, names);
  }
  return names;
}

function checkNetfilter(netns: Netns): void {
  const sets = new Set(netns.sets?.map((set) => set.name));
  for (const table of netns.netfilter) {
    checkTable(table);
    for (const chain of chainsOf(table).values())
      for (const name of setsOf(chain))
        if (!sets.has(name))
          throw new EngineError(
            'UNKNOWN_SET',
            `network namespace ${netns.name}: chain ${chain.name} asks for set ${name}`,
          );
  }
}

export function checkNetwork(network: Network): void {
  const byName = new Map(network.netnses.map((netns) => [netns.name, netns]));
  unique(
    network.netnses.map((netns) => netns.name),
    'network namespace',
  );
  checkStacks(network.netnses);
  for (const netns of network.netnses) {
    checkLinks(netns, byName);
    checkAddresses(netns);
    checkBalancers(netns);
    checkNetfilter(netns);
  }
}
