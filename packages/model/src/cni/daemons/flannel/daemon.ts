/** flanneld with Kubernetes as its store (github.com/flannel-io/flannel). */
import { addToAddress, formatAddress, networkOf } from '@podwire/engine';
import { drawnMac } from '../../host/host.ts';
import { networkText, prefixOf } from '../../shared/address.ts';
import { netlink } from '../../shared/netlink.ts';
import { routeTowards } from '../../shared/route.ts';
import type { BoardNode, Daemon, Start } from '../daemon.ts';
import { writeRules } from './rules.ts';
import { checkLease, type Family, type NetConf, type Settings, settingsOf } from './settings.ts';

const PREFIX = 'flannel.alpha.coreos.com';
/** Outer Ethernet, IP, UDP and VXLAN headers, taken for both families. */
const OVERHEAD = 50;

/** What another node says of itself, in one family. */
interface Lease {
  family: 4 | 6;
  subnet: string;
  publicIP: string;
  vtepMac?: string;
}

const dataName = (family: 4 | 6) => `${PREFIX}/backend-${family === 4 ? '' : 'v6-'}data`;
const addressName = (family: 4 | 6) => `${PREFIX}/public-ip${family === 4 ? '' : 'v6'}`;

function vtepMacOf(data: string | undefined): string | undefined {
  try {
    const read: unknown = JSON.parse(data ?? 'null');
    const mac = typeof read === 'object' && read !== null && 'VtepMAC' in read ? read.VtepMAC : undefined;
    return typeof mac === 'string' ? mac : undefined;
  } catch {
    return undefined;
  }
}

export class Flannel implements Daemon {
  readonly #start: Start;
  readonly #settings: Settings;
  /** What was made for other nodes, by node. */
  readonly #leases = new Map<string, Lease[]>();

  constructor(start: Start, conf: NetConf) {
    this.#start = start;
    this.#settings = settingsOf(start, conf);
  }

