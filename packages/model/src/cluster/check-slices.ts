/**
 * EndpointSlices that are there beside those that their controller would write: what differs, and what it comes from. Only pods that the input
 * shows as they run are compared: nothing is said against endpoints whose pods it lacks.
 */
import { endpointPorts, isPodInEndpoints, podToEndpoint } from '../controllers/pod-endpoint.ts';
import { hasSliceController } from '../controllers/reconcile.ts';
import { addressTypesOf, MANAGED_BY, portsKey, SLICE_CONTROLLER } from '../controllers/slice-metadata.ts';
import { wantsTopologyHints } from '../controllers/topology-hints.ts';
import { zoneHinting } from '../controllers/traffic-distribution.ts';
import type { Endpoint, EndpointPort, EndpointSlice, Node, Pod, Service } from '../objects/kube.ts';
import { matchesPairs, printLabels } from '../objects/labels.ts';
import { isOver, podAddresses } from '../objects/pod-facts.ts';
import { canonicalIP } from '../proxy/ip.ts';
import type { Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import { whyNotReady } from './pod-readiness.ts';
import type { Report } from './report.ts';

interface Compared {
  placed: Placed<Service>;
  /** Slices of the Service in the input. */
  slices: readonly Placed<EndpointSlice>[];
  /** Pods that the selector matches. */
  selected: readonly Pod[];
  /** As the input shows pods: what was made or assumed is no evidence. */
  collected: Pick<Collected, 'pods'>;
  pods: ReadonlyMap<string, Placed<Pod>>;
  nodes: ReadonlyMap<string, Placed<Node>>;
}

interface Listed {
  endpoint: Endpoint;
  slice: Placed<EndpointSlice>;
  /** Position in the slice. */
  index: number;
  /** Of the slice's ports. */
  ports: string;
}

/** One kind of difference: told once for a Service, at the first place where it shows. */
interface Difference {
  code: string;
  at: { placed: Placed<EndpointSlice> | Placed<Service>; path: (string | number)[] };
  pods: string[];
  /** What is said of the first pod, and for all. */
  text: string;
  mend: string;
}

/** `podEndpointsChanged` does not compare phases, so that nothing makes the controller look again. */
const TOUCH =
  'It was never ready, so the controller did not look again when it ended: a change of the Service clears it.';

const RENEW =
  'If it stays so, kube-controller-manager is behind or does not run; else take Pods and EndpointSlices at the same time.';

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function printPorts(ports: readonly EndpointPort[] | undefined): string {
  const texts = (ports ?? []).map(
    ({ name, port, protocol }) => `${name ? `${name}:` : ''}${port}/${protocol ?? 'TCP'}`,
  );
  return texts.length === 0 ? 'no port' : texts.join(', ');
}

/** Endpoints of controller-made slices by family and pod. */
function listedPods({ slices }: Compared): Map<string, Listed> {
  const listed = new Map<string, Listed>();
  for (const slice of slices) {
    const { metadata, addressType, endpoints } = slice.object;
    const manager = metadata.labels?.[MANAGED_BY] ?? SLICE_CONTROLLER;
    if (manager !== SLICE_CONTROLLER) continue;
    const ports = portsKey(slice.object.ports);
    for (const [index, endpoint] of endpoints.entries()) {
      const { kind, namespace = metadata.namespace, name } = endpoint.targetRef ?? {};
      if (kind === 'Pod') listed.set(`${addressType} ${namespace}/${name}`, { endpoint, slice, index, ports });
    }
  }
  return listed;
}

function stateOf({ conditions }: Endpoint): string {
  if (conditions?.terminating) return conditions.serving ? 'terminating, still serving' : 'terminating';
  return conditions?.ready === false ? 'not ready' : 'ready';
}

/** Whether the Service's trafficDistribution gives hints for zones, and nothing else does. */
function hintsZones({ spec, metadata }: Service): boolean {
  return zoneHinting(spec.trafficDistribution) && !wantsTopologyHints(metadata.annotations);
}

type Found = Omit<Difference, 'pods'>;

/** How an endpoint differs from what the controller would make of the pod; the most telling difference first. */
function differenceOf(service: Service, listed: Listed, wanted: Endpoint, pod: Pod): Found | undefined {
  const { endpoint, slice, index } = listed;
  const at = { placed: slice, path: ['endpoints', index] };
  if (!endpoint.addresses.every((address) => wanted.addresses.includes(canonicalIP(address) ?? address)))
    return {
      code: 'slice-other-address',
      at,
      text: `lists it at ${endpoint.addresses.join(', ')}, but it has ${wanted.addresses.join(', ')}`,
      mend: RENEW,
    };
  const ports = endpointPorts(service, pod);
  if (listed.ports !== portsKey(ports))
    return {
      code: 'slice-other-ports',
      at: { ...at, path: ['ports'] },
      text: `lists it with ${printPorts(slice.object.ports)}, but spec.ports lead to ${printPorts(ports)} of it`,
      mend: RENEW,
    };
  // A pod whose readiness was assumed says nothing about conditions.
  if (pod.status?.conditions !== undefined && stateOf(endpoint) !== stateOf(wanted)) {
    const why = whyNotReady(pod);
    return {
      code: 'slice-other-state',
      at: { ...at, path: [...at.path, 'conditions'] },
      text: `says it is ${stateOf(endpoint)}, but it is ${stateOf(wanted)}${why === undefined ? '' : `: ${why}`}`,
      mend: RENEW,
    };
  }
  const { zone, conditions, hints } = endpoint;
  if (zone !== undefined && conditions?.ready && (hints?.forZones ?? []).length === 0 && hintsZones(service))
    return {
      code: 'slice-lacks-hints',
      at,
      text: `has no hint that it is for ${zone}, though spec.trafficDistribution is ${service.spec.trafficDistribution}: kube-proxy takes endpoints of every zone`,
      mend: RENEW,
    };
  return undefined;
}

/** Why a pod that a slice lists should not be there; undefined where that is not known. */
function whyUnwanted(service: Service, pod: Pod): string | undefined {
  const { selector = {} } = service.spec;
  const { labels = {} } = pod.metadata;
  if (!matchesPairs(selector, labels)) {
    const missing = Object.entries(selector).filter(([key, value]) => labels[key] !== value);
    return `the selector wants ${printLabels(Object.fromEntries(missing))}, which it does not have`;
  }
  if (isPodInEndpoints(pod, true)) return undefined;
  return whyNotReady(pod) ?? 'it has no address';
}

/** A pod as the input shows it; one that stands in for what the input lacks is no evidence. */
function shownPod(collected: Compared['collected'], key: string): Pod | undefined {
  const placed = collected.pods.get(key);
  return placed && !placed.madeBy ? placed.object : undefined;
}

/** Selected pods against their endpoints. */
function* compareSelected({ placed, selected, collected, nodes }: Compared, listed: ReadonlyMap<string, Listed>) {
  const service = placed.object;
  const families = addressTypesOf(service);
  for (const pod of selected) {
    const key = keyOf(pod);
    const shown = shownPod(collected, key);
    // Where the address is redacted, the one that stands for it proves nothing.
    if (shown?.status?.phase === undefined || isOver(shown) || podAddresses(shown).length === 0) continue;
    const node = nodes.get(pod.spec.nodeName ?? '')?.object;
    for (const family of families) {
      const wanted = podToEndpoint(shown, node, service, family);
      if (wanted.addresses.length === 0) continue;
      const found = listed.get(`${family} ${key}`);
      const difference = found ? differenceOf(service, found, wanted, shown) : lacking(placed, wanted);
      if (difference) yield { ...difference, pods: [key] };
    }
  }
}

function lacking(placed: Placed<Service>, wanted: Endpoint): Found {
  return {
    code: 'slice-lacks-pod',
    at: { placed, path: ['spec', 'selector'] },
    text: `matches it (${stateOf(wanted)}, ${wanted.addresses.join(', ')}), but no EndpointSlice lists it`,
    mend: RENEW,
  };
}

/** Listed pods that are no endpoints, or are nowhere while others of the Service are there. */
function* compareListed({ placed, collected }: Compared, listed: ReadonlyMap<string, Listed>) {
  const named = [...listed].map(([key, one]) => ({ ...one, name: key.slice(key.indexOf(' ') + 1) }));
  const isShown = named.some(({ name }) => shownPod(collected, name)?.status?.phase !== undefined);
  for (const { name, slice, index, endpoint } of isShown ? named : []) {
    const at = { placed: slice, path: ['endpoints', index] };
    const pod = shownPod(collected, name);
    if (!pod) {
      const text = 'lists it, but it is not in the input, though others of this Service are';
      yield { code: 'slice-unknown-pod', at, text, mend: whereIs(name), pods: [name] };
      continue;
    }
    const why = pod.status?.phase === undefined ? undefined : whyUnwanted(placed.object, pod);
    if (why === undefined) continue;
    const mend = isOver(pod) && endpoint.conditions?.serving === false ? TOUCH : RENEW;
    yield { code: 'slice-unwanted-pod', at, text: `lists it, but ${why}`, mend, pods: [name] };
  }
}

function whereIs(key: string): string {
  const [namespace, name] = key.split('/');
  return `Look whether it is there: kubectl get pod ${name} -n ${namespace}. If not, the EndpointSlice is stale; else add the Pod.`;
}

/** Tells each kind of difference once. */
export function checkSlices(compared: Compared, report: Report): void {
  if (!hasSliceController(compared.placed.object) || compared.placed.object.metadata.deletionTimestamp) return;
  const listed = listedPods(compared);
  const differences = new Map<string, Difference>();
  for (const one of [...compareSelected(compared, listed), ...compareListed(compared, listed)]) {
    const known = differences.get(one.code);
    if (known) known.pods.push(...one.pods);
    else differences.set(one.code, one);
  }
  for (const { code, at, pods, text, mend } of differences.values()) {
    const [first, ...others] = [...new Set(pods)];
    const more = others.length === 0 ? '' : ` (and ${others.length} more alike)`;
    const { object } = at.placed;
    const subject = object.kind === 'Service' ? 'the selector' : 'the EndpointSlice';
    report.problem('warning', code, { ...at.placed, path: at.path }, `Pod ${first}: ${subject} ${text}${more}`, mend);
  }
}
