/** `ip neigh show` text, plain or `-j`, to neighbours: the inverse of `print-neighbor.ts`. */
import { type Neighbor, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { lookUp } from '../lines.ts';
import type { NeighborRecord } from './print-neighbor.ts';
import { byLine, complaint, type ReadOptions, readRecords } from './read-records.ts';

/** Words with a value that say nothing of where packets go. */
const COUNTED = new Set(['ref', 'probes', 'proto', 'vlan', 'vni']);
const FLAGS = new Set(['router', 'extern_learn', 'offload', 'managed', 'extern_valid', 'use']);

/** `10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 router STALE` */
function readLine(line: string): NeighborRecord {
  const words = line.trim().split(/\s+/);
  const dst = words.shift() ?? '';
  const record: NeighborRecord = { dst, dev: '' };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'dev') record.dev = words.shift() ?? '';
    else if (word === 'lladdr') record.lladdr = words.shift() ?? '';
    else if (word === 'proxy') record.proxy = null;
    else if (COUNTED.has(word)) words.shift();
    else if (word === 'used') {
      // `-s`: `used 0/60/0probes 4`, the number may stick to the word.
      if (/probes$/.test(words.shift() ?? '')) words.shift();
    } else if (/^[A-Z]+$/.test(word)) record.state = [...(record.state ?? []), word];
    else if (!FLAGS.has(word)) throw new RangeError(`"${word}" is not understood`);
  }
  if (record.dev === '') throw new RangeError('no device');
  return record;
}

const STATES: Readonly<Record<string, Neighbor['state']>> = {
  PERMANENT: 'permanent',
  NOARP: 'noarp',
  REACHABLE: 'reachable',
  STALE: 'stale',
  DELAY: 'stale',
  PROBE: 'stale',
  FAILED: 'failed',
};

/** Entries that are being asked for right now are left out: nothing is known of them yet. */
export function readIpNeigh(text: string, options: ReadOptions = {}): { neighbors: Neighbor[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const neighbors: Neighbor[] = [];
  for (const { record, line } of readRecords<NeighborRecord>(text, readLine, 'ip-neigh', problems, options)) {
    const { dst, dev, lladdr, proxy } = record;
    if (typeof dst !== 'string' || parseAddress(dst) === undefined || typeof dev !== 'string') {
      problems.push(complaint('ip-neigh', `"${String(dst)}" is no address of a neighbour`, line, options));
      continue;
    }
    if (proxy !== undefined) {
      neighbors.push({ link: dev, address: dst, proxy: true });
      continue;
    }
    const words = Array.isArray(record.state) ? record.state : [];
    if (lladdr !== undefined && !(typeof lladdr === 'string' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(lladdr))) {
      // Tunnels have neighbours with addresses of other kinds, which no link of the machine has.
      problems.push(complaint('ip-neigh', `neighbour ${dst}: "${lladdr}" is no Ethernet address`, line, options));
      continue;
    }
    const state = words.map((word) => lookUp(STATES, word)).find((s) => s !== undefined);
    if (state) neighbors.push({ link: dev, address: dst, ...(lladdr !== undefined && { lladdr }), state });
    else if (!words.includes('INCOMPLETE') && !words.includes('NONE')) {
      problems.push(complaint('ip-neigh', `neighbour ${dst}: state ${words.join(',')} not understood`, line, options));
    }
  }
  return { neighbors, problems: byLine(problems) };
}
