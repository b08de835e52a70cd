/** `env`: the environment variables of a pod's containers. `schema/env.schema.json` is the published shape. */
import type { Placed } from '../cluster/cluster.ts';
import { assumedKubernetesService } from '../cluster/kubernetes-service.ts';
import type { KubeObject } from '../objects/kube.ts';
import { type EnvironmentContext, environmentOf, type Variable, type VariableSource } from '../pod/environment.ts';
import { API_VERSION, type Hint, type Note, type ObjectRef } from './answer.ts';
import { kubernetesServiceNote } from './kubernetes-service-note.ts';
import { podOf } from './pod-of.ts';
import { objectRef, type Provenance, provenanceOf } from './provenance.ts';
import { QuestionError } from './question-error.ts';
import type { Session } from './session.ts';

export interface EnvironmentAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Environment';
  pod: ObjectRef;
  summary: string;
  containers: ContainerEnvironment[];
  /** Whether Services of the namespace are in it, too (`enableServiceLinks`). */
  serviceLinks: boolean;
  notes: Note[];
}

export interface ContainerEnvironment {
  name: string;
  init: boolean;
  /** `no`: a reference stops the container from starting; `unknown`: an object is not in the input. */
  starts: 'yes' | 'no' | 'unknown';
  variables: VariableView[];
  problems: Hint[];
}

export interface VariableView {
  name: string;
  /** Absent where it is secret, or not known. */
  value?: string;
  source: VariableSource;
  object?: ObjectRef;
  key?: string;
  secret?: true;
  unknown?: string;
  note?: string;
}

function contextOf(session: Session): EnvironmentContext {
  const secrets = new Map<string, Placed<KubeObject>>();
  for (const { object, origin } of session.read.objects) {
    if (object.kind !== 'Secret' || object.apiVersion !== 'v1') continue;
    secrets.set(`${object.metadata.namespace ?? 'default'}/${object.metadata.name}`, { object, origin });
  }
  const kubernetes = assumedKubernetesService(session.cluster);
  return { cluster: session.cluster, secrets, always: kubernetes ? [{ object: kubernetes }] : [] };
}

function variableView({ object, ...rest }: Variable, provenance: Provenance): VariableView {
  return { ...rest, ...(object && { object: objectRef(provenance, object) }) };
}

/** A Service that is younger than the Pod is in no container that was started before it. */
function isYounger(service: Placed<KubeObject> | undefined, pod: KubeObject): boolean {
  const bornAt = (object: KubeObject | undefined): string =>
    String((object?.metadata as { creationTimestamp?: unknown } | undefined)?.creationTimestamp ?? '');
  const [a, b] = [bornAt(service?.object), bornAt(pod)];
  return a !== '' && b !== '' && a > b;
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}

/** The session must have been opened with `environment`. Throws `QuestionError` where there is no such pod or container. */
export function describeEnvironment(
  session: Session,
  { from, namespace, container: only }: { from: string; namespace?: string; container?: string },
): EnvironmentAnswer {
  const provenance = provenanceOf(session.cluster, session.read);
  const { pod } = podOf(session, from, namespace);
  const { spec } = pod.object;
  const context = contextOf(session);
  const all = [
    ...(spec.initContainers ?? []).map((container, i) => ({
      container,
      init: true,
      path: ['spec', 'initContainers', i],
    })),
    ...(spec.containers ?? []).map((container, i) => ({ container, init: false, path: ['spec', 'containers', i] })),
  ];
  const wanted = all.filter(({ container }) => only === undefined || container.name === only);
  if (only !== undefined && wanted.length === 0)
    throw new QuestionError('no-such-container', `the pod has no container "${only}"`, {
      mend: 'Name one of these.',
      candidates: all.map(({ container }) => container.name),
    });
  let younger = false;
  const containers = wanted.map(({ container, init, path }): ContainerEnvironment => {
    const { variables, faults } = environmentOf(context, pod.object, container, path);
    younger ||= variables.some((v) => v.source === 'service' && isYounger(v.object, pod.object));
    return {
      name: container.name,
      init,
      starts: faults.some((f) => f.starts === 'no') ? 'no' : faults.length > 0 ? 'unknown' : 'yes',
      variables: variables.map((variable) => variableView(variable, provenance)),
      problems: faults.map(({ code, text, mend, path: at }) => ({
        code,
        text,
        mend,
        object: objectRef(provenance, pod, at),
      })),
    };
  });
  const notes: Note[] = [
    {
      kind: 'caveat',
      code: 'image-environment',
      text: 'Variables of the image (ENV), and HOSTNAME, PATH and HOME, which the runtime sets, are not shown; the kubelet hands its own over in no fixed order.',
    },
  ];
  if (context.always.length > 0) notes.push(kubernetesServiceNote());
  if (younger)
    notes.push({
      kind: 'intended',
      code: 'service-after-pod',
      text: 'Some of the Services are younger than the Pod: only containers that started after them have their variables.',
    });
  const shown = containers.reduce((sum, { variables }) => sum + variables.length, 0);
  const stopped = containers.filter(({ starts }) => starts === 'no').map(({ name }) => name);
  const summary =
    stopped.length > 0
      ? `${stopped.join(', ')} cannot be started: a reference leads nowhere.`
      : `${count(shown, 'variable')} in ${count(containers.length, 'container')}.`;
  return {
    apiVersion: API_VERSION,
    kind: 'Environment',
    pod: objectRef(provenance, pod),
    summary,
    containers,
    serviceLinks: spec.enableServiceLinks ?? true,
    notes,
  };
}
