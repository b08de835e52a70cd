/** What the world outside sees of a private address: a router that the input does not show translates it once more. */
import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { Note, Receiver } from './answer.ts';

/** Of no use outside (RFC 1918, RFC 6598, RFC 4193). */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].flatMap(
  (text) => parsePrefix(text) ?? [],
);

function isPrivate(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && PRIVATE.some((prefix) => containsAddress(prefix, address));
}

/** Undefined for addresses that mean something outside. */
export function beyond({ nodes }: Pick<Cluster, 'nodes'>, address: string): Receiver['beyond'] {
  if (!isPrivate(address)) return undefined;
  for (const { object } of nodes.values()) {
    const addresses = object.status?.addresses ?? [];
    if (!addresses.some((one) => one.type === 'InternalIP' && one.address === address)) continue;
    const isSameFamily = (text: string) => text.includes(':') === address.includes(':');
    const external = addresses.find((one) => one.type === 'ExternalIP' && isSameFamily(one.address))?.address;
    return external === undefined ? {} : { address: external };
  }
  return {};
}

export const BEYOND: Note = {
  kind: 'assumption',
  code: 'nat-beyond',
  text: 'The outside sees no private address: a router between the nodes and the outside, which is not in the input, is taken to translate it once more, to have a port left for it, and to send the answer back.',
  settle: 'ask a server outside which address it sees; look at the NAT gateway for ports in use',
};
