/** Why a Service has no endpoint to send to: the questions of the debug-service page, asked of the input. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { Pod, Service, ServicePort } from '../objects/kube.ts';
import { type Labels, matchesPairs, printLabels } from '../objects/labels.ts';
import { declaredPorts, isOver, isPodReady } from '../objects/pod-facts.ts';
import { suggest } from '../objects/suggest.ts';
import type { Hint } from './answer.ts';
import { keyOf, namespaceOf } from './directory.ts';
import { objectRef, type Provenance } from './provenance.ts';
import { selectedPods } from './selected-pods.ts';

function some(keys: readonly string[]): string {
  return keys.length <= 2 ? keys.join(' and ') : `${keys[0]} and ${keys.length - 1} more`;
}

/** The pods whose labels come nearest to a selector: how many pairs they have, and what the first of them has instead of the rest. */
function nearestLabels(
  selector: Labels,
  pods: Iterable<Placed<Pod>>,
): { pod: Placed<Pod>; missing: [string, string][] } | undefined {
  let best: { pod: Placed<Pod>; missing: [string, string][]; keys: number } | undefined;
  for (const pod of pods) {
    const labels = pod.object.metadata.labels ?? {};
    const missing = Object.entries(selector).filter(([key, value]) => labels[key] !== value);
    const keys = missing.filter(([key]) => key in labels).length;
    const near =
      missing.length < Object.keys(selector).length ||
      missing.some(([key, value]) => key in labels && suggest(value, [labels[key] as string], (v) => v).length > 0);
    if (!near) continue;
    if (!best || missing.length < best.missing.length || (missing.length === best.missing.length && keys > best.keys))
      best = { pod, missing, keys };
  }
  return best;
}

/** A value that looks like a typing error is the selector's to mend; anything else may as well be pods that are missing. */
function selectorMend(key: string, wanted: string, has: string | undefined): string {
  if (has !== undefined && suggest(wanted, [has], (v) => v).length > 0) {
    return `Write ${key}: ${has} in the selector, or label the pods ${key}: ${wanted}.`;
  }
  return has === undefined
    ? `Add the label ${key}: ${wanted} to the pods, or take it out of the selector.`
    : `Create pods with ${key}: ${wanted}, or correct the selector.`;
}

function selectorHint(cluster: Cluster, service: Placed<Service>, provenance: Provenance): Hint {
  const selector = service.object.spec.selector ?? {};
  const namespace = namespaceOf(service.object);
  const name = `svc/${service.object.metadata.name}`;
  const object = objectRef(provenance, service, ['spec', 'selector']);
  const elsewhere = [...cluster.pods.values()].filter((p) => matchesPairs(selector, p.object.metadata.labels ?? {}));
  const start = `The selector of ${name} (${printLabels(selector)}) matches no pod in namespace ${namespace}`;
  if (elsewhere.length > 0) {
    const there = [...new Set(elsewhere.map((p) => namespaceOf(p.object)))];
    return {
      code: 'selector-other-namespace',
      text: `${start}; it matches pods in ${there.join(', ')}.`,
      mend: `A Service selects pods of its own namespace: move it to ${there[0]}.`,
      object,
    };
  }
  const inNamespace = [...cluster.pods.values()].filter((p) => namespaceOf(p.object) === namespace);
  const nearest = nearestLabels(selector, inNamespace);
  if (!nearest) {
    const text =
      inNamespace.length === 0
        ? `${start}, which has no pods at all.`
        : `${start}, and none of its ${inNamespace.length} pods has a label like it.`;
    return {
      code: 'selector-matches-nothing',
      text,
      mend: 'Create the pods, or select labels that pods have.',
      object,
    };
  }
  const labels = nearest.pod.object.metadata.labels ?? {};
  const [key, wanted] = nearest.missing[0] as [string, string];
  const has = labels[key];
  const lacks = has === undefined ? `has no label ${key}` : `has ${key}=${has}`;
  return {
    code: 'selector-matches-nothing',
    text: `${start}; the nearest, ${keyOf(nearest.pod.object)}, ${lacks} where the selector wants ${key}=${wanted}.`,
    mend: selectorMend(key, wanted, has),
    object: objectRef(provenance, service, ['spec', 'selector', key]),
  };
}

