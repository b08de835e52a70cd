/** Links that stand on each other: what no kernel would hold is refused, whichever machine is to walk it. */
import { EngineError } from './errors.ts';
import type { Link } from './link.ts';
import type { Netns } from './network.ts';

const MACVLAN_MODES: ReadonlySet<string> = new Set(['private', 'vepa', 'bridge', 'passthru']);
const IPVLAN_MODES: ReadonlySet<string> = new Set(['l2', 'l3', 'l3s']);
const IPVLAN_DEFAULT = 'l3';
const LAST_VLAN = 4094;

const bad = (where: string, what: string) => new EngineError('BAD_VALUE', `${where}: ${what}`);

interface Place {
  netns: string;
  link: Link;
}

class Stacks {
  readonly #netnses: ReadonlyMap<string, Netns>;
  readonly #ended = new Set<Link>();
  /** What takes the frames of a link before its own stack does; the kernel has room for one (`rx_handler`). */
  readonly #handlers = new Map<Link, string>();
  /** What the ipvlan devices of a link have in common (ipvlan_set_port_mode). */
  readonly #modes = new Map<Link, string>();

  constructor(netnses: readonly Netns[]) {
    this.#netnses = new Map(netnses.map((netns) => [netns.name, netns]));
  }

  #takes(link: Link, handler: string, where: string): void {
    const known = this.#handlers.get(link);
    if (known !== undefined && known !== handler)
      throw bad(where, `${link.name} cannot be under a ${handler}, it is under a ${known} already`);
    this.#handlers.set(link, handler);
  }

  #takesMode(link: Link, mode: string, where: string): void {
    const known = this.#modes.get(link) ?? mode;
    if (known !== mode) throw bad(where, `ipvlan mode ${mode}, other devices on ${link.name} have ${known}`);
    this.#modes.set(link, mode);
  }

  #lowerOf({ link }: Place, where: string): Place[] {
    const { lower, kind } = link;
    if (!lower || (kind !== 'vlan' && kind !== 'macvlan' && kind !== 'ipvlan')) return [];
    const below = this.#netnses.get(lower.netns)?.links.find(({ name }) => name === lower.link);
    if (!below)
      throw new EngineError('UNKNOWN_LINK', `${where}: it stands on ${lower.netns}/${lower.link}, which is not there`);
    if (kind !== 'vlan') this.#takes(below, kind, where);
    if (kind === 'ipvlan') this.#takesMode(below, link.mode ?? IPVLAN_DEFAULT, where);
    return [{ netns: lower.netns, link: below }];
  }

  #portsOf({ netns, link }: Place, where: string): Place[] {
    if (link.kind !== 'bond' && link.kind !== 'bridge') return [];
    const ports = this.#netnses.get(netns)?.links.filter(({ master }) => master === link.name) ?? [];
    for (const port of ports) this.#takes(port, link.kind, where);
    return ports.map((port) => ({ netns, link: port }));
  }

  /** Follows a link down to those without another; `path` holds those on the way. */
  check(place: Place, path: readonly Link[]): void {
    const { netns, link } = place;
    const where = `link ${link.name} of network namespace ${netns}`;
    if (path.includes(link)) throw bad(where, 'it stands on itself');
    if (this.#ended.has(link)) return;
    this.#ended.add(link);
    checkValues(link, where);
    for (const next of [...this.#lowerOf(place, where), ...this.#portsOf(place, where)])
      this.check(next, [...path, link]);
  }
}

function checkValues({ kind, mode, vlanId, vlans, table }: Link, where: string): void {
  const isVlan = (id: number | undefined) => id !== undefined && Number.isInteger(id) && id >= 1 && id <= LAST_VLAN;
  if (kind === 'vlan' && !isVlan(vlanId)) throw bad(where, `VLAN number ${vlanId}`);
  for (const { id } of vlans ?? []) if (!isVlan(id)) throw bad(where, `VLAN number ${id}`);
  if (kind === 'vrf' && !table) throw bad(where, 'a VRF without a table');
  if (mode === undefined) return;
  if (kind === 'macvlan' && !MACVLAN_MODES.has(mode)) throw bad(where, `macvlan mode ${mode}`);
  if (kind === 'ipvlan' && !IPVLAN_MODES.has(mode)) throw bad(where, `ipvlan mode ${mode}`);
}

const STACKED: ReadonlySet<string> = new Set(['vlan', 'macvlan', 'ipvlan', 'bond', 'vrf']);

/** Throws `EngineError` where links stand on themselves, on what is not there, or as they cannot. */
export function checkStacks(netnses: readonly Netns[]): void {
  const odd = (link: Link) => STACKED.has(link.kind) || link.vlans !== undefined;
  const concerned = netnses.filter(({ links }) => links.some(odd));
  if (concerned.length === 0) return;
  const stacks = new Stacks(netnses);
  for (const { name, links } of concerned) for (const link of links) stacks.check({ netns: name, link }, []);
}
