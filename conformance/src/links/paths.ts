/** A client, a router, and a server behind a wire of another size; what is sent through them. */
import { type Hook, type Network, type Packet, Protocol, plainPacket, type Rule, type Table } from '@podwire/engine';
import { host, wire } from './topology.ts';

export const PORT = 9090;

type Sysctls = Record<string, number | string>;

export interface Settings {
  client?: Sysctls;
  router?: Sysctls;
  /** Of the client's default route. */
  route?: { mtu: number; mtuLocked?: boolean };
  /** Of the wire behind the router. */
  far?: number;
  rules?: Partial<Record<string, Table[]>>;
}

/** A client, a router, and a server behind a narrow wire. */
export function path({ client = {}, router = {}, route, far = 1300, rules = {} }: Settings): Network {
  const near = wire({ netns: 'client', link: 'eth0' }, { netns: 'router', link: 'near' });
  const behind = wire({ netns: 'router', link: 'far' }, { netns: 'server', link: 'eth0' }, { mtu: far });
  const netnses = [
    host('client', {
      links: [near[0]],
      addresses: ['eth0 10.1.0.2/24', 'eth0 fd01::2/64'],
      routes: ['default eth0 via 10.1.0.1', 'default eth0 via fd01::1'],
      sysctls: client,
    }),
    host('router', {
      links: [near[1], behind[0]],
      addresses: ['near 10.1.0.1/24', 'near fd01::1/64', 'far 10.2.0.1/24', 'far fd02::1/64'],
      sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, ...router },
    }),
    host('server', {
      links: [behind[1]],
      addresses: ['eth0 10.2.0.2/24', 'eth0 fd02::2/64'],
      routes: ['default eth0 via 10.2.0.1', 'default eth0 via fd02::1'],
    }),
  ];
  for (const netns of netnses) netns.netfilter = rules[netns.name] ?? [];
  const own = netnses[0]?.tables[0]?.routes.find(({ destination }) => destination === '0.0.0.0/0');
  if (own) Object.assign(own, route);
  return { netnses };
}

export type Sent = { length: number; df?: boolean; to?: string };

export function packetOf({ length, df = true, to = '10.2.0.2' }: Sent): Packet {
  return plainPacket({
    protocol: Protocol.UDP,
    saddr: '',
    daddr: to,
    sport: 41000,
    dport: PORT,
    length,
    dontFragment: df,
  });
}

/** The same packet, for the lab's sockets. */
export function requestOf(from: string, packet: Packet) {
  const { family, protocol, saddr, daddr, sport, dport, ttl, tos, mark, dontFragment } = packet;
  const payload = '00'.repeat(packet.length - (family === 4 ? 28 : 48));
  return { from, family, protocol, saddr, sport, daddr, dport, ttl, tos, mark, dontFragment, payload };
}

export const table = (name: string, chain: string, hook: Hook, type: 'filter' | 'nat', body: Rule['body']): Table => ({
  family: 'ip',
  name,
  chains: [
    {
      name: chain,
      hook: { hook, priority: type === 'nat' ? -100 : 0, type, policy: 'accept' },
      rules: [{ body }],
    },
  ],
});
