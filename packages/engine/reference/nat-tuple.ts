/** Finds the tuple a mapping leads to: get_unique_tuple and what it calls (net/netfilter/nf_nat_core.c). */
import {
  CtDirection,
  compareAddresses,
  formatAddress,
  type IpAddress,
  Protocol,
  type Tuple,
  type Words,
} from '../src/index.ts';
import { addressOf } from './addresses.ts';
import { findConnection, isTaken, zoneId } from './conntrack.ts';
import { jhash2, reciprocalScale, swap32 } from './jhash.ts';
import type { Connection, Host } from './state.ts';
import { UDPLITE } from './timeouts.ts';
import { hasPorts, invert, isIcmp, sameTuple } from './tuple.ts';

export type Manip = 'src' | 'dst';

/** `nf_nat_range2`: addresses and ports stand only where the flag for them is set. */
export interface Range {
  addresses?: { from: string; to: string };
  ports?: { from: number; to: number };
  /** The port is drawn anew whether or not it is free (NF_NAT_RANGE_PROTO_RANDOM, _FULLY). */
  random?: boolean;
  persistent?: boolean;
}

const GRE = 47;

function between(address: string, range: { from: string; to: string }): boolean {
  const at = addressOf(address);
  return compareAddresses(at, addressOf(range.from)) >= 0 && compareAddresses(at, addressOf(range.to)) <= 0;
}

const keyPort = (protocol: number, tuple: Tuple, manip: Manip): number =>
  isIcmp(protocol) || manip === 'src' ? tuple.sport : tuple.dport;

function portInRange(protocol: number, tuple: Tuple, manip: Manip, ports: { from: number; to: number }): boolean {
  if (!isIcmp(protocol) && !hasPorts(protocol) && protocol !== GRE) return true;
  const port = keyPort(protocol, tuple, manip);
  return port >= ports.from && port <= ports.to;
}

/** Would this source do for the range? */
const inRange = (protocol: number, tuple: Tuple, range: Range): boolean =>
  (!range.addresses || between(tuple.saddr, range.addresses)) &&
  (!range.ports || portInRange(protocol, tuple, 'src', range.ports));

/** Is the answer to this tuple another connection's already? Two entries of one flow are not in each other's way (nf_conntrack_tuple_taken). */
function isUsed(host: Host, connection: Connection, tuple: Tuple): boolean {
  const reply = invert(connection.protocol, tuple);
  const isSameFlow = (other: Connection) =>
    other === connection ||
    (sameTuple(other.tuples[0], connection.tuples[0]) && zoneId(other.zone, 0) === zoneId(connection.zone, 0));
  return reply !== undefined && isTaken(host, connection, reply, CtDirection.REPLY, isSameFlow);
}

/** Whether NAT has to do something about a tuple that it would leave as it is: not where the other connection may be this one the other way round (nf_nat_used_tuple_new). */
function isUsedNew(host: Host, connection: Connection, tuple: Tuple): boolean {
  const { family, protocol, zone } = connection;
  if (!isUsed(host, connection, tuple)) return false;
  if ((protocol !== Protocol.UDP && protocol !== UDPLITE) || connection.snat || connection.dnat) return true;
  const found =
    findConnection(host, family, protocol, tuple, zone) ??
    findConnection(host, family, protocol, invert(protocol, tuple) as Tuple, zone);
  if (!found) return false;
  const { snat, dnat, tuples } = found.connection;
  return snat || dnat || !sameTuple(tuples[0], connection.tuples[1]);
}

/** A mapping that this source has already, newest first (find_appropriate_src). */
function presentMapping(host: Host, connection: Connection, tuple: Tuple, range: Range): Tuple | undefined {
  for (let i = host.connections.length - 1; i >= 0; i--) {
    const other = host.connections[i] as Connection;
    if (other.family !== connection.family || other.protocol !== connection.protocol) continue;
    if (zoneId(other.zone, 0) !== zoneId(connection.zone, 0)) continue;
    if (other.tuples[0].saddr !== tuple.saddr || other.tuples[0].sport !== tuple.sport) continue;
    const mapped = invert(other.protocol, other.tuples[1]);
    if (!mapped) continue;
    const result = { ...tuple, saddr: mapped.saddr, sport: mapped.sport };
    if (inRange(connection.protocol, result, range)) return result;
  }
  return undefined;
}