function readinessHint(
  service: Placed<Service>,
  pods: readonly Placed<Pod>[],
  provenance: Provenance,
): Hint | undefined {
  const first = pods[0];
  if (!first) return undefined;
  const name = `svc/${service.object.metadata.name}`;
  const keys = pods.map((p) => keyOf(p.object));
  const over = pods.filter((p) => isOver(p.object));
  if (over.length === pods.length) {
    return {
      code: 'pods-over',
      text: `${name} selects ${some(keys)}, which ended (phase ${first.object.status?.phase}).`,
      object: objectRef(provenance, first, ['status', 'phase']),
    };
  }
  const leaving = pods.filter((p) => p.object.metadata.deletionTimestamp !== undefined);
  if (leaving.length === pods.length) {
    return {
      code: 'pods-terminating',
      text: `${name} selects ${some(keys)}, which is being deleted.`,
      object: objectRef(provenance, first, ['metadata', 'deletionTimestamp']),
    };
  }
  const unready = pods.filter((p) => !isPodReady(p.object));
  if (unready.length === pods.length && first.origin) {
    const reason = first.object.status?.conditions?.find((c) => c.type === 'Ready')?.reason;
    return {
      code: 'pods-not-ready',
      text: `${name} selects ${some(keys)}, and ${pods.length === 1 ? 'it is' : 'all are'} not ready${reason ? ` (${reason})` : ''}; kube-proxy sends only to ready endpoints.`,
      mend: 'See why the readiness probe fails: kubectl describe pod. To send to pods that are not ready, set publishNotReadyAddresses.',
      object: objectRef(provenance, first, ['status', 'conditions']),
    };
  }
  return undefined;
}

/** A targetPort name must be the name of a container port of the same protocol (pkg/api/v1/pod: FindPort). */
function targetPortHint(
  service: Placed<Service>,
  index: number,
  port: ServicePort,
  pods: readonly Placed<Pod>[],
  provenance: Provenance,
): Hint | undefined {
  const target = port.targetPort;
  if (typeof target !== 'string' || pods.length === 0) return undefined;
  const protocol = port.protocol ?? 'TCP';
  const declared = pods.flatMap((p) => declaredPorts(p.object));
  if (declared.some((d) => d.name === target && (d.protocol ?? 'TCP') === protocol)) return undefined;
  const name = `svc/${service.object.metadata.name}`;
  const object = objectRef(provenance, service, ['spec', 'ports', index, 'targetPort']);
  const otherProtocol = declared.find((d) => d.name === target);
  if (otherProtocol) {
    return {
      code: 'target-port-protocol',
      text: `Port ${port.port} of ${name} is ${protocol}, but the containers name ${target} as ${otherProtocol.protocol ?? 'TCP'}.`,
      mend: `Set the Service port's protocol to ${otherProtocol.protocol ?? 'TCP'}, or the container port's to ${protocol}.`,
      object,
    };
  }
  const names = [...new Set(declared.map((d) => d.name).filter((n) => n !== undefined))];
  const numbers = [...new Set(declared.map((d) => d.containerPort))];
  const has =
    names.length > 0
      ? `they name ${names.join(', ')}`
      : numbers.length > 0
        ? `they name none and declare ${numbers.join(', ')}`
        : 'they declare no ports';
  const near =
    suggest(target, names, (n) => n)[0] ?? names[0] ?? (numbers.length === 1 ? String(numbers[0]) : undefined);
  return {
    code: 'target-port-name-missing',
    text: `Port ${port.port} of ${name} goes to the container port named ${target}, but no container of ${some(pods.map((p) => keyOf(p.object)))} has it: ${has}.`,
    mend:
      near === undefined
        ? `Name a container port ${target}, or set targetPort to a number.`
        : `Set targetPort: ${near}.`,
    object,
  };
}

