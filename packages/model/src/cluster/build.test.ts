import { describe, expect, test } from 'vitest';
import { clusterOf, deployment, documents, node, problemsOf, service } from './testing.ts';

const LIVE =
  'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, uid: u}\nspec: {nodeName: a}\nstatus: {phase: Running, podIP: 10.244.0.2}';

describe('mode', () => {
  test.each([
    ['design', deployment('web', 1)],
    ['snapshot', documents(node('a'), LIVE)],
    ['mixed', documents(node('a'), deployment('web', 1))],
    ['mixed', LIVE],
    ['mixed', documents(node('a'), LIVE, deployment('web', 1))],
  ])('%s', async (mode, text) => {
    expect((await clusterOf(text)).mode).toBe(mode);
  });
});

describe('input that is wrong', () => {
  test('wrong types in what a server has stored are told with line and field, and the rest is used', async () => {
    const cluster = await clusterOf(`
apiVersion: v1
kind: Service
metadata:
  name: api
  uid: u
  namespace: shop
  labels: {version: 1.1}
spec:
  selector: {app: api}
  ports:
    - {port: "80", name: a}
    - {port: 81, name: b, targetPort: 8081}
`);
    expect(problemsOf(cluster)).toEqual([
      ['error', 'wrong-type', 8, 'metadata.labels.version'],
      ['error', 'wrong-type', 12, 'spec.ports[0].port'],
    ]);
    expect(cluster.services.get('shop/api')?.object.spec.ports).toMatchObject([{ port: 81 }]);
  });

  test('a Service whose only port is wrong is told once, one without ports is told of', async () => {
    const wrong = 'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\nspec: {ports: [{port: "80"}]}';
    const without = 'apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: shop}\nspec: {}';
    const { problems } = await clusterOf(documents(wrong, without));
    const errors = problems.filter(({ severity }) => severity === 'error');
    expect(errors.map(({ code, line }) => [code, line])).toEqual([
      ['refused', 4],
      ['refused', 9],
    ]);
  });

  test('what has no name or no spec', async () => {
    const cluster = await clusterOf(
      documents(
        'apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}',
        'apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\nspec: {}',
        'apiVersion: v1\nkind: Pod\nmetadata: {name: p}',
      ),
    );
    expect(problemsOf(cluster)).toEqual([
      ['error', 'missing-field', 11, 'spec'],
      ['error', 'no-name', 3, 'metadata.name'],
      ['warning', 'no-name', 8, 'metadata.name'],
    ]);
  });

  test('nothing at all', async () => {
    expect(problemsOf(await clusterOf('# nothing\n'))).toEqual([['warning', 'nothing-to-ask', undefined, undefined]]);
  });

  test('fields of the wrong shape everywhere neither throw nor hang', async () => {
    const kinds = [
      'Pod',
      'Node',
      'Service',
      'Endpoints',
      'EndpointSlice',
      'Deployment',
      'StatefulSet',
      'DaemonSet',
      'Job',
      'CronJob',
      'ConfigMap',
      'NetworkPolicy',
      'Namespace',
      'HorizontalPodAutoscaler',
    ];
    const groups: Record<string, string> = {
      Pod: 'v1',
      Node: 'v1',
      Service: 'v1',
      Endpoints: 'v1',
      ConfigMap: 'v1',
      Namespace: 'v1',
      EndpointSlice: 'discovery.k8s.io/v1',
      Job: 'batch/v1',
      CronJob: 'batch/v1',
      NetworkPolicy: 'networking.k8s.io/v1',
      HorizontalPodAutoscaler: 'autoscaling/v2',
    };
    const values = ['null', '"x"', '5', '[]', '[null, 1]', '{}', '{a: {b: [c]}}'];
    for (const value of values) {
      const body = (kind: string): string =>
        `apiVersion: ${groups[kind] ?? 'apps/v1'}\nkind: ${kind}\nmetadata: {name: a, labels: ${value}}\nspec: ${value}\nstatus: ${value}\nendpoints: ${value}\nsubsets: ${value}\ndata: ${value}\naddressType: ${value}`;
      await expect(clusterOf(documents(...kinds.map(body)))).resolves.toBeDefined();
      const deep = (kind: string): string =>
        `apiVersion: ${groups[kind] ?? 'apps/v1'}\nkind: ${kind}\nmetadata: {name: a}\nspec: {template: ${value}, ports: ${value}, containers: ${value}, selector: ${value}, podCIDRs: ${value}, jobTemplate: ${value}, taints: ${value}}\nstatus: {addresses: ${value}, podIPs: ${value}, conditions: ${value}, loadBalancer: ${value}}`;
      await expect(clusterOf(documents(...kinds.map(deep)))).resolves.toBeDefined();
    }
  });
});

describe('Services that lead nowhere', () => {
  const pod = deployment('api', 1);
  const problem = async (...texts: string[]): Promise<unknown> =>
    (await clusterOf(documents(pod, ...texts))).problems.map((p) => [p.code, p.line, p.field, p.mend]);

  test('a label that is almost right', async () => {
    const [only] = (await problem(service('apl'))) as unknown[][];
    expect(only).toEqual([
      'selector-matches-nothing',
      16,
      'spec.selector.app',
      expect.stringMatching(/^Did you mean app=api, as Pod api-.* has\?$/),
    ]);
  });

  test('one pair of two', async () => {
    const two = service('api').replace('{app: api}', '{app: api, tier: webb}');
    const [only] = (
      await clusterOf(
        documents(pod.replace('metadata: {labels: {app: api}}', 'metadata: {labels: {app: api, tier: web}}'), two),
      )
    ).problems;
    expect(only).toMatchObject({
      code: 'selector-matches-nothing',
      field: 'spec.selector.tier',
      mend: expect.stringMatching(/^Did you mean tier=web, as Pod api-.* has\?$/),
    });
  });

  test('pods in another namespace', async () => {
    const elsewhere = service('api').replace('namespace: shop', 'namespace: other');
    expect(await problem(elsewhere)).toEqual([
      [
        'selector-matches-nothing',
        16,
        'spec.selector',
        'Pods in namespace shop have these labels: a Service only selects in its own.',
      ],
    ]);
  });

  test('the name and the number of a port', async () => {
    expect(await problem(service('api').replace('targetPort: http', 'targetPort: htttp'))).toEqual([
      ['target-port-name', 16, 'spec.ports[0].targetPort', 'Did you mean http?'],
    ]);
    expect(await problem(service('api').replace('targetPort: http', 'targetPort: 8081'))).toMatchObject([
      ['target-port-undeclared', 16, 'spec.ports[0].targetPort', expect.anything()],
    ]);
    expect(await problem(service('api'))).toEqual([]);
  });
});

test('namespaces are implied, with the label of their name', async () => {
  const { namespaces } = await clusterOf(
    documents(deployment('web', 1), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: own, labels: {a: b}}'),
  );
  expect(Object.fromEntries([...namespaces].map(([k, n]) => [k, n.object.metadata.labels]))).toEqual({
    own: { a: 'b', 'kubernetes.io/metadata.name': 'own' },
    shop: { 'kubernetes.io/metadata.name': 'shop' },
  });
});
