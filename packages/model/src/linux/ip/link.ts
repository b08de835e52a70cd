/** `ip link`: making, removing and setting devices, with what happens to addresses and routes when one comes up or goes down. */
import { confOf, type Link, type LinkKind, type Netns, type Tunnel } from '@podwire/engine';
import { addAddress } from './address.ts';
import { addConnected, dropDeadRoutes } from './connected.ts';
import { findLink, type Host, hasCarrier, isUp, linkNamed } from './host.ts';
import { IpRefusal, kernelError } from './refusal.ts';
import { addressOf, numberOf, type Words } from './words.ts';

/** VXLAN's own IANA port is not the kernel's default. */
const VXLAN_PORT = 8472;
/** Outer headers of IPv4, and of IPv6 (vxlan_headroom, drivers/net/vxlan/vxlan_core.c). */
const VXLAN_HEADROOM = { 4: 50, 6: 70 } as const;

/** Link-local address from a link-layer address (RFC 4291, appendix A). */
function linkLocal(mac: string): string {
  const b = mac.split(':').map((part) => Number.parseInt(part, 16));
  const group = (high = 0, low = 0) => ((high << 8) | low).toString(16);
  const text = `fe80::${group((b[0] ?? 0) ^ 2, b[1])}:${group(b[2], 0xff)}:${group(0xfe, b[3])}:${group(b[4], b[5])}`;
  return `${addressOf(text, 6)}/64`;
}

/** A device with a carrier makes itself a link-local address (addrconf_addr_gen), unless it is told not to. */
function carrierOn(host: Host, link: Link): void {
  const { sysctls } = host.netns;
  if (link.mac === undefined || link.kind === 'loopback') return;
  if (confOf(sysctls, 6, link.name, 'disable_ipv6') || confOf(sysctls, 6, link.name, 'addr_gen_mode')) return;
  const address = linkLocal(link.mac);
  if (!host.netns.addresses.some((a) => a.link === link.name && a.scope === 'link' && a.address.startsWith('fe80:'))) {
    addAddress(host, { link: link.name, address, scope: 'link' });
  }
}

function otherEnd(host: Host, link: Link): { host: Host; link: Link } | undefined {
  const netns = link.peer && host.world.get(link.peer.netns);
  const peer = netns && link.peer && findLink(netns, link.peer.link);
  return netns && peer && { host: { netns, world: host.world }, link: peer };
}

function setUp(host: Host, link: Link): void {
  if (link.kind === 'loopback' || link.up === true) return;
  link.up = true;
  for (const address of host.netns.addresses) if (address.link === link.name) addConnected(host, address);
  if (hasCarrier(host, link)) carrierOn(host, link);
  const other = otherEnd(host, link);
  if (other && isUp(other.link) && hasCarrier(other.host, other.link)) carrierOn(other.host, other.link);
}

function setDown(host: Host, link: Link): void {
  link.up = false;
  const { netns } = host;
  // IPv6 addresses go unless they are to be kept; IPv4 ones stay.
  const keep = confOf(netns.sysctls, 6, link.name, 'keep_addr_on_down') > 0;
  netns.addresses = netns.addresses.filter((a) => a.link !== link.name || keep || !a.address.includes(':'));
  dropDeadRoutes(host);
}

/** Whether a bridge's MTU is that of its ports, or somebody set it (BROPT_MTU_SET_BY_USER). Listings do not say: the others are judged by what it is. */
const followsPorts = new WeakMap<Link, boolean>();

/** The smallest MTU of its ports (net/bridge/br_if.c:br_mtu_min). */
function portsMtu({ netns }: Host, bridge: Link): number {
  const mtu = Math.min(...netns.links.filter(({ master }) => master === bridge.name).map((port) => port.mtu ?? 1500));
  return Number.isFinite(mtu) ? mtu : 1500;
}

/** Runs what changes the ports of a bridge: its MTU goes with them (br_mtu_auto_adjust). */
function withPorts(host: Host, bridge: Link | undefined, change: () => void): void {
  const follows =
    bridge?.kind === 'bridge' && (followsPorts.get(bridge) ?? (bridge.mtu ?? 1500) === portsMtu(host, bridge));
  change();
  if (!bridge || !follows) return;
  followsPorts.set(bridge, true);
  const mtu = portsMtu(host, bridge);
  if (mtu === 1500) delete bridge.mtu;
  else bridge.mtu = mtu;
}

