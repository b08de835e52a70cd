/** Which connections a filter means: ctnetlink_filter_match (net/netfilter/nf_conntrack_netlink.c). */
import type { ConntrackEntry, ConntrackFilter, Tuple } from './network.ts';

const fits = (tuple: Tuple, wanted: Partial<Tuple> | undefined): boolean =>
  (['saddr', 'daddr', 'sport', 'dport'] as const).every(
    (field) => wanted?.[field] === undefined || wanted[field] === tuple[field],
  );

export function fitsFilter(entry: ConntrackEntry, filter: ConntrackFilter): boolean {
  const { mark } = filter;
  return (
    (['family', 'protocol', 'tcpState', 'zone'] as const).every(
      (field) => filter[field] === undefined || filter[field] === entry[field],
    ) &&
    fits(entry.original, filter.original) &&
    fits(entry.reply, filter.reply) &&
    (!mark || ((entry.mark ^ mark.value) & mark.mask) === 0)
  );
}
