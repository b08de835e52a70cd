/** Random load balancers for sockets and links. */
import type { Balancer, BalancerBackend, BalancerFrontend, Family, LinkBalancing } from '../../src/index.ts';
import type { Random } from './random.ts';
import { type Plan, PORTS } from './world.ts';

const ANY = { 4: '0.0.0.0', 6: '::' } as const;

function backend(r: Random, plan: Plan, family: Family): BalancerBackend {
  return { address: r.pick(plan.addresses[family]), port: r.pick(PORTS) };
}

function frontend(
  r: Random,
  plan: Plan,
  family: Family,
  port: number,
  protocol: BalancerFrontend['protocol'],
): BalancerFrontend {
  const address = r.pick([ANY[family], ANY[family], r.pick(plan.strangers[family]), r.pick(plan.addresses[family])]);
  const backends = Array.from({ length: r.pick([0, 1, 1, 2, 2, 2, 3]) }, () => backend(r, plan, family));
  return {
    protocol,
    address,
    port,
    backends,
    ...(r.chance(1, 4) ? { affinity: r.pick([0, 1, 60, 10_800]) } : {}),
    ...(r.chance(1, 5) ? { sourceRanges: r.some(plan.prefixes[family], 1, 2) } : {}),
    ...(r.chance(1, 10) ? { denies: true } : {}),
    ...(r.chance(1, 20) ? { unmodelled: 'a proxy' } : {}),
    ...(r.chance(1, 12) ? { away: 'a direct answer' } : {}),
  };
}

function balancer(r: Random, plan: Plan): Balancer {
  const families: Family[] = [4, 6];
  const protocols = ['tcp', 'udp', 'sctp'] as const;
  const made = families.flatMap((family) =>
    protocols.flatMap((protocol) => r.some(PORTS, 2, 3).map((port) => frontend(r, plan, family, port, protocol))),
  );
  // Of two with the same key the first stays.
  const known = new Map(made.reverse().map((one) => [`${one.address} ${one.port} ${one.protocol}`, one]));
  return { frontends: [...known.values()] };
}

const oneOf = (r: Random, plan: Plan): string[] => {
  const families: Family[] = r.pick([[4], [6], [4, 6], []]);
  return families.map((family) => r.pick(plan.addresses[family]));
};

function ofLink(r: Random, plan: Plan, shared: Balancer): LinkBalancing {
  return {
    balancer: r.chance(1, 2) ? shared : { ...balancer(r, plan), base: shared },
    nodes: places(r, plan),
    local: places(r, plan),
    ...(r.chance(3, 4) ? { sources: oneOf(r, plan) } : {}),
    ...(r.chance(1, 2) ? { loopback: oneOf(r, plan) } : {}),
  };
}

const EVERYWHERE = ['0.0.0.0/0', '::/0'];

function places(r: Random, plan: Plan): string[] {
  if (r.chance(1, 2)) return EVERYWHERE;
  return r.some([...plan.prefixes[4], ...plan.prefixes[6], ...plan.addresses[4], ...plan.addresses[6]], 1, 3);
}

/** In a third of the networks. */
export function addBalancers(r: Random, plan: Plan): void {
  if (!r.chance(1, 3)) return;
  const shared = balancer(r, plan);
  for (const netns of plan.netnses) {
    if (r.chance(1, 3))
      netns.balancing = {
        balancer: r.chance(1, 2) ? shared : { ...balancer(r, plan), base: shared },
        nodes: places(r, plan),
      };
    for (const link of netns.links) if (r.chance(1, 3)) link.balancing = ofLink(r, plan, shared);
  }
}
