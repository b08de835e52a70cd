/** Ranges of host-local: plugins/ipam/host-local/backend/allocator/{range,range_set,config}.go. */
import {
  addToAddress,
  compareAddresses,
  type Family,
  formatAddress,
  type IpAddress,
  type IpPrefix,
  networkOf,
} from '@podwire/engine';
import { lastOf, width } from '../../../net/cidr.ts';
import { CniError } from '../../runtime/call.ts';
import { addressOf, prefixOf } from '../../shared/address.ts';

export interface Range {
  subnet: IpPrefix;
  start: IpAddress;
  end: IpAddress;
  gateway: IpAddress;
}

export interface RangeConf {
  subnet?: string;
  rangeStart?: string;
  rangeEnd?: string;
  gateway?: string;
}

const after = (address: IpAddress): IpAddress => addToAddress(address, 1) ?? address;

const shownPrefix = ({ family, words, length }: IpPrefix) => `${formatAddress({ family, words })}/${length}`;

export function inRange({ subnet, start, end }: Range, address: IpAddress): boolean {
  return (
    subnet.family === address.family && compareAddresses(address, start) >= 0 && compareAddresses(address, end) <= 0
  );
}

function lastUsable(subnet: IpPrefix): IpAddress {
  const last = lastOf(subnet);
  if (subnet.family === 6) return last;
  // The broadcast address is given to nobody.
  return { family: 4, words: [0, 0, 0, last.words[3] - 1] };
}

/** Range.Canonicalize */
function settled(conf: RangeConf): Range {
  const subnet = prefixOf(conf.subnet ?? '');
  const bits = width(subnet.family);
  if (subnet.length > bits - 2) throw new Error(`Network ${shownPrefix(subnet)} too small to allocate from`);
  const network = networkOf(subnet);
  if (compareAddresses(network, subnet) !== 0)
    throw new Error(
      `Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${formatAddress(network)}`,
    );
  const inSubnet = (address: IpAddress) =>
    address.family === subnet.family &&
    compareAddresses(networkOf({ ...address, length: subnet.length }), network) === 0;
  const first = after({ family: subnet.family, words: subnet.words });
  const start = conf.rangeStart === undefined ? first : addressOf(conf.rangeStart);
  if (!inSubnet(start)) throw new Error(`RangeStart ${formatAddress(start)} not in network ${shownPrefix(subnet)}`);
  const end = conf.rangeEnd === undefined ? lastUsable(subnet) : addressOf(conf.rangeEnd);
  // The start is known by now, so that an end before it is in no range either.
  if (!inSubnet(end) || compareAddresses(end, start) < 0)
    throw new Error(`RangeEnd ${formatAddress(end)} not in network ${shownPrefix(subnet)}`);
  const gateway = conf.gateway === undefined ? first : addressOf(conf.gateway);
  return { subnet, start, end, gateway };
}

const shown = ({ start, end }: Range) => `${formatAddress(start)}-${formatAddress(end)}`;

export const shownSet = (set: readonly Range[]): string => set.map(shown).join(',');

const overlap = (a: Range, b: Range) =>
  inRange(a, b.start) || inRange(a, b.end) || inRange(b, a.start) || inRange(b, a.end);

/** RangeSet.Canonicalize. Throws `CniError`. */
export function readRangeSet(confs: readonly RangeConf[], index: number): Range[] {
  try {
    if (confs.length === 0) throw new Error('empty range set');
    const set = confs.map(settled);
    const family: Family | undefined = set[0]?.subnet.family;
    if (set.some(({ subnet }) => subnet.family !== family)) throw new Error('mixed address families');
    for (const [i, one] of set.entries())
      for (const other of set.slice(i + 1))
        if (overlap(one, other)) throw new Error(`subnets ${shown(one)} and ${shown(other)} overlap`);
    return set;
  } catch (error) {
    throw new CniError(`invalid range set ${index}: ${(error as Error).message}`);
  }
}

export function checkOverlaps(sets: readonly Range[][]): void {
  for (const [i, one] of sets.entries())
    for (const [j, other] of sets.slice(i + 1).entries())
      if (one.some((a) => other.some((b) => overlap(a, b))))
        throw new CniError(`range set ${i} overlaps with ${i + j + 1}`);
}
