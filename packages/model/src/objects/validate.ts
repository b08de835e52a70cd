import { type Finding, Findings } from './findings.ts';
import { builtInKind, knownKinds, servedGroup } from './kinds.ts';
import type { EndpointSlice, KubeObject, NetworkPolicy, Pod, Service, Workload } from './kube.ts';
import { suggest } from './suggest.ts';
import { validateFields } from './validate-fields.ts';
import { validateEndpointSlice, validatePodSpec, validateWorkload } from './validate-pod.ts';
import { validatePolicy } from './validate-policy.ts';
import { validateService } from './validate-service.ts';

const workloads = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'ReplicationController',
  'Job',
  'CronJob',
]);

/** Kinds whose names become one label of DNS names, and kinds whose names may be more than DNS names. */
const labelled = new Set(['Service', 'Namespace', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']);

/**
 * What an API server would refuse in a built-in object, judged by itself: unknown words and fields, fields that exclude each other, bad
 * names, ports and addresses. The object's fields must have the types of its kind. Nothing is found in custom resources.
 */
export function validateObject(object: KubeObject): Finding[] {
  const findings = new Findings();
  if (builtInKind(object.apiVersion, object.kind) === undefined) return findings.list;
  if (!labelled.has(object.kind)) findings.subdomain(['metadata', 'name'], object.metadata.name);
  findings.labels(['metadata', 'labels'], object.metadata.labels);
  validateFields(object.kind, object.spec, findings);
  if (object.kind === 'EndpointSlice') validateEndpointSlice(object as EndpointSlice, findings);
  else if (object.kind === 'NetworkPolicy') validatePolicy(object as NetworkPolicy, findings);
  else if (object.kind === 'Namespace') findings.label(['metadata', 'name'], object.metadata.name);
  else if (object.spec === undefined || object.spec === null) return findings.list;
  else if (object.kind === 'Service') validateService(object as Service, findings);
  else if (object.kind === 'Pod') validatePodSpec((object as Pod).spec, ['spec'], findings);
  else if (workloads.has(object.kind)) validateWorkload(object as Workload, findings);
  return findings.list;
}

const builtInGroups = new Set(knownKinds.map(({ apiVersion, kind }) => servedGroup(apiVersion, kind)));

/** A kind that its built-in group does not have and that looks like one it has: `Deploymnt`, or a Deployment of `v1`. */
export function misspeltKind({ apiVersion, kind }: KubeObject): Finding | undefined {
  if (!builtInGroups.has(servedGroup(apiVersion, kind)) || builtInKind(apiVersion, kind) !== undefined)
    return undefined;
  const [meant] = suggest(kind, knownKinds, (known) => known.kind, 1);
  if (meant === undefined) return undefined;
  const isElsewhere = meant.kind === kind;
  const path = isElsewhere ? ['apiVersion'] : ['kind'];
  const mend = `Did you mean ${isElsewhere ? `apiVersion: ${meant.apiVersion}` : meant.kind}?`;
  return {
    severity: 'error',
    code: 'unknown-kind',
    path,
    message: `${apiVersion} has no kind ${kind}: it is not used`,
    mend,
  };
}
