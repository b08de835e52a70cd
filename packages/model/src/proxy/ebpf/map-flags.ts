/** Flags of a frontend in the service map, as Cilium prints them. (pkg/loadbalancer/loadbalancer.go: NewSvcFlag, ServiceFlags.String) */
import { isWildcard } from './address.ts';
import type { LbOptions } from './options.ts';
import type { FrontendType, LbFrontend } from './records.ts';
import { delegatesIfLocal, deniesSourceRanges } from './service.ts';

/** Its own type, or that of what it was redirected to. */
function effectiveType({ type, redirectTo }: LbFrontend): FrontendType {
  return redirectTo === undefined ? type : 'LocalRedirect';
}

/** Reachable from outside the node: not a wildcard, which stands for the addresses that follow it, and ClusterIP only if so configured. */
export function isRoutable(frontend: LbFrontend, options: LbOptions): boolean {
  return !isWildcard(frontend.address) && (effectiveType(frontend) !== 'ClusterIP' || options.externalClusterIP);
}

export function usesDsr({ service }: LbFrontend, options: LbOptions): boolean {
  return (options.modeAnnotation ? (service.forwardingMode ?? options.mode) : options.mode) === 'dsr';
}

/** The frontend's traffic goes to a proxy on this node. */
export function proxyPortOf({ service: { proxyRedirect }, servicePort }: LbFrontend): number | undefined {
  if (!proxyRedirect) return undefined;
  const { ports, proxyPort } = proxyRedirect;
  return ports.length === 0 || ports.includes(servicePort) ? proxyPort : undefined;
}

export function frontendFlags(frontend: LbFrontend, options: LbOptions): string[] {
  const { service } = frontend;
  const type = effectiveType(frontend);
  const outside = service.externalTrafficPolicy === 'Local';
  const inside = service.internalTrafficPolicy === 'Local';
  const checked = service.sourceRanges.length > 0;
  const denies = deniesSourceRanges(service);
  const loopback = service.loopbackHostPort || delegatesIfLocal(service);
  const flags: [boolean, string][] = [
    [true, type],
    [outside, 'Local'],
    [inside, 'InternalLocal'],
    [outside !== inside && type !== 'ClusterIP', 'two-scopes'],
    [service.affinitySeconds !== undefined, 'sessionAffinity'],
    [!isRoutable(frontend, options), 'non-routable'],
    [checked, 'check source-range'],
    [checked && denies, 'deny'],
    [proxyPortOf(frontend) !== undefined, 'l7-load-balancer'],
    [loopback, type === 'HostPort' ? 'loopback' : 'delegate-if-local'],
    // The same bit, read where ranges are not checked.
    [!checked && denies, 'quarantined'],
    [usesDsr(frontend, options), 'dsr'],
  ];
  return flags.flatMap(([set, name]) => (set ? name : []));
}
