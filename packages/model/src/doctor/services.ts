/** Services that cannot answer. */
import type { Hint } from '../answer/answer.ts';
import { objectRef } from '../answer/provenance.ts';
import { whyNoEndpoints } from '../answer/service-why.ts';
import type { Placed } from '../cluster/cluster.ts';
import { builtInKind } from '../objects/kinds.ts';
import type { Service } from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';
import { isHeadless } from '../objects/pod-facts.ts';
import { strangersOf } from '../why/strangers.ts';
import type { Finding } from './answer.ts';
import type { Looking } from './look.ts';

function findingOf({ code, text, mend, object }: Hint, rank: Finding['rank']): Finding {
  return { rank, code, text, ...(mend !== undefined && { mend }), ...(object && { object }) };
}

/** Whether some endpoint takes traffic of the port. */
function hasEndpoint({ session }: Looking, key: string, name: string | undefined): boolean {
  return (session.cluster.endpointSlices.get(key) ?? []).some(
    ({ object }) =>
      (object.ports ?? []).some((port) => (port.name ?? '') === (name ?? '')) &&
      (object.endpoints ?? []).some(
        ({ conditions = {} }) => conditions.ready !== false || (conditions.serving && conditions.terminating),
      ),
  );
}

/** A custom object of the name that the selector asks for: an operator makes the pods of it. */
function isMadeByOperator({ session }: Looking, { object }: Placed<Service>): boolean {
  const values = new Set(Object.values(object.spec.selector ?? {}));
  const namespace = object.metadata.namespace ?? 'default';
  return session.read.objects.some(
    ({ object: { apiVersion, kind, metadata } }) =>
      !builtInKind(apiVersion, kind) && (metadata.namespace ?? 'default') === namespace && values.has(metadata.name),
  );
}

/** Nobody wonders at a Service whose workload is scaled to zero, or whose pods an operator makes. */
function waits(looking: Looking, placed: Placed<Service>): { code: string; why: string } | undefined {
  const { session } = looking;
  const { object } = placed;
  const selector = object.spec.selector ?? {};
  const namespace = object.metadata.namespace ?? 'default';
  if (Object.keys(selector).length === 0) return undefined;
  const idle = [...session.cluster.workloads.values()].some(
    ({ object: { metadata, spec } }) =>
      (metadata.namespace ?? 'default') === namespace &&
      spec.replicas === 0 &&
      matchesPairs(selector, spec.template?.metadata?.labels ?? {}),
  );
  if (idle) return { code: 'scaled-to-zero', why: 'the workload behind it is scaled to zero' };
  return isMadeByOperator(looking, placed)
    ? { code: 'made-by-operator', why: 'an operator makes its pods, and they are not in the input' }
    : undefined;
}

function checkPort(looking: Looking, key: string, placed: Placed<Service>, index: number): Finding[] {
  const { session, provenance } = looking;
  const port = placed.object.spec.ports?.[index];
  if (!port || hasEndpoint(looking, key, port.name)) return [];
  const reason = waits(looking, placed);
  if (reason) {
    const text = `svc/${key} has no endpoint: ${reason.why}.`;
    return [{ rank: 'note', code: reason.code, text, object: objectRef(provenance, placed, ['spec', 'selector']) }];
  }
  const hints = whyNoEndpoints(session.cluster, key, index, provenance);
  return hints.map((hint) => findingOf(hint, hint.code === 'no-selector' ? 'suspect' : 'broken'));
}

export function checkServices(looking: Looking): Finding[] {
  const { cluster } = looking.session;
  return [...cluster.services].flatMap(([key, placed]): Finding[] => {
    const { spec } = placed.object;
    if (spec.type === 'ExternalName' || !placed.origin || cluster.unknownEndpoints?.has(key)) return [];
    const ports = isHeadless(placed.object) && (spec.ports ?? []).length === 0 ? [] : (spec.ports ?? []);
    const found = ports.flatMap((_, index) => checkPort(looking, key, placed, index));
    const strangers = strangersOf(cluster, key, looking.provenance);
    if (strangers) found.push({ rank: 'suspect', ...strangers });
    return distinct(found);
  });
}

/** Ports of one Service mostly fail for one reason. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, text }) => !seen.has(`${code} ${text}`) && seen.add(`${code} ${text}`) !== undefined);
}
