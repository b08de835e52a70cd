/** Where the kernel would send a packet (`ip route get`), as plugins ask it. */
import { containsAddress, type Netns, parseAddress, parsePrefix, type Route } from '@podwire/engine';
import { metricFor } from '../../linux/index.ts';

/** The best route of the main table. */
export function routeTowards(netns: Netns, address: string): Route | undefined {
  const wanted = parseAddress(address);
  if (!wanted) return undefined;
  let best: { route: Route; length: number } | undefined;
  for (const route of netns.tables.find(({ id }) => id === 254)?.routes ?? []) {
    const prefix = route.family === wanted.family ? parsePrefix(route.destination) : undefined;
    if (!prefix || !containsAddress(prefix, wanted)) continue;
    const isBetter =
      !best ||
      prefix.length > best.length ||
      (prefix.length === best.length && metricFor(route) < metricFor(best.route));
    if (isBetter) best = { route, length: prefix.length };
  }
  return best?.route;
}

export function linkTowards(netns: Netns, address: string): string | undefined {
  return routeTowards(netns, address)?.nexthops[0]?.dev;
}

/** A route of one nexthop as `ip route` takes it, without its table. */
export function routeWords({ family, destination, metric, scope, protocol, prefsrc, mtu, nexthops }: Route): string {
  const [nexthop] = nexthops;
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : ` ${name} ${value}`);
  return [
    destination,
    word('via', nexthop?.via),
    word('dev', nexthop?.dev),
    word('proto', protocol),
    word('metric', metric),
    family === 4 ? word('scope', scope ?? 'global') : '',
    word('src', prefsrc),
    word('mtu', mtu),
  ].join('');
}
