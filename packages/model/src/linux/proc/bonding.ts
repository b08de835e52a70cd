/** /proc/net/bonding/NAME: mode, port in use and ports of a bond (bond_info_seq_show, drivers/net/bonding/bond_procfs.c). */
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf } from '../lines.ts';

export interface ShownBond {
  name: string;
  /** As `ip -d link` names it; absent where the file names one that is not known. */
  mode?: string;
  active?: string;
  ports: string[];
}

/** What the driver writes, and what iproute2 calls it. */
const MODES: readonly [shown: string, mode: string][] = [
  ['load balancing (round-robin)', 'balance-rr'],
  ['fault-tolerance (active-backup)', 'active-backup'],
  ['load balancing (xor)', 'balance-xor'],
  ['fault-tolerance (broadcast)', 'broadcast'],
  ['IEEE 802.3ad Dynamic link aggregation', '802.3ad'],
  ['transmit load balancing', 'balance-tlb'],
  ['adaptive load balancing', 'balance-alb'],
];

/** `name`: the file's, which the text does not say. */
export function readBonding(
  text: string,
  name: string,
  options: LineOptions = {},
): { bond: ShownBond; problems: Problem[] } {
  const problems: Problem[] = [];
  const bond: ShownBond = { name, ports: [] };
  eachLine(linesOf(text, options), 'proc-bonding', problems, options, ({ text: line }) => {
    const m = /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(line);
    // Lines without a colon are titles of what follows.
    if (!m) return;
    const [, field = '', value = ''] = m;
    if (field === 'Slave Interface') bond.ports.push(value);
    else if (field === 'Currently Active Slave' && value !== 'None') bond.active = value;
    else if (field === 'Bonding Mode') {
      // Some modes say more about themselves behind the name.
      const mode = MODES.find(([shown]) => value.startsWith(shown))?.[1];
      if (mode === undefined) throw new RangeError('no mode of a bond that is known');
      bond.mode = mode;
    }
  });
  return { bond, problems };
}

export function printBonding({ mode, active, ports }: ShownBond): string {
  const shown = MODES.find(([, known]) => known === mode)?.[0] ?? MODES[0]?.[0];
  const inUse = mode === 'active-backup' ? `Currently Active Slave: ${active ?? 'None'}\n` : '';
  const each = ports.map((port) => `\nSlave Interface: ${port}\nMII Status: up\n`);
  return `Ethernet Channel Bonding Driver: v6.0\n\nBonding Mode: ${shown}\n${inUse}MII Status: up\n${each.join('')}`;
}
