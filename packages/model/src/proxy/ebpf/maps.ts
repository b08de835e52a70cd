/**
 * The datapath's maps, as far as they say which packet goes where, and their text. (bpf/lib/common.h: lb4_key, lb4_service, lb4_backend …;
 * pkg/loadbalancer/maps/test_utils.go: DumpLBMaps)
 */
import type { LbAddress } from './address.ts';
import type { LbAlgorithm } from './records.ts';

/** A frontend's master entry, slot 0, or one of its backends. */
export interface ServiceEntry {
  address: LbAddress;
  slot: number;
  /** The frontend's number: reverse translation knows it by this. */
  id: number;
  /** 0 in slot 0. */
  backendId: number;
  /** Slot 0: backends to choose from, and the rest. */
  count: number;
  quarantinedCount: number;
  flags: readonly string[];
  algorithm?: LbAlgorithm;
  affinitySeconds: number;
  /** Traffic goes to a proxy of the node on this port. */
  proxyPort?: number;
}

export interface BackendEntry {
  address: LbAddress;
  state: string;
}

/** Keys are what the kernel's maps have as key, as text. */
export class LbMaps {
  /** By `address#slot`. */
  services = new Map<string, ServiceEntry>();
  backends = new Map<number, BackendEntry>();
  /** By the frontend's number. */
  reverse = new Map<number, LbAddress>();
  /** `ID BEID`. */
  affinity = new Map<string, { id: number; backendId: number }>();
  /** `ID CIDR`. */
  sourceRanges = new Map<string, { id: number; cidr: string }>();
  /** Places of the table that each backend has, by the frontend's number. */
  maglev = new Map<number, ReadonlyMap<number, number>>();

  /** A copy that does not change with this one. */
  snapshot(): LbMaps {
    const copy = new LbMaps();
    copy.restore(this);
    return copy;
  }

  /** Entries of the other maps are added; what is there already stays. */
  restore(from: LbMaps): void {
    for (const [key, value] of from.services) this.services.set(key, value);
    for (const [key, value] of from.backends) this.backends.set(key, value);
    for (const [key, value] of from.reverse) this.reverse.set(key, value);
    for (const [key, value] of from.affinity) this.affinity.set(key, value);
    for (const [key, value] of from.sourceRanges) this.sourceRanges.set(key, value);
    for (const [key, value] of from.maglev) this.maglev.set(key, value);
  }
}

function withoutProtocol({ ip, family, port }: LbAddress): string {
  return family === 'IPv4' ? `${ip}:${port}` : `[${ip}]:${port}`;
}

function serviceLine(entry: ServiceEntry): string {
  const {
    id,
    address,
    slot,
    backendId,
    count,
    quarantinedCount,
    flags,
    algorithm = 'undef',
    affinitySeconds,
    proxyPort,
  } = entry;
  const master = proxyPort === undefined ? `LBALG=${algorithm} AFFTimeout=${affinitySeconds}` : `L7Proxy=${proxyPort}`;
  const what = slot === 0 ? master : `BEID=${backendId}`;
  return `SVC: ID=${id} ADDR=${address.text} SLOT=${slot} ${what} COUNT=${count} QCOUNT=${quarantinedCount} FLAGS=${flags.join('+')}`;
}

function maglevLine(id: number, counts: ReadonlyMap<number, number>): string {
  const sorted = [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  return `MAGLEV: ID=${id} INNER=[${sorted.map(([backendId, count]) => `${backendId}(${count})`).join(', ')}]`;
}

/** One line per entry, in byte order. */
export function dumpMaps(maps: LbMaps): string[] {
  return [
    ...[...maps.services.values()].map(serviceLine),
    ...[...maps.backends].map(([id, { address, state }]) => `BE: ID=${id} ADDR=${address.text} STATE=${state}`),
    ...[...maps.reverse].map(([id, address]) => `REV: ID=${id} ADDR=${withoutProtocol(address)}`),
    ...[...maps.affinity.values()].map(({ id, backendId }) => `AFF: ID=${id} BEID=${backendId}`),
    ...[...maps.sourceRanges.values()].map(({ id, cidr }) => `SRCRANGE: ID=${id} CIDR=${cidr}`),
    ...[...maps.maglev].map(([id, counts]) => maglevLine(id, counts)),
  ].sort();
}
