/** Links that stand on others: macvlan. */
import { StackMode } from './codes.ts';
import type { Encoding, LinkList } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Link } from './link.ts';
import type { Netns } from './network.ts';

const MODES: Readonly<Record<string, StackMode>> = {
  private: StackMode.PRIVATE,
  vepa: StackMode.VEPA,
  bridge: StackMode.BRIDGE,
  passthru: StackMode.PASSTHRU,
};

/** Kinds that a macvlan may stand on here. */
const LOWER: ReadonlySet<Link['kind']> = new Set(['device', 'veth']);

interface Known {
  links: LinkList;
  netnses: readonly Netns[];
  netnsByName: ReadonlyMap<string, number>;
}

/** The number of the link below; undefined where a link stands on none. Throws for one that is not there. */
export function lowerOf({ links, netnses, netnsByName }: Known, link: Link, netns: number): number | undefined {
  if (link.kind !== 'macvlan') return undefined;
  const where = `link ${link.name} of network namespace ${netnses[netns]?.name}`;
  const { lower, mode = 'vepa', master } = link;
  const home = lower && netnsByName.get(lower.netns);
  const number = lower && home !== undefined ? links.find(home, lower.link) : undefined;
  const below = number === undefined ? undefined : links.links[number];
  if (!below) throw new EngineError('UNKNOWN_LINK', `${where}: it stands on a link that is not there`);
  if (MODES[mode] === undefined) throw new EngineError('BAD_VALUE', `${where}: macvlan mode ${mode}`);
  if (!LOWER.has(below.kind) || below.master !== undefined || master !== undefined)
    throw new EngineError('BAD_VALUE', `${where}: the engine knows macvlan on plain links alone, and not as a port`);
  return number;
}

/** Writes how links stand on each other; returns the record of each that stands on one or carries one, by its number. */
export function encodeStacks({ abi, arena, objects }: Encoding, linksAt: number): Map<number, number> {
  const records = new Map<number, number>();
  const recordOf = (number: number): number => {
    const known = records.get(number);
    if (known !== undefined) return known;
    const at = arena.alloc(abi.STACK_SIZE);
    records.set(number, at);
    return at;
  };
  const { links, netnses } = objects.links;
  for (let i = 0; i < links.length; i++) {
    const link = links[i] as Link;
    if (link.kind !== 'macvlan') continue;
    const lower = lowerOf(objects, link, netnses[i] as number);
    if (lower === undefined) continue;
    recordOf(lower);
    const at = recordOf(i);
    arena.u32[(at + abi.STACK_LOWER) >>> 2] = linksAt + lower * abi.LINK_SIZE;
    arena.u32[(at + abi.STACK_MODE) >>> 2] = MODES[link.mode ?? 'vepa'] ?? StackMode.VEPA;
  }
  return records;
}
