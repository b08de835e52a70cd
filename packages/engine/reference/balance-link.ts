/**
 * Balancing at a link: what comes in for a frontend goes up the stack to a backend of this host, or past the stack to one elsewhere, from
 * an address of this host; answers are turned back. By documentation: bpf/lib/nodeport.h (nodeport_lb4, nodeport_rev_dnat_ipv4,
 * tail_nodeport_nat_egress_ipv4), bpf/lib/lb.h (lb4_local, lb4_src_range_ok), bpf/lib/nat.h (snat_v4_new_mapping).
 */
import {
  type BalancerFrontend,
  Disposition,
  type Endpoint,
  type Family,
  type LinkBalancing,
  type Packet,
  Protocol,
  Reason,
} from '../src/index.ts';
import {
  aboutOf,
  type BalancedFlow,
  chooseBackend,
  destinationOf,
  findFrontend,
  hasFrontendAt,
  hasPorts,
  isLaterPiece,
  isOneOf,
  rewrite,
  rewriteAbout,
  same,
  sourceOf,
} from './balance.ts';
import { routeOutput } from './route.ts';
import type { Device, Host, Run, Skb, Stop } from './state.ts';
import { type Next, stopped, transmit } from './transmit.ts';

/** Ports that a node uses for itself begin behind those of node ports. */
const PORTS = { from: 32768, to: 65535 };
/** `--bpf-ct-timeout-regular-tcp`, and what all else has: milliseconds. */
const TCP_MS = 8_000_000;
const OTHER_MS = 60_000;

const ofFamily = (addresses: readonly string[] | undefined, family: Family): string | undefined =>
  addresses?.find((address) => address.includes(':') === (family === 6));

function touch(run: Run, flow: BalancedFlow): void {
  flow.expires = run.world.clockMs + (flow.protocol === Protocol.TCP && flow.lasting ? TCP_MS : OTHER_MS);
  flow.lasting = true;
}

const live = (run: Run, { balance }: Host): BalancedFlow[] =>
  balance.flows.filter(({ expires }) => expires > run.world.clockMs);

/** The connection that a packet from a backend, or an error about one to it, belongs to. */
function answered(run: Run, host: Host, { packet }: Skb, away: boolean): BalancedFlow | undefined {
  const about = aboutOf(packet);
  if (!about && (!hasPorts(packet) || isLaterPiece(packet))) return undefined;
  const { family, protocol } = about ?? packet;
  const back = about ? destinationOf(about) : sourceOf(packet);
  const to = about ? sourceOf(about) : destinationOf(packet);
  return live(run, host).find(
    (flow) =>
      flow.away === away &&
      flow.family === family &&
      flow.protocol === protocol &&
      same(flow.back, back) &&
      same(flow.node ?? flow.client, to),
  );
}

function turnBack(run: Run, host: Host, skb: Skb, device: Device, flow: BalancedFlow): void {
  touch(run, flow);
  if (skb.packet.inner) {
    rewriteAbout(run, { host, skb, device, flow });
    return;
  }
  const at = { host, skb, device, frontend: flow.frontend };
  rewrite(run, at, 'src', flow.front);
  if (flow.node) rewrite(run, at, 'dst', flow.client);
}

/** Routed, and out past all hooks (fib_redirect). */
function pastStack(run: Run, host: Host, skb: Skb): Next {
  if (skb.packet.ttl <= 1) return stopped(host, skb, Disposition.DROPPED, Reason.TTL_EXCEEDED);
  skb.packet = { ...skb.packet, ttl: skb.packet.ttl - 1 };
  Object.assign(skb, {
    indev: undefined,
    outdev: undefined,
    route: undefined,
    macSource: undefined,
    macTarget: undefined,
  });
  const failed = routeOutput(run, host, skb, 'output');
  // Nobody is told.
  if (failed) return { stop: { ...failed, disposition: Disposition.DROPPED, reply: undefined } };
  if (skb.route?.kind !== 'unicast') return stopped(host, skb, Disposition.DROPPED, Reason.NO_ROUTE);
  return transmit(run, host, skb);
}

/** The client's own port, or the lowest free one. */
function portFor(
  run: Run,
  host: Host,
  node: string,
  back: Endpoint,
  { family, protocol, sport }: Packet,
): number | undefined {
  const taken = new Set(
    live(run, host)
      .filter((flow) => flow.away && flow.family === family && flow.protocol === protocol && same(flow.back, back))
      .flatMap((flow) => (flow.node?.address === node ? flow.node.port : [])),
  );
  if (sport >= PORTS.from && !taken.has(sport)) return sport;
  for (let port = PORTS.from; port <= PORTS.to; port++) if (!taken.has(port)) return port;
  return undefined;
}

