/** Routes of several nexthops: fib_select_path, fib_select_multipath (net/ipv4/fib_semantics.c), nexthop_select_path (net/ipv4/nexthop.c), fib6_select_path (net/ipv6/route.c). */
import { ChoiceKind, type Route, sysctl } from '../src/index.ts';
import { choose } from './choice.ts';
import type { FibResult, Flow, Leg } from './fib.ts';
import { LINK, selectAddress4 } from './source-address.ts';
import type { Host, Run } from './state.ts';

const NOWHERE = 255;

/** Scope of a route that does not name one, as iproute2 gives it. */
function scopeOf(result: FibResult): number {
  const { route } = result;
  if (!route) return NOWHERE;
  const scopes = { global: 0, site: 200, link: LINK, host: 254, nowhere: NOWHERE };
  if (route.scope !== undefined) return scopes[route.scope];
  if (route.type === 'local') return scopes.host;
  if (route.type !== 'unicast') return route.nexthops.length > 0 ? LINK : 0;
  return route.nexthops.some((nexthop) => nexthop.via !== undefined) ? 0 : LINK;
}

/** The source a packet without one would get through this nexthop (fib_info_update_nhc_saddr). */
export const sourceThrough = (host: Host, result: FibResult, leg: Leg): string | undefined =>
  selectAddress4(host, leg.device, gateway4(leg), scopeOf(result));

const gateway4 = (leg: Leg): string => (leg.nexthop.via?.includes(':') === false ? leg.nexthop.via : '');

/** A nexthop's weight, or its share of a resilient group's buckets (nh_res_group_rebalance). */
function bucketsOf({ nexthops, buckets }: Route, { nexthop }: Leg): number {
  const at = nexthops.indexOf(nexthop);
  const upTo = (end: number) => nexthops.slice(0, end).reduce((sum, { weight = 1 }) => sum + weight, 0);
  if (buckets === undefined) return nexthop.weight ?? 1;
  const total = upTo(nexthops.length);
  const bound = (end: number) => Math.floor((buckets * upTo(end) + Math.floor(total / 2)) / total);
  return bound(at + 1) - bound(at);
}

/**
 * Alternatives and weights of a route with several nexthops. For packets made here with a source, IPv4 prefers nexthops that would have
 * given that source; what the hash puts past the last of them falls to the first (fib_select_multipath since Linux 6.16).
 */
function candidates(host: Host, result: FibResult, flow: Flow): { leg: Leg; weight: number }[] {
  const { legs, route } = result;
  // Groups of nexthop objects do not look at the source (nexthop_path_fib_result).
  if (route?.nhid !== undefined)
    return legs.flatMap((leg) => {
      const weight = bucketsOf(route, leg);
      return weight > 0 ? [{ leg, weight }] : [];
    });
  const weights = legs.map((leg) => leg.nexthop.weight ?? 1);
  const all = legs.map((leg, i) => ({ leg, weight: weights[i] as number }));
  if (flow.family !== 4 || flow.iif !== undefined || flow.saddr === '') return all;
  const preferred = all.filter(({ leg }) => sourceThrough(host, result, leg) === flow.saddr);
  if (preferred.length === 0) return all;
  const share = (leg: Leg, previous: Leg | undefined) =>
    weights.slice(previous ? legs.indexOf(previous) + 1 : 0, legs.indexOf(leg) + 1).reduce((sum, w) => sum + w, 0);
  const rest = weights.slice(legs.indexOf((preferred.at(-1) as { leg: Leg }).leg) + 1).reduce((sum, w) => sum + w, 0);
  return preferred.map(({ leg }, i) => ({ leg, weight: share(leg, preferred[i - 1]?.leg) + (i === 0 ? rest : 0) }));
}

/** One nexthop of several: a choice, remembered for the flow as the kernel's hash would. */
export function chooseLeg(run: Run, host: Host, result: FibResult, flow: Flow): Leg | undefined {
  const { route, legs } = result;
  // What is local over IPv4 is found before a path is selected (ip_route_output_key_hash_rcu).
  if (!route || legs.length <= 1 || (flow.family === 4 && route.type === 'local')) return legs[0];
  // Bound to a device, IPv4 takes the first nexthop by it (fib_select_path).
  const out = flow.oif === undefined ? undefined : host.byName.get(flow.oif);
  if (flow.family === 4 && out && out.link.kind !== 'vrf') return legs[0];
  const options = candidates(host, result, flow);
  if (options.length <= 1) return options[0]?.leg ?? legs[0];
  const { world } = run;
  const path = pathKey(run, host, route, flow);
  // What is remembered is the nexthop: the alternatives of an output and an input look-up may differ.
  const known = world.paths.get(path);
  const remembered = legs.find(({ nexthop }) => route.nexthops.indexOf(nexthop) === known);
  if (remembered) return remembered;
  const weights = options.map(({ weight }) => weight);
  const choice = { kind: ChoiceKind.MULTIPATH, alternatives: options.length, weights, netns: host.netns.name, route };
  const leg = options[choose(run, choice)]?.leg;
  if (leg) world.paths.set(path, route.nexthops.indexOf(leg.nexthop));
  return leg;
}

function pathKey(run: Run, host: Host, route: NonNullable<FibResult['route']>, flow: Flow): string {
  const { routeIds } = run.world;
  const id = routeIds.get(route) ?? routeIds.size;
  routeIds.set(route, id);
  // Policy 0 of IPv6 takes the flow label, which Linux makes of the ports (rt6_multipath_hash, ip6_make_flowlabel).
  const byEnds = flow.family === 4 && [0, 2].includes(sysctl(host.netns.sysctls, 'net.ipv4.fib_multipath_hash_policy'));
  const ends = [host.order, id, flow.saddr, flow.daddr];
  return (byEnds ? ends : [...ends, flow.protocol, flow.sport, flow.dport]).join(' ');
}
