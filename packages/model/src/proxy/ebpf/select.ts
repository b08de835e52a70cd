/** Which backends a frontend may use. (pkg/loadbalancer/writer/writer.go: DefaultSelectBackends) */
import type { LbOptions } from './options.ts';
import type { BackendUse, FrontendParams, LbService } from './records.ts';

export interface Selecting {
  options: LbOptions;
  nodeName: string;
  /** Of the node's label; absent: it has none. */
  zone?: string | undefined;
}

/** ClusterIP has only the external scope, which follows the internal policy. */
function onlyLocal({ address, type }: FrontendParams, service: LbService): boolean {
  const external = service.externalTrafficPolicy === 'Local';
  const internal = service.internalTrafficPolicy === 'Local';
  switch (type) {
    case 'ClusterIP':
      return internal;
    case 'NodePort':
    case 'LoadBalancer':
    case 'ExternalIPs':
      return address.scope === 'internal' ? internal : external;
    default:
      return false;
  }
}

export function selectBackends(
  uses: readonly BackendUse[],
  frontend: FrontendParams & { redirectTo?: string },
  service: LbService,
  { options, nodeName, zone }: Selecting,
): BackendUse[] {
  const local = onlyLocal(frontend, service);
  const byZone = options.serviceTopology && service.preferClose && frontend.redirectTo === undefined ? zone : undefined;
  return uses.filter(({ params }) => {
    if (params.address.protocol !== frontend.address.protocol) return false;
    if (params.address.family !== frontend.address.family) return false;
    if (local && params.nodeName !== '' && params.nodeName !== nodeName) return false;
    if (byZone !== undefined && params.zoneHints.length > 0 && !params.zoneHints.includes(byZone)) return false;
    return frontend.portName === '' || params.portNames.includes(frontend.portName);
  });
}
