/**
 * The environment that the kubelet gives a container (pkg/kubelet/kubelet_pods.go, `makeEnvironmentVariables()`, Kubernetes v1.36): `envFrom`
 * in order, then `env` in order, each seeing those before it; Services last, where nothing else has the name. Values of Secrets are
 * never here, and neither is what is made from them.
 */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { ConfigMap, Container, EnvFromSource, EnvVar, KubeObject, Pod, Service } from '../objects/kube.ts';
import { fieldValue, resourceValue, type Told } from './downward.ts';
import { expand } from './expand.ts';
import { linkedServices, serviceVariables } from './service-variables.ts';

export type VariableSource = 'env' | 'field' | 'resource' | 'configMap' | 'secret' | 'file' | 'envFrom' | 'service';

export interface Variable {
  name: string;
  /** Absent where it is secret, or nobody here knows it. */
  value?: string;
  source: VariableSource;
  /** The object that the value comes from, and the field of the Pod that asks for it. */
  object?: Placed<KubeObject>;
  key?: string;
  secret?: true;
  unknown?: string;
  /** What an expansion left as it was. */
  note?: string;
}

interface Fault {
  /** `no`: the container is not started; `unknown`: it depends on what the input does not show. */
  starts: 'no' | 'unknown';
  code: string;
  text: string;
  mend: string;
  /** Field of the Pod. */
  path: (string | number)[];
}

export interface Environment {
  variables: Variable[];
  faults: Fault[];
}

/** What the kubelet can look up. */
export interface EnvironmentContext {
  cluster: Cluster;
  /** By `namespace/name`; only the names of their keys. */
  secrets: ReadonlyMap<string, Placed<KubeObject>>;
  /** Services with variables in every container. */
  always: readonly Placed<Service>[];
}

interface Store {
  kind: 'ConfigMap' | 'Secret';
  placed: Placed<KubeObject>;
  data: Readonly<Record<string, string>>;
}

type Path = (string | number)[];

class Maker {
  readonly #context: EnvironmentContext;
  readonly #pod: Pod;
  readonly #container: Container;
  readonly #path: Path;
  readonly #found = new Map<string, Variable>();
  readonly #services = new Map<string, Variable>();
  readonly faults: Fault[] = [];

  constructor(context: EnvironmentContext, pod: Pod, container: Container, path: Path) {
    this.#context = context;
    this.#pod = pod;
    this.#container = container;
    this.#path = path;
  }

