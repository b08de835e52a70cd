/** From a scenario to the network namespaces that both sides get: the very same objects. */
import type { Netns, Network, Table } from '@podwire/engine';
import { Protocol } from '@podwire/engine';
import { type Dataplane, openSession } from '@podwire/model';
import type { Changes, Listening, Scenario } from './scenario.ts';

export interface World {
  dataplane: Dataplane;
  network: Network;
  /** Network namespaces in which connections are tracked. */
  tracking: string[];
}

function withPolicy(tables: Table[]): Table[] {
  const droppingChain = (table: Table): Table | undefined => {
    for (let layer: Table | undefined = table; layer; layer = layer.base) {
      const forward = layer.chains.find((chain) => chain.name === 'FORWARD');
      if (forward?.hook)
        return {
          family: table.family,
          name: table.name,
          base: table,
          chains: [{ ...forward, hook: { ...forward.hook, policy: 'drop' } }],
        };
    }
    return undefined;
  };
  return tables.map((table) => (table.name === 'filter' ? (droppingChain(table) ?? table) : table));
}

function changed(netns: Netns, isNode: boolean, { sysctls = {}, noHairpin, forwardPolicy }: Changes): Netns {
  const own = { ...(isNode ? sysctls['*'] : {}), ...sysctls[netns.name] };
  return {
    ...netns,
    sysctls: { ...netns.sysctls, ...own },
    links: noHairpin ? netns.links.map((link) => (link.hairpin ? { ...link, hairpin: false } : link)) : netns.links,
    netfilter: isNode && forwardPolicy ? withPolicy(netns.netfilter) : netns.netfilter,
  };
}

function listenersOf(netns: string, listening: readonly Listening[]): NonNullable<Netns['listeners']> {
  return listening
    .filter((l) => l.netns === netns)
    .flatMap((l) =>
      ['0.0.0.0', '::'].map((address) => ({
        protocol: l.protocol === 'tcp' ? Protocol.TCP : Protocol.UDP,
        address,
        port: l.port,
        ...(address === '::' && { v6only: true }),
      })),
    );
}

export async function worldOf({ objects, overrides, listening, changes }: Scenario): Promise<World> {
  const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const session = await openSession({ files: [{ name: 'cluster.json', bytes }], overrides });
  const errors = session.cluster.problems.filter((problem) => problem.severity === 'error');
  if (errors.length > 0) throw new Error(`the generated cluster is not valid: ${JSON.stringify(errors[0])}`);
  const { dataplane } = session;
  const netnses = dataplane.network.netnses.map((netns) => ({
    ...changed(netns, dataplane.nodes.has(netns.name), changes),
    listeners: listenersOf(netns.name, listening),
  }));
  return {
    dataplane,
    network: { netnses },
    tracking: netnses.filter((netns) => netns.netfilter.length > 0).map((netns) => netns.name),
  };
}
