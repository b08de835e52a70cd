/**
 * What the slices and Endpoints of a cluster come to once their controllers have nothing left to do: the endpointslice controller, the endpoints
 * controller, the mirroring controller and the garbage collector. Whether kube-proxy agrees is another matter.
 */
import { suffix } from '../objects/drawn-names.ts';
import type { EndpointSlice, Endpoints, KubeObject, Node, Pod, Service } from '../objects/kube.ts';
import { reconcileEndpoints } from './endpoints.ts';
import { isMirrored, reconcileMirror } from './mirror.ts';
import type { SliceChanges } from './pack-slices.ts';
import { hasSliceController, type ReconcileOptions, reconcileSlices } from './reconcile.ts';
import { MANAGED_BY, MIRRORING_CONTROLLER, portsKey, SERVICE_NAME, SLICE_CONTROLLER } from './slice-metadata.ts';

/** What the controllers watch. */
export interface Watched {
  services: readonly Service[];
  /** Pods that a selector matches in a namespace, in any order that is always the same. */
  select: (namespace: string, selector: Readonly<Record<string, string>>) => readonly Pod[];
  node: (name: string) => Node | undefined;
}

/** What the controllers write. */
export interface EndpointState {
  slices: readonly EndpointSlice[];
  endpoints: readonly Endpoints[];
}

export function objectKey({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** `namespace/name` of the Service that a slice names. */
function serviceKey({ metadata }: EndpointSlice): string {
  return `${metadata.namespace ?? 'default'}/${metadata.labels?.[SERVICE_NAME] ?? ''}`;
}

function managedBy({ metadata }: EndpointSlice): string | undefined {
  return metadata.labels?.[MANAGED_BY];
}

/** A name as the API server would draw one for `generateName`, the same for the same slice. */
export function nameSlice(slice: EndpointSlice, isTaken: (key: string) => boolean): EndpointSlice {
  const { namespace = 'default', generateName = '' } = slice.metadata;
  const seed = `${namespace}/${generateName}/${slice.addressType}/${portsKey(slice.ports)}`;
  for (let i = 0; ; i++) {
    const name = `${generateName.slice(0, 58)}${suffix(`${seed}/${i}`, 5)}`;
    if (!isTaken(`${namespace}/${name}`)) return { ...slice, metadata: { ...slice.metadata, name } };
  }
}

/** The slices, by key, as writes go in. */
class Store {
  readonly slices = new Map<string, EndpointSlice>();

  constructor(slices: readonly EndpointSlice[]) {
    for (const slice of slices) this.slices.set(objectKey(slice), slice);
  }

  write(changes: SliceChanges): void {
    for (const slice of changes.delete) this.slices.delete(objectKey(slice));
    for (const slice of changes.update) this.slices.set(objectKey(slice), slice);
    for (const unnamed of changes.create) {
      const slice = nameSlice(unnamed, (key) => this.slices.has(key));
      this.slices.set(objectKey(slice), slice);
    }
  }
}

/** A slice whose owners are all gone is collected; one without owners is nobody's to collect. */
function isGarbage({ metadata }: EndpointSlice, existing: ReadonlySet<string>): boolean {
  const { ownerReferences = [], namespace = 'default' } = metadata;
  return ownerReferences.length > 0 && ownerReferences.every((o) => !existing.has(`${o.kind} ${namespace}/${o.name}`));
}

/**
 * From one state to the next. `deleted`: keys of Services deleted since; their Endpoints go too, also those written by hand. Endpoints that
 * never had a Service stay.
 */
export function convergeEndpoints(
  { services, select, node }: Watched,
  before: EndpointState,
  options: ReconcileOptions = {},
  deleted: ReadonlySet<string> = new Set(),
): EndpointState {
  const byKey = new Map(services.map((service) => [objectKey(service), service]));
  const endpoints = new Map(before.endpoints.map((one) => [objectKey(one), one]));
  for (const key of deleted) if (!byKey.has(key)) endpoints.delete(key);
  const owners = new Set([
    ...[...byKey.keys()].map((key) => `Service ${key}`),
    ...[...endpoints.keys()].map((key) => `Endpoints ${key}`),
  ]);
  const store = new Store(before.slices.filter((slice) => !isGarbage(slice, owners)));
  const ofService = new Map<string, EndpointSlice[]>();
  for (const slice of store.slices.values()) {
    const key = `${managedBy(slice)} ${serviceKey(slice)}`;
    ofService.set(key, [...(ofService.get(key) ?? []), slice]);
  }
  for (const [key, service] of byKey) {
    if (!hasSliceController(service)) continue;
    const pods = select(service.metadata.namespace ?? 'default', service.spec.selector ?? {});
    const existing = ofService.get(`${SLICE_CONTROLLER} ${key}`) ?? [];
    store.write(reconcileSlices({ service, pods, node, existing }, options));
    endpoints.set(key, reconcileEndpoints(service, pods, endpoints.get(key)));
  }
  for (const [key, one] of endpoints) {
    if (isMirrored(one, byKey.get(key)))
      store.write(reconcileMirror(one, ofService.get(`${MIRRORING_CONTROLLER} ${key}`) ?? []));
  }
  for (const slice of store.slices.values()) {
    const one = endpoints.get(serviceKey(slice));
    const isWanted = one && isMirrored(one, byKey.get(serviceKey(slice)));
    if (managedBy(slice) === MIRRORING_CONTROLLER && !isWanted) store.slices.delete(objectKey(slice));
  }
  return { slices: [...store.slices.values()], endpoints: [...endpoints.values()] };
}
