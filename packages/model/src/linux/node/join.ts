/**
 * Links that lead into another namespace of one node: veth pairs, each end of which says the other's index, some its namespace, too; and
 * those that stand on a link elsewhere, of the host where nobody says otherwise.
 */
import { checkStacks, EngineError, type Link } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
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

/**
 * Links that stand on each other as no kernel has them, out of a damaged dump, become devices: what stands on what is not known then, and the
 * rest of the dump can still be asked.
 */
export function soundStacks(all: readonly Assembled[], problems: Problem[]): Assembled[] {
  try {
    checkStacks(all.map(({ netns }) => netns));
    return [...all];
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    problems.push({
      severity: 'error',
      code: 'link-stack',
      message: `${error.message}: such links are taken for devices`,
    });
  }
  return all.map((one) => ({
    ...one,
    netns: {
      ...one.netns,
      links: one.netns.links.map((link): Link => {
        const { lower: _lower, mode: _mode, vlanId: _id, vlans: _vlans, table: _table, ...rest } = link;
        const isOdd = STANDING.has(link.kind) || link.kind === 'vrf' || link.kind === 'bond';
        const { master: _master, ...alone } = rest;
        return { ...alone, kind: isOdd ? 'device' : link.kind };
      }),
    },
  }));
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
        return STANDING.has(link.kind) && !read.strange.has(link.name) ? onLower(link, read, all) : link;
      }),
    },
  }));
}

const STANDING: ReadonlySet<Link['kind']> = new Set(['macvlan', 'ipvlan', 'vlan']);

/** One whose lower link was not dumped is as good as a device. */
function onLower(link: Link, read: CollectedNetns, all: readonly (Assembled & { read: CollectedNetns })[]): Link {
  if (link.lower) return link;
  const other = read.others.get(link.name);
  const below = all.find((one) => one.read.name === (other?.netns ?? ''))?.netns;
  const lower = below?.links.find(({ index }) => index === other?.index);
  if (below && lower) return { ...link, lower: { netns: below.name, link: lower.name } };
  const { mode: _mode, vlanId: _id, ...rest } = link;
  return { ...rest, kind: 'device' };
}
