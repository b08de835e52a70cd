/**
 * Endpoints that contradict each other or lead nowhere, whoever wrote them: slices that disagree about one address, addresses within the pods'
 * network that no pod has, and Endpoints edited by hand, which kube-proxy does not read.
 */
import { containsAddress, parseAddress } from '@podwire/engine';
import { canonical, parseCIDR } from '../net/cidr.ts';
import type { EndpointSlice, Endpoints, IPFamily } from '../objects/kube.ts';
import { isHeadless, isOver } from '../objects/pod-facts.ts';
import { endpointsByServicePort, type Twice } from '../proxy/endpoints.ts';
import type { Cluster, Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import type { Report } from './report.ts';

type Known = Pick<Cluster, 'settings' | 'nodes' | 'pods' | 'services' | 'endpointSlices'>;

const FAMILIES: readonly IPFamily[] = ['IPv4', 'IPv6'];

function checkTwice(key: string, slices: readonly Placed<EndpointSlice>[], report: Report): void {
  const objects = slices.map(({ object }) => object);
  const told = new Set<string>();
  const tell = ({ endpoint, first, second, message }: Twice): void => {
    if (told.has(endpoint)) return;
    told.add(endpoint);
    const at = slices.find(({ object }) => object === second.slice) ?? slices[0];
    const isOne = first.slice === second.slice;
    report.problem(
      'warning',
      'endpoint-twice',
      { ...at, path: ['endpoints', second.index] },
      message,
      isOne
        ? 'Take one of the two out.'
        : `If it stays so, one of the EndpointSlices of Service ${key} is stale, or two controllers write them.`,
    );
  };
  for (const family of FAMILIES) endpointsByServicePort(objects, family, tell);
}

/** Every address that a pod or a node of the input has. */
function ownedAddresses({ nodes, pods }: Known): Set<string> {
  const owned = new Set<string>();
  const own = (text: string | undefined) => owned.add(canonical(text) ?? '');
  for (const { object } of nodes.values()) for (const { address } of object.status?.addresses ?? []) own(address);
  for (const { object } of pods.values())
    if (!isOver(object))
      for (const text of [object.status?.podIP, ...(object.status?.podIPs ?? []).map(({ ip }) => ip)]) own(text);
  return owned;
}

function checkNobody(
  key: string,
  slices: readonly Placed<EndpointSlice>[],
  isNobody: (address: string) => boolean,
  report: Report,
): void {
  const found = slices.flatMap((placed) =>
    placed.object.endpoints.flatMap(({ addresses, targetRef }, index) =>
      // Of those that name a pod, `check-slices.ts` tells.
      targetRef?.kind === 'Pod' ? [] : addresses.filter(isNobody).map((address) => ({ placed, index, address })),
    ),
  );
  const [first] = found;
  if (!first) return;
  const others = new Set(found.map(({ address }) => address)).size - 1;
  const more = others === 0 ? '' : ` (and ${others} more alike)`;
  const { placed, index, address } = first;
  // A mirrored slice is not in the input: what it was made of is.
  const source = placed.madeBy?.origin;
  const at = source ? { origin: source } : { ...placed, path: ['endpoints', index] };
  report.problem(
    'warning',
    'endpoint-of-nobody',
    at,
    `${source ? `Endpoints of Service ${key}: ` : ''}endpoint ${address} lies in the pods' network, but no Pod of the input has it${more}`,
    'Take Pods and EndpointSlices at the same time; if they stay apart, whoever wrote the endpoint has to take it out.',
  );
}

const addressesIn = ({ subsets }: Endpoints): { ip: string; path: (string | number)[] }[] =>
  (subsets ?? []).flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).map(({ ip }, k) => ({ ip, path: ['subsets', i, list, k, 'ip'] })),
    ),
  );

/** Endpoints beside slices that do not have all of their addresses. */
function checkEdited(
  key: string,
  slices: readonly Placed<EndpointSlice>[],
  placed: Placed<Endpoints>,
  report: Report,
): void {
  const listed = new Set(
    slices.flatMap(({ object }) => object.endpoints.flatMap(({ addresses }) => addresses.map((a) => canonical(a)))),
  );
  const extra = addressesIn(placed.object).filter(
    ({ ip }) => canonical(ip) !== undefined && !listed.has(canonical(ip)),
  );
  const [first] = extra;
  if (!first) return;
  const more = extra.length === 1 ? '' : ` (and ${extra.length - 1} more alike)`;
  report.problem(
    'warning',
    'endpoints-beside-slices',
    { ...placed, path: first.path },
    `lists ${first.ip}${more}, which no EndpointSlice of Service ${key} has: kube-proxy goes by the slices and sends nothing there`,
    'Change the EndpointSlices, or the selector and the Pods that they are made of.',
  );
}

/** Pods that the input shows as they run: without any, nobody knows whose an address is. */
const showsPods = ({ pods }: Collected): boolean =>
  [...pods.values()].some(({ object, madeBy }) => !madeBy && object.status?.phase !== undefined);

export function checkEndpoints(collected: Collected, known: Known, report: Report): void {
  const podNetworks = known.settings.podCIDRs.value.flatMap((cidr) => parseCIDR(cidr) ?? []);
  let owned: Set<string> | undefined;
  const isNobody = (text: string): boolean => {
    const address = parseAddress(text);
    if (!address || !podNetworks.some((network) => containsAddress(network, address))) return false;
    owned ??= ownedAddresses(known);
    return !owned.has(canonical(text) ?? '');
  };
  const isShown = showsPods(collected);
  for (const [key, { object }] of known.services) {
    const slices = known.endpointSlices.get(key) ?? [];
    if (!isHeadless(object)) checkTwice(key, slices, report);
    if (isShown) checkNobody(key, slices, isNobody, report);
    const endpoints = collected.endpoints.get(key);
    const isGiven = slices.some(({ madeBy }) => !madeBy);
    if (endpoints && isGiven) checkEdited(key, slices, endpoints, report);
  }
}
