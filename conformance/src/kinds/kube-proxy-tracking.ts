/** How Services become service ports and EndpointSlices endpoint lists, and what a change of them marks for update. */
import {
  type EndpointInfo,
  type EndpointSlice,
  endpointsByServicePort,
  endpointsChange,
  healthCheckNodePorts,
  type IPFamily,
  localReadyEndpoints,
  type Service,
  type ServicePortInfo,
  serviceOfSlice,
  servicePorts,
  servicePortsOf,
  updatedServices,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import type { Suite } from '../runner/suite.ts';

interface ExpectedPort {
  servicePortName: string;
  protocol: string;
}

interface ExpectedEndpoints {
  namespace: string;
  name: string;
  port: string;
  protocol: string;
  endpoints: { endpoint: string }[];
}

interface TrackingCase {
  id: string;
  operation: 'serviceToPorts' | 'servicesSync' | 'slicesSync' | 'slicesToEndpoints';
  ipFamily?: IPFamily;
  node?: { name: string };
  service?: Service;
  services?: Service[];
  previousSlices?: (EndpointSlice | null)[];
  currentSlices?: (EndpointSlice | null)[];
  expect: {
    ports?: ExpectedPort[];
    endpoints?: ExpectedEndpoints[];
    updatedServices?: string[];
    healthCheckNodePorts?: Record<string, number>;
    localReadyEndpoints?: Record<string, number>;
    conntrackCleanupRequired?: boolean;
  };
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function asExpectedPort(port: ServicePortInfo) {
  const { service: _service, index: _index, nameString, externalIPs, loadBalancerVIPs, ...rest } = port;
  return {
    ...rest,
    servicePortName: nameString,
    externalIPs: externalIPs.map(({ ip }) => ip),
    loadBalancerVIPs: loadBalancerVIPs.map(({ ip }) => ip),
    loadBalancerSourceRanges: port.loadBalancerSourceRanges.map(({ cidr }) => cidr.text),
  };
}

function sortPorts<P extends ExpectedPort>(ports: readonly P[]): P[] {
  const key = (port: P) => `${port.servicePortName} ${port.protocol}`;
  return [...ports].sort((a, b) => byText(key(a), key(b)));
}

function asExpectedEndpoints(endpoints: ReadonlyMap<string, EndpointInfo[]>, nodeName: string): ExpectedEndpoints[] {
  return [...endpoints].flatMap(([key, list]) => {
    const first = list[0];
    const [namespace = '', name = ''] = (first && serviceOfSlice(first.slice))?.split('/') ?? [];
    const rest = key.slice(`${namespace}/${name}:`.length);
    const slash = rest.lastIndexOf('/');
    return {
      namespace,
      name,
      port: rest.slice(0, slash),
      protocol: rest.slice(slash + 1),
      endpoints: list.map(({ endpoint, ready, serving, terminating, zoneHints, nodeHints, nodeName: on }) => ({
        endpoint,
        local: on !== '' && on === nodeName,
        ready,
        serving,
        terminating,
        zoneHints: [...zoneHints],
        nodeHints: [...nodeHints],
      })),
    };
  });
}

function sortEndpoints(lists: readonly ExpectedEndpoints[]): ExpectedEndpoints[] {
  const key = (list: ExpectedEndpoints) => `${list.namespace}/${list.name}:${list.port}/${list.protocol}`;
  return [...lists].sort((a, b) => byText(key(a), key(b)));
}

const present = (slices: readonly (EndpointSlice | null)[] | undefined) =>
  (slices ?? []).filter((slice) => slice !== null);

/** Everything the operation answers with, in the form of `expect`; facts that a case does not ask for are left out. */
function answer(row: TrackingCase, before: readonly Service[]): TrackingCase['expect'] {
  const family = row.ipFamily ?? 'IPv4';
  const nodeName = row.node?.name ?? '';
  switch (row.operation) {
    case 'serviceToPorts':
      return { ports: row.service ? servicePortsOf(row.service, family).map(asExpectedPort) : [] };
    case 'servicesSync': {
      const services = row.services ?? [];
      const ports = [...servicePorts(services, family).values()];
      return {
        ports: ports.map(asExpectedPort),
        updatedServices: updatedServices(before, services, family),
        healthCheckNodePorts: Object.fromEntries(healthCheckNodePorts(ports)),
      };
    }
    case 'slicesSync': {
      const change = endpointsChange(present(row.previousSlices), present(row.currentSlices), family);
      return {
        endpoints: asExpectedEndpoints(change.endpoints, nodeName),
        updatedServices: change.updatedServices,
        conntrackCleanupRequired: change.conntrackCleanupRequired,
        localReadyEndpoints: Object.fromEntries(localReadyEndpoints(change.endpoints, nodeName)),
      };
    }
    case 'slicesToEndpoints': {
      const endpoints = endpointsByServicePort(present(row.currentSlices), family);
      return {
        endpoints: asExpectedEndpoints(endpoints, nodeName),
        localReadyEndpoints: Object.fromEntries(localReadyEndpoints(endpoints, nodeName)),
      };
    }
  }
}

function normalise(expect: TrackingCase['expect'], asked: TrackingCase['expect']): TrackingCase['expect'] {
  return {
    ...(asked.ports && { ports: sortPorts(expect.ports ?? []) }),
    ...(asked.endpoints && { endpoints: sortEndpoints(expect.endpoints ?? []) }),
    ...(asked.updatedServices && { updatedServices: [...(expect.updatedServices ?? [])].sort() }),
    ...(asked.healthCheckNodePorts && { healthCheckNodePorts: expect.healthCheckNodePorts ?? {} }),
    ...(asked.localReadyEndpoints && { localReadyEndpoints: expect.localReadyEndpoints ?? {} }),
    ...(asked.conntrackCleanupRequired !== undefined && {
      conntrackCleanupRequired: expect.conntrackCleanupRequired ?? false,
    }),
  };
}

function judge(row: TrackingCase, before: readonly Service[]): Outcome {
  const found = normalise(answer(row, before), row.expect);
  const difference = firstDifference(normalise(row.expect, row.expect), found);
  return difference === undefined ? pass : fail(difference);
}

/** Records of one test share what stands before the `#`; a record changes what the one before it left. */
const testOf = (id: string) => id.slice(0, id.lastIndexOf('#'));

function* cases(suite: Suite): Generator<SuiteCase> {
  let before: { test: string; services: Service[] } | undefined;
  for (const row of suite.jsonLines<TrackingCase>('cases.jsonl')) {
    const test = testOf(row.id);
    const services = before?.test === test ? before.services : [];
    yield { id: row.id, variant: row.operation, run: () => judge(row, services) };
    if (row.operation === 'servicesSync') before = { test, services: row.services ?? [] };
  }
}

export const kubeProxyTracking: Kind = { kind: 'kube-proxy-tracking', cases };
