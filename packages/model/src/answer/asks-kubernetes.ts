/** Whether a question is for the API server's own Service where the input does not show it. */
import { formatAddress, parseAddress } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { assumedKubernetesService } from '../cluster/kubernetes-service.ts';
import type { Question } from './question.ts';
import { QuestionError } from './question-error.ts';
import { parseReference, type Reference } from './reference.ts';

function referenceOf(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    // Whoever answers says what is wrong with it.
    if (error instanceof QuestionError) return undefined;
    throw error;
  }
}

export function asksKubernetes(cluster: Cluster, { to, namespace }: Pick<Question, 'to' | 'namespace'>): boolean {
  const service = assumedKubernetesService(cluster);
  const target = service && referenceOf(to)?.target;
  if (!target || target.kind === 'external') return false;
  if (target.kind === 'address') {
    const address = parseAddress(target.address);
    return address !== undefined && formatAddress(address) === service.spec.clusterIP;
  }
  if (target.kind === 'object' && target.of !== 'service') return false;
  if ((target.namespace ?? namespace ?? 'default') === 'default' && target.name === 'kubernetes') return true;
  const domain = cluster.settings.clusterDomain.value.replace(/\.$/, '');
  const name = target.name.replace(/\.$/, '');
  return target.kind === 'name' && ['', '.svc', `.svc.${domain}`].some((end) => name === `kubernetes.default${end}`);
}
