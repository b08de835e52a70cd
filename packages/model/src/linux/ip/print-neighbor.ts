/** `ip neigh show` and `ip neigh show proxy`: records as `ip -j` prints them, and lines (iproute2's ip/ipneigh.c). */
import type { Neighbor, Netns } from '@podwire/engine';

/** One element of `ip -j neigh show`. */
export interface NeighborRecord {
  dst: string;
  dev: string;
  lladdr?: string;
  proxy?: null;
  state?: string[];
}

function record(entry: Neighbor): NeighborRecord {
  if (entry.proxy) return { dst: entry.address, dev: entry.link, proxy: null };
  return {
    dst: entry.address,
    dev: entry.link,
    ...(entry.lladdr !== undefined && { lladdr: entry.lladdr }),
    state: [(entry.state ?? 'permanent').toUpperCase()],
  };
}

/** Either the entries with a link-layer address or the proxy entries, as two commands show them. */
export function neighborRecords(netns: Netns, proxy = false): NeighborRecord[] {
  return (netns.neighbors ?? []).filter((entry) => (entry.proxy === true) === proxy).map(record);
}

export function printNeighbors(netns: Netns, proxy = false): string {
  return neighborRecords(netns, proxy)
    .map((r) => {
      const lladdr = r.lladdr === undefined ? '' : ` lladdr ${r.lladdr}`;
      return `${r.dst} dev ${r.dev}${lladdr}${r.proxy === null ? ' proxy' : ''} ${(r.state ?? []).join(',')}${r.state ? ' ' : ''}\n`;
    })
    .join('');
}
