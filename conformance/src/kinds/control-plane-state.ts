/** A sequence of changes and the states after them, as the suite writes it. */
import type { EndpointSlice, Endpoints, KubeObject, ObjectMeta, Pod, Service } from '@podwire/model';

/** Objects of a state are shortened: owners instead of references, conditions by type. */
interface ShortMeta extends Omit<ObjectMeta, 'ownerReferences'> {
  owners?: { kind: string; name: string }[];
  terminating?: true;
}

interface Short {
  metadata: ShortMeta;
  [field: string]: unknown;
}

interface ShortPod extends Short {
  spec: {
    nodeName?: string;
    hostname?: string;
    subdomain?: string;
    containerPorts?: NonNullable<Pod['spec']['containers']>[number]['ports'];
  };
  status: { phase?: string; podIPs?: string[]; conditions?: Record<string, string> };
}

export interface Step {
  action: {
    op: string;
    kind?: string;
    name?: string;
    mergePatch?: Record<string, unknown>;
    objects?: KubeObject[];
    node?: string;
    labels?: Record<string, string | null>;
  };
  result?: { accepted: boolean } | { accepted: boolean }[];
  /** Where a step is about nodes: those that are left, with their Ready condition. */
  nodes?: { name: string; ready?: string[] }[];
  state?: Record<string, Short[]>;
}

export interface StepsCase {
  id: string;
  namespace: string;
  steps: Step[];
}

function whole<T extends KubeObject>(kind: string, object: Short): T {
  const { owners, terminating, ...metadata } = object.metadata;
  return {
    ...object,
    kind,
    apiVersion: kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'v1',
    metadata: {
      ...metadata,
      ...(owners && { ownerReferences: owners.map((owner) => ({ ...owner, apiVersion: 'v1' })) }),
      ...(terminating && { deletionTimestamp: 'now' }),
    },
  } as unknown as T;
}

function wholePod(object: Short): Pod {
  const { spec, status } = object as ShortPod;
  const pod = whole<Pod>('Pod', object);
  const conditions = Object.entries(status.conditions ?? {}).map(([type, text]) => {
    const [value = '', reason] = text.split('/');
    return { type, status: value, ...(reason !== undefined && { reason }) };
  });
  const { containerPorts = [], ...rest } = spec;
  return {
    ...pod,
    spec: { ...rest, containers: [{ name: 'c', ports: containerPorts }] },
    status: { ...status, podIPs: (status.podIPs ?? []).map((ip) => ({ ip })), conditions },
  };
}

export interface State {
  pods: Pod[];
  services: Service[];
  slices: EndpointSlice[];
  endpoints: Endpoints[];
}

export function stateOf(state: Record<string, Short[]>): State {
  const wholes = <T extends KubeObject>(resource: string, kind: string) =>
    (state[resource] ?? []).map((object) => whole<T>(kind, object));
  return {
    pods: (state.pods ?? []).map(wholePod),
    services: wholes<Service>('services', 'Service'),
    slices: wholes<EndpointSlice>('endpointslices', 'EndpointSlice').map((slice) => ({
      ...slice,
      endpoints: slice.endpoints ?? [],
    })),
    endpoints: wholes<Endpoints>('endpoints', 'Endpoints'),
  };
}

export const NOTHING: State = { pods: [], services: [], slices: [], endpoints: [] };

export function isAccepted({ result }: Step, index = 0): boolean {
  return (Array.isArray(result) ? result[index] : result)?.accepted ?? true;
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(typeof target === 'object' && target !== null ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
