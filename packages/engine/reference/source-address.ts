/** The address this host speaks with: inet_select_addr (net/ipv4/devinet.c), ipv6_dev_get_saddr (net/ipv6/addrconf.c). */
import { confAll, confOf, containsAddress, type Family, type IpAddress } from '../src/index.ts';
import { addressOf, isLinkLocal6, isMulticast, isUnspecified } from './addresses.ts';
import { vrfOf } from './fib.ts';
import type { Device, DeviceAddress, Host } from './state.ts';

const UNIVERSE = 0;
export const LINK = 253;
const HOST = 254;

/**
 * IPv4: the first primary address in the subnet of `towards`, else the first at all, of a scope that reaches as far as asked; else one
 * of another device of the same VRF, or of none, that is not of link scope; the VRF comes first.
 */
export function selectAddress4(host: Host, device: Device, towards: string, scope: number): string | undefined {
  const { sysctls } = host.netns;
  const localnet =
    confAll(sysctls, 4, 'route_localnet') !== 0 || confOf(sysctls, 4, device.name, 'route_localnet') !== 0;
  const limit = localnet ? LINK : HOST;
  const to = isUnspecified(towards) || towards === '' ? undefined : addressOf(towards);
  let first: string | undefined;
  for (const address of device.addresses) {
    if (address.prefix.family !== 4 || address.secondary) continue;
    if (Math.min(address.scope, limit) > scope) continue;
    if (!to || containsAddress(address.subnet, to)) return address.text;
    first ??= address.text;
  }
  if (first !== undefined) return first;
  const vrf = vrfOf(device);
  for (const other of vrf ? [vrf, ...host.devices] : host.devices) {
    if (vrfOf(other) !== vrf) continue;
    for (const address of other.addresses) {
      if (address.prefix.family !== 4 || address.secondary) continue;
      if (address.scope !== LINK && address.scope <= scope) return address.text;
    }
  }
  return undefined;
}

/** RFC 6724, 2.1: the kernel's own table of labels (net/ipv6/addrlabel.c). */
const LABELS: readonly [prefix: string, length: number, label: number][] = [
  ['::1', 128, 0],
  ['::ffff:0:0', 96, 4],
  ['::', 96, 3],
  ['2001::', 32, 6],
  ['2001:10::', 28, 7],
  ['3ffe::', 16, 12],
  ['2002::', 16, 2],
  ['fec0::', 10, 11],
  ['fc00::', 7, 5],
  ['::', 0, 1],
];

const labelOf = (address: IpAddress): number =>
  LABELS.find(([prefix, length]) => containsAddress({ ...addressOf(prefix), length }, address))?.[2] ?? 1;

/** RFC 6724, 3.1; multicast carries its own. */
function scopeOf6(text: string): number {
  if (isMulticast(6, text)) return (addressOf(text).words[0] >>> 16) & 15;
  if (text === '::1' || isLinkLocal6(text)) return 2;
  return addressOf(text).words[0] >>> 22 === 0x3fb ? 5 : 14;
}

function commonBits(a: IpAddress, b: IpAddress): number {
  let bits = 0;
  for (let i = 0; i < 4; i++) {
    const difference = ((a.words[i] as number) ^ (b.words[i] as number)) >>> 0;
    if (difference !== 0) return bits + Math.clz32(difference);
    bits += 32;
  }
  return bits;
}

interface Candidate extends DeviceAddress {
  device: Device;
}

/** Positive where `a` is the better source for `to` (rules 1, 2, 3, 5, 6, 8 of RFC 6724, section 5; the others do not apply here). */
function better(a: Candidate, b: Candidate, to: string, out: Device | undefined): number {
  const yes = (fact: boolean) => (fact ? 1 : 0);
  if ((a.text === to) !== (b.text === to)) return yes(a.text === to) - yes(b.text === to);
  const wanted = scopeOf6(to);
  const scopes = [scopeOf6(a.text), scopeOf6(b.text)] as const;
  if (scopes[0] !== scopes[1]) {
    const smaller = scopes[0] < scopes[1] ? 0 : 1;
    const enough = scopes[smaller] >= wanted;
    return (smaller === 0) === enough ? 1 : -1;
  }
  const deprecated = yes(b.address.deprecated === true) - yes(a.address.deprecated === true);
  if (deprecated !== 0) return deprecated;
  const outgoing = yes(a.device === out) - yes(b.device === out);
  if (outgoing !== 0) return outgoing;
  const label = labelOf(addressOf(to));
  const labels = yes(labelOf(a.prefix) === label) - yes(labelOf(b.prefix) === label);
  if (labels !== 0) return labels;
  const bits = (c: Candidate) => Math.min(c.prefix.length, commonBits(c.prefix, addressOf(to)));
  return bits(a) - bits(b);
}

/** IPv6. Destinations on one link only take addresses of that link; ports of a VRF prefer their own and the VRF's (ipv6_get_saddr_master). */
export function selectAddress6(host: Host, out: Device | undefined, to: string): string | undefined {
  const narrow = isLinkLocal6(to) || isMulticast(6, to) || to === '::1';
  const others = host.devices.filter((device) => device !== out && (!out || vrfOf(device) === vrfOf(out)));
  const best = (devices: readonly Device[]): string | undefined => {
    let found: Candidate | undefined;
    for (const device of devices) {
      for (const address of device.addresses) {
        if (address.prefix.family !== 6 || isMulticast(6, address.text) || isUnspecified(address.text)) continue;
        const candidate = { ...address, device };
        if (!found || better(candidate, found, to, out) > 0) found = candidate;
      }
    }
    return found?.text;
  };
  if (!out) return best(others);
  if (narrow) return best([out]);
  const vrf = vrfOf(out);
  const near = vrf && vrf !== out ? best([out, vrf]) : undefined;
  return near ?? best([out, ...others]);
}

/** What MASQUERADE takes: the address that would speak to the next hop (IPv4) or destination (IPv6) through this device. */
export function sourceFor(host: Host, family: Family, out: Device, nexthop: string, daddr: string): string | undefined {
  if (family === 4) return selectAddress4(host, out, nexthop.includes(':') ? daddr : nexthop, UNIVERSE);
  return selectAddress6(host, out, daddr);
}
