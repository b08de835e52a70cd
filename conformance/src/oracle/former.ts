/** The same cluster a while ago: other endpoints, so that nodes remember connections to those. */
import type { EndpointSlice, KubeObject, Pod } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { APPS } from './generate.ts';
import type { Scenario } from './scenario.ts';

/** Where pods and nodes with pods were: an endpoint may have been another pod. */
function otherEndpoint(random: Random, endpoint: EndpointSlice['endpoints'][number], pods: readonly Pod[]) {
  const isSix = endpoint.addresses[0]?.includes(':');
  const { spec, status, metadata } = random.pick(pods);
  const address = status?.podIPs?.find(({ ip }) => ip.includes(':') === isSix)?.ip;
  if (address === undefined || random.chance(0.4)) return { ...endpoint, conditions: { ready: true } };
  return {
    ...endpoint,
    addresses: [address],
    conditions: { ready: true },
    ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: 'default', name: metadata.name },
  };
}

function formerPod(random: Random, { metadata: { name, namespace = '' }, status, ...pod }: Pod): Pod {
  return {
    ...pod,
    metadata: { name, namespace, labels: { app: random.pick(APPS) } },
    status: { ...status, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** All endpoints were ready, some of them other pods; what else the cluster has was the same. */
export function formerOf(random: Random, scenario: Scenario): Scenario {
  const pods = scenario.objects.filter(({ kind }) => kind === 'Pod') as Pod[];
  const objects = scenario.objects.map((object): KubeObject => {
    if (object.kind === 'Pod') return formerPod(random, object as Pod);
    if (object.kind !== 'EndpointSlice') return object;
    const slice = object as EndpointSlice;
    return { ...slice, endpoints: slice.endpoints.map((endpoint) => otherEndpoint(random, endpoint, pods)) };
  });
  return { ...scenario, objects, probes: [] };
}
