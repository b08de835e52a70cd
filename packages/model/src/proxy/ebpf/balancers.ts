/** Frontends of the tables as the machine's load balancers hold them: those that sockets ask, and those that links do. */
import type { Balancer, BalancerBackend, BalancerFrontend } from '@podwire/engine';
import type { Service } from '../../objects/kube.ts';
import type { ProxyCause } from '../proxy.ts';
import { isWildcard } from './address.ts';
import { isRoutable, proxyPortOf, usesDsr } from './map-flags.ts';
import type { LbOptions } from './options.ts';
import type { BackendUse, LbFrontend } from './records.ts';
import { deniesSourceRanges } from './service.ts';

/** `inside`: what connect and sendmsg look at. `outside`: what comes in by a node's links. */
export interface Sides {
  inside: BalancerFrontend[];
  outside: BalancerFrontend[];
}

const DISPATCH = { opt: 'by an IP option', ipip: 'by IPIP', geneve: 'by Geneve' } as const;

function serviceOf({ service }: LbFrontend): Service | undefined {
  return service.object.kind === 'Service' ? (service.object as Service) : undefined;
}

function backendOf({ params }: BackendUse, frontend: LbFrontend): BalancerBackend {
  const { address, slice, endpoint } = params;
  const service = serviceOf(frontend);
  const of = slice && endpoint !== undefined ? { slice, endpoint } : {};
  const cause: ProxyCause = { kind: 'proxy', ...(service && { service }), ...of };
  return { address: address.ip, port: address.port, cause };
}

/** Those in use: healthy and active, or where there is none those that are about to go. */
function inUse({ backends }: LbFrontend): BackendUse[] {
  const healthy = backends.filter(({ params }) => !params.unhealthy);
  const active = healthy.filter(({ params }) => params.state === 'active');
  return active.length > 0 ? active : healthy.filter(({ params }) => params.state === 'terminating');
}

/** Source ranges of the frontend's own family are what its map has; an address for the cluster alone lets nobody in. */
function admission(frontend: LbFrontend, options: LbOptions): Pick<BalancerFrontend, 'sourceRanges' | 'denies'> {
  const { service, address } = frontend;
  if (!isRoutable(frontend, options) && !isWildcard(address)) return { sourceRanges: [] };
  if (service.sourceRanges.length === 0) return {};
  const sourceRanges = service.sourceRanges.filter((range) => range.includes(':') === (address.family === 'IPv6'));
  return { sourceRanges, ...(deniesSourceRanges(service) && { denies: true }) };
}

/** The policy that keeps it without a backend, where there are some elsewhere. */
function keptLocal({ service, type, address }: LbFrontend, anywhere: boolean): ProxyCause['path'] {
  if (!anywhere) return undefined;
  const isInside = type === 'ClusterIP' || address.scope === 'internal';
  const policy = isInside ? service.internalTrafficPolicy : service.externalTrafficPolicy;
  return policy === 'Local' ? ['spec', isInside ? 'internalTrafficPolicy' : 'externalTrafficPolicy'] : undefined;
}

function made(frontend: LbFrontend, options: LbOptions, anywhere: boolean): BalancerFrontend {
  const { address, service, port } = frontend;
  const object = serviceOf(frontend);
  const backends = inUse(frontend).map((use) => backendOf(use, frontend));
  const path = backends.length === 0 ? keptLocal(frontend, anywhere) : undefined;
  const cause: ProxyCause = { kind: 'proxy', ...(object && { service: object, port }), ...(path && { path }) };
  const protocol = address.protocol.toLowerCase() as BalancerFrontend['protocol'];
  const isDsr = usesDsr(frontend, options) || (options.mode === 'hybrid' && protocol === 'tcp');
  return {
    protocol,
    address: address.ip,
    port: address.port,
    backends,
    ...(service.affinitySeconds !== undefined && { affinity: service.affinitySeconds }),
    ...admission(frontend, options),
    ...(proxyPortOf(frontend) !== undefined && { unmodelled: 'a proxy on the node' }),
    ...(isDsr && { away: `direct server return ${DISPATCH[options.dsrDispatch]}` }),
    cause,
  };
}

/**
 * Of an address with two scopes sockets ask the internal one. Sockets leave external addresses that are not the node's own alone, so that a
 * Service cannot take traffic to any address (sock4_skip_xlate). SCTP is left alone altogether.
 */
export function sidesOf(
  frontends: readonly LbFrontend[],
  options: LbOptions,
  ownIPs: ReadonlySet<string>,
  hasBackends: (service: string) => boolean,
): Sides {
  const sides: Sides = { inside: [], outside: [] };
  const internal = new Set(frontends.filter(({ address }) => address.scope === 'internal').map((f) => f.address.text));
  for (const frontend of frontends) {
    const { address, type, service } = frontend;
    if (address.protocol === 'SCTP') continue;
    const one = made(frontend, options, hasBackends(service.name));
    const isExternal = address.scope === 'external';
    if (isExternal && !service.loopbackHostPort) sides.outside.push(one);
    const isStranger = (type === 'ExternalIPs' || type === 'HostPort') && !ownIPs.has(address.ip);
    const { sourceRanges: _ranges, denies: _denies, away: _away, ...open } = one;
    if (!isStranger && (!isExternal || !internal.has(`${address.text}/i`))) sides.inside.push(open);
  }
  return sides;
}

/** A layer over another; that one itself where it adds nothing. */
export function layer(base: Balancer, frontends: readonly BalancerFrontend[]): Balancer {
  return frontends.length === 0 ? base : { base, frontends };
}
