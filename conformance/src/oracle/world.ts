/** From a scenario to the network namespaces that both sides get: the very same objects. */
import { type Chain, type Netns, type Network, Protocol, type Rule, type Table } from '@podwire/engine';
import { type Cluster, type Dataplane, openSession, parseIptablesSave } from '@podwire/model';
import { listenersOf } from '../lab/listeners.ts';
import type { Changes, Scenario } from './scenario.ts';

export interface World {
  cluster: Cluster;
  dataplane: Dataplane;
  network: Network;
  /** Network namespaces in which connections are tracked. */
  tracking: string[];
}

/** Neighbour discovery goes through FORWARD too where pods share a bridge: whoever drops there has to let it pass. */
const discovery = (type: number): Rule => ({
  body: [
    { kind: 'protocol', protocol: Protocol.ICMPV6 },
    { kind: 'icmp6', type, code: { from: 0, to: 255 } },
    { kind: 'accept' },
  ],
});
const SOLICITATION = 135;
const ADVERTISEMENT = 136;

function droppingForward({ name, hook, rules }: Chain, family: Table['family']): Chain {
  if (!hook) throw new Error(`chain ${name} hangs nowhere`);
  const first = family === 'ip6' ? [discovery(SOLICITATION), discovery(ADVERTISEMENT)] : [];
  return { name, hook: { ...hook, policy: 'drop' }, rules: [...first, ...rules] };
}

function dropping(table: Table): Table {
  for (let layer: Table | undefined = table; layer; layer = layer.base) {
    const forward = layer.chains.find((chain) => chain.name === 'FORWARD');
    if (!forward) continue;
    const { family, name } = table;
    return { family, name, base: table, chains: [droppingForward(forward, family)] };
  }
  return table;
}

const EMPTY_FILTER = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n';

/** Where kube-proxy has no table `filter`, whoever sets the policy makes one. */
function withPolicy(tables: readonly Table[]): Table[] {
  const isFilter = ({ family, name, syntax }: Table, of: string) =>
    syntax !== 'nft' && name === 'filter' && family === of;
  const missing = (['ip', 'ip6'] as const).filter((family) => !tables.some((table) => isFilter(table, family)));
  const all = [...tables, ...missing.flatMap((family) => parseIptablesSave(EMPTY_FILTER, family).tables)];
  return all.map((table) => (isFilter(table, table.family) ? dropping(table) : table));
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

/** What an API server would refuse, and a proxy sees all the same once it is there. */
const BAD_INPUT: ReadonlySet<string> = new Set(['cluster-ip-clash', 'node-port-clash', 'no-such-family']);

export async function worldOf({ objects, overrides, listening, changes }: Scenario): Promise<World> {
  const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const session = await openSession({ files: [{ name: 'cluster.json', bytes }], overrides });
  const errors = session.cluster.problems.filter(
    (problem) => problem.severity === 'error' && !BAD_INPUT.has(problem.code),
  );
  if (errors.length > 0) throw new Error(`the generated cluster is not valid: ${JSON.stringify(errors[0])}`);
  const { dataplane } = session;
  const netnses = dataplane.network.netnses.map((netns) => ({
    ...changed(netns, dataplane.nodes.has(netns.name), changes),
    listeners: listenersOf(netns.name, listening),
  }));
  return {
    cluster: session.cluster,
    dataplane,
    network: { netnses },
    tracking: netnses.filter((netns) => netns.netfilter.length > 0).map((netns) => netns.name),
  };
}
