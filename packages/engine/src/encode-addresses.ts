/** Interface addresses, by namespace and link. */
import { type IpPrefix, maskOf, maskWords, parsePrefix } from './address.ts';
import { AddressFlag, ScopeId } from './codes.ts';
import type { WrittenAddress } from './encode-local.ts';
import { scopeId } from './encode-routes.ts';
import { type Encoding, prefixOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import { addressesOf, IMPLIED_ADDRESSES } from './local-table.ts';
import type { Address, Netns } from './network.ts';

function scopeOf({ scope, address }: Address): ScopeId {
  if (scope !== undefined) return scopeId(scope);
  if (address.startsWith('127.') || address === '::1/128') return ScopeId.HOST;
  return /^fe[89ab]/.test(address) ? ScopeId.LINK : ScopeId.UNIVERSE;
}

/** Links with more addresses than this find the first of a subnet by a map. */
const FEW = 8;

/** The record of the first IPv4 address of the subnet of `addresses[at]` from `from` on; undefined where that is itself. */
function firstAmong(addresses: readonly WrittenAddress[], from: number, at: number): number | undefined {
  const { subnet, length } = addresses[at] as WrittenAddress;
  for (let i = from; i < at; i++) {
    const other = addresses[i] as WrittenAddress;
    if (other.family === 4 && other.length === length && other.subnet[3] === subnet[3]) return other.at;
  }
  return undefined;
}

/** The same by what was met before, to which the address is added. */
function firstOf(met: Map<string, number>, { subnet, length, at }: WrittenAddress): number | undefined {
  const key = `${subnet[3]}/${length}`;
  const first = met.get(key);
  if (first === undefined) met.set(key, at);
  return first;
}

/** What the kernel gives `lo` stands in every namespace. */
const KNOWN_PREFIXES = new Map<Address, IpPrefix>(
  IMPLIED_ADDRESSES.map((implied) => [implied, parsePrefix(implied.address) as IpPrefix]),
);

/** The interface addresses of the whole network in one array, by namespace and link. */
export class AddressArray {
  readonly at: number;
  count = 0;
  readonly #encoding: Encoding;

  constructor(encoding: Encoding, netnses: readonly Netns[]) {
    this.#encoding = encoding;
    // Every namespace may have two more on an implied loopback.
    const capacity = netnses.reduce((sum, { addresses }) => sum + addresses.length + 2, 0);
    this.at = encoding.arena.alloc(capacity * encoding.abi.ADDRESS_SIZE);
  }

  /** Writes the addresses of one namespace and ties them to its links, whose array starts at `linksAt`. */
  encode(netns: Netns, number: number, linksAt: number): WrittenAddress[] {
    const { abi, arena, objects } = this.#encoding;
    const where = `network namespace ${netns.name}`;
    const addresses = addressesOf(netns);
    const written: WrittenAddress[] = [];
    let isSorted = true;
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[i] as Address;
      const found = objects.links.find(number, address.link);
      if (found === undefined)
        throw new EngineError('UNKNOWN_LINK', `${where}: ${address.address} on link ${address.link}`);
      const prefix = KNOWN_PREFIXES.get(address) ?? prefixOf(address.address, where);
      const peer = address.peer === undefined ? undefined : prefixOf(address.peer, where);
      const length = peer && address.peer?.includes('/') ? peer.length : prefix.length;
      const link = linksAt + found * abi.LINK_SIZE;
      const subnet = maskWords((peer ?? prefix).words, maskOf(prefix.family, length));
      if (i > 0 && link < (written[i - 1] as WrittenAddress).link) isSorted = false;
      written.push({ address, family: prefix.family, own: prefix.words, subnet, length, primary: 0, at: 0, link });
    }
    // Addresses stand by link in the order of the links, whatever order they were listed in.
    const byLink = isSorted ? written : [...written].sort((a, b) => a.link - b.link);
    for (let from = 0; from < byLink.length; ) {
      const { link } = byLink[from] as WrittenAddress;
      let to = from + 1;
      while (byLink[to]?.link === link) to++;
      arena.u32[(link + abi.LINK_ADDRESSES) >>> 2] = this.at + this.count * abi.ADDRESS_SIZE;
      arena.u32[(link + abi.LINK_ADDRESS_COUNT) >>> 2] = to - from;
      this.#write(byLink, from, to);
      from = to;
    }
    return written;
  }

  /** Writes the addresses of one link, and finds the first of each subnet. */
  #write(addresses: readonly WrittenAddress[], from: number, to: number): void {
    const { abi, arena } = this.#encoding;
    const primaries = to - from > FEW ? new Map<string, number>() : undefined;
    for (let i = from; i < to; i++) {
      const one = addresses[i] as WrittenAddress;
      const { address, family, own, subnet, length } = one;
      const at = this.at + this.count++ * abi.ADDRESS_SIZE;
      one.at = at;
      one.primary = at;
      let secondary = address.secondary;
      if (family === 4 && to - from > 1) {
        const first = primaries ? firstOf(primaries, one) : firstAmong(addresses, from, i);
        if (first !== undefined && secondary !== false) one.primary = first;
        secondary ??= first !== undefined;
      }
      arena.putWords(at + abi.ADDRESS_ADDRESS, own);
      arena.putWords(at + abi.ADDRESS_SUBNET, subnet);
      arena.u32[(at + abi.ADDRESS_LINK) >>> 2] = one.link;
      arena.u8[at + abi.ADDRESS_LENGTH] = prefixLength(address.address, family);
      arena.u8[at + abi.ADDRESS_SUBNET_LENGTH] = length;
      arena.u8[at + abi.ADDRESS_FAMILY] = family;
      arena.u8[at + abi.ADDRESS_SCOPE] = scopeOf(address);
      arena.u8[at + abi.ADDRESS_FLAGS] =
        (secondary ? AddressFlag.SECONDARY : 0) | (address.deprecated ? AddressFlag.DEPRECATED : 0);
    }
  }
}

function prefixLength(text: string, family: 4 | 6): number {
  const slash = text.indexOf('/');
  return slash < 0 ? (family === 4 ? 32 : 128) : Number(text.slice(slash + 1));
}
