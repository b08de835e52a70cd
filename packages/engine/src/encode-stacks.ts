/** Links that stand on others, ports of bonds and VRFs, and the VLANs of bridge ports. */

import type { Encoding, LinkList } from './encoding.ts';
import type { BridgeVlan, Link } from './link.ts';
import { StackFlag, StackMode, VlanFlag } from './stack-codes.ts';

const MACVLAN: Readonly<Record<string, StackMode>> = {
  private: StackMode.PRIVATE,
  vepa: StackMode.VEPA,
  bridge: StackMode.BRIDGE,
  passthru: StackMode.PASSTHRU,
};

const IPVLAN: Readonly<Record<string, StackMode>> = { l2: StackMode.L2, l3: StackMode.L3, l3s: StackMode.L3S };

/** Modes of a bond in which one port alone is in use. */
const ACTIVE_BACKUP = 'active-backup';

/** The VLANs of a port that nobody gave any. */
const DEFAULT_VLANS: readonly BridgeVlan[] = [{ id: 1, pvid: true, untagged: true }];

interface Known {
  links: LinkList;
  netnsByName: ReadonlyMap<string, number>;
}

function modeOf({ kind, mode }: Link): StackMode {
  switch (kind) {
    case 'vlan':
      return StackMode.VLAN;
    case 'macvlan':
      return MACVLAN[mode ?? 'vepa'] ?? StackMode.VEPA;
    case 'ipvlan':
      return IPVLAN[mode ?? 'l3'] ?? StackMode.L3;
    case 'bond':
      return StackMode.BOND;
    case 'vrf':
      return StackMode.VRF;
    default:
      return StackMode.NONE;
  }
}

/** The number of the link below; undefined where a link stands on none. */
function lowerOf({ links, netnsByName }: Known, { kind, lower }: Link): number | undefined {
  if (kind !== 'vlan' && kind !== 'macvlan' && kind !== 'ipvlan') return undefined;
  const home = lower && netnsByName.get(lower.netns);
  return lower && home !== undefined ? links.find(home, lower.link) : undefined;
}

/** Settles what a link has from the one below, which is settled first; what a bond has, from its first port. */
export function settle(known: Known, take: (number: number, lower: number) => void): void {
  const settled = new Set<number>();
  const visit = (number: number): void => {
    if (settled.has(number)) return;
    settled.add(number);
    const lower = lowerOf(known, known.links.links[number] as Link);
    if (lower === undefined) return;
    visit(lower);
    take(number, lower);
  };
  const { links } = known.links;
  for (let i = 0; i < links.length; i++) if (links[i]?.lower) visit(i);
}

/** Has a link a carrier? A wire while both ends are up, what stands on another while that is up and has one, a bond by any port. */
export class Carriers {
  readonly #known: Known;
  readonly #answers = new Map<number, boolean>();

  constructor(known: Known) {
    this.#known = known;
  }

  of(number: number): boolean {
    const { kind, lower } = this.#known.links.links[number] as Link;
    if (!lower && kind !== 'bond') return this.#ask(number);
    let answer = this.#answers.get(number);
    if (answer === undefined) {
      answer = this.#ask(number);
      this.#answers.set(number, answer);
    }
    return answer;
  }

  #ask(number: number): boolean {
    const { links, netnsByName } = this.#known;
    const link = links.links[number] as Link;
    const { carrier, up, peer } = link;
    if (up === false || carrier !== undefined) return up !== false && carrier === true;
    const lower = lowerOf(this.#known, link);
    if (lower !== undefined) return links.links[lower]?.up !== false && this.of(lower);
    if (link.kind === 'bond') return this.#portsOf(number, link.name).some((port) => this.of(port));
    const home = peer && netnsByName.get(peer.netns);
    const end = peer && home !== undefined ? links.find(home, peer.link) : undefined;
    return end === undefined || links.links[end]?.up !== false;
  }

