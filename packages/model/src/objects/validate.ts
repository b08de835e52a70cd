import { type Finding, Findings } from './findings.ts';
import { builtInKind, knownKinds, servedGroup } from './kinds.ts';
import type { KubeObject, Pod, Workload } from './kube.ts';
import { suggest } from './suggest.ts';
import { validateFields } from './validate-fields.ts';
import { validatePodSpec, validateWorkload } from './validate-pod.ts';

const workloads = new Set([
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'DaemonSet',
  'ReplicationController',
  'Job',
  'CronJob',
]);

/** Kinds whose names may be more, or must be less, than DNS names. */
const labelled = new Set(['Service', 'Namespace', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding']);

/**
 * What an API server would refuse in a Pod, a workload or another built-in object of which `apiserver/` does not know all rules yet: unknown
 * words and fields, bad names and ports. The object's fields must have the types of its kind. Nothing is found in custom resources.
 */
export function validateObject(object: KubeObject): Finding[] {
  const findings = new Findings();
  if (builtInKind(object.apiVersion, object.kind) === undefined) return findings.list;
  if (!labelled.has(object.kind)) findings.subdomain(['metadata', 'name'], object.metadata.name);
  findings.labels(['metadata', 'labels'], object.metadata.labels);
  validateFields(object.kind, object.spec, findings);
  if (object.spec === undefined || object.spec === null) return findings.list;
  if (object.kind === 'Pod') validatePodSpec((object as Pod).spec, ['spec'], findings);
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
