import type { Placed } from '../cluster/cluster.ts';
import type { Pod } from '../objects/kube.ts';
import { QuestionError } from './question-error.ts';
import { parseReference } from './reference.ts';
import type { Session } from './session.ts';
import { sourcesOf } from './sources.ts';

/** The pod that a reference means; of several the first, which stands for all. */
export function podOf(
  session: Session,
  from: string,
  namespace: string | undefined,
): { key: string; pod: Placed<Pod> } {
  const { cluster, directory } = session;
  const sources = sourcesOf(cluster, directory, parseReference(from), namespace);
  const key = sources.all.find((source) => source.pod !== undefined)?.pod;
  const pod = key === undefined ? undefined : cluster.pods.get(key);
  if (key === undefined || !pod)
    throw new QuestionError('not-a-pod', `"${from}" is no pod`, { mend: 'Name a pod, or a workload that keeps pods.' });
  return { key, pod };
}
