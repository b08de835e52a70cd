/** Objects of a recorded control plane in a form in which two of them can be compared: without what is drawn at random, or timed. */
import type { EndpointSlice, Endpoints, KubeObject, ObjectMeta, Service } from '@podwire/model';
import { firstDifference } from '../runner/difference.ts';

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Keys in order, what is absent, null or empty left out: Go leaves such fields out, or writes null. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, member]): [string, unknown] => [key, tidy(member)])
    .filter(([, member]) => member !== undefined && member !== null && !isEmpty(member));
  return Object.fromEntries(entries.sort(([a], [b]) => byText(a, b)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** A list whose order means nothing. */
function bag(list: readonly unknown[] | undefined | null): unknown[] {
  return (list ?? [])
    .map((member) => tidy(member))
    .map((member) => ({ member, text: JSON.stringify(member) }))
    .sort((a, b) => byText(a.text, b.text))
    .map(({ member }) => member);
}

function comparableMeta({ namespace, labels, annotations = {}, ownerReferences = [] }: ObjectMeta) {
  const { [TRIGGER_TIME]: _time, ...rest } = annotations ?? {};
  return { namespace, labels, annotations: rest, owners: ownerReferences.map(({ kind, name }) => ({ kind, name })) };
}

/** A slice; its name counts if `known` has it, else it was drawn. */
export function comparableSlice(slice: EndpointSlice, known: ReadonlySet<string>): unknown {
  const { metadata, addressType, ports, endpoints } = slice;
  return tidy({
    ...comparableMeta(metadata),
    name: known.has(metadata.name) ? metadata.name : undefined,
    generateName: metadata.generateName,
    addressType,
    ports: bag(ports?.map((port) => ({ ...port, name: port.name || undefined }))),
    endpoints: bag(endpoints),
  });
}

export function comparableEndpoints({ metadata, subsets }: Endpoints): unknown {
  const packed = (subsets ?? []).map(({ addresses, notReadyAddresses, ports }) => ({
    addresses: bag(addresses),
    notReadyAddresses: bag(notReadyAddresses),
    ports: bag(ports?.map((port) => ({ ...port, name: port.name || undefined }))),
  }));
  return tidy({ ...comparableMeta(metadata), name: metadata.name, subsets: bag(packed) });
}

/** A Service's spec; addresses and node ports that `given` (what was sent, or stood there before) does not name were drawn. */
export function comparableService({ metadata, spec }: Service, given: readonly Service[]): unknown {
  const addresses = new Set(given.flatMap(({ spec: s }) => [s?.clusterIP, ...(s?.clusterIPs ?? [])]));
  const nodePorts = new Set(
    given.flatMap(({ spec: s }) => [s?.healthCheckNodePort, ...(s?.ports ?? []).map((port) => port.nodePort)]),
  );
  const address = (text: string) =>
    text === 'None' || addresses.has(text) ? text : `<${text.includes(':') ? 'IPv6' : 'IPv4'}>`;
  const nodePort = (port: number | undefined) => (port ? (nodePorts.has(port) ? port : '<drawn>') : undefined);
  return tidy({
    namespace: metadata.namespace,
    name: metadata.name,
    labels: metadata.labels,
    spec: {
      ...spec,
      clusterIP: spec.clusterIP ? address(spec.clusterIP) : undefined,
      clusterIPs: spec.clusterIPs?.map(address),
      healthCheckNodePort: nodePort(spec.healthCheckNodePort),
      ports: spec.ports?.map((port) => ({ ...port, nodePort: nodePort(port.nodePort) })),
      publishNotReadyAddresses: spec.publishNotReadyAddresses || undefined,
    },
  });
}

/** The first difference between two sets of objects in comparable form; undefined: none. */
export function differenceOf(expected: readonly unknown[], found: readonly unknown[]): string | undefined {
  const left = bag(expected);
  const right = bag(found);
  const name = (object: unknown) => {
    const { namespace, name: own, generateName, addressType } = object as Record<string, unknown>;
    return [namespace, own ?? generateName, addressType].filter((part) => part !== undefined).join('/');
  };
  if (left.length !== right.length) {
    const texts = (list: unknown[]) => list.map((o) => name(o)).join(' ');
    return `expected ${left.length} objects, found ${right.length}: ${texts(left)} | ${texts(right)}`;
  }
  const index = left.findIndex((object, i) => firstDifference(object, right[i]) !== undefined);
  return index < 0 ? undefined : `${name(left[index])}: ${firstDifference(left[index], right[index])}`;
}

export function keyOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
