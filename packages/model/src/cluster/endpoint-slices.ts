/** Which EndpointSlices each Service has: those of the input, those mirrored from Endpoints, or those its controller would make. */

import { canonical, familyOf } from '../net/cidr.ts';
import type { EndpointSlice, Node, Pod, Service } from '../objects/kube.ts';
import { suggest } from '../objects/suggest.ts';
import { apiServerSlices } from './api-server.ts';
import type { Placed } from './cluster.ts';
import { type Collected, sortedByKey } from './collect.ts';
import { isLive, podAddresses, podIPTexts } from './pod-facts.ts';
import type { Report } from './report.ts';
import { API_SERVICE } from './service-addresses.ts';
import { computeSlices, mirrorEndpoints, PodIndex } from './slices.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';

/** The input's slices by Service key; those that belong to no Service of the input are reported. */
function givenSlices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  report: Report,
): Map<string, Placed<EndpointSlice>[]> {
  const found = new Map<string, Placed<EndpointSlice>[]>();
  for (const placed of collected.endpointSlices.values()) {
    const { labels = {}, namespace = '' } = placed.object.metadata;
    const name = labels[SERVICE_NAME];
    const key = `${namespace}/${name}`;
    if (name === undefined) {
      report.problem(
        'info',
        'slice-without-service',
        { ...placed, path: ['metadata', 'labels'] },
        `has no label ${SERVICE_NAME}, so it belongs to no Service`,
        `Add the label if it should.`,
      );
      continue;
    }
    if (!services.has(key)) {
      const near = suggest(key, services.keys(), (k) => k, 1)[0];
      report.problem(
        'warning',
        'unknown-reference',
        { ...placed, path: ['metadata', 'labels', SERVICE_NAME] },
        `Service ${key} is not in the input`,
        near === undefined ? 'Add the Service: kubectl get services -A -o json' : `Did you mean ${near}?`,
      );
    }
    const list = found.get(key);
    if (list) list.push(placed);
    else found.set(key, [placed]);
  }
  return found;
}

/** Finds the pod behind an endpoint whose address is redacted: by its targetRef, or because only one pod shows the same text. */
class Redacted {
  readonly #input: ReadonlyMap<string, Placed<Pod>>;
  readonly #pods: ReadonlyMap<string, Placed<Pod>>;
  #byText: Map<string, Pod | undefined> | undefined;

  constructor(input: ReadonlyMap<string, Placed<Pod>>, pods: ReadonlyMap<string, Placed<Pod>>) {
    this.#input = input;
    this.#pods = pods;
  }

  #withText(text: string): Pod | undefined {
    if (!this.#byText) {
      this.#byText = new Map();
      for (const [key, { object }] of this.#input) {
        for (const shown of podIPTexts(object))
          this.#byText.set(shown, this.#byText.has(shown) ? undefined : this.#pods.get(key)?.object);
      }
    }
    return this.#byText.get(text);
  }

  repair(placed: Placed<EndpointSlice>, report: Report): Placed<EndpointSlice> {
    const slice = placed.object;
    if (
      slice.addressType === 'FQDN' ||
      slice.endpoints.every((e) => e.addresses.every((a) => canonical(a) !== undefined))
    )
      return placed;
    const endpoints = slice.endpoints.flatMap((endpoint) => {
      if (endpoint.addresses.every((a) => canonical(a) !== undefined)) return [endpoint];
      const { namespace = slice.metadata.namespace, name } = endpoint.targetRef ?? {};
      const pod = this.#pods.get(`${namespace}/${name}`)?.object ?? this.#withText(endpoint.addresses[0] ?? '');
      const address = pod && podAddresses(pod).find((a) => familyOf(a) === slice.addressType);
      if (address === undefined) {
        report.assume(
          'lost-endpoints',
          'Endpoints whose address is redacted and whose Pod is not in the input were left out',
          'give the EndpointSlices as they are: kubectl get endpointslices -A -o json',
        );
        return [];
      }
      report.assume(
        'redacted-endpoints',
        'Endpoint addresses are redacted in the input: those of their Pods stand for them',
        'give the EndpointSlices as they are: kubectl get endpointslices -A -o json',
      );
      return [{ ...endpoint, addresses: [address] }];
    });
    return { ...placed, object: { ...slice, endpoints } };
  }
}

/** Hints by share of CPUs are the one thing of the controller that is not computed. */
function noteTopologyMode(service: Service, report: Report): void {
  const { annotations = {} } = service.metadata;
  const mode =
    annotations['service.kubernetes.io/topology-mode'] ?? annotations['service.kubernetes.io/topology-aware-hints'];
  if (mode?.toLowerCase() === 'auto')
    report.assume(
      'no-topology-hints',
      'Services with topology-mode Auto are taken without the hints that the share of CPUs per zone would give',
      'give the EndpointSlices: kubectl get endpointslices -A -o json',
    );
}

export function buildEndpointSlices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
  report: Report,
): { endpointSlices: Map<string, Placed<EndpointSlice>[]>; unknownEndpoints: Set<string> } {
  const unknown = new Set<string>();
  const given = givenSlices(collected, services, report);
  const redacted = new Redacted(collected.pods, pods);
  const index = new PodIndex(pods.values());
  const result = new Map<string, Placed<EndpointSlice>[]>();
  for (const [key, placed] of services) {
    const service = placed.object;
    const { selector = {}, type } = service.spec;
    const slices = given.get(key);
    const endpoints = collected.endpoints.get(key);
    if (slices)
      result.set(
        key,
        slices.map((s) => redacted.repair(s, report)),
      );
    else if (endpoints) {
      result.set(
        key,
        mirrorEndpoints(endpoints).map((s) => redacted.repair(s, report)),
      );
      report.assume(
        'mirrored-endpoints',
        'Services without EndpointSlices in the input use their Endpoints',
        'give the EndpointSlices: kubectl get endpointslices -A -o json',
      );
    } else if (type !== 'ExternalName' && Object.keys(selector).length > 0) {
      const selected = index.selected(service.metadata.namespace ?? '', selector);
      result.set(key, computeSlices(placed, selected, nodes));
      noteTopologyMode(service, report);
      report.assume(
        'computed-slices',
        'Services without EndpointSlices in the input have those that their controller would make of the Pods',
        'give the EndpointSlices: kubectl get endpointslices -A -o json',
      );
    } else if (key === API_SERVICE) {
      const made = apiServerSlices(placed, pods, nodes, report);
      result.set(key, made);
      if (made.length === 0) unknown.add(key);
    } else {
      result.set(key, []);
      if (type !== 'ExternalName' && isLive(service)) unknown.add(key);
    }
  }
  report.assume(
    'unknown-endpoints',
    'Services without a selector may have endpoints that the input does not show',
    'give the EndpointSlices: kubectl get endpointslices -A -o json',
    unknown.size,
  );
  for (const [key, slices] of given) if (!services.has(key)) result.set(key, slices);
  return { endpointSlices: sortedByKey(result), unknownEndpoints: unknown };
}
