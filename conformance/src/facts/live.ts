import type { KubeObject } from '@podwire/model';
import { at, Counts, isSet, listAt, mappingAt } from './values.ts';

/** Facts about what a live cluster adds: endpoints, Pods with a status, Nodes; and Ingresses. */

export function countEndpoints(endpoints: readonly KubeObject[], slices: readonly KubeObject[]): Counts {
  const counts = new Counts();
  for (const object of endpoints) {
    counts.add('Endpoints');
    for (const subset of listAt(object, 'subsets')) {
      counts.add('addresses', listAt(subset, 'addresses').length);
      counts.add('not_ready', listAt(subset, 'notReadyAddresses').length);
    }
  }
  for (const slice of slices) {
    counts.add('EndpointSlice');
    counts.add(`slice ${String(slice.addressType)}`);
    for (const endpoint of listAt(slice, 'endpoints')) {
      counts.add('slice_endpoints');
      counts.add('slice_not_ready', at(endpoint, 'conditions', 'ready') === false ? 1 : 0);
      counts.add('slice_terminating', at(endpoint, 'conditions', 'terminating') === true ? 1 : 0);
    }
  }
  return counts;
}

function isAddress(text: unknown): boolean {
  return typeof text === 'string' && /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/.test(text);
}

export function countPods(pods: readonly KubeObject[]): Counts {
  const counts = new Counts();
  for (const pod of pods) {
    const status = mappingAt(pod, 'status');
    counts.add('with_status', isSet(status) ? 1 : 0);
    counts.add(`phase ${String(status.phase)}`, isSet(status.phase) ? 1 : 0);
    counts.add('pod_ip', isSet(status.podIP) ? 1 : 0);
    counts.add('pod_ip_not_an_address', isSet(status.podIP) && !isAddress(status.podIP) ? 1 : 0);
    counts.add('node_name', isSet(at(pod, 'spec', 'nodeName')) ? 1 : 0);
    counts.add('deletion_timestamp', isSet(at(pod, 'metadata', 'deletionTimestamp')) ? 1 : 0);
  }
  return counts;
}

export function countNodes(nodes: readonly KubeObject[]): Counts {
  const counts = new Counts();
  for (const node of nodes) {
    counts.add('nodes');
    counts.add('pod_cidr', isSet(at(node, 'spec', 'podCIDR')) ? 1 : 0);
    counts.add('dual_pod_cidr', listAt(node, 'spec', 'podCIDRs').length > 1 ? 1 : 0);
    const addresses = listAt(node, 'status', 'addresses');
    counts.add('internal_ip', addresses.some((address) => at(address, 'type') === 'InternalIP') ? 1 : 0);
  }
  return counts;
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function countIngresses(ingresses: readonly KubeObject[]): unknown {
  const count = (test: (ingress: KubeObject) => boolean): number => ingresses.filter(test).length;
  return {
    distinct: ingresses.length,
    rules: ingresses.reduce((sum, ingress) => sum + listAt(ingress, 'spec', 'rules').length, 0),
    default_backend: count(({ spec }) => isSet(at(spec, 'defaultBackend')) || isSet(at(spec, 'backend'))),
    class_by_annotation: count((ingress) => isSet(at(ingress, 'metadata', 'annotations', CLASS_ANNOTATION))),
  };
}
