/**
 * Links that lead into another namespace of one node: veth pairs, each end of which says the other's index, some its namespace, too; and
 * those that stand on a link elsewhere, of the host where nobody says otherwise.
 */
import type { Link } from '@podwire/engine';
import type { Assembled } from './assemble.ts';
import type { CollectedNetns } from './collected.ts';

interface End {
  netns: string;
  link: Link;
  /** Index of the other end, and its namespace by the name it has here. */
  other: { netns?: string; index: number };
  own: string;
}

function namesEachOther(a: End, b: End): boolean {
  if (a.other.index !== b.link.index || b.other.index !== a.link.index || a.netns === b.netns) return false;
  const agrees = (one: End, other: End) =>
    one.other.netns === undefined || other.own === '' || one.other.netns === other.own;
  return agrees(a, b) && agrees(b, a);
}

/** Joins ends that can only be each other's. Two pairs that could be swapped are left alone. */
export function joinAcross(all: readonly (Assembled & { read: CollectedNetns })[]): Assembled[] {
  const ends = all.flatMap(({ netns, read }) =>
    netns.links.flatMap((link): End[] => {
      const other = read.others.get(link.name);
      const pairs = (read.kinds.get(link.name) ?? 'veth') === 'veth';
      return other && pairs && !link.peer && link.index !== undefined
        ? [{ netns: netns.name, link, other, own: read.name }]
        : [];
    }),
  );
  const peers = new Map<Link, NonNullable<Link['peer']>>();
  for (const end of ends) {
    const fits = ends.filter((other) => namesEachOther(end, other));
    const [other] = fits;
    if (fits.length === 1 && other && ends.filter((one) => namesEachOther(other, one)).length === 1) {
      peers.set(end.link, { netns: other.netns, link: other.link.name });
    }
  }
  return all.map(({ read, netns, ...rest }) => ({
    ...rest,
    netns: {
      ...netns,
      links: netns.links.map((link): Link => {
        const peer = peers.get(link);
        if (peer) return { ...link, kind: 'veth', peer };
        return link.kind === 'macvlan' ? onLower(link, read, all) : link;
      }),
    },
  }));
}

/** One whose lower link was not dumped is as good as a device. */
function onLower(link: Link, read: CollectedNetns, all: readonly (Assembled & { read: CollectedNetns })[]): Link {
  if (link.lower) return link;
  const other = read.others.get(link.name);
  const below = all.find((one) => one.read.name === (other?.netns ?? ''))?.netns;
  const lower = below?.links.find(({ index }) => index === other?.index);
  return below && lower ? { ...link, lower: { netns: below.name, link: lower.name } } : { ...link, kind: 'device' };
}
