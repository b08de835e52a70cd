import { distinctObjects, type KubeObject, matchesPairs, type ReadResult, type SourcedObject } from '@podwire/model';
import { countEndpoints, countIngresses, countNodes, countPods } from './live.ts';
import { countPolicies } from './policies.ts';
import { countServices, serviceRows } from './services.ts';
import { Counts, isMapping } from './values.ts';
import { countContainerPorts, countTemplates, countWorkloads, type Template, templateOf } from './workloads.ts';

/** The group, as the facts name it: a version that names no group stands for itself. */
function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  if (slash !== -1) return apiVersion.slice(0, slash);
  return /^v\d/.test(apiVersion) ? '' : apiVersion;
}

/** Groups that an API server serves itself. */
const servedGroups = new Set(['', 'apps', 'autoscaling', 'batch', 'extensions', 'policy', 'rbac.authorization.k8s.io']);

function isServed(group: string): boolean {
  const isSystem = /^[a-z]+\.k8s\.io$/.test(group) && group !== 'kubeadm.k8s.io';
  return servedGroups.has(group) || isSystem || group === 'flowcontrol.apiserver.k8s.io';
}

/** Versions that were removed, and versions of which only some kinds are left. */
function isOld(apiVersion: string): boolean {
  return (
    /^(?:apps|batch|extensions|policy|[a-z.]*\.k8s\.io)\/v\d+beta\d+$/.test(apiVersion) && isServed(groupOf(apiVersion))
  );
}

/** Kinds of which it is said how many definitions name no namespace, whatever their group. */
const placedKinds = new Set([
  'ConfigMap',
  'CronJob',
  'DaemonSet',
  'Deployment',
  'Ingress',
  'Job',
  'NetworkPolicy',
  'Pod',
  'ReplicaSet',
  'ReplicationController',
  'Service',
  'StatefulSet',
]);

/** Objects of one kind of the API itself, not of a custom resource that shares its name. */
function ofKind(objects: readonly KubeObject[], kind: string, groups: readonly string[]): KubeObject[] {
  return objects.filter((object) => object.kind === kind && groups.includes(groupOf(object.apiVersion)));
}

/** Which templates of its namespace a Service selects, counted by kind. */
function matches(service: KubeObject, templates: readonly Template[]): Record<string, number> {
  const counts = new Counts();
  const selector = isMapping(service.spec) && isMapping(service.spec.selector) ? service.spec.selector : {};
  const namespace = service.metadata.namespace || 'default';
  for (const template of templates) {
    const fits =
      template.namespace === namespace && matchesPairs(stringValues(selector), stringValues(template.labels));
    if (fits) counts.add(template.kind);
  }
  return counts.toJSON();
}

/** Label values are strings; manifests that forget the quotes still mean the same pair on both sides. */
function stringValues(labels: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}

/**
 * The facts about distinct objects, of a whole set or of one part. `null` stands for one that does not apply. `further` counts distinct
 * objects that are not among these.
 */
export function objectFacts(sourced: readonly SourcedObject[], further = 0): Record<string, unknown> {
  const definitions = sourced.map(({ object }) => object);
  // An object without a name is like no other.
  const unnamed = definitions.filter(({ metadata }) => metadata.name === '');
  const objects = [...distinctObjects(sourced).distinct.map(({ object }) => object), ...unnamed];
  const templates = objects.flatMap((object) => templateOf(object) ?? []);
  const services = ofKind(objects, 'Service', ['']);
  const policies = ofKind(objects, 'NetworkPolicy', ['networking.k8s.io', 'extensions']);
  const endpoints = ofKind(objects, 'Endpoints', ['']);
  const slices = ofKind(objects, 'EndpointSlice', ['discovery.k8s.io']);
  const ingresses = ofKind(objects, 'Ingress', ['networking.k8s.io', 'extensions']);
  const pods = ofKind(objects, 'Pod', ['']);
  const nodes = ofKind(objects, 'Node', ['']);
  const rows = serviceRows(services, templates, matches);
  const policyDefinitions = ofKind(definitions, 'NetworkPolicy', ['networking.k8s.io', 'extensions']).length;
  return {
    distinct_objects: objects.length + further,
    workloads: countWorkloads(templates),
    pod_templates: countTemplates(templates),
    container_ports: countContainerPorts(templates),
    service_counts: countServices(services, ofKind(definitions, 'Service', ['']).length, rows),
    network_policies: countPolicies(policies, policyDefinitions),
    endpoints: endpoints.length + slices.length > 0 ? countEndpoints(endpoints, slices) : null,
    pods: pods.length > 0 ? countPods(pods) : null,
    nodes: nodes.length > 0 ? countNodes(nodes) : null,
    ingresses: ingresses.length > 0 ? countIngresses(ingresses) : null,
    services: rows.length > 0 ? rows : null,
  };
}

function inferredByPath(sourced: readonly SourcedObject[]): Counts {
  const counts = new Counts();
  for (const { object, inferred } of sourced) {
    if (inferred === 'file' || inferred === 'folder') counts.add(object.kind);
  }
  return counts;
}

