/**
 * What `ip -d link` says of links that stand on others or hold others, as text and as `-j` has it (iproute2's ip/iplink_vlan.c,
 * iplink_macvlan.c, iplink_ipvlan.c, iplink_bond.c, iplink_vrf.c, iplink_bridge.c).
 */
import type { Link } from '@podwire/engine';

/** `info_data` of `ip -d -j link`. */
export interface StackData {
  /** vlan. */
  protocol?: string;
  id?: number;
  /** macvlan, ipvlan, bond. */
  mode?: string;
  /** ipvlan: `bridge`, `private`, `vepa`. */
  mode_flag?: string;
  /** bond. */
  active_slave?: string;
  /** vrf. */
  table?: number;
  /** bridge. */
  vlan_filtering?: number;
}

const KINDS: ReadonlySet<string> = new Set(['vlan', 'macvlan', 'ipvlan', 'bond', 'vrf', 'bridge']);
export const isStacked = (kind: string | undefined): boolean => kind !== undefined && KINDS.has(kind);

/** Tags of IEEE 802.1ad are others than those of 802.1Q. */
const TAGS = '802.1Q';
const MACVLAN_MODES = new Set(['private', 'vepa', 'bridge', 'passthru']);
const IPVLAN_MODES = new Set(['l2', 'l3', 'l3s']);
const IPVLAN_FLAGS = new Set(['bridge', 'private', 'vepa']);
const LAST_VLAN = 4094;

/** The words behind the kind. */
export function stackData(kind: string, words: readonly string[]): StackData {
  const value = (name: string): string | undefined => {
    const at = words.indexOf(name);
    return at < 0 ? undefined : words[at + 1];
  };
  const number = (name: string): number | undefined => {
    const text = value(name);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const [protocol, mode, active, flag] = [
    value('protocol'),
    value('mode'),
    value('active_slave'),
    words.find((word) => kind === 'ipvlan' && IPVLAN_FLAGS.has(word)),
  ];
  const [id, table, filtering] = [number('id'), number('table'), number('vlan_filtering')];
  return {
    ...(kind === 'vlan' && protocol !== undefined && { protocol }),
    ...(kind === 'vlan' && id !== undefined && { id }),
    ...(mode !== undefined && { mode }),
    ...(flag !== undefined && { mode_flag: flag }),
    ...(active !== undefined && { active_slave: active }),
    ...(kind === 'vrf' && table !== undefined && { table }),
    ...(kind === 'bridge' && filtering !== undefined && { vlan_filtering: filtering }),
  };
}

export interface Stacked {
  fields: Partial<Pick<Link, 'vlanId' | 'mode' | 'active' | 'table' | 'vlanFiltering'>>;
  /** What no machine follows: packets end there. */
  strange?: string;
}

/** What the link is, of a kind that `isStacked`; undefined where that is not said. */
export function stackOf(kind: string, data: StackData): Stacked | undefined {
  const { protocol = TAGS, id, mode, mode_flag: flag, active_slave: active, table, vlan_filtering: filtering } = data;
  switch (kind) {
    case 'vlan': {
      if (typeof id !== 'number' || !(id >= 1 && id <= LAST_VLAN)) return undefined;
      return { fields: { vlanId: id }, ...(protocol !== TAGS && { strange: `protocol ${protocol}` }) };
    }
    case 'macvlan':
      if (mode === undefined || MACVLAN_MODES.has(mode)) return { fields: mode === undefined ? {} : { mode } };
      return { fields: {}, strange: `mode ${mode}` };
    case 'ipvlan': {
      const known = mode === undefined || IPVLAN_MODES.has(mode);
      const strange = known ? (flag === undefined || flag === 'bridge' ? undefined : flag) : `mode ${mode}`;
      return { fields: known && mode !== undefined ? { mode } : {}, ...(strange !== undefined && { strange }) };
    }
    case 'bond':
      return { fields: { ...(mode !== undefined && { mode }), ...(active !== undefined && { active }) } };
    case 'vrf':
      return typeof table === 'number' && table > 0 ? { fields: { table } } : undefined;
    default:
      return { fields: filtering === 1 ? { vlanFiltering: true } : {} };
  }
}

/** `info_data` of a link; undefined for other kinds. */
export function stackDataOf({ kind, vlanId, mode, active, table, vlanFiltering }: Link): StackData | undefined {
  switch (kind) {
    case 'vlan':
      return { protocol: TAGS, ...(vlanId !== undefined && { id: vlanId }) };
    case 'macvlan':
      return { mode: mode ?? 'vepa' };
    case 'ipvlan':
      return { mode: mode ?? 'l3', mode_flag: 'bridge' };
    case 'bond':
      return { mode: mode ?? 'balance-rr', ...(active !== undefined && { active_slave: active }) };
    case 'vrf':
      return table === undefined ? {} : { table };
    case 'bridge':
      return vlanFiltering ? { vlan_filtering: 1 } : undefined;
    default:
      return undefined;
  }
}

/** The line of `-d`. */
export function stackText(kind: string, data: StackData): string {
  const words: readonly [name: string, value: string | number | undefined][] = [
    ['protocol', data.protocol],
    ['id', data.id],
    ['mode', data.mode],
    ['active_slave', data.active_slave],
    ['table', data.table],
    ['vlan_filtering', data.vlan_filtering],
  ];
  const said = words.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return [kind, ...said, ...(data.mode_flag === undefined ? [] : [data.mode_flag])].join(' ');
}
