/** The bridge itself, its ports and its addresses. */
import type { BridgeVlan, Link } from '@podwire/engine';
import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import { drawnMac, type Host } from '../../host/host.ts';
import { type Call, CniError } from '../../runtime/call.ts';
import { familyOf, hostOf } from '../../shared/address.ts';
import { broadcastOf } from '../../shared/configure.ts';
import { netlink } from '../../shared/netlink.ts';
import { addVeth, type Pair } from '../../shared/veth.ts';
import type { Settings } from './settings.ts';

/** As it is on the node; refused where something else has its name. */
function bridgeNamed({ own }: Host, name: string): Link {
  const link = own.link(name);
  if (!link) throw new CniError(`could not lookup "${name}": Link not found`);
  if (link.kind !== 'bridge') throw new CniError(`"${name}" already exists but is not a bridge`);
  return link;
}

/** ensureBridge */
function ensured(host: Host, { bridge, mtu, promiscuous, vlan, trunk }: Settings): void {
  const { own } = host;
  if (!own.link(bridge)) {
    const size = mtu > 0 ? ` mtu ${mtu}` : '';
    own.ip(`link add ${bridge}${size} address ${drawnMac(`${host.name}/${bridge}`)} type bridge`);
    const made = own.link(bridge);
    if (made && (vlan !== 0 || trunk.length > 0)) made.vlanFiltering = true;
  }
  if (promiscuous) own.promiscuous.add(bridge);
  bridgeNamed(host, bridge);
  own.sysctl(`net/ipv6/conf/${bridge}/accept_ra`, 0);
  own.ip(`link set ${bridge} up`);
}

export function ensureBridge(host: Host, settings: Settings): Link {
  try {
    ensured(host, settings);
    return bridgeNamed(host, settings.bridge);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(`failed to create bridge "${settings.bridge}": ${error.message}`);
  }
}

const NATIVE = { pvid: true, untagged: true } as const;

/** The VLANs of a port; undefined: those that a port has by itself. */
function vlansOf({ vlan, trunk, keepsDefaultVlan }: Settings): BridgeVlan[] | undefined {
  if (vlan === 0 && trunk.length === 0) return undefined;
  const found = new Map<number, BridgeVlan>();
  if (keepsDefaultVlan) found.set(1, { id: 1, ...(vlan === 0 && NATIVE), ...(vlan !== 0 && { untagged: true }) });
  if (vlan !== 0) found.set(vlan, { id: vlan, ...NATIVE });
  for (const id of trunk) if (!found.has(id)) found.set(id, { id });
  if (vlan === 0) found.set(1, { id: 1, ...NATIVE });
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** setupVeth: a pair whose host end is a port of the bridge. */
export function addPort(call: Call, settings: Settings): Pair {
  const { own } = call.host;
  const pair = addVeth(call, settings.mtu, settings.mac);
  own.ip(`link set ${pair.host.name} master ${settings.bridge}`);
  const onOff = (on: boolean) => (on ? 'on' : 'off');
  own.bridge(`link set dev ${pair.host.name} hairpin ${onOff(settings.hairpin)} isolated ${onOff(settings.isolated)}`);
  const port = own.link(pair.host.name);
  const vlans = vlansOf(settings);
  if (port && vlans) port.vlans = vlans;
  return pair;
}

/** ensureVlanInterface: with a VLAN the gateway stands on a pair of its own, in that VLAN. */
export function ensureVlanGateway(host: Host, settings: Settings): string {
  const { own } = host;
  const name = `${settings.bridge}.${settings.vlan}`;
  if (own.link(name)) return name;
  const port = `veth${drawnMac(`${host.name}/${name}/port`).replaceAll(':', '').slice(4)}`;
  own.ip(
    `link add ${name} address ${drawnMac(`${host.name}/${name}`)} type veth peer name ${port} address ${drawnMac(`${host.name}/${port}`)}`,
    `link set ${port} up`,
    `link set ${port} master ${settings.bridge}`,
    `link set ${name} up`,
  );
  own.sysctl(`net/ipv6/conf/${port}/accept_ra`, 0);
  const made = own.link(port);
  const vlans = vlansOf({ ...settings, trunk: [] });
  if (made && vlans) made.vlans = vlans;
  return name;
}

/** ensureAddr: one IPv4 address, and IPv6 addresses whose subnets do not overlap. */
export function ensureAddress({ own }: Host, link: string, address: string, force: boolean): void {
  const family = familyOf(address);
  for (const other of own.addresses(link, family)) {
    if (other === address) return;
    const inOther = (outer: string, inner: string) => {
      const [prefix, one] = [parsePrefix(outer), parseAddress(hostOf(inner))];
      return prefix !== undefined && one !== undefined && containsAddress(prefix, one);
    };
    if (family === 6 && !inOther(other, address) && !inOther(address, other)) continue;
    if (!force) throw new CniError(`"${link}" already has an IP address different from ${address}`);
    own.ip(`addr del ${other} dev ${link}`);
  }
  netlink(
    () => own.ip(`addr add ${address} dev ${link}${broadcastOf(address)}`),
    (why, errno) =>
      errno === 'EEXIST' ? undefined : new CniError(`could not add IP address ${address} to "${link}": ${why}`),
  );
}
