/** The containers of a pod and which of them run at one time (KEP-753: init containers that keep running). */
import type { Container, ContainerPort, Pod } from '../objects/kube.ts';

export type ContainerRole = 'container' | 'init' | 'sidecar';

export interface PodContainer {
  container: Container;
  role: ContainerRole;
  /** Where it stands in the Pod. */
  path: (string | number)[];
}

/** In the order they are started. */
export function containersOf({ spec }: Pick<Pod, 'spec'>): PodContainer[] {
  const init = (spec.initContainers ?? []).map(
    (container, i): PodContainer => ({
      container,
      role: container.restartPolicy === 'Always' ? 'sidecar' : 'init',
      path: ['spec', 'initContainers', i],
    }),
  );
  const others = (spec.containers ?? []).map(
    (container, i): PodContainer => ({ container, role: 'container', path: ['spec', 'containers', i] }),
  );
  return [...init, ...others];
}

/** Whether two containers ever run at one time; `first` is started before `second`. An init container has ended before the next starts. */
function runTogether(first: PodContainer, second: PodContainer): boolean {
  if (first.role === 'init') return false;
  return second.role !== 'init' || first.role === 'sidecar';
}

export interface DeclaredPort {
  port: ContainerPort;
  of: PodContainer;
  path: (string | number)[];
}

export function portsOf(pod: Pick<Pod, 'spec'>): DeclaredPort[] {
  return containersOf(pod).flatMap((of) =>
    (of.container.ports ?? []).map((port, i): DeclaredPort => ({ port, of, path: [...of.path, 'ports', i] })),
  );
}

export interface PortClash {
  first: DeclaredPort;
  second: DeclaredPort;
}

/** Ports that two containers declare and that both have at one time: they share the pod's network. */
export function portClashes(pod: Pick<Pod, 'spec'>): PortClash[] {
  const clashes: PortClash[] = [];
  const seen = new Map<string, DeclaredPort[]>();
  for (const second of portsOf(pod)) {
    const key = `${second.port.containerPort}/${second.port.protocol ?? 'TCP'}`;
    const before = seen.get(key) ?? [];
    const first = before.find(({ of }) => of !== second.of && runTogether(of, second.of));
    if (first) clashes.push({ first, second });
    seen.set(key, [...before, second]);
  }
  return clashes;
}
