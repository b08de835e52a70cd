/**
 * Balancing outside of netfilter: what programs for sockets and links share, and what they remember of connections. By documentation:
 * bpf/lib/lb.h (lb4_lookup_service, lb4_select_backend_id, lb4_affinity_backend_id), bpf/bpf_sock.c (sock4_wildcard_lookup).
 */
import {
  type Balancer,
  type BalancerBackend,
  type BalancerFrontend,
  type Balancing,
  ChoiceKind,
  type Endpoint,
  type Family,
  type Packet,
  Protocol,
} from '../src/index.ts';
import { canonical, inPrefix, isUnspecified } from './addresses.ts';
import { choose } from './choice.ts';
import type { Device, Host, Run, Skb } from './state.ts';

/** A connection that a program has translated. */
export interface BalancedFlow {
  frontend: BalancerFrontend;
  family: Family;
  protocol: number;
  client: Endpoint;
  front: Endpoint;
  back: Endpoint;
  /** The source that the backend sees, where it is not the client. */
  node?: Endpoint;
  /** Of a link: the backend is elsewhere, and packets go there past the stack. */
  away: boolean;
  /** A second packet was seen. */
  lasting: boolean;
  /** Milliseconds of the clock. */
  expires: number;
}

interface Affinity {
  frontend: BalancerFrontend;
  /** Its address; `''` for the processes of a namespace. */
  client: string;
  backend: BalancerBackend;
  until: number;
}

/** What the programs of one namespace remember. */
export interface BalanceState {
  /** Of its sockets. Nobody looks at their client's address, nor at when they end. */
  sockets: BalancedFlow[];
  flows: BalancedFlow[];
  affinities: Affinity[];
}

export const newBalanceState = (): BalanceState => ({ sockets: [], flows: [], affinities: [] });

const NUMBERS = { tcp: Protocol.TCP, udp: Protocol.UDP, sctp: Protocol.SCTP } as const;

export const hasPorts = ({ protocol }: Packet): boolean =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP;

/** A piece behind the first has no ports. */
export const isLaterPiece = ({ fragment }: Packet): boolean => fragment !== undefined && fragment.offset > 0;

export const sourceOf = ({ saddr, sport }: Packet): Endpoint => ({ address: saddr, port: sport });
export const destinationOf = ({ daddr, dport }: Packet): Endpoint => ({ address: daddr, port: dport });
export const same = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port;

export const isOneOf = (prefixes: readonly string[] = [], address: string): boolean =>
  prefixes.some((prefix) => inPrefix(prefix, address));

const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

function* layers(balancer: Balancer): Generator<Balancer> {
  for (let layer: Balancer | undefined = balancer; layer; layer = layer.base) yield layer;
}

export function findFrontend({ balancer, nodes }: Balancing, packet: Packet): BalancerFrontend | undefined {
  const { family, protocol, daddr, dport } = packet;
  const isOurs = (frontend: BalancerFrontend) =>
    NUMBERS[frontend.protocol] === protocol && frontend.port === dport && familyOf(frontend.address) === family;
  for (const { frontends } of layers(balancer)) {
    const found = frontends.find((frontend) => isOurs(frontend) && canonical(frontend.address) === daddr);
    if (found) return found;
  }
  for (const { frontends } of layers(balancer)) {
    const found = frontends.find((frontend) => isOurs(frontend) && isUnspecified(canonical(frontend.address)));
    if (found) return isOneOf(nodes, daddr) ? found : undefined;
  }
  return undefined;
}

/** Has any frontend the address, whatever its port? */
export function hasFrontendAt({ balancer }: Balancing, address: string): boolean {
  return [...layers(balancer)].some(({ frontends }) => frontends.some((one) => canonical(one.address) === address));
}

/** The backend that the client had before, else any of them. Undefined where there is none. */
export function chooseBackend(
  run: Run,
  host: Host,
  frontend: BalancerFrontend,
  client: string,
): BalancerBackend | undefined {
  const { affinities } = host.balance;
  const { backends, affinity } = frontend;
  const now = run.world.clockMs;
  const until = now + (affinity ?? 0) * 1000;
  const known = affinities.find((one) => one.frontend === frontend && one.client === client);
  if (known && known.until > now) {
    known.until = until;
    return known.backend;
  }
  const alternatives = backends.length;
  const weights = backends.map(() => 1);
  const taken =
    alternatives > 1
      ? choose(run, { kind: ChoiceKind.BACKEND, alternatives, weights, netns: host.netns.name, frontend })
      : 0;
  const backend = backends[taken];
  if (!backend || affinity === undefined) return backend;
  if (known) Object.assign(known, { backend, until });
  else affinities.push({ frontend, client, backend, until });
  return backend;
}

/** Writes a step and rewrites one end of the packet. */
export function rewrite(
  run: Run,
  { host, skb, device, frontend }: { host: Host; skb: Skb; device?: Device | undefined; frontend: BalancerFrontend },
  manip: 'src' | 'dst',
  to: Endpoint,
  anyPort?: { from: number; to: number },
): void {
  const from = manip === 'src' ? sourceOf(skb.packet) : destinationOf(skb.packet);
  const link = device ? { link: device.link } : {};
  run.steps.push({
    kind: 'balance',
    netns: host.netns,
    ...link,
    frontend,
    manip,
    from,
    to,
    ...(anyPort && { anyPort }),
  });
  skb.packet =
    manip === 'src'
      ? { ...skb.packet, saddr: to.address, sport: to.port }
      : { ...skb.packet, daddr: to.address, dport: to.port };
}

/** The packet that an ICMP error is about, if a balanced connection may be its own. */
export function aboutOf(packet: Packet): Packet | undefined {
  const isError = packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6;
  return isError && packet.inner && hasPorts(packet.inner) && !isLaterPiece(packet.inner) ? packet.inner : undefined;
}

/** An error about a packet to the backend becomes one about the packet that the client sent. A step for each end that changes. */
export function rewriteAbout(
  run: Run,
  { host, skb, device, flow }: { host: Host; skb: Skb; device?: Device | undefined; flow: BalancedFlow },
): void {
  const { frontend, client, front, back, node } = flow;
  const at = { host, skb, device, frontend };
  const { packet } = skb;
  if (packet.saddr === back.address) rewrite(run, at, 'src', { address: front.address, port: 0 });
  if (node && packet.daddr !== client.address) rewrite(run, at, 'dst', { address: client.address, port: 0 });
  const inner = packet.inner as Packet;
  const source = node ? { saddr: client.address, sport: client.port } : {};
  skb.packet = { ...skb.packet, inner: { ...inner, ...source, daddr: front.address, dport: front.port } };
}