const masterOf = ({ netns }: Host, { master }: Link) => (master === undefined ? undefined : findLink(netns, master));

function setMtu(host: Host, link: Link, mtu: number): void {
  if (link.kind === 'bridge') followsPorts.set(link, false);
  withPorts(host, masterOf(host, link), () => {
    link.mtu = mtu;
  });
}

function set(host: Host, words: Words): void {
  words.take('dev');
  const link = linkNamed(host.netns, words.next('device'));
  while (!words.done) {
    const word = words.next();
    switch (word) {
      case 'up':
        setUp(host, link);
        break;
      case 'down':
        setDown(host, link);
        break;
      case 'mtu':
        setMtu(host, link, words.number('mtu'));
        break;
      case 'address':
        link.mac = words.next('address').toLowerCase();
        break;
      case 'master': {
        const master = linkNamed(host.netns, words.next('device'));
        if (master.kind !== 'bridge') throw kernelError('EOPNOTSUPP');
        withPorts(host, master, () => {
          link.master = master.name;
        });
        break;
      }
      case 'nomaster':
        withPorts(host, masterOf(host, link), () => {
          delete link.master;
        });
        break;
      case 'addrgenmode': {
        const mode = words.next('addrgenmode');
        const value = ['eui64', 'none', 'stable_secret', 'random'].indexOf(mode);
        if (value < 0) throw new IpRefusal(`invalid "addrgenmode" value "${mode}"`);
        host.netns.sysctls = { ...host.netns.sysctls, [`net.ipv6.conf.${link.name}.addr_gen_mode`]: value };
        break;
      }
      case 'arp':
      case 'multicast':
      case 'txqueuelen':
      case 'qlen':
        words.next(word);
        break;
      default:
        throw new IpRefusal(`link setting "${word}" is not modelled`);
    }
  }
}

const KINDS: Readonly<Record<string, LinkKind>> = {
  bridge: 'bridge',
  dummy: 'dummy',
  ifb: 'ifb',
  macvlan: 'macvlan',
  veth: 'veth',
  vxlan: 'vxlan',
};

const MACVLAN_MODES = new Set(['private', 'vepa', 'bridge', 'passthru']);

function readMacvlan(words: Words, host: Host, link: Link, lower: string | undefined): void {
  if (lower === undefined) throw kernelError('EINVAL');
  const below = linkNamed(host.netns, lower);
  link.lower = { netns: host.netns.name, link: below.name };
  while (!words.done) {
    const word = words.next();
    if (word !== 'mode') throw new IpRefusal(`macvlan option "${word}" is not modelled`);
    const mode = words.next('mode');
    if (!MACVLAN_MODES.has(mode)) throw new IpRefusal(`macvlan mode "${mode}" is not modelled`);
    link.mode = mode;
  }
  if (link.mode === 'passthru' && link.mac === undefined && below.mac !== undefined) link.mac = below.mac;
}

function readVxlan(words: Words, host: Host, link: Link): void {
  const tunnel: Tunnel = { id: 0, port: VXLAN_PORT };
  while (!words.done) {
    const word = words.next();
    if (word === 'id' || word === 'vni') tunnel.id = words.number('id', 0xffffff);
    else if (word === 'local') tunnel.local = words.address();
    else if (word === 'remote') tunnel.remote = words.address();
    else if (word === 'dev') tunnel.dev = words.next('device');
    else if (word === 'dstport') tunnel.port = words.number('dstport', 65535);
    else if (word === 'learning') tunnel.learning = true;
    else if (word === 'nolearning') tunnel.learning = false;
    else throw new IpRefusal(`vxlan option "${word}" is not modelled`);
  }
  link.tunnel = tunnel;
  if (tunnel.dev === undefined) return;
  const family = tunnel.local?.includes(':') || tunnel.remote?.includes(':') ? 6 : 4;
  // More than fits is cut down without a word (vxlan_config_apply).
  const largest = (linkNamed(host.netns, tunnel.dev).mtu ?? 1500) - VXLAN_HEADROOM[family];
  link.mtu = Math.min(link.mtu ?? largest, largest);
}

interface PeerRequest {
  name?: string;
  netns?: string;
  mac?: string;
}

