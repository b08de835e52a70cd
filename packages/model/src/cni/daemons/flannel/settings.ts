/** `net-conf.json` and the flags of flanneld (flannel's pkg/subnet/config.go, main.go). */
import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import { Unmodelled } from '../../runtime/call.ts';
import { hostOf } from '../../shared/address.ts';
import { DaemonFailure, flagOf, isOn, type Start } from '../daemon.ts';

/** As the ConfigMap holds it. */
export interface NetConf {
  Network?: string;
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  IPv6Network?: string;
  EnableNFTables?: boolean;
  Backend?: {
    Type?: string;
    VNI?: number;
    Port?: number;
    MTU?: number;
    GBP?: boolean;
    Learning?: boolean;
    DirectRouting?: boolean;
  };
}

export interface Family {
  family: 4 | 6;
  /** Of all nodes. */
  network: string;
  /** Of this node. */
  subnet: string;
  publicIP: string;
}

export interface Settings {
  backend: string;
  conf: NonNullable<NetConf['Backend']>;
  nftables: boolean;
  device: string;
  deviceMtu: number;
  families: Family[];
  masquerades: boolean;
  randomFully: boolean;
  forwardRules: boolean;
  blackholes: boolean;
}

const BACKENDS = ['vxlan', 'host-gw', 'alloc'];
/** Those that flanneld has besides. */
const UNPLAYED = ['udp', 'ipip', 'ipsec', 'wireguard', 'extension', 'tencent-vpc'];

function inside(network: string, subnet: string): boolean {
  const [outer, one] = [parsePrefix(network), parseAddress(hostOf(subnet))];
  return outer !== undefined && one !== undefined && outer.family === one.family && containsAddress(outer, one);
}

/** The device of the first default route, or the one that is named. */
function deviceOf({ host, argv }: Start): string {
  const named = flagOf(argv, 'iface');
  const main = host.own.netns.tables.find(({ id }) => id === 254)?.routes ?? [];
  const found = named ?? main.find(({ destination }) => destination === '0.0.0.0/0')?.nexthops[0]?.dev;
  if (found === undefined || !host.own.link(found))
    throw new DaemonFailure('Failed to find any valid interface to use');
  return found;
}

function familyOf(start: Start, family: 4 | 6, network: string | undefined, device: string): Family {
  const { node, host } = start;
  if (network === undefined)
    throw new DaemonFailure(
      `please define a correct ${family === 4 ? 'Network' : 'IPv6Network'} parameter in the flannel config`,
    );
  const publicIP = host.own.addresses(device, family)[0];
  if (publicIP === undefined) throw new DaemonFailure(`failed to find IPv${family} address for interface ${device}`);
  const subnet = node.podCIDRs.find((cidr) => cidr.includes(':') === (family === 6)) ?? '';
  return { family, network, subnet, publicIP: hostOf(publicIP) };
}

/** AcquireLease: refused when the device stands already. */
export function checkLease({ node }: Start, { families }: Settings): void {
  for (const { network, subnet } of families) {
    if (subnet === '') throw new DaemonFailure(`failed to acquire lease: node "${node.name}" pod cidr not assigned`);
    if (!inside(network, subnet))
      throw new DaemonFailure(
        `failed to acquire lease: subnet "${network}" specified in the flannel net config doesn't contain "${subnet}" PodCIDR of the "${node.name}" node`,
      );
  }
  if (node.annotations === undefined) throw new DaemonFailure('panic: assignment to entry in nil map');
}

export function settingsOf(start: Start, conf: NetConf): Settings {
  const { argv, host } = start;
  const backend = conf.Backend?.Type ?? 'udp';
  const device = deviceOf(start);
  if (UNPLAYED.includes(backend)) throw new Unmodelled(`flannel's back-end ${backend} is not modelled`);
  if (!BACKENDS.includes(backend)) throw new DaemonFailure(`Error fetching backend: unknown backend type: ${backend}`);
  const families = [
    ...(conf.EnableIPv4 === false ? [] : [familyOf(start, 4, conf.Network, device)]),
    ...(conf.EnableIPv6 === true ? [familyOf(start, 6, conf.IPv6Network, device)] : []),
  ];
  return {
    backend,
    conf: conf.Backend ?? {},
    nftables: conf.EnableNFTables === true,
    device,
    deviceMtu: host.own.link(device)?.mtu ?? 1500,
    families,
    masquerades: isOn(argv, 'ip-masq'),
    randomFully: !isOn(argv, 'ip-masq-fully-random-disable'),
    forwardRules: isOn(argv, 'iptables-forward-rules', true),
    blackholes: isOn(argv, 'ip-blackhole-route'),
  };
}
