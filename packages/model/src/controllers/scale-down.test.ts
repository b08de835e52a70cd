/** ActivePodsWithRanks.Less (pkg/controller/controller_utils.go): unassigned, pending, not ready, cheap, crowded pods go first. */
import { expect, test } from 'vitest';
import type { Pod } from '../objects/kube.ts';
import { byDeletion } from './scale-down.ts';

function pod(name: string, node: string | undefined, ready: boolean, cost?: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(cost !== undefined && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { ...(node !== undefined && { nodeName: node }) },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

test('each rule comes before the next', () => {
  const pods = [
    pod('alone', 'n2', true),
    pod('crowded-a', 'n1', true),
    pod('crowded-b', 'n1', true, '0'),
    pod('dear', 'n1', true, '10'),
    pod('cheap', 'n2', true, '-10'),
    pod('unready', 'n3', false),
    pod('nowhere', undefined, false),
  ];
  const { order } = byDeletion(pods, 'ReplicaSet', 1);
  expect(names(order)).toEqual(['nowhere', 'unready', 'cheap', 'crowded-b', 'crowded-a', 'alone', 'dear']);
});

test('a choice among equals is said', () => {
  const pods = [pod('a', 'n1', true), pod('b', 'n1', true), pod('c', 'n2', false)];
  expect(byDeletion(pods, 'ReplicaSet', 1).isTied).toBe(false);
  expect(byDeletion(pods, 'ReplicaSet', 2).isTied).toBe(true);
  expect(byDeletion(pods, 'ReplicaSet', 3).isTied).toBe(false);
});

test('a StatefulSet loses its highest ordinals, whatever their state', () => {
  const pods = [pod('db-2', 'n1', true), pod('db-10', 'n1', true), pod('db-1', 'n1', false)];
  expect(names(byDeletion(pods, 'StatefulSet', 1).order)).toEqual(['db-10', 'db-2', 'db-1']);
});