  get #own() {
    return this.#start.host.own;
  }

  #vni(): number {
    return this.#settings.conf.VNI ?? 1;
  }

  #device(family: 4 | 6): string {
    return family === 4 ? `flannel.${this.#vni()}` : `flannel-v6.${this.#vni()}`;
  }

  #outerMtu(): number {
    const { conf, deviceMtu } = this.#settings;
    return conf.MTU ?? deviceMtu;
  }

  /** The tunnel's device, down. */
  #makeVxlan({ family, publicIP }: Family): void {
    const { conf, device } = this.#settings;
    const { node, host } = this.#start;
    const name = this.#device(family);
    const port = conf.Port ? ` dstport ${conf.Port}` : '';
    const learning = conf.Learning ? 'learning' : 'nolearning';
    // A node that starts again takes the address that it had.
    const mac = vtepMacOf(node.annotations?.[dataName(family)]) ?? drawnMac(`${host.name}/${name}`);
    const made = `link add ${name} mtu ${this.#outerMtu() - OVERHEAD} address ${mac} type vxlan`;
    if (!this.#own.link(name))
      this.#own.ip(`${made} id ${this.#vni()} local ${publicIP} dev ${device}${port} ${learning}`);
    this.#own.sysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
  }

  /** Its address is the source of what the node itself sends to pods. */
  #bringUp({ family, subnet }: Family): void {
    const name = this.#device(family);
    const { words } = networkOf(prefixOf(subnet));
    const address = `${formatAddress({ family, words })}/${family === 4 ? 32 : 128}`;
    if (!this.#own.addresses(name, family).includes(address)) this.#own.ip(`addr add ${address} dev ${name}`);
    this.#own.ip(`link set ${name} up`);
  }

  #annotate(annotations: Record<string, string>): void {
    const { backend, families } = this.#settings;
    annotations[`${PREFIX}/kube-subnet-manager`] = 'true';
    annotations[`${PREFIX}/backend-type`] = backend;
    for (const { family, publicIP } of families) {
      const data = { VNI: this.#vni(), VtepMAC: this.#own.link(this.#device(family))?.mac };
      annotations[addressName(family)] = publicIP;
      annotations[dataName(family)] = backend === 'vxlan' ? JSON.stringify(data) : 'null';
    }
  }

  start(): void {
    const { node, host } = this.#start;
    const { families, backend } = this.#settings;
    const tunnels = backend === 'vxlan' ? families : [];
    for (const one of tunnels) this.#makeVxlan(one);
    checkLease(this.#start, this.#settings);
    this.#annotate(node.annotations ?? {});
    for (const one of tunnels) this.#bringUp(one);
    writeRules(this.#own, this.#settings);
    host.files.set('/run/flannel/subnet.env', this.#subnetFile());
    this.sync();
  }

  /** Every few seconds it looks whether they are there. */
  later(): void {
    const { families, blackholes } = this.#settings;
    if (blackholes) this.#try(...families.map(({ subnet }) => `route add blackhole ${networkText(subnet)}`));
  }

  #subnetFile(): string {
    const { families, backend, masquerades } = this.#settings;
    const first = (subnet: string) => {
      const { family, words, length } = networkOf(prefixOf(subnet));
      return `${formatAddress(addToAddress({ family, words }, 1) ?? { family, words })}/${length}`;
    };
    const lines = families.flatMap(({ family, network, subnet }) => {
      const word = family === 4 ? '' : 'IPV6_';
      return [`FLANNEL_${word}NETWORK=${network}`, `FLANNEL_${word}SUBNET=${first(subnet)}`];
    });
    const mtu = backend === 'vxlan' ? this.#outerMtu() - OVERHEAD : this.#settings.deviceMtu;
    return [...lines, `FLANNEL_MTU=${mtu}`, `FLANNEL_IPMASQ=${masquerades}`].join('\n');
  }

  /** Of nodes with another backend nothing is taken. */
  #leasesOf({ podCIDRs, annotations = {} }: BoardNode): Lease[] {
    const { backend, families } = this.#settings;
    if (annotations[`${PREFIX}/backend-type`] !== backend || backend === 'alloc') return [];
    return families.flatMap(({ family }): Lease[] => {
      const subnet = podCIDRs.find((cidr) => cidr.includes(':') === (family === 6));
      const publicIP = annotations[addressName(family)];
      const vtepMac = vtepMacOf(annotations[dataName(family)]);
      if (subnet === undefined || publicIP === undefined) return [];
      return [{ family, subnet: networkText(subnet), publicIP, ...(vtepMac !== undefined && { vtepMac }) }];
    });
  }

  sync(): void {
    const { board, node } = this.#start;
    for (const [name, leases] of this.#leases) {
      if (board.nodes.has(name)) continue;
      for (const lease of leases) this.#remove(lease);
      this.#leases.delete(name);
    }
    for (const [name, other] of board.nodes) {
      const leases = name === node.name ? [] : this.#leasesOf(other);
      if (leases.length === 0 || JSON.stringify(leases) === JSON.stringify(this.#leases.get(name))) continue;
      for (const lease of leases) this.#add(lease);
      this.#leases.set(name, leases);
    }
  }

  /** Is the other node on the same link? */
  #isDirect({ publicIP }: Lease): boolean {
    const route = routeTowards(this.#own.netns, publicIP);
    return this.#settings.conf.DirectRouting === true && route?.nexthops[0]?.via === undefined;
  }

  #gatewayOf({ subnet }: Lease): string {
    return formatAddress(prefixOf(subnet));
  }

  /** What the kernel refuses is written into a log, and no more. */
  #try(...commands: readonly string[]): void {
    for (const command of commands)
      netlink(
        () => this.#own.ip(command),
        () => undefined,
      );
  }

  #add(lease: Lease): void {
    const { family, subnet, publicIP, vtepMac } = lease;
    const { backend, device } = this.#settings;
    if (backend === 'host-gw') {
      const old = this.#own.netns.tables.find(({ id }) => id === 254)?.routes.find((one) => one.destination === subnet);
      if (old && old.nexthops[0]?.via !== publicIP) this.#try(`route del ${subnet}`);
      this.#try(`route add ${subnet} via ${publicIP} dev ${device}`);
      return;
    }
    if (this.#isDirect(lease)) {
      this.#try(`route replace ${subnet} via ${publicIP}`);
      return;
    }
    const tunnel = this.#device(family);
    const gateway = this.#gatewayOf(lease);
    this.#try(`neigh replace ${gateway} lladdr ${vtepMac} dev ${tunnel} nud permanent`);
    this.#own.bridge(`fdb replace ${vtepMac} dev ${tunnel} dst ${publicIP} self permanent`);
    this.#try(`route replace ${subnet} via ${gateway} dev ${tunnel} onlink`);
  }

  #remove(lease: Lease): void {
    const { family, subnet, publicIP, vtepMac } = lease;
    const { backend, device } = this.#settings;
    if (backend === 'host-gw') this.#try(`route del ${subnet} via ${publicIP} dev ${device}`);
    else if (this.#isDirect(lease)) this.#try(`route del ${subnet} via ${publicIP}`);
    else {
      const tunnel = this.#device(family);
      const gateway = this.#gatewayOf(lease);
      this.#try(`neigh del ${gateway} dev ${tunnel}`);
      this.#own.bridge(`fdb del ${vtepMac} dev ${tunnel} dst ${publicIP}`);
      this.#try(`route del ${subnet} via ${gateway} dev ${tunnel}`);
    }
  }
}
