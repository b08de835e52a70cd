/** Makes a scenario that disagrees smaller for as long as it still does. */
import type { EndpointSlice, KubeObject } from '@podwire/model';
import type { Scenario } from './scenario.ts';

type Step = Scenario;

const without = <T>(list: readonly T[], i: number): T[] => list.filter((_, k) => k !== i);

/** The scenario without one object, and without what makes no sense on its own. */
function withoutObject(scenario: Scenario, i: number): Step {
  const object = scenario.objects[i] as KubeObject;
  const { kind, metadata } = object;
  const stays = (o: KubeObject): boolean => {
    if (o === object) return false;
    if (kind === 'Service' && o.kind === 'EndpointSlice')
      return o.metadata.labels?.['kubernetes.io/service-name'] !== metadata.name;
    if (kind === 'Node' && o.kind === 'Pod') return (o.spec as { nodeName?: string }).nodeName !== metadata.name;
    return true;
  };
  const objects = scenario.objects.filter(stays);
  const places = new Set([
    '@external',
    ...objects.flatMap((o) => (o.kind === 'Pod' ? [`default/${o.metadata.name}`] : [o.metadata.name])),
  ]);
  return { ...scenario, objects, listening: scenario.listening.filter((l) => places.has(l.netns)) };
}

function* withoutEndpoints(scenario: Scenario): Generator<Step> {
  for (const [i, object] of scenario.objects.entries()) {
    if (object.kind !== 'EndpointSlice') continue;
    const slice = object as EndpointSlice;
    for (const k of slice.endpoints.keys()) {
      const smaller = { ...slice, endpoints: without(slice.endpoints, k) };
      yield { ...scenario, objects: scenario.objects.map((o, at) => (at === i ? smaller : o)) };
    }
  }
}

function* plainer(scenario: Scenario): Generator<Step> {
  const { changes, overrides, backend, probes } = scenario;
  for (const name of Object.keys(changes)) yield { ...scenario, changes: { ...changes, [name]: undefined } };
  for (const [i, object] of scenario.objects.entries()) {
    if (object.kind !== 'Service') continue;
    const spec = object.spec as Record<string, unknown>;
    for (const field of [
      'sessionAffinity',
      'loadBalancerSourceRanges',
      'externalIPs',
      'internalTrafficPolicy',
      'externalTrafficPolicy',
    ]) {
      if (spec[field] === undefined) continue;
      const { [field]: _gone, ...rest } = spec;
      if (field === 'sessionAffinity') delete rest.sessionAffinityConfig;
      yield { ...scenario, objects: scenario.objects.map((o, at) => (at === i ? { ...o, spec: rest } : o)) };
    }
  }
  const { proxy = {} } = overrides;
  for (const [name, value] of Object.entries(proxy))
    if (value === true) yield { ...scenario, overrides: { ...overrides, proxy: { ...proxy, [name]: false } } };
  if (backend !== 'nft') yield { ...scenario, backend: 'nft' };
  if (probes.some((probe) => (probe.times ?? 1) > 1))
    yield { ...scenario, probes: probes.map((probe) => ({ ...probe, times: (probe.times ?? 1) - 1 })) };
}

/** Smaller scenarios, those without most first. */
function* smaller(scenario: Scenario): Generator<Step> {
  for (const kind of ['Service', 'Node', 'Pod', 'EndpointSlice'])
    for (const [i, object] of scenario.objects.entries()) if (object.kind === kind) yield withoutObject(scenario, i);
  yield* withoutEndpoints(scenario);
  yield* plainer(scenario);
}

/** Tries at most `budget` scenarios; `disagrees` builds one and asks both sides. */
export async function shrink(
  scenario: Scenario,
  disagrees: (scenario: Scenario) => Promise<boolean>,
  budget = 60,
): Promise<Scenario> {
  let best = scenario;
  let left = budget;
  for (let found = true; found; ) {
    found = false;
    for (const candidate of smaller(best)) {
      if (left-- <= 0) return best;
      if (!(await disagrees(candidate))) continue;
      best = candidate;
      found = true;
      break;
    }
  }
  return best;
}
