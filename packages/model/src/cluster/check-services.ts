/** References of Services that lead nowhere: what most troubles with Services come down to. */
import { printLabels } from '../answer/labels.ts';
import { suggest } from '../answer/suggest.ts';
import type { Pod, Service, ServicePort } from '../objects/kube.ts';
import type { Cluster, Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import { containerPorts, isHeadless, isOver } from './pod-facts.ts';
import type { Report } from './report.ts';
import { findPort, PodIndex } from './slices.ts';

type Labels = Readonly<Record<string, string>>;

function missing(selector: Labels, labels: Labels): [string, string][] {
  return Object.entries(selector).filter(([key, value]) => labels[key] !== value);
}

/** Pods that lack one pair only are probably meant; among these the one whose value or key looks most alike. */
function nearMiss(service: Service, pods: readonly Pod[]): string | undefined {
  const { selector = {} } = service.spec;
  const near = pods.filter(
    (p) => missing(selector, p.metadata.labels ?? {}).length === 1 && Object.keys(selector).length > 1,
  );
  const wrongOf = (pod: Pod): string => missing(selector, pod.metadata.labels ?? {})[0]?.[0] ?? '';
  const same = near.find((p) => p.metadata.labels?.[wrongOf(p)] !== undefined);
  if (same)
    return `Pod ${same.metadata.name} has ${wrongOf(same)}=${same.metadata.labels?.[wrongOf(same)]}: make one fit the other.`;
  const pairs = new Set(pods.flatMap((p) => Object.entries(p.metadata.labels ?? {}).map(([k, v]) => `${k}=${v}`)));
  const wanted = printLabels(selector);
  const found = suggest(wanted, [...pairs].sort(), (pair) => pair, 1)[0];
  if (found !== undefined) return `Did you mean ${found}?`;
  const [name] = Object.values(selector);
  const alike = name === undefined ? undefined : [...pairs].sort().find((pair) => pair.endsWith(`=${name}`));
  return alike === undefined ? undefined : `Did you mean ${alike}?`;
}

function checkSelector(
  placed: Placed<Service>,
  selected: readonly Pod[],
  inNamespace: readonly Pod[],
  otherNamespace: string | undefined,
  report: Report,
): void {
  const { selector = {} } = placed.object.spec;
  if (selected.length > 0 || Object.keys(selector).length === 0) return;
  const mend =
    otherNamespace === undefined
      ? nearMiss(placed.object, inNamespace)
      : `Pods in namespace ${otherNamespace} have these labels: a Service only selects in its own.`;
  report.problem(
    'warning',
    'selector-matches-nothing',
    { ...placed, path: ['spec', 'selector'] },
    `selects no Pod: none in namespace ${placed.object.metadata.namespace} has ${printLabels(selector)}`,
    mend ?? 'Give the Pods or the workload that it is for, or correct the selector.',
  );
}

function checkTargetPort(
  placed: Placed<Service>,
  port: ServicePort,
  index: number,
  selected: readonly Pod[],
  report: Report,
): void {
  const protocol = port.protocol ?? 'TCP';
  const path = ['spec', 'ports', index, port.targetPort === undefined ? 'port' : 'targetPort'];
  const declared = selected.map((pod) =>
    [...containerPorts(pod)].map((c) => c.port).filter((p) => (p.protocol ?? 'TCP') === protocol),
  );
  const list = (ports: (string | number)[]): string => [...new Set(ports)].join(', ');
  if (typeof port.targetPort === 'string') {
    const without = selected.filter((pod) => findPort(pod, port) === undefined);
    if (without.length === 0) return;
    const names = declared.flat().flatMap((p) => p.name ?? []);
    const near = suggest(port.targetPort, [...new Set(names)], (n) => n, 1)[0];
    const numbers = list(declared.flat().map((p) => p.containerPort));
    const mend =
      near !== undefined
        ? `Did you mean ${near}?`
        : numbers === ''
          ? 'Name the port in the container, or write its number.'
          : `The containers declare ${numbers}: name the port there, or write the number.`;
    const who =
      without.length === selected.length
        ? 'no selected Pod has'
        : `${without.length} of ${selected.length} selected Pods do not have`;
    report.problem(
      'warning',
      'target-port-name',
      { ...placed, path },
      `${who} a ${protocol} port named "${port.targetPort}", so ${without.length === selected.length ? 'this port has no endpoints' : 'they are no endpoints of it'}`,
      mend,
    );
    return;
  }
  const target = port.targetPort || port.port;
  // Declaring ports is optional: only pods that declare others make this one doubtful.
  if (declared.some((ports) => ports.length === 0 || ports.some((p) => p.containerPort === target))) return;
  report.problem(
    'warning',
    'target-port-undeclared',
    { ...placed, path },
    `leads to port ${target}, but the selected Pods declare ${list(declared.flat().map((p) => p.containerPort))}`,
    'Make targetPort one of these if the program listens there; a containerPort is only a declaration.',
  );
}

/** Every pod that could be meant: running ones, and templates of workloads with no pod at the moment. */
export function checkServices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  pods: ReadonlyMap<string, Placed<Pod>>,
  slices: Cluster['endpointSlices'],
  report: Report,
): void {
  const all = new Map([...pods].filter(([, p]) => !isOver(p.object)));
  for (const [key, { object }] of collected.workloads) {
    const { template, replicas } = object.spec;
    const { name, namespace = '' } = object.metadata;
    if (replicas !== 0 || !template) continue;
    const metadata = { ...template.metadata, name, namespace };
    all.set(key, { object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec ?? {} } });
  }
  const index = new PodIndex(all.values());
  const byNamespace = new Map<string, Pod[]>();
  for (const { object } of all.values()) {
    const namespace = object.metadata.namespace ?? '';
    const list = byNamespace.get(namespace);
    if (list) list.push(object);
    else byNamespace.set(namespace, [object]);
  }
  for (const [key, placed] of services) {
    const { spec, metadata } = placed.object;
    if (spec.type === 'ExternalName') continue;
    const { selector = {} } = spec;
    const selected = index.selected(metadata.namespace ?? '', selector);
    // Pods that the input does not hold may be the selected ones: then its slices show them.
    const hasEndpoints = slices.get(key)?.some((s) => s.object.endpoints.length > 0) ?? false;
    if (all.size > 0 && !hasEndpoints) {
      const elsewhere =
        selected.length > 0
          ? undefined
          : [...byNamespace.keys()].sort().find((n) => index.selected(n, selector).length > 0);
      checkSelector(placed, selected, byNamespace.get(metadata.namespace ?? '') ?? [], elsewhere, report);
    }
    if ((spec.ports ?? []).length === 0 && !isHeadless(placed.object)) {
      report.problem(
        'error',
        'no-ports',
        { ...placed, path: ['spec', 'ports'] },
        `Service ${key} has no ports, so nothing can reach it: the API server refuses this`,
        'Add spec.ports.',
      );
    }
    for (const [i, port] of (spec.ports ?? []).entries()) {
      if (port.port < 1 || port.port > 65535)
        report.problem(
          'error',
          'bad-port',
          { ...placed, path: ['spec', 'ports', i, 'port'] },
          `${port.port} is no port number`,
          'Write a number from 1 to 65535.',
        );
      else if (selected.length > 0) checkTargetPort(placed, port, i, selected, report);
    }
  }
}
