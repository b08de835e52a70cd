/** What Services, EndpointSlices and Endpoints come to after each of several changes to a cluster. */
import { controllers, defaultObject, type KubeObject, type Node, type ObjectMeta } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import { comparableEndpoints, comparableSlice, differenceOf, keyOf } from './control-plane-objects.ts';
import { judgeCreatedPods } from './control-plane-pods.ts';
import { judgeServices } from './control-plane-services.ts';
import { isAccepted, mergePatch, NOTHING, type Step, type StepsCase, stateOf } from './control-plane-state.ts';

/** What the step did by hand to slices and Endpoints, before any controller. */
function changedByHand<T extends KubeObject>(kind: string, before: readonly T[], step: Step): T[] {
  const { op, name, mergePatch: patch, objects = [] } = step.action;
  if (op === 'create') {
    const made = objects.filter((object, i) => object.kind === kind && isAccepted(step, i)) as T[];
    return [...before, ...made.map(defaultObject)];
  }
  if (op === 'delete-namespace') return [];
  if (step.action.kind !== kind.toLowerCase() || !isAccepted(step)) return [...before];
  if (op === 'delete') return before.filter((object) => object.metadata.name !== name);
  if (op !== 'patch') return [...before];
  return before.map((object) =>
    object.metadata.name === name ? defaultObject(mergePatch(object, patch) as T) : object,
  );
}

/** The cluster's nodes, Ready as their kubelets report. */
function readyNodes(given: readonly Node[]): Map<string, Node> {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  return new Map(given.map((node) => [node.metadata.name, { ...node, status: { ...node.status, ...ready } }]));
}

function nodesAfter(before: ReadonlyMap<string, Node>, { action, nodes: shown }: Step): Map<string, Node> {
  const changed = new Map(before);
  const node = before.get(action.node ?? '');
  if (action.op === 'delete-node') changed.delete(action.node ?? '');
  if (action.op === 'label-node' && node) {
    const metadata = mergePatch(node.metadata, { labels: action.labels ?? {} }) as ObjectMeta;
    changed.set(node.metadata.name, { ...node, metadata });
  }
  for (const { name, ready = [] } of shown ?? []) {
    const known = changed.get(name);
    const conditions = [{ type: 'Ready', status: ready[0] ?? 'Unknown' }];
    if (known) changed.set(name, { ...known, status: { ...known.status, conditions } });
  }
  return changed;
}

/** One judge for one resource, over all states of a sequence. */
function judge(row: StepsCase, given: readonly Node[], resource: 'endpointslices' | 'endpoints'): Outcome {
  let before = NOTHING;
  let nodes = readyNodes(given);
  for (const [i, step] of row.steps.entries()) {
    nodes = nodesAfter(nodes, step);
    if (!step.state) continue;
    const after = stateOf(step.state);
    const index = new controllers.PodIndex(after.pods);
    const left = new Set(after.services.map(keyOf));
    const deleted = new Set(before.services.map(keyOf).filter((key) => !left.has(key)));
    const found = controllers.convergeEndpoints(
      {
        services: after.services,
        select: (namespace, selector) => index.selected(namespace, selector),
        node: (name) => nodes.get(name),
      },
      {
        slices: changedByHand('EndpointSlice', before.slices, step),
        endpoints: changedByHand('Endpoints', before.endpoints, step),
      },
      { topology: { shares: controllers.zoneShares(nodes.values()) } },
      deleted,
    );
    const known = new Set(before.slices.map((slice) => slice.metadata.name));
    const difference =
      resource === 'endpoints'
        ? differenceOf(after.endpoints.map(comparableEndpoints), found.endpoints.map(comparableEndpoints))
        : differenceOf(
            after.slices.map((slice) => comparableSlice(slice, known)),
            found.slices.map((slice) => comparableSlice(slice, known)),
          );
    if (difference !== undefined) return fail(`step ${i + 1} (${step.action.op}): ${difference}`);
    before = after;
  }
  return pass;
}

/** Everything else that a state holds, and whose matter it is. */
const OTHERS: Readonly<Record<string, string>> = {
  pods: 'pods over time are the scheduler’s, the kubelet’s and the workload controllers’ matter',
  deployments: 'workload controllers over time are not modelled',
  replicasets: 'workload controllers over time are not modelled',
  statefulsets: 'workload controllers over time are not modelled',
  daemonsets: 'workload controllers over time are not modelled',
  jobs: 'workload controllers over time are not modelled',
  controllerrevisions: 'workload controllers over time are not modelled',
  persistentvolumeclaims: 'volumes do not matter to packets',
  poddisruptionbudgets: 'evictions are not modelled',
};

export const controlPlaneSteps: Kind = {
  kind: 'control-plane-steps',
  *cases(suite): Generator<SuiteCase> {
    const { nodes } = suite.json<{ nodes: Node[] }>('suite.json');
    for (const row of suite.jsonLines<StepsCase>('cases.jsonl')) {
      for (const resource of ['endpointslices', 'endpoints'] as const)
        yield { id: row.id, variant: resource, run: () => judge(row, nodes, resource) };
      yield { id: row.id, variant: 'services', run: () => judgeServices(row, nodes) };
      yield { id: row.id, variant: 'pods-created', run: () => judgeCreatedPods(row, nodes) };
      const resources = new Set(row.steps.flatMap((step) => Object.keys(step.state ?? {})));
      for (const [resource, reason] of Object.entries(OTHERS))
        if (resources.has(resource)) yield { id: row.id, variant: resource, run: () => skip(reason) };
    }
  },
};
