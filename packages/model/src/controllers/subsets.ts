/**
 * Subsets of Endpoints in their packed form: addresses that offer the same ports stand together (pkg/api/v1/endpoints/util.go). The real one
 * orders ports and subsets by a hash of the objects; here they stand by name.
 */
import type { EndpointAddress, EndpointSubset } from '../objects/kube.ts';

type SubsetPort = NonNullable<EndpointSubset['ports']>[number];

/** What one Endpoints object holds at most. */
const MAX_ADDRESSES = 1000;

interface Offer {
  port: SubsetPort | undefined;
  /** By address and uid of the pod. */
  addresses: Map<string, { address: EndpointAddress; ready: boolean }>;
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function addressKey({ ip, targetRef }: EndpointAddress): string {
  return `${ip} ${targetRef?.uid ?? ''}`;
}

function portText(port: SubsetPort | undefined): string {
  if (!port) return '';
  const { name = '', port: number, protocol = 'TCP', appProtocol = '' } = port;
  return JSON.stringify([name, number, protocol, appProtocol]);
}

function offersOf(subsets: readonly EndpointSubset[]): Map<string, Offer> {
  const offers = new Map<string, Offer>();
  const known = new Map<string, EndpointAddress>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const listed = [
      ...addresses.map((address) => ({ address, ready: true })),
      ...notReadyAddresses.map((address) => ({ address, ready: false })),
    ];
    for (const port of ports.length > 0 ? ports : [undefined]) {
      const offer = offers.get(portText(port)) ?? { port, addresses: new Map() };
      offers.set(portText(port), offer);
      for (const { address, ready } of listed) {
        const key = addressKey(address);
        if (!known.has(key)) known.set(key, address);
        const before = offer.addresses.get(key)?.ready ?? true;
        // Once not ready, an address stays so.
        offer.addresses.set(key, { address: known.get(key) as EndpointAddress, ready: before && ready });
      }
    }
  }
  return offers;
}

/** `RepackSubsets`: every address once for each set of ports that the same addresses offer. */
export function packSubsets(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const groups = new Map<string, { offer: Offer; ports: SubsetPort[] }>();
  for (const offer of [...offersOf(subsets).values()].sort((a, b) => order(portText(a.port), portText(b.port)))) {
    const key = [...offer.addresses]
      .map(([address, { ready }]) => `${address} ${ready}`)
      .sort()
      .join();
    const group = groups.get(key) ?? { offer, ports: [] };
    groups.set(key, group);
    if (offer.port) group.ports.push(offer.port);
  }
  return [...groups.values()].map(({ offer, ports }) => {
    const sorted = [...offer.addresses].sort(([a], [b]) => order(a, b)).map(([, listed]) => listed);
    const ready = sorted.filter((listed) => listed.ready).map(({ address }) => address);
    const notReady = sorted.filter((listed) => !listed.ready).map(({ address }) => address);
    return {
      ...(ready.length > 0 && { addresses: ready }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady }),
      ...(ports.length > 0 && { ports }),
    };
  });
}

function subsetText({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset): string {
  const text = (list: readonly EndpointAddress[]) =>
    list
      .map(({ ip, hostname = '', nodeName = '', targetRef }) => [
        ip,
        hostname,
        nodeName,
        targetRef ? [targetRef.kind, targetRef.namespace, targetRef.name, targetRef.uid ?? ''] : null,
      ])
      .map((one) => JSON.stringify(one))
      .sort();
  return JSON.stringify([text(addresses), text(notReadyAddresses), ports.map(portText).sort()]);
}

/** Equal whatever the order. */
export function sameSubsets(a: readonly EndpointSubset[], b: readonly EndpointSubset[]): boolean {
  const text = (subsets: readonly EndpointSubset[]) => subsets.map(subsetText).sort().join();
  return text(a) === text(b);
}

/** Cuts what is above a thousand addresses, in proportion; those that are ready go first (`truncateEndpoints`). */
export function truncateSubsets(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const count = (of: 'addresses' | 'notReadyAddresses') => subsets.reduce((sum, s) => sum + (s[of]?.length ?? 0), 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= MAX_ADDRESSES) return { subsets, truncated: false };
  const cut = ready > MAX_ADDRESSES ? 'addresses' : 'notReadyAddresses';
  const room = cut === 'addresses' ? MAX_ADDRESSES : MAX_ADDRESSES - ready;
  const total = cut === 'addresses' ? ready : notReady;
  let left = room;
  const shortened = subsets.map((subset) => {
    const { addresses, notReadyAddresses, ...rest } = subset;
    const list = subset[cut] ?? [];
    const kept = list.slice(0, Math.min(Math.ceil((list.length / total) * room), left));
    left -= kept.length;
    const isReady = cut === 'addresses';
    return {
      ...rest,
      ...(isReady ? kept.length > 0 && { addresses: kept } : addresses && { addresses }),
      ...(!isReady && kept.length > 0 && { notReadyAddresses: kept }),
    };
  });
  return { subsets: shortened, truncated: true };
}
