/** One whole pass of the endpointslice controller over a Service: all its slices afterwards, and what was written. */
import type { Endpoint, EndpointSlice, Node, Pod, Service } from '@podwire/model';
import { controllers } from '@podwire/model';
import { fail, type Outcome, pass } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

interface Group {
  addressType: string;
  ports: EndpointSlice['ports'] | null;
  sliceSizes: number[];
  endpoints: Endpoint[];
  labelSets: Record<string, string>[];
}

export interface ReconcileCase {
  id: string;
  operation: 'reconcile';
  service: Service;
  pods: Pod[];
  nodes: Node[];
  existingSlices: EndpointSlice[];
  options: {
    maxEndpointsPerSlice: number;
    managedBy: string;
    preferSameTrafficDistribution: boolean;
    topologyHints?: { cpuRatiosByZone: Record<string, number> | null };
  };
  expect: {
    groups: Group[];
    actions: { create: number; update: string[]; delete: string[] };
    error?: string;
    /** Endpoints hinted to each zone, where which ones is open. */
    hintCounts?: Record<string, number>;
  };
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function sorted<T>(values: readonly T[], key: (value: T) => string): T[] {
  return [...values].sort((a, b) => byText(key(a), key(b)));
}

const ordered = (record: object) => Object.fromEntries(sorted(Object.entries(record), ([key]) => key));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Endpoints and label maps of a group are sets. */
function normalise(groups: readonly Group[], hasHints: boolean): unknown[] {
  const one = ({ addressType, ports, sliceSizes, endpoints, labelSets }: Group) => ({
    addressType,
    ports: sorted(ports ?? [], (port) => JSON.stringify(ordered(port))),
    sliceSizes: [...sliceSizes].sort((a, b) => a - b),
    endpoints: sorted(
      endpoints.map(({ hints, ...rest }) => (hasHints && hints ? { ...rest, hints } : rest)),
      (endpoint) => JSON.stringify([endpoint.addresses, endpoint.targetRef?.name]),
    ),
    labelSets: sorted(labelSets, (labels) => JSON.stringify(ordered(labels))),
  });
  return sorted(groups.map(one), ({ addressType, ports }) => JSON.stringify([addressType, ports.map(ordered)]));
}

function groupsOf(slices: readonly EndpointSlice[]): Group[] {
  const groups = new Map<string, Group & { seen: Set<string> }>();
  for (const { addressType, ports = [], endpoints, metadata } of slices) {
    const labels = metadata.labels ?? {};
    const key = `${addressType} ${controllers.portsKey(ports)}`;
    const group = groups.get(key) ?? {
      addressType,
      ports,
      sliceSizes: [],
      endpoints: [],
      labelSets: [],
      seen: new Set<string>(),
    };
    groups.set(key, group);
    group.sliceSizes.push(endpoints.length);
    group.endpoints.push(...endpoints);
    const text = JSON.stringify(ordered(labels));
    if (!group.seen.has(text)) group.labelSets.push(labels);
    group.seen.add(text);
  }
  return [...groups.values()].map(({ seen: _seen, ...group }) => group);
}

function hintCounts(slices: readonly EndpointSlice[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { hints } of slices.flatMap((slice) => slice.endpoints))
    for (const { name } of hints?.forZones ?? []) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function judgeReconcile(row: ReconcileCase): Outcome {
  const { service, pods, options, expect } = row;
  const nodes = new Map(row.nodes.map((node) => [node.metadata.name, node]));
  const existing = row.existingSlices.map((slice) => ({
    ...slice,
    // Objects that never were in an API server may lack a name.
    metadata: { ...slice.metadata, name: slice.metadata.name ?? '' },
    endpoints: slice.endpoints ?? [],
  }));
  const { topologyHints, ...rest } = options;
  const ratios = topologyHints?.cpuRatiosByZone;
  const result = controllers.reconcileSlices(
    { service, pods, existing, node: (name) => nodes.get(name) },
    {
      ...rest,
      ...(topologyHints && { topology: { shares: ratios ? new Map(Object.entries(ratios)) : undefined } }),
    },
  );
  const after = [...result.unchanged, ...result.update, ...result.create];
  const names = (slices: readonly EndpointSlice[]) => slices.map((slice) => slice.metadata.name).sort();
  const exact = expect.hintCounts === undefined;
  const found = {
    groups: normalise(groupsOf(after), exact),
    actions: { create: result.create.length, update: names(result.update), delete: names(result.delete) },
    hasError: result.withoutNode.length > 0,
    hintCounts: exact ? undefined : hintCounts(after),
  };
  const { create, update, delete: gone } = expect.actions;
  const wanted = {
    groups: normalise(expect.groups, exact),
    actions: { create, update: [...update].sort(), delete: [...gone].sort() },
    hasError: expect.error !== undefined,
    hintCounts: expect.hintCounts,
  };
  const difference = firstDifference(plain(wanted), plain(found));
  return difference === undefined ? pass : fail(difference);
}
