import type { KubeObject } from '@podwire/model';
import { at, Counts, isMapping, isSet, listAt, type Mapping, mappingAt } from './values.ts';

/** A Pod, or what makes Pods: the pod template and its labels. */
export interface Template {
  kind: string;
  namespace: string;
  labels: Mapping;
  spec: Mapping;
}

const templatePaths: Record<string, readonly string[]> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};

const workloadGroups = new Set(['', 'apps', 'batch', 'extensions']);

export function templateOf(object: KubeObject): Template | undefined {
  const path = templatePaths[object.kind];
  const slash = object.apiVersion.indexOf('/');
  if (path === undefined || !workloadGroups.has(object.apiVersion.slice(0, Math.max(slash, 0)))) return undefined;
  const pod = mappingAt(object, ...path);
  return {
    kind: object.kind,
    namespace: object.metadata.namespace || 'default',
    labels: mappingAt(pod, 'metadata', 'labels'),
    spec: mappingAt(pod, 'spec'),
  };
}

function containersOf({ spec }: Template): Mapping[] {
  return listAt(spec, 'containers').filter(isMapping);
}

function initContainersOf({ spec }: Template): Mapping[] {
  return listAt(spec, 'initContainers').filter(isMapping);
}

const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'];

/** Templates by kind. */
export function countWorkloads(templates: readonly Template[]): Counts {
  const counts = new Counts();
  for (const { kind } of templates) counts.add(kind);
  return counts;
}

export function countTemplates(templates: readonly Template[]): Counts {
  const counts = new Counts();
  for (const template of templates) {
    const containers = containersOf(template);
    const inits = initContainersOf(template);
    const { spec } = template;
    counts.add('containers', containers.length);
    counts.add('init_containers', inits.length);
    counts.add('pods_with_several_containers', containers.length > 1 ? 1 : 0);
    counts.add('pods_with_init_containers', inits.length > 0 ? 1 : 0);
    counts.add('native_sidecars', inits.filter((init) => init.restartPolicy === 'Always').length);
    counts.add('host_network', isSet(spec.hostNetwork) ? 1 : 0);
    counts.add('host_aliases', isSet(spec.hostAliases) ? 1 : 0);
    counts.add('dns_settings', isSet(spec.dnsConfig) || !isDefaultDns(spec.dnsPolicy) ? 1 : 0);
    counts.add('subdomain', isSet(spec.subdomain) ? 1 : 0);
    counts.add('no_labels', isSet(template.labels) ? 0 : 1);
    for (const container of [...containers, ...inits]) {
      const ports = listAt(container, 'ports');
      counts.add('named_ports', ports.filter((port) => isSet(at(port, 'name'))).length);
      counts.add('host_ports', ports.filter((port) => isSet(at(port, 'hostPort'))).length);
      counts.add('host_ip', ports.filter((port) => isSet(at(port, 'hostIP'))).length);
    }
    for (const container of containers) counts.add('probes', probes.filter((probe) => isSet(container[probe])).length);
  }
  return counts;
}

function isDefaultDns(policy: unknown): boolean {
  return policy === undefined || policy === null || policy === 'ClusterFirst';
}

export function countContainerPorts(templates: readonly Template[]): unknown {
  const byKind = new Counts();
  const byProtocol = new Counts();
  let total = 0;
  for (const template of templates) {
    for (const container of [...containersOf(template), ...initContainersOf(template)]) {
      for (const port of listAt(container, 'ports')) {
        total += 1;
        byKind.add(template.kind);
        byProtocol.add(String(at(port, 'protocol') ?? 'TCP'));
      }
    }
  }
  return { total, by_kind: byKind, by_protocol: byProtocol };
}
