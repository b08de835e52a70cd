/** From what made a rule, a route or a link to the object, file and line that stand behind it. */
import type { Step, Walk } from '@podwire/engine';
import { type DataplaneCause, isDataplaneCause } from '../dataplane/cause.ts';
import type { ObjectRef } from './answer.ts';
import { type FieldPath, objectRef, type Provenance } from './provenance.ts';

function proxyObject(provenance: Provenance, cause: Extract<DataplaneCause, { kind: 'proxy' }>): ObjectRef | undefined {
  // An endpoint rule is there because of the slice; the slice is there because of the Service: name the one a person wrote.
  if (cause.slice && cause.endpoint !== undefined) {
    const slice = provenance.placed(cause.slice);
    if (slice?.origin) return objectRef(provenance, slice, ['endpoints', cause.endpoint]);
  }
  if (!cause.service) return undefined;
  const service = provenance.placed(cause.service);
  if (!service) return undefined;
  const path: FieldPath = cause.path ?? (cause.port === undefined ? [] : ['spec', 'ports', cause.port]);
  return objectRef(provenance, service, path);
}

/** The object behind a cause; undefined for what stands on every node alike. */
export function causeObject(provenance: Provenance, cause: unknown): ObjectRef | undefined {
  if (!isDataplaneCause(cause)) return undefined;
  switch (cause.kind) {
    case 'proxy':
      return proxyObject(provenance, cause);
    case 'node':
      return objectRef(provenance, cause.node, cause.path ?? []);
    case 'pod':
    case 'host-port':
      return objectRef(provenance, cause.pod, cause.path ?? []);
    case 'outside':
      return cause.service && objectRef(provenance, cause.service, cause.path ?? []);
    case 'cni':
      return undefined;
  }
}

/** What made a step's rule do what it did: the element that it found in a set or map, where that has a cause of its own. */
export function stepCause({ element, rule }: Extract<Step, { kind: 'rule' }>): unknown {
  return element?.cause ?? rule.cause;
}

/**
 * What made a rule end a walk. A rule that is there for everybody ends it because of who sent packets there: the element of a map of
 * verdicts that led to its chain.
 */
export function endCause({ end, steps }: Walk): unknown {
  const { rule } = end;
  if (!rule) return undefined;
  const last = steps.findLastIndex((step) => step.kind === 'rule');
  const step = steps[last];
  const own = rule.chain.rules[rule.index]?.cause;
  if (step?.kind !== 'rule') return own;
  const cause = stepCause(step);
  if (!isDataplaneCause(cause) || cause.kind !== 'proxy' || cause.service || cause.path) return cause;
  const before = steps.slice(0, last).findLast((one) => one.kind === 'rule');
  return before?.kind === 'rule' && before.target === rule.chain.name ? stepCause(before) : cause;
}

/** The construct that a network plugin really uses and that is treated as something simpler. */
export function causeNotModelled(cause: unknown): { cni: string; construct: string } | undefined {
  if (!isDataplaneCause(cause) || cause.kind !== 'cni' || cause.notModelled === undefined) return undefined;
  return { cni: cause.cni, construct: cause.notModelled };
}
