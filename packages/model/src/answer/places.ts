/** Network namespaces by what they belong to. */
import type { Dataplane } from '../dataplane/node-state.ts';
import type { Place } from './answer.ts';
import { keyOf } from './directory.ts';

/** Remembers each place: one answer names the same few thousands of times. */
export interface Places {
  of(netns: string): Place;
  /** The network namespace that a place's packets start in, where the outside has parts by `address`; undefined for a pod without a network. */
  netnsOf(place: Place, address?: string): string | undefined;
}

/** Part of the outside that stands behind a link of a dumped host. */
export function isStandIn({ kind, name }: Place): boolean {
  return kind === 'external' && name !== 'external';
}

export function placesOf(dataplane: Dataplane): Places {
  const known = new Map<string, Place>();
  const describe = (netns: string): Place => {
    const role = dataplane.describe(netns);
    switch (role.kind) {
      case 'node':
        return { kind: 'node', name: role.node.object.metadata.name };
      case 'pod':
        return { kind: 'pod', name: keyOf(role.pod.object), node: role.node };
      case 'gateway':
        return { kind: 'gateway', name: 'gateway' };
      case 'external':
        return { kind: 'external', name: role.name ?? 'external' };
    }
  };
  return {
    of(netns) {
      let place = known.get(netns);
      if (!place) {
        place = describe(netns);
        known.set(netns, place);
      }
      return place;
    },
    netnsOf(place, address) {
      switch (place.kind) {
        case 'node':
          return dataplane.nodes.get(place.name)?.host.name;
        case 'pod':
          return dataplane.netnsOfPod.get(place.name);
        case 'gateway':
          return dataplane.gateway.name;
        case 'external':
          return (address === undefined ? undefined : dataplane.outsideOf?.(address)) ?? dataplane.external.name;
      }
    },
  };
}
