/** Random networks: hosts and routers on wires, bridges and shared segments, in both families, on which most packets find their way. */
import type { Address, Family, Link, Neighbor, Netns, Route } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import { VXLAN_PORT } from './values.ts';

export interface Draft extends Netns {
  neighbors: Neighbor[];
  sysctls: Record<string, string | number>;
}

/** What rules, routes and packets draw from. */
export interface Plan {
  netnses: Draft[];
  /** Addresses that stand somewhere. */
  addresses: Record<Family, string[]>;
  /** Addresses that nobody has, on links and beyond. */
  strangers: Record<Family, string[]>;
  prefixes: Record<Family, string[]>;
  /** Namespaces whose processes are to be heard of. */
  callers: { netns: Draft; family: Family }[];
  /** Sources that a namespace's rules tell apart: packets of both that are the same but for them. */
  rivals: { netns: Draft; family: Family; sources: readonly [string, string] }[];
}

/** One end of a subnet: the link with its address. */
interface Foot {
  netns: Draft;
  link: string;
  subnet: number;
  host: number;
}

const V6 = 'fd00';
export const ipOf = (family: Family, subnet: number, host: number): string =>
  family === 4 ? `10.${subnet}.0.${host}` : `${V6}:${subnet}::${host.toString(16)}`;
const subnetOf = (family: Family, subnet: number): string =>
  family === 4 ? `10.${subnet}.0.0/24` : `${V6}:${subnet}::/64`;

export const plain = (address: string): string => address.split('/')[0] as string;
export const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4);

const newNetns = (name: string): Draft => ({
  name,
  links: [],
  addresses: [],
  tables: [{ id: 254, routes: [] }],
  sysctls: {},
  netfilter: [],
  neighbors: [],
});

export const mainRoutes = (netns: Netns): Route[] => {
  const main = netns.tables.find((table) => table.id === 254);
  if (!main) throw new Error(`${netns.name} has no main table`);
  return main.routes;
};

/** An address with the connected route that the kernel would make of it. */
export function addAddress(netns: Netns, link: string, address: string, more: Partial<Address> = {}): void {
  netns.addresses.push({ link, address, ...more });
  const family = familyOf(address);
  const [ip, length] = address.split('/') as [string, string];
  if (length === '32' || length === '128') return;
  const destination = networkText(address);
  const routes = mainRoutes(netns);
  if (routes.some((route) => route.destination === destination && route.nexthops[0]?.dev === link)) return;
  routes.push({
    family,
    type: 'unicast',
    destination,
    protocol: 'kernel',
    ...(family === 4 ? { scope: 'link', prefsrc: ip } : { metric: 256 }),
    nexthops: [{ dev: link }],
  });
}

/** Of the lengths that stand here: /24, /16 and /64. */
function networkText(address: string): string {
  const [ip, length] = address.split('/') as [string, string];
  if (length === '64') return ip.startsWith('fe80') ? 'fe80::/64' : `${ip.split(':').slice(0, 2).join(':')}::/64`;
  const parts = ip.split('.');
  return length === '24' ? `${parts.slice(0, 3).join('.')}.0/24` : `${parts.slice(0, 2).join('.')}.0.0/16`;
}

class Builder {
  readonly netnses: Draft[] = [];
  readonly feet: Foot[] = [];
  #subnets = 0;
  #macs = 0;

  netns(name: string): Draft {
    const made = newNetns(name);
    this.netnses.push(made);
    return made;
  }