function ends(
  run: Run,
  device: Device,
  skb: Skb,
  frontend: BalancerFrontend,
  disposition: Disposition,
  reason: Reason,
  reply?: Stop['reply'],
) {
  const { host, link } = device;
  run.steps.push({ kind: 'balance', netns: host.netns, link, frontend, manip: 'dst', from: destinationOf(skb.packet) });
  return stopped(host, skb, disposition, reason, reply);
}

/** A new connection to a backend: whom that one sees, and whether it is elsewhere. Undefined: no port is left. */
function flowTo(
  run: Run,
  host: Host,
  { packet }: Skb,
  balancing: LinkBalancing,
  frontend: BalancerFrontend,
  back: Endpoint,
): BalancedFlow | undefined {
  const { family, protocol } = packet;
  const client = sourceOf(packet);
  const flow = { frontend, family, protocol, client, front: destinationOf(packet), back, lasting: false, expires: 0 };
  if (isOneOf(balancing.local, back.address)) {
    const own = back.address === client.address ? ofFamily(balancing.loopback, family) : undefined;
    return { ...flow, away: false, ...(own !== undefined && { node: { address: own, port: client.port } }) };
  }
  const address = ofFamily(balancing.sources, family);
  if (address === undefined) return { ...flow, away: false };
  const port = portFor(run, host, address, back, packet);
  return port === undefined ? undefined : { ...flow, away: true, node: { address, port } };
}

/** Undefined: on it goes, translated or not. */
export function balanceIn(run: Run, device: Device, skb: Skb): Next | undefined {
  const { balancing } = device.link;
  const { host } = device;
  if (!balancing || skb.question || skb.arp) return undefined;
  const answer = answered(run, host, skb, true);
  if (answer) {
    turnBack(run, host, skb, device, answer);
    return pastStack(run, host, skb);
  }
  const { packet } = skb;
  if (isLaterPiece(packet) && hasFrontendAt(balancing, packet.daddr))
    return stopped(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
  if (!hasPorts(packet) || isLaterPiece(packet)) return undefined;
  const frontend = findFrontend(balancing, packet);
  if (!frontend) return undefined;
  const { unmodelled, sourceRanges, denies = false } = frontend;
  const unknown = () => ends(run, device, skb, frontend, Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
  if (unmodelled !== undefined) return unknown();
  if (sourceRanges && isOneOf(sourceRanges, packet.saddr) === denies)
    return ends(run, device, skb, frontend, Disposition.DROPPED, Reason.NOT_ADMITTED);
  let flow = live(run, host).find(
    (one) =>
      one.frontend === frontend &&
      one.protocol === packet.protocol &&
      same(one.client, sourceOf(packet)) &&
      same(one.front, destinationOf(packet)),
  );
  if (!flow) {
    const backend = chooseBackend(run, host, frontend, packet.saddr);
    if (!backend) {
      const error = packet.family === 4 ? { type: 3, code: 3 } : { type: 1, code: 4 };
      return ends(run, device, skb, frontend, Disposition.UNREACHABLE, Reason.NO_BACKEND, { kind: 'icmp', error });
    }
    const back = { address: backend.address, port: backend.port };
    if (frontend.away !== undefined && !isOneOf(balancing.local, back.address)) return unknown();
    flow = flowTo(run, host, skb, balancing, frontend, back);
    if (!flow) return ends(run, device, skb, frontend, Disposition.DROPPED, Reason.NAT_EXHAUSTED);
    host.balance.flows.push(flow);
  }
  touch(run, flow);
  const at = { host, skb, device, frontend };
  rewrite(run, at, 'dst', flow.back);
  if (flow.node) {
    const isDrawn = flow.away && flow.node.port !== packet.sport;
    rewrite(run, at, 'src', flow.node, isDrawn ? PORTS : undefined);
  }
  return flow.away ? pastStack(run, host, skb) : undefined;
}

/** Answers of this host's backends get the frontend's address as they leave. */
export function balanceOut(run: Run, device: Device, skb: Skb): void {
  if (!device.link.balancing || skb.question || skb.arp) return;
  const flow = answered(run, device.host, skb, false);
  if (flow) turnBack(run, device.host, skb, device, flow);
}
