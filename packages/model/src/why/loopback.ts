/** A program whose own command line has it listen on loopback alone: whoever dials the pod is refused. */
import type { Outcome } from '../answer/answer.ts';
import { objectRef, type Provenance } from '../answer/provenance.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { containersOf } from '../pod/containers.ts';
import { isLoopback, listenFlags } from '../pod/listen.ts';
import type { Fault, Unseen } from './answer.ts';

export interface LoopbackOnly {
  fault: Fault;
  /** What it rests on. */
  unseen: Unseen;
}

/** Undefined where the packet comes from the pod itself, or the input shows who listens, or nothing says that it is loopback alone. */
export function loopbackOnly(
  cluster: Cluster,
  outcome: Outcome | undefined,
  provenance: Provenance,
): LoopbackOnly | undefined {
  const { receiver, reason } = outcome ?? {};
  if (receiver?.place.kind !== 'pod' || reason !== 'listener-assumed' || isLoopback(receiver.address)) return undefined;
  const pod = cluster.pods.get(receiver.place.name);
  if (!pod) return undefined;
  const { port } = receiver;
  const containers = containersOf(pod.object).filter(({ role }) => role !== 'init');
  const flags = containers.flatMap(({ container }) =>
    listenFlags(container).flatMap((flag) => (flag.port === port ? [{ ...flag, name: container.name }] : [])),
  );
  // Another container may have the port to itself.
  const others = containers.filter(
    ({ container }) =>
      container.ports?.some(({ containerPort }) => containerPort === port) &&
      !flags.some(({ name }) => name === container.name),
  );
  const [first] = flags;
  if (!first || others.length > 0 || !flags.every(({ address }) => isLoopback(address))) return undefined;
  const { name, address, text } = first;
  const key = receiver.place.name;
  return {
    fault: {
      link: 'listener',
      code: 'listener-loopback',
      text: `${name} of ${key} listens on ${address}:${port} only (${text}): nobody outside the pod reaches it.`,
      object: objectRef(provenance, pod, ['spec']),
      mend: 'Let it listen on 0.0.0.0 or ::.',
    },
    unseen: {
      code: 'listeners-as-declared',
      what: `${name} of ${key} is taken to listen where its command line says (${text}).`,
      command: 'ss -tlnp inside the pod',
    },
  };
}
