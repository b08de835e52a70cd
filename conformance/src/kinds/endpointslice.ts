/** What the endpointslice controller makes of Pods, Services and Nodes, and the parts of its work that can be asked for alone. */
import type {
  EndpointPort,
  EndpointSlice,
  IPFamily,
  KubeObject,
  Node,
  Pod,
  Service,
  ServicePort,
} from '@podwire/model';
import { controllers } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import { judgeReconcile, type ReconcileCase } from './endpointslice-reconcile.ts';

type Counts = Record<string, number>;
type Allocation = controllers.Allocation;

interface SliceLists {
  slicesToCreate?: EndpointSlice[];
  slicesToUpdate?: EndpointSlice[];
  slicesUnchanged?: EndpointSlice[];
}

type PartCase = { id: string; expect: Record<string, unknown> } & (
  | { operation: 'podToEndpoint'; pod: Pod; node: Node | null; service: Service; addressType: IPFamily }
  | { operation: 'endpointPorts'; pod: Pod; service: Service }
  | { operation: 'addressTypes'; service: Service }
  | { operation: 'sliceLabels'; slice: EndpointSlice; service: Service; managedBy: string }
  | { operation: 'hintsEnabled'; annotations: Record<string, string> }
  | { operation: 'findPort'; pod: Pod; servicePort: ServicePort }
  | { operation: 'newSlice'; service: Service; addressType: IPFamily; ports: EndpointPort[]; managedBy: string }
  | { operation: 'podInEndpoints'; pod: Pod; includeTerminating: boolean }
  | { operation: 'setHostname'; pod: Pod; service: Service }
  | { operation: 'setNodes'; nodes: Node[] }
  | ({ operation: 'trafficDistribution'; trafficDistribution: string | null } & SliceLists)
  | ({
      operation: 'addHints';
      cpuRatiosByZone: Counts | null;
      endpointsByService: Record<string, Record<string, Counts>>;
      serviceKey: string;
      addressType: IPFamily;
    } & SliceLists)
  | ({ operation: 'totalReadyEndpoints' } & SliceLists)
  | { operation: 'redistributeHints'; slices: EndpointSlice[]; givingZones: Counts; receivingZones: Counts }
  | {
      operation: 'givingAndReceivingZones';
      allocations: Record<string, Allocation>;
      allocatedHintsByZone: Counts | null;
    }
  | {
      operation: 'hintsByZone';
      slice: EndpointSlice;
      allocations: Record<string, Allocation>;
      allocatedHintsByZone: Counts | null;
    }
);

type EndpointSliceCase = ReconcileCase | PartCase;

const mapOf = <T>(record: Record<string, T> | null | undefined) => new Map(Object.entries(record ?? {}));

/** Test objects leave out what the API server would never leave out. */
function whole<T extends KubeObject>(object: T): T {
  return { ...object, spec: object.spec ?? {} };
}

function setsOf({ slicesToCreate, slicesToUpdate, slicesUnchanged }: SliceLists): controllers.SliceSets {
  return { create: slicesToCreate ?? [], update: slicesToUpdate ?? [], unchanged: slicesUnchanged ?? [] };
}

const bySets = ({ create, update, unchanged }: controllers.SliceSets) => ({
  slicesToCreate: create,
  slicesToUpdate: update,
  slicesUnchanged: unchanged,
});

/** The state of the controller's memory after the Service's hints were given or taken away. */
function hintsAfter(row: Extract<PartCase, { operation: 'addHints' }>, allocated: controllers.ZoneCounts | undefined) {
  const { [row.addressType]: _before, ...others } = row.endpointsByService[row.serviceKey] ?? {};
  const mine = allocated ? { ...others, [row.addressType]: Object.fromEntries(allocated) } : others;
  const { [row.serviceKey]: _service, ...rest } = row.endpointsByService;
  return Object.keys(mine).length === 0 ? rest : { ...rest, [row.serviceKey]: mine };
}