  #portsOf(number: number, name: string): number[] {
    const { links, netnses } = this.#known.links;
    return links.flatMap((link, i) => (link.master === name && netnses[i] === netnses[number] ? [i] : []));
  }
}

/** Writes the record of each link that has one; returns them by the links' numbers. */
export function encodeStacks(
  { abi, arena, objects }: Encoding,
  linksAt: number,
  carriers: Carriers,
): ReadonlyMap<number, number> {
  const records = new Map<number, number>();
  const recordOf = (number: number): number => {
    const known = records.get(number);
    if (known !== undefined) return known;
    const at = arena.alloc(abi.STACK_SIZE);
    records.set(number, at);
    return at;
  };
  const linkAt = (number: number) => linksAt + number * abi.LINK_SIZE;
  const put = (number: number, offset: number, value: number) => {
    arena.u32[(recordOf(number) + offset) >>> 2] = value;
  };
  const lists = new Map<readonly BridgeVlan[], number>();
  const putVlans = (number: number, vlans: readonly BridgeVlan[]) => {
    let at = lists.get(vlans);
    if (at === undefined) {
      at = arena.alloc(vlans.length * abi.BRIDGE_VLAN_SIZE);
      lists.set(vlans, at);
      for (const [i, { id, pvid, untagged }] of vlans.entries()) {
        const record = at + i * abi.BRIDGE_VLAN_SIZE;
        arena.u16[(record + abi.BRIDGE_VLAN_ID) >>> 1] = id;
        arena.u16[(record + abi.BRIDGE_VLAN_FLAGS) >>> 1] =
          (pvid ? VlanFlag.PVID : 0) | (untagged ? VlanFlag.UNTAGGED : 0);
      }
    }
    put(number, abi.STACK_VLANS, at);
    arena.u16[(recordOf(number) + abi.STACK_VLAN_COUNT) >>> 1] = vlans.length;
  };
  const { links, netnses } = objects.links;
  for (let i = 0; i < links.length; i++) {
    const link = links[i] as Link;
    const mode = modeOf(link);
    const lower = lowerOf(objects, link);
    if (mode !== StackMode.NONE) {
      const active = link.active === undefined ? undefined : objects.links.find(netnses[i] as number, link.active);
      put(i, abi.STACK_MODE, mode);
      put(i, abi.STACK_ACTIVE, active === undefined ? 0 : linkAt(active));
      arena.u16[(recordOf(i) + abi.STACK_VLAN_ID) >>> 1] = link.vlanId ?? 0;
      if (mode === StackMode.VRF) {
        put(i, abi.STACK_VRF, linkAt(i));
        put(i, abi.STACK_TABLE, link.table ?? 0);
      }
      if (mode === StackMode.BOND) {
        put(i, abi.STACK_FLAGS, link.mode === ACTIVE_BACKUP ? StackFlag.ONE_PORT : 0);
        objects.statements.set(recordOf(i), { kind: 'unmodelled', text: `bond ${link.name}: which port` });
      }
    }
    if (lower !== undefined) {
      recordOf(lower);
      put(i, abi.STACK_LOWER, linkAt(lower));
    }
    if (link.vlanFiltering) {
      put(i, abi.STACK_FLAGS, StackFlag.FILTERS);
      putVlans(i, link.vlans ?? DEFAULT_VLANS);
    }
    const master = link.master === undefined ? undefined : objects.links.find(netnses[i] as number, link.master);
    if (master === undefined) continue;
    const over = links[master] as Link;
    if (over.kind === 'vrf') put(i, abi.STACK_VRF, linkAt(master));
    if (over.kind === 'bond') {
      put(i, abi.STACK_BOND, linkAt(master));
      put(i, abi.STACK_FLAGS, carriers.of(i) ? StackFlag.CARRIER : 0);
    }
    if (over.vlanFiltering) putVlans(i, link.vlans ?? DEFAULT_VLANS);
  }
  return records;
}
