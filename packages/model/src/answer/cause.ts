/** From what made a rule, a route or a link to the object, file and line that stand behind it. */
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

/** The construct that a network plugin really uses and that is treated as something simpler. */
export function causeNotModelled(cause: unknown): { cni: string; construct: string } | undefined {
  if (!isDataplaneCause(cause) || cause.kind !== 'cni' || cause.notModelled === undefined) return undefined;
  return { cni: cause.cni, construct: cause.notModelled };
}
