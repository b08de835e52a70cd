/** Random tunnels between hosts of one segment, of every kind but VXLAN, and tunnels within tunnels. */
import type { Link, Tunnel, TunnelKind, WireguardPeer } from '../../src/index.ts';
import { address, type Draft, draft, way } from './draft.ts';
import type { Random } from './random.ts';

/** A host with the number that its addresses end in. */
export interface End {
  host: Draft;
  n: number;
}

type OtherKind = Exclude<TunnelKind, 'vxlan'>;

const KINDS: readonly OtherKind[] = [
  'geneve',
  'gretap',
  'gre',
  'ipip',
  'ipip',
  'sit',
  'ip6tnl',
  'wireguard',
  'wireguard',
];
const PORT = 51820;

const overIpv6 = (r: Random, kind: OtherKind): boolean =>
  kind === 'ip6tnl' || ((kind === 'geneve' || kind === 'wireguard') && r.chance(1, 3));

/** What all ends of one overlay agree on, more or less. */
interface Plan {
  kind: OtherKind;
  name: string;
  /** Third group of the inner addresses. */
  subnet: number;
  v6: boolean;
  id: number | undefined;
  /** Outer address of an end. */
  at: (n: number) => string;
}

function headerOf(r: Random, { kind }: Plan): Tunnel {
  const ip = kind === 'gre' || kind === 'gretap' || kind === 'ipip' || kind === 'sit';
  return {
    ...(r.chance(1, 4) ? { ttl: r.pick(['inherit', 0, 2, 9] as const) } : {}),
    ...(r.chance(1, 5) ? { tos: r.pick(['inherit', 8] as const) } : {}),
    ...(ip && r.chance(1, 3) ? { pmtudisc: false } : {}),
    ...(kind === 'geneve' && r.chance(1, 3) ? { df: r.pick(['set', 'inherit'] as const) } : {}),
    ...(kind === 'ip6tnl' && r.chance(1, 3) ? { encapLimit: r.pick(['none', 2] as const) } : {}),
    ...(r.chance(1, 6) ? { fwmark: r.pick([1, 4, 0x4000]) } : {}),
    ...(r.chance(1, 3) ? { dev: 'eth0' } : {}),
  };
}

function peersOf(r: Random, { at, subnet }: Plan, others: readonly End[]): WireguardPeer[] {
  return others.map(({ n: m }) => ({
    ...(r.chance(1, 2) ? { publicKey: `key ${m}` } : {}),
    ...(r.chance(9, 10) ? { endpoint: { address: at(m), port: r.chance(9, 10) ? PORT : 4789 } } : {}),
    allowedIps: [
      ...(r.chance(4, 5) ? [`10.${subnet}.0.${m}/32`, `fd00:${subnet}::${m}/128`] : []),
      ...r.some([`10.1.${m}.0/24`, `10.2.${m}.0/24`, `fd00:1:${m}::/64`, `fd00:2:${m}::/64`, '10.0.0.0/8'], 2, 3),
      ...(r.chance(1, 4) ? ['0.0.0.0/0', '::/0'] : []),
    ],
  }));
}

const MODES: Partial<Record<OtherKind, readonly string[]>> = {
  ipip: ['ipip', 'any', 'mplsip'],
  sit: ['ip6ip', 'any', 'ipip'],
  ip6tnl: ['any', 'ipip6', 'ip6ip6'],
};

function tunnelOf(r: Random, plan: Plan, n: number, others: readonly End[]): Tunnel {
  const { kind, at, id } = plan;
  const header = headerOf(r, plan);
  const local = r.chance(3, 4) ? { local: at(n) } : {};
  if (kind === 'wireguard')
    return {
      ...header,
      ...(r.chance(9, 10) ? { port: PORT } : {}),
      ...(r.chance(1, 2) ? { publicKey: `key ${n}` } : {}),
      peers: peersOf(r, plan, others),
    };
  const remote = r.chance(4, 5) ? { remote: at(r.chance(9, 10) ? r.pick(others).n : 77) } : {};
  const modes = MODES[kind];
  const keyed = kind === 'gre' || kind === 'gretap';
  return {
    ...header,
    ...local,
    ...remote,
    ...(modes && r.chance(1, 3) ? { mode: r.pick(modes) } : {}),
    ...(id === undefined ? {} : { id: r.chance(9, 10) ? id : 9 }),
    ...(keyed && r.chance(1, 6) ? { ikey: r.pick(['none', 7, 0] as const) } : {}),
    ...(kind === 'geneve' && r.chance(1, 4) ? { port: 4789 } : {}),
  };
}

