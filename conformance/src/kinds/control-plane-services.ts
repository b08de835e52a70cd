/** Services as the API server stores them: defaults, families, what an update keeps and drops. */
import {
  buildCluster,
  type ClusterOverrides,
  type KubeObject,
  type Node,
  readSources,
  type Service,
} from '@podwire/model';
import { fail, type Outcome, pass } from '../runner/contract.ts';
import { serverOf } from './api-server.ts';
import { comparableService, differenceOf, keyOf } from './control-plane-objects.ts';
import { isAccepted, mergePatch, type Step, type StepsCase, stateOf } from './control-plane-state.ts';

/** The cluster that podwire makes of objects. */
export async function clusterOf(objects: readonly KubeObject[], overrides: ClusterOverrides) {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return buildCluster(await readSources([{ name: 'objects.json', bytes: new TextEncoder().encode(text) }]), overrides);
}

const RANGES = ['10.96.0.0/16', 'fd00:10:96::/112'];

/** The Service as it stands once the API server has taken it, beside those that are there. */
function updated(before: readonly Service[], sent: Service): Service {
  const server = serverOf(RANGES.join(), '30000-32767', [sent.metadata.namespace ?? 'default']);
  const typed = { apiVersion: 'v1', kind: 'Service' };
  for (const service of before) server.hold({ ...service, ...typed });
  const answer = server.update({ ...sent, ...typed });
  if (!answer.accepted) throw new Error(answer.message);
  return answer.object as Service;
}

/** What the step sends of Services, each with the one that it is written over. */
function sent(before: readonly Service[], step: Step): { after: Service[]; written: Service[] } {
  const { op, kind, name, objects = [], mergePatch: patch } = step.action;
  if (op === 'create') {
    const made = objects.filter((object, i) => object.kind === 'Service' && isAccepted(step, i)) as Service[];
    return { after: [...before, ...made], written: made };
  }
  if (op === 'delete-namespace') return { after: [], written: [] };
  if (kind !== 'service' || !isAccepted(step)) return { after: [...before], written: [] };
  if (op === 'delete') return { after: before.filter(({ metadata }) => metadata.name !== name), written: [] };
  if (op !== 'patch') return { after: [...before], written: [] };
  const written: Service[] = [];
  const after = before.map((service) => {
    if (service.metadata.name !== name) return service;
    const merged = mergePatch(service, patch) as Service;
    written.push(merged);
    return updated(before, merged);
  });
  return { after, written };
}

export async function judgeServices(row: StepsCase, nodes: readonly Node[]): Promise<Outcome> {
  let before: Service[] = [];
  for (const [i, step] of row.steps.entries()) {
    const { after, written } = sent(before, step);
    if (!step.state) continue;
    const { services } = stateOf(step.state);
    const cluster = await clusterOf([...nodes, ...after], { serviceCIDRs: RANGES });
    const names = new Set(after.map(keyOf));
    const found = [...cluster.services.values()].map(({ object }) => object).filter((one) => names.has(keyOf(one)));
    const given = [...before, ...written];
    const difference = differenceOf(
      services.map((service) => comparableService(service, given)),
      found.map((service) => comparableService(service, given)),
    );
    if (difference !== undefined) return fail(`step ${i + 1} (${step.action.op}): ${difference}`);
    before = services;
  }
  return pass;
}
