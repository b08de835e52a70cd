/** /proc/net/arp (arp_format_neigh_entry, net/ipv4/arp.c) and `arp -n`. */
import { type Neighbor, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type LineOptions, linesOf, wordsOf } from '../lines.ts';
import { hexNumber } from './hex.ts';

export interface ReadNeighbors {
  neighbors: Neighbor[];
  problems: Problem[];
}

/** ATF_COM, ATF_PERM, ATF_PUBL (include/uapi/linux/if_arp.h). */
const COMPLETE = 2;
const PERMANENT = 4;
const PUBLISHED = 8;

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

function neighborOf(address: string, flags: number, lladdr: string | undefined, link: string): Neighbor[] {
  if (parseAddress(address)?.family !== 4) throw new RangeError(`"${address}" is no address`);
  if (flags & PUBLISHED) return [{ link, address, proxy: true }];
  // Nothing is known yet of one that was asked for and has not answered.
  if (!(flags & COMPLETE) || lladdr === undefined) return [];
  if (!MAC.test(lladdr)) throw new RangeError(`"${lladdr}" is no link-layer address`);
  return [{ link, address, lladdr: lladdr.toLowerCase(), state: flags & PERMANENT ? 'permanent' : 'reachable' }];
}

export function readProcArp(text: string, options: LineOptions = {}): ReadNeighbors {
  const problems: Problem[] = [];
  const neighbors: Neighbor[] = [];
  eachLine(linesOf(text, options), 'proc-arp', problems, options, ({ text: line }) => {
    if (line.startsWith('IP address')) return;
    const [address = '', , flags, lladdr = '', mask, link] = wordsOf(line);
    if (mask === undefined || link === undefined) throw new RangeError('no neighbour');
    neighbors.push(...neighborOf(address, hexNumber(flags?.replace(/^0x/, ''), 'flags'), lladdr, link));
  });
  return { neighbors, problems };
}

/** Entries of IPv4: what failed looks like what is still being asked for, and is left out as the reader leaves it out. */
export function printProcArp(neighbors: readonly Neighbor[]): string {
  const lines = neighbors
    .filter((n) => !n.address.includes(':') && (n.proxy || n.lladdr !== undefined))
    .map(({ address, lladdr = '00:00:00:00:00:00', proxy, state = 'permanent', link }) => {
      const flags = proxy ? PERMANENT | PUBLISHED : COMPLETE | (state === 'permanent' ? PERMANENT : 0);
      return `${address.padEnd(16)} 0x1         0x${flags.toString(16).padEnd(9)} ${lladdr}     *        ${link}\n`;
    });
  return `IP address       HW type     Flags       HW address            Mask     Device\n${lines.join('')}`;
}

/** `arp -n`: `CM` where /proc says it with bits. `arp -a`: `? (10.0.0.9) at 02:... [ether] on eth0`. */
export function readArp(text: string, options: LineOptions = {}): ReadNeighbors {
  const problems: Problem[] = [];
  const neighbors: Neighbor[] = [];
  eachLine(linesOf(text, options), 'arp', problems, options, ({ text: line }) => {
    if (/^Address\s+HWtype/.test(line) || /^Entries:/.test(line)) return;
    const listed = /^\S+ \(([\d.]+)\) at (\S+) (?:\[\w+\] )?(PERM )?(?:PUB )?on (\S+)$/.exec(line);
    if (listed) {
      const [, address = '', lladdr = '', permanent, link = ''] = listed;
      const flags = MAC.test(lladdr) ? COMPLETE | (permanent ? PERMANENT : 0) : 0;
      neighbors.push(...neighborOf(address, flags, lladdr, link));
      return;
    }
    const words = wordsOf(line);
    const [address = ''] = words;
    const link = words.at(-1) ?? '';
    if (words.includes('(incomplete)')) {
      neighbors.push(...neighborOf(address, 0, undefined, link));
      return;
    }
    const [, type, lladdr = '', letters = ''] = words;
    if (type !== 'ether' && type !== 'infiniband' && type !== '*') throw new RangeError('no neighbour');
    if (type === '*') {
      neighbors.push(...neighborOf(address, PUBLISHED, undefined, link));
      return;
    }
    const flags = (letters.includes('C') ? COMPLETE : 0) | (letters.includes('M') ? PERMANENT : 0);
    neighbors.push(...neighborOf(address, flags, lladdr, link));
  });
  return { neighbors, problems };
}