/** EndpointSlices of the input that hold no usable endpoint although pods fit: what kube-proxy goes by are the slices. */
function slicesHint(
  cluster: Cluster,
  service: Placed<Service>,
  pods: readonly Placed<Pod>[],
  provenance: Provenance,
): Hint | undefined {
  const given = (cluster.endpointSlices.get(keyOf(service.object)) ?? []).filter((s) => s.origin);
  const first = given[0];
  if (!first) return undefined;
  const name = `svc/${service.object.metadata.name}`;
  const endpoints = given.flatMap((slice) =>
    (slice.object.endpoints ?? []).map((endpoint, i) => ({ slice, endpoint, i })),
  );
  const one = endpoints[0];
  if (!one) {
    return {
      code: 'slices-empty',
      text: `The EndpointSlices of ${name} in the input hold no endpoint, although its selector fits ${some(pods.map((p) => keyOf(p.object)))}.`,
      mend: 'Take Pods and EndpointSlices at the same time; if they stay apart, look at the endpointslice controller.',
      object: objectRef(provenance, first),
    };
  }
  const usable = endpoints.some(
    ({ endpoint: { conditions = {} } }) =>
      conditions.ready !== false || (conditions.serving !== false && conditions.terminating),
  );
  if (usable) return undefined;
  const terminating = endpoints.every(({ endpoint }) => endpoint.conditions?.terminating);
  return {
    code: terminating ? 'endpoints-terminating' : 'endpoints-not-ready',
    text: `The EndpointSlices of ${name} hold ${endpoints.length === 1 ? 'one endpoint, which is' : `${endpoints.length} endpoints, which are all`} ${terminating ? 'terminating' : 'not ready'}.`,
    mend: terminating
      ? 'Wait for the new pods to become ready, or look why they do not.'
      : 'See why the readiness probe fails: kubectl describe pod.',
    object: objectRef(provenance, one.slice, ['endpoints', one.i, 'conditions']),
  };
}

/** Why no endpoint of the Service's port can be used; to be asked only where none can. */
export function whyNoEndpoints(
  cluster: Cluster,
  key: string,
  portIndex: number | undefined,
  provenance: Provenance,
): Hint[] {
  const service = cluster.services.get(key);
  if (!service) return [];
  const name = `svc/${service.object.metadata.name}`;
  const selector = service.object.spec.selector ?? {};
  if (Object.keys(selector).length === 0) {
    return [
      {
        code: 'no-selector',
        text: `${name} has no selector, so its endpoints must be made by hand, and the input has no EndpointSlice of it.`,
        mend: 'Give the EndpointSlice with -f, or give the Service a selector.',
        object: objectRef(provenance, service, ['spec']),
      },
    ];
  }
  const pods = selectedPods(cluster, service.object);
  if (pods.length === 0) return [selectorHint(cluster, service, provenance)];
  const port = portIndex === undefined ? undefined : service.object.spec.ports?.[portIndex];
  const hints = [
    readinessHint(service, pods, provenance),
    port && targetPortHint(service, portIndex as number, port, pods, provenance),
  ];
  const found = hints.filter((h) => h !== undefined);
  if (found.length > 0) return found;
  const slices = slicesHint(cluster, service, pods, provenance);
  return slices ? [slices] : [];
}

/** A numeric targetPort that no container declares: allowed, and worth a look when the connection is refused. */
export function undeclaredTargetPort(
  cluster: Cluster,
  key: string,
  portIndex: number,
  provenance: Provenance,
): Hint | undefined {
  const service = cluster.services.get(key);
  const port = service?.object.spec.ports?.[portIndex];
  if (!service || !port) return undefined;
  const target = port.targetPort ?? port.port;
  if (typeof target === 'string') return undefined;
  const pods = selectedPods(cluster, service.object);
  const declared = pods.flatMap((p) => declaredPorts(p.object));
  const first = pods[0];
  if (!first || declared.length === 0 || declared.some((d) => d.containerPort === target)) return undefined;
  const numbers = [...new Set(declared.map((d) => d.containerPort))];
  return {
    code: 'target-port-not-declared',
    text: `Port ${port.port} of svc/${service.object.metadata.name} goes to ${target}, which no container of ${keyOf(first.object)} declares (declared: ${numbers.join(', ')}). Declaring decides nothing, but check that something listens there.`,
    mend:
      numbers.length === 1
        ? `If the program listens on ${numbers[0]}, set targetPort: ${numbers[0]}.`
        : 'Set targetPort to the port the program listens on.',
    object: objectRef(provenance, service, [
      'spec',
      'ports',
      portIndex,
      port.targetPort === undefined ? 'port' : 'targetPort',
    ]),
  };
}
