import type { Note } from './answer.ts';

/** Of answers that use `assumedKubernetesService()`. */
export function kubernetesServiceNote(): Note {
  return {
    kind: 'assumption',
    code: 'kubernetes-service',
    text: 'Service default/kubernetes is not in the input: it is taken to have the first address of the Service network.',
    settle: 'kubectl get -n default service kubernetes -o yaml',
  };
}
