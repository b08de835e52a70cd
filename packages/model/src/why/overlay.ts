/** What agents of network plugins tell the other nodes: addresses for the overlay, and the range it is for. */
import { containsAddress, parsePrefix } from '@podwire/engine';
import { objectRef, type Provenance } from '../answer/provenance.ts';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { parseEmbedded } from '../cluster/detect/embedded.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import type { Node } from '../objects/kube.ts';
import type { Fault } from './answer.ts';

/** Where agents write the address by which the other nodes reach this one. */
const TOLD = ['flannel.alpha.coreos.com/public-ip', 'projectcalico.org/IPv4Address', 'projectcalico.org/IPv6Address'];

function toldBy({ object }: Placed<Node>, key: string): string | undefined {
  return object.metadata.annotations?.[key]?.split('/')[0];
}

/** Two nodes that say they have the same address: the agent took that of a link which is alike on all of them. */
function sameAddress(cluster: Cluster, provenance: Provenance): Fault | undefined {
  for (const key of TOLD) {
    const seen = new Map<string, string>();
    for (const [name, placed] of cluster.nodes) {
      const address = toldBy(placed, key);
      if (address === undefined) continue;
      const other = seen.get(address);
      if (other !== undefined) {
        return {
          link: 'overlay',
          code: 'overlay-address',
          text: `Nodes ${other} and ${name} both say that the overlay reaches them at ${address} (${key}): their agents took a link that is alike on every node.`,
          object: objectRef(provenance, placed, ['metadata', 'annotations', key]),
          mend: 'Name the right link to the agent: --iface of flannel, IP_AUTODETECTION_METHOD of Calico.',
        };
      }
      seen.set(address, name);
    }
  }
  return undefined;
}

/** An address that is none of the node's: the others send to a network that leads elsewhere. */
function otherLink(cluster: Cluster, provenance: Provenance): Fault | undefined {
  for (const key of TOLD) {
    const told = [...cluster.nodes].flatMap(([name, placed]) => {
      const address = toldBy(placed, key);
      const own = (placed.object.status?.addresses ?? []).map((entry) => entry.address);
      return address === undefined || own.length === 0 ? [] : [{ name, placed, address, isOwn: own.includes(address) }];
    });
    const odd = told.find(({ isOwn }) => !isOwn);
    // Where none is the node's own, the overlay has a network of its own.
    if (!odd || !told.some(({ isOwn }) => isOwn)) continue;
    return {
      link: 'overlay',
      code: 'overlay-address',
      text: `Node ${odd.name} says that the overlay reaches it at ${odd.address} (${key}), which is none of its addresses; the other nodes use theirs.`,
      object: objectRef(provenance, odd.placed, ['metadata', 'annotations', key]),
      mend: 'Name the right link to the agent: --iface of flannel, IP_AUTODETECTION_METHOD of Calico.',
    };
  }
  return undefined;
}

/** flannel makes routes inside its Network alone. */
function otherNetwork(cluster: Cluster, provenance: Provenance): Fault | undefined {
  for (const placed of cluster.configMaps.values()) {
    const text = placed.object.data?.['net-conf.json'];
    const network = text === undefined ? undefined : parseEmbedded(text)?.Network;
    const prefix = typeof network === 'string' ? parsePrefix(network) : undefined;
    if (!prefix) continue;
    for (const [name, node] of cluster.nodes) {
      const odd = node.origin
        ? nodePodCIDRs(node.object).find((range) => {
            const own = parsePrefix(range);
            return own?.family === prefix.family && !containsAddress(prefix, own);
          })
        : undefined;
      if (odd === undefined) continue;
      return {
        link: 'overlay',
        code: 'overlay-network',
        text: `flannel is set up for ${network}, and node ${name} gives its pods addresses of ${odd}: flannel makes no way to them.`,
        object: objectRef(provenance, placed, ['data', 'net-conf.json']),
        mend: "Make flannel's Network the pod range of the cluster (--cluster-cidr of the controller manager, --pod-network-cidr of kubeadm).",
      };
    }
  }
  return undefined;
}

/** The overlay between nodes cannot work as it is set up, whatever is asked of it. */
export function overlayFault(cluster: Cluster, provenance: Provenance): Fault | undefined {
  return sameAddress(cluster, provenance) ?? otherLink(cluster, provenance) ?? otherNetwork(cluster, provenance);
}
