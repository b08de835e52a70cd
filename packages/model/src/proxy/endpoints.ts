/** EndpointSlices as kube-proxy sees them: the endpoints of each service port. (pkg/proxy/endpointslicecache.go) */
import type { EndpointSlice, IPFamily } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';
import { canonicalIP, joinHostPort } from './ip.ts';
import { servicePortKey } from './service-ports.ts';

/** One endpoint of one service port. */
export interface EndpointInfo {
  /** `10.0.0.1:80` or `[fd00::1]:80`: its identity within the service port. */
  endpoint: string;
  ip: string;
  port: number;
  /** Empty: on no node, so local to none. */
  nodeName: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  zoneHints: readonly string[];
  nodeHints: readonly string[];
  slice: EndpointSlice;
  /** Position in the slice's `endpoints`. */
  index: number;
}

const SERVICE_NAME = 'kubernetes.io/service-name';
/** Slices that kube-proxy's watch leaves out. */
const UNSEEN_LABELS = ['service.kubernetes.io/headless', 'service.kubernetes.io/service-proxy-name'];

/** `namespace/name` of the Service that a slice belongs to; undefined for slices that kube-proxy passes over. */
export function serviceOfSlice(slice: EndpointSlice): string | undefined {
  const { labels = {}, namespace, name } = slice.metadata;
  const service = labels[SERVICE_NAME];
  if (service === undefined || service === '' || name === '') return undefined;
  if (UNSEEN_LABELS.some((label) => labels[label] !== undefined)) return undefined;
  return `${namespace ?? 'default'}/${service}`;
}

const NO_HINTS: readonly string[] = [];

/** The endpoints of a slice without a port, those with a usable address. */
function addressesOf(slice: EndpointSlice): Omit<EndpointInfo, 'endpoint' | 'port'>[] {
  // Go writes an empty list as null.
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions, nodeName, hints }, index) => {
    const ip = canonicalIP(addresses[0] ?? '');
    if (ip === undefined) return [];
    return {
      ip,
      nodeName: nodeName ?? '',
      ready: conditions?.ready ?? true,
      serving: conditions?.serving ?? true,
      terminating: conditions?.terminating ?? false,
      zoneHints: hints?.forZones?.map((zone) => zone.name) ?? NO_HINTS,
      nodeHints: hints?.forNodes?.map((node) => node.name) ?? NO_HINTS,
      slice,
      index,
    };
  });
}

function sameUse(a: EndpointInfo, b: EndpointInfo): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.zoneHints.join() === b.zoneHints.join() &&
    a.nodeHints.join() === b.nodeHints.join()
  );
}

/** An address and port that stands in two places, with different conditions, node or hints. */
export interface Twice extends Problem {
  endpoint: string;
  first: EndpointInfo;
  second: EndpointInfo;
}

function undetermined(service: string, first: EndpointInfo, second: EndpointInfo): Twice {
  const { endpoint } = first;
  const slices = [...new Set([first.slice.metadata.name, second.slice.metadata.name])].join(' and ');
  const message = `${endpoint} stands twice, with different conditions, node or hints, in the EndpointSlices of Service ${service} (${slices}); the real kube-proxy takes either, here the last one counts`;
  return {
    severity: 'warning',
    code: 'endpoint-twice',
    message,
    object: `Service ${service}`,
    endpoint,
    first,
    second,
  };
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The endpoints of every service port of the family, by `servicePortKey`, each list in byte order of `endpoint`. Ports of a slice without
 * a number are passed over, as kube-proxy does.
 */
export function endpointsByServicePort(
  slices: readonly EndpointSlice[],
  family: IPFamily,
  report: (twice: Twice) => void = () => {},
): Map<string, EndpointInfo[]> {
  const found = new Map<string, Map<string, EndpointInfo>>();
  const ours = slices.filter((slice) => slice.addressType === family);
  ours.sort((a, b) => order(a.metadata.name, b.metadata.name));
  for (const slice of ours) {
    const service = serviceOfSlice(slice);
    if (service === undefined) continue;
    const [namespace = '', name = ''] = service.split('/');
    const addresses = addressesOf(slice);
    for (const port of slice.ports ?? []) {
      const number = port.port ?? 0;
      if (number === 0) continue;
      const key = servicePortKey(namespace, name, port.name ?? '', port.protocol ?? 'TCP');
      const byText = found.get(key) ?? new Map<string, EndpointInfo>();
      found.set(key, byText);
      for (const address of addresses) {
        const info: EndpointInfo = { ...address, port: number, endpoint: joinHostPort(address.ip, number) };
        const before = byText.get(info.endpoint);
        // An address can be that of a terminating pod and of a new one at the same time: the new one counts.
        if (before && info.terminating) continue;
        if (before && !before.terminating && !sameUse(before, info)) report(undetermined(service, before, info));
        byText.set(info.endpoint, info);
      }
    }
  }
  const sorted = new Map<string, EndpointInfo[]>();
  for (const [key, byText] of found) {
    if (byText.size > 0)
      sorted.set(
        key,
        [...byText.values()].sort((a, b) => order(a.endpoint, b.endpoint)),
      );
  }
  return sorted;
}
