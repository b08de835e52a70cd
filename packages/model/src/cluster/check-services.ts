/** References of Services that lead nowhere: what most troubles with Services come down to. */

import { findPort } from '../controllers/pod-endpoint.ts';
import { PodIndex } from '../controllers/pod-index.ts';
import type { Endpoint, EndpointSlice, Pod, Service, ServicePort } from '../objects/kube.ts';
import { printLabels } from '../objects/labels.ts';
import { declaredPorts, isHeadless, isOver } from '../objects/pod-facts.ts';
import { refOf } from '../objects/refs.ts';
import { suggest } from '../objects/suggest.ts';
import type { Cluster, Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import { whyNotReady } from './pod-readiness.ts';
import type { Report } from './report.ts';

type Labels = Readonly<Record<string, string>>;

function missing(selector: Labels, labels: Labels): [string, string][] {
  return Object.entries(selector).filter(([key, value]) => labels[key] !== value);
}

interface NearMiss {
  mend: string;
  /** The key of the selector that is probably wrong. */
  key?: string;
}

/** A pod that lacks one pair only, with a value much like the one wanted, is probably meant; else a pair that looks like the selector. */
function nearMiss(service: Service, pods: readonly Pod[]): NearMiss | undefined {
  const { selector = {} } = service.spec;
  for (const pod of pods) {
    const wrong = missing(selector, pod.metadata.labels ?? {});
    const [key, wanted] = wrong[0] ?? [];
    if (wrong.length !== 1 || key === undefined || wanted === undefined) continue;
    const value = pod.metadata.labels?.[key];
    if (value === undefined || suggest(wanted, [value], (v) => v).length === 0) continue;
    return { mend: `Did you mean ${key}=${value}, as Pod ${pod.metadata.name} has?`, key };
  }
  const pairs = [...new Set(pods.flatMap((p) => printLabels(p.metadata.labels ?? {}).split(',')))].sort();
  const [value] = Object.values(selector);
  const alike =
    suggest(printLabels(selector), pairs, (pair) => pair, 1)[0] ?? pairs.find((pair) => pair.endsWith(`=${value}`));
  return alike === undefined ? undefined : { mend: `Did you mean ${alike}?` };
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
  const near: NearMiss | undefined =
    otherNamespace === undefined
      ? nearMiss(placed.object, inNamespace)
      : { mend: `Pods in namespace ${otherNamespace} have these labels: a Service only selects in its own.` };
  report.problem(
    'warning',
    'selector-matches-nothing',
    { ...placed, path: near?.key === undefined ? ['spec', 'selector'] : ['spec', 'selector', near.key] },
    `selects no Pod: none in namespace ${placed.object.metadata.namespace} has ${printLabels(selector)}`,
    near?.mend ?? 'Give the Pods or the workload that it is for, or correct the selector.',
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
  const ofProtocol = (pod: Pod) => declaredPorts(pod).filter((p) => (p.protocol ?? 'TCP') === protocol);
  const list = (ports: (string | number)[]): string => [...new Set(ports)].join(', ');
  if (typeof port.targetPort === 'string') {
    const without = selected.filter((pod) => findPort(pod, port) === undefined);
    if (without.length === 0) return;
    const declared = selected.map(ofProtocol);
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
  const declared = selected.map(ofProtocol);
  if (declared.some((ports) => ports.length === 0 || ports.some((p) => p.containerPort === target))) return;
  report.problem(
    'warning',
    'target-port-undeclared',
    { ...placed, path },
    `leads to port ${target}, but the selected Pods declare ${list(declared.flat().map((p) => p.containerPort))}`,
    'Make targetPort one of these if the program listens there; a containerPort is only a declaration.',
  );
}

/** Endpoints, but none that takes traffic: neither ready, nor terminating and still serving. */
function checkReadiness(
  placed: Placed<Service>,
  slices: readonly Placed<EndpointSlice>[],
  pods: ReadonlyMap<string, Placed<Pod>>,
  report: Report,
): void {
  const endpoints = slices.flatMap(({ object }) => object.endpoints);
  const isUsed = ({ conditions }: Endpoint): boolean =>
    (conditions?.ready ?? true) || ((conditions?.terminating ?? false) && (conditions?.serving ?? true));
  if (endpoints.length === 0 || endpoints.some(isUsed)) return;
  const keys = endpoints.flatMap(({ targetRef }) =>
    targetRef?.kind === 'Pod' ? `${targetRef.namespace ?? placed.object.metadata.namespace}/${targetRef.name}` : [],
  );
  const [first] = [...new Set(keys)].flatMap((key) => {
    const pod = pods.get(key)?.object;
    const why = pod && whyNotReady(pod);
    return why === undefined ? [] : [{ key, why }];
  });
  const count = new Set(keys).size || endpoints.length;
  const who = count === 1 ? 'its only endpoint is not ready' : `none of its ${count} endpoints is ready`;
  const cause = first ? `: Pod ${first.key}${count === 1 ? '' : ', for one'}, because ${first.why}` : '';
  report.problem(
    'warning',
    'no-ready-endpoints',
    { ...placed, path: ['spec', 'selector'] },
    `${who}${cause}`,
    first
      ? `See why: kubectl describe pod ${first.key.split('/')[1]} -n ${first.key.split('/')[0]}`
      : 'Let whoever writes its EndpointSlices say that they are ready.',
  );
}

/** Ports that did not fit their types were left out, and that was reported. */
function hasToldOfPorts(service: Service, report: Report): boolean {
  const ref = refOf(service);
  return report.problems.some(({ object, field }) => object === ref && field?.startsWith('spec.ports') === true);
}

/** Every pod that could be meant: running ones, and templates of workloads with no pod at the moment. */
export function checkServices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  pods: ReadonlyMap<string, Placed<Pod>>,
  slices: Cluster['endpointSlices'],
  report: Report,
): void {
  const all = new Map<string, Placed<Pod>>();
  for (const [key, placed] of pods) if (!isOver(placed.object)) all.set(key, placed);
  for (const [key, { object }] of collected.workloads) {
    const { template, replicas } = object.spec;
    const { name, namespace = '' } = object.metadata;
    if (replicas !== 0 || !template) continue;
    const metadata = { ...template.metadata, name, namespace };
    all.set(key, { object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec ?? {} } });
  }
  const index = new PodIndex(Array.from(all.values(), ({ object }) => object));
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
    checkReadiness(placed, slices.get(key) ?? [], pods, report);
    if ((spec.ports ?? []).length === 0 && !isHeadless(placed.object) && !hasToldOfPorts(placed.object, report)) {
      report.problem(
        'error',
        'no-ports',
        { ...placed, path: ['spec', 'ports'] },
        `Service ${key} has no ports, so nothing can reach it: the API server refuses this`,
        'Add spec.ports.',
      );
    }
    for (const [i, port] of (spec.ports ?? []).entries()) {
      if (selected.length > 0) checkTargetPort(placed, port, i, selected, report);
    }
  }
}