  mac(): string {
    const n = ++this.#macs;
    return `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
  }

  subnet(): number {
    return ++this.#subnets;
  }

  link(netns: Draft, link: Omit<Link, 'name' | 'mac'>, prefix = 'eth'): Link {
    const count = netns.links.filter((l) => l.name.startsWith(prefix)).length;
    const made: Link = { name: `${prefix}${count}`, mac: this.mac(), ...link };
    netns.links.push(made);
    return made;
  }

  foot(netns: Draft, link: string, subnet: number, host: number): void {
    this.feet.push({ netns, link, subnet, host });
    addAddress(netns, link, `${ipOf(4, subnet, host)}/24`);
    addAddress(netns, link, `${ipOf(6, subnet, host)}/64`);
    addAddress(netns, link, `fe80::${subnet}:${host}/64`);
  }

  pair(a: Draft, b: Draft, port: Partial<Link> = {}): [Link, Link] {
    const one = this.link(a, { kind: 'veth' });
    const two = this.link(b, { kind: 'veth', ...port }, port.master === undefined ? 'eth' : 'port');
    one.peer = { netns: b.name, link: two.name };
    two.peer = { netns: a.name, link: one.name };
    return [one, two];
  }

  wire(a: Draft, b: Draft): void {
    const [one, two] = this.pair(a, b);
    const subnet = this.subnet();
    this.foot(a, one.name, subnet, 1);
    this.foot(b, two.name, subnet, 2);
  }

  segment(members: readonly Draft[]): void {
    const subnet = this.subnet();
    for (const [i, netns] of members.entries()) {
      const { name } = this.link(netns, { kind: 'device', segment: `seg${subnet}` });
      this.foot(netns, name, subnet, i + 1);
    }
  }

  bridge(owner: Draft, hosts: readonly Draft[], r: Random): void {
    const subnet = this.subnet();
    const { name } = this.link(owner, { kind: 'bridge' }, 'br');
    this.foot(owner, name, subnet, 1);
    for (const [i, host] of hosts.entries()) {
      const port: Partial<Link> = {
        master: name,
        ...(r.chance(0.4) && { hairpin: true }),
        ...(r.chance(0.15) && { isolated: true }),
      };
      const [own] = this.pair(host, owner, port);
      this.foot(host, own.name, subnet, i + 2);
    }
  }
}

/** Outside an IPv4 header, UDP's, VXLAN's and Ethernet's. */
const VXLAN_MTU = 1450;

type Shape = (b: Builder, r: Random) => void;

const named = (b: Builder, prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => b.netns(`${prefix}${i + 1}`));

/** host - router - ... - host */
const line: Shape = (b, r) => {
  const first = b.netns('left');
  const routers = named(b, 'router', r.between(1, 3));
  const last = b.netns('right');
  const all = [first, ...routers, last];
  for (let i = 1; i < all.length; i++) b.wire(all[i - 1] as Draft, all[i] as Draft);
};

const triangle: Shape = (b, r) => {
  const routers = named(b, 'router', 3) as [Draft, Draft, Draft];
  b.wire(routers[0], routers[1]);
  b.wire(routers[1], routers[2]);
  b.wire(routers[2], routers[0]);
  b.wire(b.netns('left'), routers[0]);
  if (r.chance(0.6)) b.wire(b.netns('right'), routers[1]);
};

/** Two routers with two wires between them: what goes by one may come back by the other. */
const parallel: Shape = (b, r) => {
  const [one, two] = named(b, 'router', 2) as [Draft, Draft];
  b.wire(one, two);
  b.wire(one, two);
  b.wire(b.netns('left'), one);
  if (r.chance(0.7)) b.wire(b.netns('right'), two);
};

const bridged: Shape = (b, r) => {
  const owner = b.netns('owner');
  b.bridge(owner, named(b, 'host', r.between(2, 3)), r);
  b.wire(owner, b.netns('right'));
};

const shared: Shape = (b, r) => {
  const members = named(b, 'host', r.between(2, 3));
  const router = b.netns('router');
  b.segment([router, ...members]);
  b.wire(router, b.netns('right'));
};

/** Hosts with links of their own on a router's link, towards another one's network. */
const macvlans: Shape = (b, r) => {
  const owner = b.netns('owner');
  const router = b.netns('router');
  const [one, two] = b.pair(owner, router);
  const subnet = b.subnet();
  b.foot(owner, one.name, subnet, 1);
  b.foot(router, two.name, subnet, 2);
  const mode = r.pick(['bridge', 'bridge', 'private', 'vepa']);
  for (const [i, host] of named(b, 'host', 2).entries()) {
    const { name } = b.link(
      host,
      { kind: 'macvlan', mode: r.chance(0.8) ? mode : 'bridge', lower: { netns: owner.name, link: one.name } },
      'mv',
    );
    b.foot(host, name, subnet, i + 3);
  }
  b.wire(router, b.netns('right'));
};

/** Two nodes with a host each, joined by VXLAN over a router or a wire. The tunnel's neighbours are given. */
const tunnel: Shape = (b, r) => {
  const [left, one] = [b.netns('left'), b.netns('node1')];
  const two = b.netns('node2');
  b.wire(left, one);
  const overlay = b.subnet();
  const between = r.chance(0.4) ? b.netns('router') : undefined;
  const lower = between ? [b.pair(one, between), b.pair(two, between)] : undefined;
  const [direct, other] = lower ? [lower[0]?.[0], lower[1]?.[0]] : b.pair(one, two);
  const subnets = lower ? [b.subnet(), b.subnet()] : [b.subnet()];
  const [nearNet = 0, farNet = nearNet] = subnets;
  const ends = [
    { netns: one, local: ipOf(4, nearNet, 1), remote: ipOf(4, farNet, 2) },
    { netns: two, local: ipOf(4, farNet, 2), remote: ipOf(4, nearNet, 1) },
  ];
  for (const [i, { netns, local, remote }] of ends.entries()) {
    const { name } = b.link(
      netns,
      {
        kind: 'vxlan',
        mtu: VXLAN_MTU,
        tunnel: { id: 42, port: VXLAN_PORT, local, remote, learning: false },
      },
      'vx',
    );
    b.foot(netns, name, overlay, i + 1);
  }
  for (const [i, { netns }] of ends.entries()) {
    const far = (ends[1 - i] as (typeof ends)[number]).netns;
    const link = netns.links.at(-1)?.name as string;
    const lladdr = far.links.at(-1)?.mac as string;
    for (const address of [ipOf(4, overlay, 2 - i), ipOf(6, overlay, 2 - i), `fe80::${overlay}:${2 - i}`])
      netns.neighbors.push({ link, address, lladdr });
  }
  b.foot(one, direct?.name as string, nearNet, 1);
  b.foot(two, other?.name as string, farNet, 2);
  if (between) {
    b.foot(between, lower?.[0]?.[1].name as string, nearNet, 9);
    b.foot(between, lower?.[1]?.[1].name as string, farNet, 9);
  }
  b.wire(two, b.netns('right'));
};

const bare: Shape = (b) => {
  b.wire(b.netns('left'), b.netns('right'));
};

/** Everybody's routes towards every subnet, by the fewest hops. */
function connect(b: Builder): void {
  for (const netns of b.netnses) {
    const known = new Set(b.feet.filter((foot) => foot.netns === netns).map((foot) => foot.subnet));
    let frontier = [...b.feet.filter((foot) => foot.netns === netns)].map((foot) => ({ foot, via: foot }));
    const visited = new Set([netns]);
    while (frontier.length > 0) {
      const next: typeof frontier = [];
      for (const { foot, via } of frontier)
        for (const neighbor of b.feet.filter((f) => f.subnet === foot.subnet && !visited.has(f.netns))) {
          visited.add(neighbor.netns);
          const isNear = foot.netns === netns;
          for (const far of b.feet.filter((f) => f.netns === neighbor.netns)) {
            // The way's first gateway, and the link towards it.
            const gateway = isNear ? neighbor : via;
            next.push({ foot: far, via: gateway });
            if (known.has(far.subnet)) continue;
            known.add(far.subnet);
            const dev = b.feet.find((f) => f.netns === netns && f.subnet === gateway.subnet) as Foot;
            for (const family of [4, 6] as const)
              mainRoutes(netns).push({
                family,
                type: 'unicast',
                destination: subnetOf(family, far.subnet),
                nexthops: [{ dev: dev.link, via: ipOf(family, gateway.subnet, gateway.host) }],
              });
          }
        }
      frontier = next;
    }
  }
}

const SHAPES: readonly (readonly [weight: number, shape: Shape])[] = [
  [4, line],
  [2, triangle],
  [2, parallel],
  [3, bridged],
  [2, shared],
  [2, macvlans],
  [2, tunnel],
  [1, bare],
];

export function makeTopology(r: Random): Plan {
  const b = new Builder();
  r.pick(SHAPES.flatMap(([weight, shape]) => Array<Shape>(weight).fill(shape)))(b, r);
  connect(b);
  for (const netns of b.netnses) {
    if (netns.links.length < 2) continue;
    netns.sysctls['net.ipv4.ip_forward'] = 1;
    netns.sysctls['net.ipv6.conf.all.forwarding'] = 1;
  }
  const subnets = [...new Set(b.feet.map((foot) => foot.subnet))];
  const of = (family: Family) =>
    b.netnses.flatMap((n) =>
      n.addresses.map((a) => plain(a.address)).filter((a) => familyOf(a) === family && !a.startsWith('fe80')),
    );
  return {
    netnses: b.netnses,
    addresses: { 4: of(4), 6: of(6) },
    strangers: {
      4: ['198.51.100.5', '203.0.113.7', ...subnets.slice(0, 2).map((s) => ipOf(4, s, 77))],
      6: ['2001:db8::5', '2001:db8:1::7', ...subnets.slice(0, 2).map((s) => ipOf(6, s, 0x77))],
    },
    callers: [],
    rivals: [],
    prefixes: {
      4: ['0.0.0.0/0', '10.0.0.0/8', '198.51.100.0/24', ...subnets.map((s) => subnetOf(4, s))],
      6: ['::/0', 'fd00::/16', '2001:db8::/32', ...subnets.map((s) => subnetOf(6, s))],
    },
  };
}

/** A link that stands on no wire: nothing can be put on it from outside. */
export const isStacked = ({ kind }: Link): boolean => kind === 'vxlan' || kind === 'macvlan';
