/** Addresses for nodes that show none. */
import { formatAddress, type IpPrefix, parseAddress } from '@podwire/engine';
import { canonical, covering, nth, overlaps, parseCIDR } from '../net/cidr.ts';
import type { IPFamily, Node } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import type { Report } from './report.ts';

/** Networks for made node addresses, the first that touches neither pods nor Services. The first ones are kind's. */
const NODE_NETWORKS: Record<IPFamily, readonly string[]> = {
  IPv4: ['172.18.0.0/16', '192.168.0.0/16', '10.10.0.0/16', '172.31.0.0/16'],
  IPv6: ['fc00:f853:ccd:e793::/64', 'fd00:10:10::/64'],
};

/** Hands out node addresses: beside those that are known, else in a network of its own. */
class NodeAddresses {
  readonly #taken: Set<string>;
  readonly #network: IpPrefix;
  #next = 2;

  constructor(family: IPFamily, nodes: Iterable<Placed<Node>>, settings: ClusterSettings) {
    const known = [...nodes].flatMap(({ object }) => nodeIPs(object)[family] ?? []);
    this.#taken = new Set(known);
    const used = [...settings.podCIDRs.value, ...settings.serviceCIDRs.value].flatMap((c) => parseCIDR(c) ?? []);
    const beside = covering(
      known.flatMap((a) => parseAddress(a) ?? []),
      family === 'IPv4' ? 24 : 64,
    );
    const choices = NODE_NETWORKS[family].flatMap((c) => parseCIDR(c) ?? []);
    const free = choices.find((c) => !used.some((u) => overlaps(c, u)));
    this.#network = (beside ?? free ?? choices[0]) as IpPrefix;
  }

  take(): string | undefined {
    for (;;) {
      const address = nth(this.#network, this.#next++);
      if (!address) return undefined;
      const text = formatAddress(address);
      if (this.#taken.has(text)) continue;
      this.#taken.add(text);
      return text;
    }
  }
}

export function addressNodes(
  nodes: Map<string, Placed<Node>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  report: Report,
): void {
  for (const family of families) {
    const pool = new NodeAddresses(family, nodes.values(), settings);
    for (const [name, placed] of nodes) {
      const node = placed.object;
      const written = node.status?.addresses ?? [];
      const readable = written.filter((a) => !a.type.endsWith('IP') || canonical(a.address) !== undefined);
      if (nodeIPs(node)[family]) continue;
      const address = pool.take();
      if (address === undefined) {
        report.problem(
          'error',
          'no-node-address',
          placed,
          `no ${family} address is left for this Node`,
          'Give its InternalIP.',
        );
        continue;
      }
      // A second family is an extra of the made address, not a redaction.
      const hidden = readable.length < written.length;
      report.assume(
        hidden ? 'redacted-node-addresses' : 'made-node-addresses',
        hidden
          ? 'Node addresses are redacted in the input: made ones stand for them'
          : 'Node addresses that the input does not have were made',
        'give the Nodes as they are: kubectl get nodes -o json',
      );
      const made: Node = {
        ...node,
        status: { ...node.status, addresses: [...readable, { type: 'InternalIP', address }] },
      };
      nodes.set(name, { ...placed, object: made });
    }
  }
}
