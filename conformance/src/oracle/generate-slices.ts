/** EndpointSlices as only chance would write them: every combination of conditions and hints, and some that are wrong. */
import type { EndpointSlice, IPFamily, Service } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { type MadePod, type Making, OUTSIDE_PORT, OUTSIDE_SERVER, ZONES } from './generate.ts';
import { type MadePort, numberIn } from './generate-ports.ts';

/** Port that nobody listens on. */
const CLOSED = 8099;
/** Within the pods' network, but no pod's. */
const NOBODY: Record<IPFamily, string> = { IPv4: '10.244.0.199', IPv6: 'fd00:10:244::199' };

type Endpoint = EndpointSlice['endpoints'][number];

function conditionsOf(random: Random, isService: boolean): Pick<Endpoint, 'conditions'> {
  const roll = random.next();
  // What is not said is ready.
  if (isService && roll < 0.08) return random.chance(0.5) ? {} : { conditions: {} };
  if (roll < 0.75) return { conditions: { ready: true } };
  if (roll < 0.85) return { conditions: { ready: false, serving: true, terminating: true } };
  if (roll < 0.92) return { conditions: { ready: false, serving: false, terminating: true } };
  return { conditions: { ready: false } };
}

/** Hints of one slice: all endpoints have some, or not all of them, or none. */
function hintsFor({ random, isService, nodes }: Making): () => Pick<Endpoint, 'hints'> {
  if (!isService || random.chance(0.5)) return () => ({});
  const missing = random.chance(0.25) ? 0.4 : 0;
  const forNodes = random.chance(0.4);
  return () => {
    if (missing > 0 && random.chance(missing)) return {};
    const forZones = [{ name: random.pick(ZONES) }];
    return { hints: { forZones, ...(forNodes && { forNodes: [{ name: random.pick(nodes).name }] }) } };
  };
}

function endpointOf({ random, isService }: Making, pod: MadePod, family: IPFamily): Endpoint {
  return {
    addresses: [pod.addresses[family] as string],
    ...conditionsOf(random, isService),
    nodeName: pod.node,
    targetRef: { kind: 'Pod', namespace: 'default', name: pod.name },
  };
}

/** One slice for each port that pods listen on: the target port of a named port may differ from pod to pod. */
export function slicesOf(
  making: Making,
  { metadata: { name } }: Service,
  ports: readonly MadePort[],
  pods: readonly MadePod[],
  family: IPFamily,
): EndpointSlice[] {
  const { random, isService } = making;
  // Who has a raw socket for SCTP is silent where the kernel would say that it has no SCTP.
  const isClosed = random.chance(0.08) && !ports.some(({ protocol }) => protocol === 'SCTP');
  const hints = hintsFor(making);
  const slice = (suffix: string, endpoints: Endpoint[], numberOf: (port: MadePort) => number): EndpointSlice => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family.toLowerCase()}-${suffix}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: family,
    endpoints,
    ports: ports.map((port) => ({
      ...(port.name !== undefined && { name: port.name }),
      ...(port.protocol !== undefined && { protocol: port.protocol }),
      port: isClosed ? CLOSED : numberOf(port),
    })),
  });
  const byPort = new Map<number, MadePod[]>();
  for (const pod of pods) byPort.set(pod.port, [...(byPort.get(pod.port) ?? []), pod]);
  const slices = [...byPort].map(([number, group]) =>
    slice(
      `${number}`,
      group.map((pod) => ({ ...endpointOf(making, pod, family), ...hints() })),
      (port) => numberIn(group[0] as MadePod, port),
    ),
  );
  if (random.chance(0.06))
    slices.push(
      slice('outside', [{ addresses: [OUTSIDE_SERVER[family]], conditions: { ready: true } }], () => OUTSIDE_PORT),
    );
  const [first] = pods;
  // Two slices that disagree about a pod, and one that leads to no pod.
  if (isService && first && random.chance(0.08))
    slices.push(slice('twice', [endpointOf(making, first, family)], (port) => numberIn(first, port)));
  if (isService && random.chance(0.06)) {
    const nodeName = random.pick(making.nodes).name;
    const nobody = [{ addresses: [NOBODY[family]], conditions: { ready: true }, nodeName }];
    slices.push(slice('nobody', nobody, () => 8080));
  }
  return slices;
}
