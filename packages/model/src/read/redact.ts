import { groupOf } from '../objects/kinds.ts';
import type { KubeObject } from '../objects/kube.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Environment values decide nothing about packets, except where network agents are configured by them; those run in the host's network. */
function dropEnvironment(podSpec: unknown): void {
  if (!isRecord(podSpec) || podSpec.hostNetwork === true) return;
  for (const containers of [podSpec.containers, podSpec.initContainers]) {
    if (!Array.isArray(containers)) continue;
    for (const container of containers) {
      if (!isRecord(container) || !Array.isArray(container.env)) continue;
      container.env = container.env.map((entry) => (isRecord(entry) ? { name: entry.name } : entry));
    }
  }
}

function podSpecOf(object: KubeObject): unknown {
  if (object.kind === 'Pod') return object.spec;
  const spec = isRecord(object.spec) ? object.spec : {};
  const job = isRecord(spec.jobTemplate) && isRecord(spec.jobTemplate.spec) ? spec.jobTemplate.spec : spec;
  return isRecord(job.template) ? job.template.spec : undefined;
}

function keysOf(data: unknown): Record<string, string> {
  return Object.fromEntries(Object.keys(isRecord(data) ? data : {}).map((key) => [key, '']));
}

/**
 * Forget what is secret and of no use: contents of Secrets, values of environment variables. Changes the object that was just read.
 * `environment`: what containers are given is asked for; then values of variables stay, and of Secrets the names of their keys.
 */
export function redact(object: KubeObject, environment: boolean): void {
  if (object.kind === 'Secret' && groupOf(object.apiVersion) === '') {
    if (environment) object.data = { ...keysOf(object.data), ...keysOf(object.stringData) };
    else delete object.data;
    delete object.stringData;
    const { annotations } = object.metadata;
    if (isRecord(annotations)) delete annotations[LAST_APPLIED];
    return;
  }
  if (!environment) dropEnvironment(podSpecOf(object));
}
