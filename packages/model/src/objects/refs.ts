import { builtInKind, DEFAULT_NAMESPACE } from './kinds.ts';

/** How people and messages name an object: `Service shop/api`, `Node worker-1`. */
export function refOf(object: {
  apiVersion?: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}): string {
  const { name, namespace } = object.metadata;
  const known = object.apiVersion === undefined ? undefined : builtInKind(object.apiVersion, object.kind);
  if (known?.namespaced === false) return `${object.kind} ${name}`;
  return `${object.kind} ${namespacedName(namespace, name)}`;
}

/** `shop/api`; without a namespace an object stands in `default`. */
function namespacedName(namespace: string | undefined, name: string): string {
  return `${namespace || DEFAULT_NAMESPACE}/${name}`;
}

/** A field path as kubectl writes it: `spec.ports[0].targetPort`, `metadata.labels[app.kubernetes.io/name]`. */
export function fieldPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${part}]`;
  }
  return text;
}
