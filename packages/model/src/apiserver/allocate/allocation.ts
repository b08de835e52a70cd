/** Addresses and node ports of Services: who has which (pkg/registry/core/service/ipallocator and portallocator). */
import { containsAddress, formatAddress, formatPrefix, type IpPrefix } from '@podwire/engine';
import { familyName, lastOf, nth, sizeOf } from '../../net/cidr.ts';
import type { IPFamily } from '../../objects/kube.ts';
import { parseIP } from '../meta/addresses.ts';
import { addressOffsets, portsBetween } from './draw.ts';

export interface Ranges {
  /** `--service-cluster-ip-range`, the first family first. */
  readonly clusterIPs: readonly IpPrefix[];
  /** `--service-node-port-range`, both ends included. */
  readonly nodePorts: { readonly from: number; readonly to: number };
}

/** What the Services that are there hold. */
export class Holdings {
  readonly clusterIPs = new Set<string>();
  readonly nodePorts = new Set<number>();
}

/** What one request takes: kept with `commit`, forgotten otherwise. Methods return the allocator's error, or nothing. */
export class Allocation {
  readonly #ranges: Ranges;
  readonly #holdings: Holdings;
  readonly #dryRun: boolean;
  readonly #clusterIPs = new Set<string>();
  readonly #nodePorts = new Set<number>();

  constructor(ranges: Ranges, holdings: Holdings, dryRun: boolean) {
    this.#ranges = ranges;
    this.#holdings = holdings;
    this.#dryRun = dryRun;
  }

  get families(): IPFamily[] {
    return this.#ranges.clusterIPs.map(({ family }) => familyName(family));
  }

  commit(): void {
    for (const ip of this.#clusterIPs) this.#holdings.clusterIPs.add(ip);
    for (const port of this.#nodePorts) this.#holdings.nodePorts.add(port);
  }

  /** The other way round: nobody has it any more. */
  release(): void {
    for (const ip of this.#clusterIPs) this.#holdings.clusterIPs.delete(ip);
    for (const port of this.#nodePorts) this.#holdings.nodePorts.delete(port);
  }

  /** A clusterIP that the request names. */
  takeIP(text: string): string | undefined {
    const address = parseIP(text);
    const range = address && this.#ranges.clusterIPs.find((prefix) => isInside(prefix, text));
    if (address === undefined || range === undefined) return this.#outside(text);
    const canonical = formatAddress(address);
    if (this.#dryRun) return undefined;
    if (this.#isTaken(canonical)) return 'provided IP is already allocated';
    this.#clusterIPs.add(canonical);
    return undefined;
  }

  /** Without a dry run the range is looked for first; with one, some range says that this is none of its addresses. */
  #outside(text: string): string {
    const address = parseIP(text);
    const [first] = this.#ranges.clusterIPs;
    const range = this.#ranges.clusterIPs.find(({ family }) => family === address?.family) ?? first;
    if (!this.#dryRun || address === undefined || range === undefined)
      return 'the provided network does not match the current range';
    const valid = `The range of valid IPs is ${formatPrefix(range)}`;
    return `the provided IP (${formatAddress(address)}) is not in the valid range. ${valid}`;
  }

  #isTaken(ip: string): boolean {
    return this.#holdings.clusterIPs.has(ip) || this.#clusterIPs.has(ip);
  }

  /** Any free clusterIP of a family; the same for the same seed as long as it is free. Undefined: none is left. */
  nextIP(family: IPFamily, seed: string): string | undefined {
    const range = this.#ranges.clusterIPs.find((prefix) => familyName(prefix.family) === family);
    if (range === undefined) return undefined;
    for (const offset of addressOffsets(sizeOf(range), seed)) {
      const address = nth(range, offset);
      const text = address && formatAddress(address);
      if (text === undefined || this.#isTaken(text)) continue;
      this.#clusterIPs.add(text);
      return text;
    }
    return undefined;
  }

  takePort(port: number): string | undefined {
    const { from, to } = this.#ranges.nodePorts;
    if (!this.#dryRun && (port < from || port > to))
      return `provided port is not in the valid range. The range of valid ports is ${from}-${to}`;
    if (this.#holdings.nodePorts.has(port) || this.#nodePorts.has(port)) return 'provided port is already allocated';
    this.#nodePorts.add(port);
    return undefined;
  }

  nextPort(seed: string): number | undefined {
    const { from, to } = this.#ranges.nodePorts;
    for (const port of portsBetween(from, to, seed)) {
      if (this.#holdings.nodePorts.has(port) || this.#nodePorts.has(port)) continue;
      this.#nodePorts.add(port);
      return port;
    }
    return undefined;
  }

  /** What a stored Service has, whether or not it lies in the ranges. */
  hold(clusterIPs: readonly string[], nodePorts: readonly number[]): void {
    for (const text of clusterIPs) {
      const address = parseIP(text);
      if (address !== undefined) this.#clusterIPs.add(formatAddress(address));
    }
    for (const port of nodePorts) if (port !== 0) this.#nodePorts.add(port);
  }
}

/** Not the network's own address and not the last one of IPv4: servicecidr.PrefixContainsIP(). */
function isInside(prefix: IpPrefix, text: string): boolean {
  const address = parseIP(text);
  if (address === undefined || address.family !== prefix.family || !containsAddress(prefix, address)) return false;
  const canonical = formatAddress(address);
  return canonical !== formatAddress(prefix) && (prefix.family === 6 || canonical !== formatAddress(lastOf(prefix)));
}
