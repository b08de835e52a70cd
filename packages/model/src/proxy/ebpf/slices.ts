/** The backends that an EndpointSlice brings. (pkg/k8s/endpoints.go: ParseEndpointSliceV1; reflectors/conversions.go: convertEndpoints) */
import type { Endpoint, EndpointSlice } from '../../objects/kube.ts';
import { lbAddress } from './address.ts';
import type { LbOptions } from './options.ts';
import type { BackendParams, LbSource } from './records.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
/** What Cilium's Ingress and Gateway controllers write so that a Service has an endpoint at all. */
const DUMMY_ENDPOINT = '192.192.192.192:9999/TCP';

/** `namespace/name` of the Service it belongs to. */
export function serviceOfSlice({ metadata: { namespace, labels } }: EndpointSlice): string {
  return `${namespace ?? 'default'}/${labels?.[SERVICE_NAME] ?? ''}`;
}

/** In use, by its conditions: ready, or still serving. Terminating: serving though not ready any more. */
function use({ conditions = {} }: Endpoint): 'active' | 'terminating' | undefined {
  const ready = conditions.ready ?? true;
  const serving = conditions.serving ?? ready;
  if (ready) return 'active';
  if (!serving) return undefined;
  return conditions.terminating ? 'terminating' : 'active';
}

/** By the text of their address, in byte order. Of an address that stands twice the first endpoint says all but hints and ports. */
export function backendsOfSlice(
  slice: EndpointSlice,
  options: Pick<LbOptions, 'ipv4' | 'ipv6'>,
  source: LbSource = 'k8s',
): Map<string, BackendParams> {
  const found = new Map<string, BackendParams & { portNames: string[] }>();
  if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') return new Map();
  const first = new Map<
    string,
    { state: 'active' | 'terminating'; nodeName: string; zone: string; endpoint: number }
  >();
  for (const [index, endpoint] of (slice.endpoints ?? []).entries()) {
    const state = use(endpoint);
    if (!state) continue;
    for (const ip of endpoint.addresses ?? []) {
      const known = first.get(ip) ?? {
        state,
        nodeName: endpoint.nodeName ?? '',
        zone: endpoint.zone ?? '',
        endpoint: index,
      };
      first.set(ip, known);
      const zoneHints = endpoint.hints?.forZones?.map(({ name }) => name);
      for (const port of slice.ports ?? []) {
        const protocol = port.protocol ?? 'TCP';
        const address = port.port === undefined ? undefined : lbAddress(ip, port.port, protocol);
        if (!address || address.text === DUMMY_ENDPOINT) continue;
        if (!(address.family === 'IPv4' ? options.ipv4 : options.ipv6)) continue;
        const before = found.get(address.text);
        // A port without a name takes the names away that the same number had before.
        const portNames = port.name ? [...(before?.portNames ?? []), port.name] : [];
        found.set(address.text, {
          ...known,
          address,
          portNames,
          zoneHints: zoneHints ?? before?.zoneHints ?? [],
          source,
          unhealthy: false,
          healthKnown: false,
          slice,
        });
      }
    }
  }
  return new Map([...found].sort(([, a], [, b]) => (a.address.key < b.address.key ? -1 : 1)));
}
