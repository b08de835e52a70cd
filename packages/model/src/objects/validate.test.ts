import { describe, expect, it } from 'vitest';
import type { KubeObject } from './kube.ts';
import { fieldPath } from './refs.ts';
import { misspeltKind, validateObject } from './validate.ts';

function made(apiVersion: string, kind: string, rest: object): KubeObject {
  return { apiVersion, kind, metadata: { name: 'web' }, ...rest };
}

const pod = (spec: object): KubeObject => made('v1', 'Pod', { spec });
const ports = (...list: object[]): KubeObject => pod({ containers: [{ name: 'c', image: 'i', ports: list }] });
const deployment = (spec: object): KubeObject => made('apps/v1', 'Deployment', { spec });

function found(object: KubeObject): string[] {
  return validateObject(object).map(({ code, path }) => `${code} ${fieldPath(path)}`);
}

/** What an API server v1.36 refuses, and the field that it names. */
const refused: [object: KubeObject, ...expected: string[]][] = [
  [{ ...pod({ containers: [] }), metadata: { name: 'a_b' } }, 'bad-name metadata.name'],
  [
    { ...pod({ containers: [] }), metadata: { name: 'a', labels: { 'a/b/c': 'x' } } },
    'bad-label metadata.labels[a/b/c]',
  ],
  [ports({ containerPort: 80, protocol: 'tcp' }), 'unknown-value spec.containers[0].ports[0].protocol'],
  [ports({ containerPort: 80, name: 'Http' }), 'bad-name spec.containers[0].ports[0].name'],
  [ports({ containerPort: 0 }), 'bad-port spec.containers[0].ports[0].containerPort'],
  [
    ports({ containerPort: 80, hostPort: 80 }, { containerPort: 81, hostPort: 80 }),
    'contradiction spec.containers[0].ports[1].hostPort',
  ],
  [pod({ containers: [], dnsPolicy: 'None' }), 'missing-field spec.dnsConfig'],
  [pod({ containers: [], subdomain: 'S_' }), 'bad-name spec.subdomain'],
  [pod({ containers: [], hostnetwork: true }), 'unknown-field spec.hostnetwork'],
  [deployment({ template: { spec: {} } }), 'missing-field spec.selector'],
  [
    deployment({ selector: {}, template: { spec: { restartPolicy: 'Never' } } }),
    'contradiction spec.template.spec.restartPolicy',
  ],
  [deployment({ selector: {}, replicas: -1 }), 'bad-number spec.replicas'],
];

/** What it accepts, odd as it may look. */
const accepted: KubeObject[] = [
  deployment({ selector: { matchLabels: {} }, template: { spec: { containers: [] } } }),
  made('batch/v1', 'Job', { spec: { template: { spec: { containers: [], restartPolicy: 'OnFailure' } } } }),
  made('serving.knative.dev/v1', 'Service', { spec: { template: {}, selectors: 1 } }),
];

describe('validateObject', () => {
  it.each(refused.map(([object, ...expected]) => [expected.join(', '), object, expected] as const))(
    'finds %s',
    (_, object, expected) => {
      expect(found(object)).toEqual(expected);
      for (const { message } of validateObject(object)) expect(message).not.toBe('');
    },
  );

  it.each(accepted.map((object) => [JSON.stringify(object.spec ?? object.endpoints), object] as const))(
    'accepts %s',
    (_, object) => {
      expect(found(object)).toEqual([]);
    },
  );

  it('says what was probably meant', () => {
    const mend = (object: KubeObject) => validateObject(object)[0]?.mend;
    expect(mend(pod({ containers: [], hostnetwork: true }))).toBe('Did you mean hostNetwork?');
    expect(mend(pod({ containers: [], dnsPolicy: 'clusterfirst' }))).toBe('Did you mean ClusterFirst?');
    expect(mend(ports({ containerPort: 80, name: '8080' }))).toBe('Take the quotes off.');
  });
});

describe('misspeltKind', () => {
  it.each([
    ['apps/v1', 'Deploymnt', 'kind', 'Did you mean Deployment?'],
    ['v1', 'Deployment', 'apiVersion', 'Did you mean apiVersion: apps/v1?'],
    ['k8sV1', 'NetworkPolicy', 'apiVersion', 'Did you mean apiVersion: networking.k8s.io/v1?'],
  ])('%s %s', (apiVersion, kind, field, mend) => {
    expect(misspeltKind(made(apiVersion, kind, {}))).toMatchObject({ path: [field], mend });
  });

  it.each([
    ['extensions/v1beta1', 'Deployment'],
    ['serving.knative.dev/v1', 'Servic'],
    ['v1', 'Zebra'],
    ['v1', 'Service'],
  ])('leaves %s %s alone', (apiVersion, kind) => {
    expect(misspeltKind(made(apiVersion, kind, {}))).toBeUndefined();
  });
});