function readPeer(words: Words): PeerRequest {
  const peer: PeerRequest = {};
  if (!words.take('peer')) return peer;
  while (!words.done) {
    const word = words.next();
    if (word === 'name') peer.name = words.next('name');
    else if (word === 'netns') peer.netns = words.next('netns');
    else if (word === 'address') peer.mac = words.next('address').toLowerCase();
    else throw new IpRefusal(`veth option "${word}" is not modelled`);
  }
  return peer;
}

/** Puts a link into a namespace; `add` of an existing name is refused. */
function insertLink(netns: Netns, link: Link): void {
  if (findLink(netns, link.name)) throw kernelError('EEXIST');
  netns.links.push(link);
}

function addVeth(host: Host, link: Link, { name, netns, mac }: PeerRequest): void {
  const there = netns === undefined ? host.netns : host.world.get(netns);
  if (!there) throw new IpRefusal(`Invalid "netns" value "${netns}"`);
  let peerName = name;
  for (let i = 0; peerName === undefined; i++) if (!findLink(there, `veth${i}`)) peerName = `veth${i}`;
  link.peer = { netns: there.name, link: peerName };
  insertLink(host.netns, link);
  insertLink(there, {
    name: peerName,
    kind: 'veth',
    up: false,
    ...(mac !== undefined && { mac }),
    ...(link.mtu !== undefined && { mtu: link.mtu }),
    peer: { netns: host.netns.name, link: link.name },
  });
}

function add(host: Host, words: Words): void {
  let name: string | undefined;
  let lower: string | undefined;
  const traits: Pick<Link, 'mac' | 'mtu' | 'index'> = {};
  for (;;) {
    const word = words.next('type');
    if (word === 'type') break;
    if (word === 'name' || word === 'dev') name = words.next('name');
    else if (word === 'link') lower = words.next('device');
    else if (word === 'address') traits.mac = words.next('address').toLowerCase();
    else if (word === 'mtu') traits.mtu = words.number('mtu');
    else if (word === 'index') traits.index = words.number('index');
    else if (name === undefined) name = word;
    else throw new IpRefusal(`link option "${word}" is not modelled`);
  }
  const type = words.next('type');
  const kind = KINDS[type];
  if (kind === undefined) throw new IpRefusal(`link type "${type}" is not modelled`);
  if (name === undefined) throw new IpRefusal('a link without a name is not modelled');
  const link: Link = { name, kind, up: false, ...traits };
  if (type === 'veth') {
    addVeth(host, link, readPeer(words));
    return;
  }
  if (type === 'vxlan') readVxlan(words, host, link);
  else if (type === 'macvlan') readMacvlan(words, host, link, lower);
  else if (!words.done) throw new IpRefusal(`${type} option "${words.next()}" is not modelled`);
  // An MTU that it was made with goes with the first port.
  if (type === 'bridge') followsPorts.set(link, true);
  insertLink(host.netns, link);
}

/** What stands on the link, in any namespace (unregister_netdevice takes the macvlans of a device along). */
function standingOn(host: Host, link: Link): { host: Host; link: Link }[] {
  return [...host.world.values()].flatMap((netns) =>
    netns.links
      .filter(({ lower }) => lower?.netns === host.netns.name && lower.link === link.name)
      .map((upper) => ({ host: { netns, world: host.world }, link: upper })),
  );
}

function remove(host: Host, link: Link): void {
  for (const above of standingOn(host, link)) remove(above.host, above.link);
  const other = otherEnd(host, link);
  for (const end of [{ host, link }, ...(other ? [other] : [])]) {
    const { netns } = end.host;
    withPorts(end.host, masterOf(end.host, end.link), () => {
      netns.links = netns.links.filter((l) => l !== end.link);
    });
    netns.addresses = netns.addresses.filter((a) => a.link !== end.link.name);
    for (const port of netns.links) if (port.master === end.link.name) delete port.master;
    dropDeadRoutes(end.host);
  }
}

export function changeLink(host: Host, verb: string, words: Words): void {
  if (verb === 'set') set(host, words);
  else if (verb === 'add') add(host, words);
  else if (verb === 'del' || verb === 'delete') {
    words.take('dev');
    remove(host, linkNamed(host.netns, words.next('device')));
  } else throw new IpRefusal(`Command "${verb}" is unknown, try "ip link help".`);
}

/** `on`, `off`. */
export function onOff(text: string): boolean {
  if (text === 'on') return true;
  if (text === 'off') return false;
  return numberOf(text, 'on|off', 1) === 1;
}