/** Routes to what is behind the others go by the tunnel. */
function rerouted(r: Random, { kind, name, subnet, at, v6 }: Plan, { host }: End): void {
  const frames = kind === 'geneve' || kind === 'gretap';
  for (const route of host.routes) {
    const m = /^(?:10\.0\.0\.|fd00::)(\d)$/.exec(route.nexthops[0]?.via ?? '')?.[1];
    if (m === undefined) continue;
    const inner = route.family === 4 ? `10.${subnet}.0.${m}` : `fd00:${subnet}::${m}`;
    // By the outer address, as tunnels to anywhere want it; or by none.
    const via = frames || r.chance(1, 4) ? inner : r.chance(1, 2) ? at(Number(m)) : undefined;
    const fits = via !== undefined && via.includes(':') === (route.family === 6 || (v6 && r.chance(1, 2)));
    route.nexthops = [{ dev: name, ...(fits ? { via, onlink: true } : {}) }];
  }
}

function addEnd(r: Random, plan: Plan, end: End, others: readonly End[]): void {
  const { kind, name, subnet } = plan;
  const { host, n } = end;
  const frames = kind === 'geneve' || kind === 'gretap';
  const bridged =
    frames &&
    r.chance(1, 4) &&
    host.links.some((l) => l.name === 'br0') &&
    !host.links.some((l) => l.master && l.tunnel);
  const link: Link = {
    name,
    kind,
    ...(frames ? { mac: `02:ee:00:00:0${subnet}:${String(n % 100).padStart(2, '0')}` } : {}),
    mtu: r.pick([1400, 1480, 1420, 1500]),
    ...(bridged ? { master: 'br0' } : {}),
    tunnel: r.chance(1, 20) ? { unmodelled: 'external' } : tunnelOf(r, plan, n, others),
  };
  host.links.push(link);
  if (bridged) return;
  address(host, name, `10.${subnet}.0.${n}/24`);
  address(host, name, `fd00:${subnet}::${n}/64`);
  if (r.chance(2, 3)) rerouted(r, plan, end);
}

/** An end that was made here and moved into a namespace of its own. */
function moved(r: Random, plan: Plan, { host, n }: End, others: readonly End[]): Draft {
  const inside = draft(`inside-${n}-${plan.name}`);
  addEnd(r, plan, { host: inside, n }, others);
  for (const link of inside.links) link.tunnel = { ...link.tunnel, underlay: host.name };
  way(inside, '0.0.0.0/0', plan.name);
  way(inside, '::/0', plan.name);
  return inside;
}

/** Adds up to two overlays; returns the namespaces that come with them. */
export function addTunnels(r: Random, ends: readonly End[]): Draft[] {
  const made: Draft[] = [];
  for (let i = 0; i < 1 + r.below(2); i++) {
    const kind = r.pick(KINDS);
    const v6 = overIpv6(r, kind);
    const inTunnel = i > 0 && r.chance(1, 3);
    const net = inTunnel ? '10.4.0.' : '10.0.0.';
    const net6 = inTunnel ? 'fd00:4::' : 'fd00::';
    const plan: Plan = {
      kind,
      name: `tn${i}`,
      subnet: 4 + i,
      v6,
      id: kind === 'geneve' || r.chance(1, 2) ? 7 : undefined,
      at: (n) => `${v6 ? net6 : net}${n}`,
    };
    for (const end of ends) {
      const others = ends.filter((other) => other !== end);
      if (r.chance(1, 8)) made.push(moved(r, plan, end, others));
      else addEnd(r, plan, end, others);
    }
  }
  return made;
}
