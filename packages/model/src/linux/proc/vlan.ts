/** /proc/net/vlan/config: VLAN devices, their numbers and what they stand on (vlandev_seq_show, net/8021q/vlanproc.c). */
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wholeNumber } from '../lines.ts';

export interface VlanDevice {
  name: string;
  id: number;
  lower: string;
}

const LAST_VLAN = 4094;

export function readVlanConfig(text: string, options: LineOptions = {}): { vlans: VlanDevice[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const vlans: VlanDevice[] = [];
  eachLine(linesOf(text, options), 'proc-vlan', problems, options, ({ text: line }) => {
    if (/^(VLAN Dev name|Name-Type:)/.test(line)) return;
    const m = /^(\S+)\s*\|\s*(\d+)\s*\|\s*(\S+)\s*$/.exec(line);
    if (!m) throw new RangeError('no VLAN device');
    const [, name = '', id, lower = ''] = m;
    vlans.push({ name, id: wholeNumber(id, 'VLAN', LAST_VLAN), lower });
  });
  return { vlans, problems };
}

export function printVlanConfig(vlans: readonly VlanDevice[]): string {
  const rows = vlans.map(({ name, id, lower }) => `${name.padEnd(15)}| ${String(id).padEnd(4)} | ${lower}\n`);
  return `VLAN Dev name    | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n${rows.join('')}`;
}