/** Facts of one part: those that say nothing are left out. */
function partFacts(sourced: readonly SourcedObject[]): Record<string, unknown> {
  const objects = new Counts();
  for (const { object, inferred } of sourced)
    if (inferred !== 'file' && inferred !== 'folder') objects.add(object.kind);
  const { pod_templates: _, ...facts } = objectFacts(sourced);
  return { objects, ...facts, inferred_by_path: inferredByPath(sourced) };
}

/** What was read and what it was, before telling objects from definitions. */
export function definitionFacts(read: ReadResult): Record<string, unknown> {
  const byApi = new Counts();
  const old = new Counts();
  const other = new Counts();
  for (const { object, inferred } of read.objects) {
    if (inferred === 'file' || inferred === 'folder') continue;
    const { apiVersion, kind } = object;
    byApi.add(`${apiVersion} ${kind}`);
    if (isOld(apiVersion)) old.add(`${apiVersion} ${kind}`);
    if (!isServed(groupOf(apiVersion))) other.add(groupOf(apiVersion));
  }
  for (const { kind } of withoutApiVersion(read)) {
    byApi.add(`? ${kind}`);
    other.add('?');
  }
  const lists = new Counts();
  for (const { apiVersion, kind } of read.lists) lists.add(kind === undefined ? '(no kind)' : `${apiVersion}/${kind}`);
  const unnamed = [...read.objects.map(({ object }) => object.metadata), ...withoutApiVersion(read)];
  return {
    yaml_documents: read.documents,
    lists,
    by_api: byApi,
    inferred_by_path: inferredByPath(read.objects),
    not_objects: notObjects(read),
    removed_or_old_apis: old,
    other_groups: other,
    defined_more_than_once: repeatedFacts(distinctObjects(read.objects).repeated),
    objects_without_a_name: unnamed.filter(({ name }) => name === '').length,
    without_namespace: read.objects.filter(({ object }) => !object.metadata.namespace && placedKinds.has(object.kind))
      .length,
  };
}

/** Objects that say their kind but no apiVersion: the facts count them under `?`, podwire does not read them. */
export function withoutApiVersion(read: ReadResult): { kind: string; name: string; file: string }[] {
  return read.ignored.flatMap(({ code, object = '', file }) => {
    const [kind = '', name = ''] = object.split(' ');
    return code === 'kind-without-api-version' ? [{ kind, name, file }] : [];
  });
}

function notObjects(read: ReadResult): unknown {
  const names: Record<string, string> = {
    'mapping-without-kind': 'mapping_without_kind',
    'kind-without-api-version': 'kind_without_apiVersion',
    'scalar-or-null-item': 'scalar_or_null_item',
    'list-of-unknown-kind': 'list_of_unknown_kind',
    'scalar-document': 'scalar_document',
  };
  const found: Record<string, { count: number; files: string[] }> = {};
  for (const { code, file } of read.ignored) {
    const name = names[code];
    if (name === undefined) continue;
    found[name] ??= { count: 0, files: [] };
    const entry = found[name];
    entry.count += 1;
    if (!entry.files.includes(file) && entry.files.length < 6) entry.files.push(file);
  }
  return found;
}

function repeatedFacts(repeated: readonly SourcedObject[][]): unknown {
  if (repeated.length === 0) return null;
  const byKind = new Counts();
  let extra = 0;
  let inOneFile = 0;
  for (const definitions of repeated) {
    byKind.add(definitions[0]?.object.kind ?? '');
    extra += definitions.length - 1;
    if (new Set(definitions.map(({ origin }) => origin.file)).size < definitions.length) inOneFile += 1;
  }
  return { names: repeated.length, extra_definitions: extra, by_kind: byKind, in_one_file: inOneFile };
}

/** The parts of a set: files whose paths share the first group of the pattern. */
export function partsFacts(read: ReadResult, pattern: string): Record<string, unknown> {
  const parts = new Map<string, SourcedObject[]>();
  const partOf = new RegExp(pattern);
  for (const sourced of read.objects) {
    const groups = partOf.exec(sourced.origin.file)?.slice(1) ?? [];
    const part = groups.find((group) => group !== undefined);
    if (part === undefined) continue;
    const name = part.replace(/\/$/, '');
    parts.set(name, [...(parts.get(name) ?? []), sourced]);
  }
  return Object.fromEntries([...parts].map(([part, objects]) => [part, partFacts(objects)]));
}

/** Path -> [documents, objects after unfolding]. */
export function perFile(read: ReadResult, files: readonly string[]): Record<string, [number, number]> {
  const counts = new Map(files.map((file): [string, [number, number]] => [file, [0, 0]]));
  for (const { file, documents } of read.sources) counts.set(file, [documents, 0]);
  const withKind = [...read.objects.map(({ origin }) => origin), ...withoutApiVersion(read)];
  for (const { file } of withKind) {
    const entry = counts.get(file);
    if (entry !== undefined) entry[1] += 1;
  }
  return Object.fromEntries(counts);
}