const wordsOf = (address: IpAddress): number[] =>
  address.family === 4 ? [address.words[3], 0, 0, 0] : [...address.words];

/** Spreads over an address range by a hash of both ends (find_best_ips_proto). */
function spread(connection: Connection, tuple: Tuple, range: Range, manip: Manip): string {
  const { from, to } = range.addresses as { from: string; to: string };
  if (from === to) return from;
  const low = wordsOf(addressOf(from));
  const high = wordsOf(addressOf(to));
  const source = wordsOf(addressOf(tuple.saddr)).map(swap32);
  const destination = wordsOf(addressOf(tuple.daddr)).map(swap32);
  const last = connection.family === 4 ? 0 : 3;
  const seed = range.persistent ? 0 : ((destination[last] as number) ^ connection.zone.id) >>> 0;
  let hash = jhash2(source, seed);
  let full = false;
  const chosen: number[] = [0, 0, 0, 0];
  for (let i = 0; i <= last; i++) {
    const minimum = full ? 0 : (low[i] as number);
    const distance = full ? 0xffffffff : ((high[i] as number) - minimum + 1) >>> 0;
    chosen[i] = (minimum + reciprocalScale(hash, distance)) >>> 0;
    if (chosen[i] !== high[i]) full = true;
    // The destination is the one being rewritten for a dst mapping: its words change as they are written.
    const mixed = manip === 'dst' ? swap32(chosen[i] as number) : (destination[i] as number);
    if (!range.persistent) hash = (hash ^ mixed) >>> 0;
  }
  const words: Words = connection.family === 4 ? [0, 0, 0, chosen[0] as number] : (chosen as unknown as Words);
  return formatAddress({ family: connection.family, words });
}

/** First and last port, or echo id, that a search goes over (nf_nat_l4proto_unique_tuple). */
function searchRange(protocol: number, port: number, range: Range): { from: number; to: number } {
  if (range.ports) {
    const { from, to } = range.ports;
    return from <= to ? { from, to } : { from: to, to: from };
  }
  if (isIcmp(protocol)) return { from: 0, to: 65535 };
  if (port < 512) return { from: 1, to: 511 };
  return port < 1024 ? { from: 600, to: 1023 } : { from: 1024, to: 65535 };
}

const withPort = (protocol: number, tuple: Tuple, manip: Manip, port: number): Tuple =>
  isIcmp(protocol) || manip === 'src' ? { ...tuple, sport: port } : { ...tuple, dport: port };

/** The tuple for `current` in `range`; `free` is false where every one is taken. */
export function uniqueTuple(
  host: Host,
  connection: Connection,
  current: Tuple,
  range: Range,
  manip: Manip,
): { tuple: Tuple; free: boolean; drawn?: { from: number; to: number } } {
  const { protocol } = connection;
  if (manip === 'src' && !range.random) {
    if (inRange(protocol, current, range)) {
      if (!isUsedNew(host, connection, current)) return { tuple: current, free: true };
    } else {
      const mapped = presentMapping(host, connection, current, range);
      if (mapped && !isUsed(host, connection, mapped)) return { tuple: mapped, free: true };
    }
  }
  let tuple = current;
  if (range.addresses) {
    const address = spread(connection, current, range, manip);
    tuple = manip === 'src' ? { ...current, saddr: address } : { ...current, daddr: address };
  }
  if (!range.random) {
    if (range.ports) {
      const single = range.ports.from === range.ports.to;
      // One port alone is taken unasked; where it is not free, the connection fails in the end.
      if (portInRange(protocol, tuple, manip, range.ports) && (single || !isUsed(host, connection, tuple)))
        return { tuple, free: manip === 'dst' || !single || !isUsed(host, connection, tuple) };
    } else if (!isUsed(host, connection, tuple)) return { tuple, free: true };
  }
  if (!isIcmp(protocol) && !hasPorts(protocol)) return { tuple, free: !isUsed(host, connection, tuple) };
  if (!range.ports && manip === 'dst' && !isIcmp(protocol)) return { tuple, free: true };
  const { from, to } = searchRange(protocol, keyPort(protocol, tuple, manip), range);
  for (let port = from; port <= to; port++) {
    const candidate = withPort(protocol, tuple, manip, port);
    if (!isUsed(host, connection, candidate)) return { tuple: candidate, free: true, drawn: { from, to } };
  }
  return { tuple: withPort(protocol, tuple, manip, to), free: manip === 'dst' };
}
