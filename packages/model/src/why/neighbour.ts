/** Who asks, where the question does not say: a pod as near as possible to the destination, that is not the destination itself. */
import { namespaceOf } from '../answer/directory.ts';
import { QuestionError } from '../answer/question-error.ts';
import { parseReference } from '../answer/reference.ts';
import type { Session } from '../answer/session.ts';
import type { Pod } from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';
import { isOver, podAddresses } from '../objects/pod-facts.ts';

export function neighbour(session: Session, { to, namespace = 'default' }: { to: string; namespace?: string }): string {
  const { cluster } = session;
  const { target } = parseReference(to);
  const named = target.kind === 'object' || target.kind === 'name' ? target : undefined;
  const home = named?.namespace ?? namespace;
  const selector = cluster.services.get(`${home}/${named?.name}`)?.object.spec.selector ?? {};
  const isMeant = (pod: Pod) =>
    namespaceOf(pod) === home &&
    (pod.metadata.name === named?.name ||
      (Object.keys(selector).length > 0 && matchesPairs(selector, pod.metadata.labels ?? {})));
  const able = [...cluster.pods].filter(
    ([, { object }]) => !isOver(object) && !object.spec.hostNetwork && podAddresses(object).length > 0,
  );
  const others = able.filter(([, { object }]) => !isMeant(object));
  const beside = others.find(([, { object }]) => namespaceOf(object) === home);
  const [key] = beside ?? others[0] ?? able[0] ?? [];
  if (key !== undefined) return `pod/${key}`;
  const [node] = cluster.nodes.keys();
  if (node !== undefined) return `node/${node}`;
  throw new QuestionError('nobody-asks', 'the input has no pod and no node that could ask', {
    mend: 'Name who asks: podwire why FROM TO.',
  });
}
