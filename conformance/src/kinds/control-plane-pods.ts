/** The pods that stand behind Services once workloads are created: how many, with which labels, names and ports. */
import type { Node, Pod } from '@podwire/model';
import { fail, type Outcome, pass, skip } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import { clusterOf } from './control-plane-services.ts';
import { isAccepted, type StepsCase, stateOf } from './control-plane-state.ts';

/** Labels whose values are a hash, a uid, or the node's. */
const DRAWN =
  /^(pod-template-hash|controller-revision-hash|(batch\.kubernetes\.io\/)?controller-uid|topology\.kubernetes\.io\/.*)$/;

/** What two pods of one workload have in common; Jobs' pods are left out, because they end. */
function factsOf({ metadata, spec }: Pod): string[] {
  const owner = metadata.ownerReferences?.[0]?.kind;
  if (owner === 'Job') return [];
  const labels = Object.entries(metadata.labels ?? {})
    .filter(([key]) => !key.startsWith('topology.'))
    .map(([key, value]) => `${key}=${DRAWN.test(key) ? '*' : value}`);
  const ports = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap((one) => one.ports ?? []);
  const facts = {
    owner,
    labels: labels.sort(),
    hostname: spec.hostname,
    subdomain: spec.subdomain,
    hostNetwork: spec.hostNetwork || undefined,
    ports: ports.map(({ name, containerPort, protocol, hostPort }) => [name, containerPort, protocol, hostPort]),
    runs: spec.nodeName !== undefined,
  };
  return [JSON.stringify(facts)];
}

/** The first step of a sequence, if it creates something. */
export async function judgeCreatedPods(row: StepsCase, nodes: readonly Node[]): Promise<Outcome> {
  const [first] = row.steps;
  if (first?.action.op !== 'create' || !first.state) return skip('the sequence does not begin with new objects');
  const objects = (first.action.objects ?? []).filter((_object, i) => isAccepted(first, i));
  const accounts = new Set(
    objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name),
  );
  const { pods } = await clusterOf([...nodes, ...objects], {});
  const found = [...pods.values()].map(({ object }) => object);
  const needsAccount = found.some(
    ({ spec: { serviceAccountName: name = 'default' } }) => name !== 'default' && !accounts.has(name),
  );
  if (needsAccount) return skip('pods of a ServiceAccount that the manifests lack: podwire takes it to exist');
  const difference = firstDifference(stateOf(first.state).pods.flatMap(factsOf).sort(), found.flatMap(factsOf).sort());
  return difference === undefined ? pass : fail(difference);
}