function addHints(row: Extract<PartCase, { operation: 'addHints' }>) {
  const shares = row.cpuRatiosByZone ? mapOf(row.cpuRatiosByZone) : undefined;
  const { allocated, reason, ...sets } = controllers.addTopologyHints(setsOf(row), shares);
  const event = allocated
    ? { type: 'Normal', reason: 'TopologyAwareHintsEnabled', message: 'Topology Aware Hints has been enabled' }
    : { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message: reason ?? '' };
  const wasHinted = row.endpointsByService[row.serviceKey] !== undefined;
  return {
    ...bySets(sets),
    events: allocated && wasHinted ? [] : [{ ...event, message: `${event.message}, addressType: ${row.addressType}` }],
    endpointsByService: hintsAfter(row, allocated),
  };
}

/** The answer in the form of `expect`. */
function answer(row: PartCase): Record<string, unknown> {
  switch (row.operation) {
    case 'podToEndpoint':
      return {
        endpoint: controllers.podToEndpoint(row.pod, row.node ?? undefined, whole(row.service), row.addressType),
      };
    case 'endpointPorts':
      return { ports: controllers.endpointPorts(whole(row.service), row.pod) };
    case 'addressTypes':
      return { addressTypes: controllers.addressTypesOf(whole(row.service)) };
    case 'sliceLabels':
      return controllers.sliceLabels(row.slice, whole(row.service), row.managedBy);
    case 'hintsEnabled':
      return { enabled: controllers.wantsTopologyHints(row.annotations) };
    case 'findPort': {
      const port = controllers.findPort(row.pod, row.servicePort);
      return port === undefined ? { error: true } : { port };
    }
    case 'newSlice': {
      const slice = controllers.newSlice(whole(row.service), row.addressType, row.ports, row.managedBy);
      const { name: _name, ...metadata } = slice.metadata;
      return { slice: { ...slice, metadata } };
    }
    case 'podInEndpoints':
      return { included: controllers.isPodInEndpoints(row.pod, row.includeTerminating) };
    case 'setHostname':
      return { set: controllers.hasEndpointHostname(row.pod, row.service) };
    case 'setNodes': {
      const shares = controllers.zoneShares(row.nodes);
      return { sufficientNodeInfo: shares !== undefined, cpuRatiosByZone: shares ? Object.fromEntries(shares) : null };
    }
    case 'trafficDistribution':
      return bySets(controllers.distributeTraffic(setsOf(row), row.trafficDistribution ?? undefined));
    case 'addHints':
      return addHints(row);
    case 'totalReadyEndpoints': {
      const { create, update, unchanged } = setsOf(row);
      return { count: controllers.readyEndpoints([...create, ...update, ...unchanged]) };
    }
    case 'redistributeHints': {
      const exchanged = { giving: mapOf(row.givingZones), receiving: mapOf(row.receivingZones) };
      return { redistributed: Object.fromEntries(controllers.redistribute(row.slices, exchanged).moved) };
    }
    case 'givingAndReceivingZones': {
      const { giving, receiving } = controllers.exchange(mapOf(row.allocations), mapOf(row.allocatedHintsByZone));
      return { givingZones: Object.fromEntries(giving), receivingZones: Object.fromEntries(receiving) };
    }
    case 'hintsByZone': {
      const counts = controllers.hintsByZone(row.slice, mapOf(row.allocatedHintsByZone), mapOf(row.allocations));
      return { hintsByZone: counts ? Object.fromEntries(counts) : null };
    }
  }
}

function judge(row: EndpointSliceCase): Outcome {
  if (row.operation === 'reconcile') return judgeReconcile(row);
  const found = answer(row);
  // Facts that a case does not state are not asked for.
  const asked = Object.fromEntries(Object.keys(row.expect).map((fact) => [fact, found[fact]]));
  const difference = firstDifference(row.expect, asked);
  return difference === undefined ? pass : fail(difference);
}

export const endpointSlice: Kind = {
  kind: 'endpointslice',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<EndpointSliceCase>('cases.jsonl'))
      yield { id: row.id, variant: row.operation, run: () => judge(row) };
  },
};
