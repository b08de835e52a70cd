/** Pods that no packet can tell apart but by their address: one of each class stands for all. */

import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import type { Session } from '../answer/session.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import type { Pod } from '../objects/kube.ts';
import { isOver, podAddresses } from '../objects/pod-facts.ts';

export interface PodClass {
  /** `namespace/name` of the one that is asked. */
  pod: string;
  node: string;
  /** Another of the class, for packets inside it. */
  other?: string;
  /** How many pods it stands for. */
  pods: number;
}

/** Ranges of the pod's node that its addresses lie in: others have routes of their own. */
function rangesOf(session: Session, pod: Pod): string {
  const node = session.cluster.nodes.get(pod.spec.nodeName ?? '');
  const ranges = node ? nodePodCIDRs(node.object) : [];
  return podAddresses(pod)
    .map((text) => {
      const address = parseAddress(text);
      const range = ranges.find((one) => {
        const prefix = parsePrefix(one);
        return prefix && address && prefix.family === address.family && containsAddress(prefix, address);
      });
      return range ?? text;
    })
    .join(' ');
}

/** Pods on a network of their own, by node and kind of address; those that were dumped stand for themselves. */
export function podClasses(session: Session): PodClass[] {
  const dumped = new Set(session.dumps.pods.map(({ pod }) => pod));
  const whole = new Set(session.dumps.nodes.map(({ name }) => name));
  const classes = new Map<string, PodClass>();
  for (const [key, { object }] of session.cluster.pods) {
    const node = object.spec.nodeName;
    if (node === undefined || object.spec.hostNetwork || isOver(object) || podAddresses(object).length === 0) continue;
    // Behind a dumped node each pod has the way that the dump shows.
    const own = dumped.has(key) || whole.has(node) ? key : `${node} ${rangesOf(session, object)}`;
    const known = classes.get(own);
    if (known) {
      known.pods++;
      known.other ??= key;
    } else classes.set(own, { pod: key, node, pods: 1 });
  }
  return [...classes.values()];
}
