/** Where the kernel would send a packet (`ip route get`), as plugins ask it. */
import { containsAddress, type Netns, parseAddress, parsePrefix, type Route } from '@podwire/engine';
import { metricFor } from '../../linux/index.ts';

/** The link of the best route of the main table. */
export function linkTowards(netns: Netns, address: string): string | undefined {
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
  return best?.route.nexthops[0]?.dev;
}