  make(): Variable[] {
    this.#addServices();
    for (const [i, source] of (this.#container.envFrom ?? []).entries()) this.#envFrom(source, i);
    for (const [i, variable] of (this.#container.env ?? []).entries()) this.#env(variable, i);
    for (const [name, variable] of this.#services) if (!this.#found.has(name)) this.#found.set(name, variable);
    return [...this.#found.values()];
  }

  #addServices(): void {
    const { cluster, always } = this.#context;
    const { namespace = '' } = this.#pod.metadata;
    const links = this.#pod.spec.enableServiceLinks ?? true;
    for (const placed of linkedServices([...always, ...cluster.services.values()], namespace, links)) {
      for (const [name, value] of serviceVariables(placed.object))
        this.#services.set(name, { name, value, source: 'service', object: placed });
    }
  }

  #set(variable: Variable): void {
    // A later one of the name takes its place at the end, where it was declared.
    this.#found.delete(variable.name);
    this.#found.set(variable.name, variable);
  }

  #fault(starts: Fault['starts'], code: string, text: string, mend: string, path: Path): void {
    this.faults.push({ starts, code, text, mend, path: [...this.#path, ...path] });
  }

  /** Undefined where it is not there; told as a fault, unless it may be missing. */
  #store(kind: Store['kind'], name: string, optional: boolean, path: Path): Store | undefined {
    const key = `${this.#pod.metadata.namespace}/${name}`;
    const { cluster, secrets } = this.#context;
    const placed: Placed<KubeObject> | undefined =
      kind === 'ConfigMap' ? cluster.configMaps.get(key) : secrets.get(key);
    if (!placed) {
      if (!optional)
        this.#fault(
          'unknown',
          'reference-not-shown',
          `${kind} ${key} is not in the input; without it the container is not started.`,
          `Give it with -f, or make it.`,
          path,
        );
      return undefined;
    }
    const data = (placed.object as ConfigMap).data ?? {};
    return { kind, placed, data };
  }

  #envFrom({ prefix = '', configMapRef, secretRef }: EnvFromSource, i: number): void {
    const ref = configMapRef ?? secretRef;
    if (!ref) return;
    const kind = configMapRef ? 'ConfigMap' : 'Secret';
    const optional = ref.optional ?? false;
    const path = ['envFrom', i, configMapRef ? 'configMapRef' : 'secretRef', 'name'];
    const store = this.#store(kind, ref.name ?? '', optional, path);
    for (const key of Object.keys(store?.data ?? {}).sort()) {
      const name = prefix + key;
      const base: Variable = { name, source: 'envFrom', object: store?.placed as Placed<KubeObject>, key };
      this.#set(kind === 'Secret' ? { ...base, secret: true } : { ...base, value: store?.data[key] ?? '' });
    }
  }

  #env(variable: EnvVar, i: number): void {
    const { name, value = '', valueFrom } = variable;
    const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom ?? {};
    const { cluster } = this.#context;
    const path: Path = ['env', i, 'valueFrom'];
    if (value !== '') this.#literal(name, value);
    else if (fieldRef) this.#told(name, 'field', fieldValue(cluster, this.#pod, fieldRef.fieldPath), path);
    else if (resourceFieldRef)
      this.#told(name, 'resource', resourceValue(cluster, this.#pod, this.#container, resourceFieldRef), path);
    else if (configMapKeyRef) this.#fromKey(name, 'ConfigMap', configMapKeyRef, [...path, 'configMapKeyRef']);
    else if (secretKeyRef) this.#fromKey(name, 'Secret', secretKeyRef, [...path, 'secretKeyRef']);
    else if (fileKeyRef)
      this.#set({ name, source: 'file', key: fileKeyRef.key, unknown: `a file of volume ${fileKeyRef.volumeName}` });
    else this.#set({ name, value: '', source: 'env' });
  }

  #told(name: string, source: VariableSource, told: Told, path: Path): void {
    if ('error' in told) {
      this.#fault('no', 'no-such-field', `${name}: ${told.error}.`, 'Name another field.', path);
      return;
    }
    this.#set({ name, source, ...told });
  }

  #fromKey(
    name: string,
    kind: Store['kind'],
    ref: { name?: string; key: string; optional?: boolean },
    path: Path,
  ): void {
    const optional = ref.optional ?? false;
    const store = this.#store(kind, ref.name ?? '', optional, [...path, 'name']);
    const source = kind === 'Secret' ? 'secret' : 'configMap';
    if (!store) {
      if (!optional) this.#set({ name, source, key: ref.key, unknown: `${kind} ${ref.name}` });
      return;
    }
    const value = store.data[ref.key];
    if (value === undefined) {
      if (optional) return;
      const keys = Object.keys(store.data).sort().join(', ');
      this.#fault(
        'no',
        'no-such-key',
        `${kind} ${this.#pod.metadata.namespace}/${ref.name} has no key ${ref.key}${keys === '' ? '' : ` (it has ${keys})`}: the container is not started (CreateContainerConfigError).`,
        'Name a key that it has, or set optional: true.',
        [...path, 'key'],
      );
      return;
    }
    const base: Variable = { name, source, object: store.placed, key: ref.key };
    this.#set(kind === 'Secret' ? { ...base, secret: true } : { ...base, value });
  }

  #literal(name: string, value: string): void {
    const lookedUp = new Map<string, Variable>();
    const expanded = expand(value, (wanted) => {
      const variable = this.#found.get(wanted) ?? this.#services.get(wanted);
      if (variable) lookedUp.set(wanted, variable);
      return variable && (variable.value ?? '');
    });
    const used = [...lookedUp.values()];
    const hidden = used.find((variable) => variable.unknown !== undefined);
    const note =
      expanded.missing.length > 0
        ? `$(${expanded.missing.join('), $(')}) stays as it is: no variable of that name before this one`
        : undefined;
    this.#set({
      name,
      source: 'env',
      ...(used.some((variable) => variable.secret)
        ? { secret: true as const }
        : hidden
          ? { unknown: hidden.unknown as string }
          : { value: expanded.text }),
      ...(note !== undefined && { note }),
    });
  }
}

/** `path`: where the container stands in its Pod. */
export function environmentOf(context: EnvironmentContext, pod: Pod, container: Container, path: Path): Environment {
  const maker = new Maker(context, pod, container, path);
  return { variables: maker.make(), faults: maker.faults };
}
