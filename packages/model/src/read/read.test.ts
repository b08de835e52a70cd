import { describe, expect, it } from 'vitest';
import { readSources } from './read.ts';
import type { ReadResult, SourceFile } from './source.ts';

function file(name: string, text: string): SourceFile {
  return { name, bytes: new TextEncoder().encode(text) };
}

function read(...files: [name: string, text: string][]): Promise<ReadResult> {
  return readSources(files.map(([name, text]) => file(name, text)));
}

/** `file:line kind namespace/name` of each object. */
function summary({ objects }: ReadResult): string[] {
  return objects.map(({ object, origin, inferred }) => {
    const { namespace = '', name } = object.metadata;
    return `${origin.file}:${origin.line} ${object.kind} ${namespace}/${name}${inferred === undefined ? '' : ` (${inferred})`}`;
  });
}

const pod = (name: string) => `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "${name}"}}`;

describe('readSources', () => {
  it('reads files in byte order of their names, documents in their order, with the line of each object', async () => {
    const yaml =
      '# shop\napiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\n---\n\nkind: Pod\napiVersion: v1\nmetadata:\n  name: web\n';
    const result = await read(
      ['b.yaml', yaml],
      ['a/😀.json', pod('x')],
      ['a/\uE000.json', pod('y')],
      ['a.json', `\n\n${pod('z')}`],
    );
    expect(summary(result)).toEqual([
      'a.json:3 Pod /z',
      'a/\uE000.json:1 Pod /y',
      'a/😀.json:1 Pod /x',
      'b.yaml:2 Service shop/api',
      'b.yaml:7 Pod /web',
    ]);
    expect([result.files, result.documents, result.problems]).toEqual([4, 5, []]);
    expect(result.sources.at(-1)).toEqual({ file: 'b.yaml', documents: 2 });
  });

  it('takes Lists apart, also inside each other, in JSON and YAML alike', async () => {
    const json = `{"kind": "List", "apiVersion": "v1", "items": [\n${pod('a')},\n{"kind": "List", "apiVersion": "v1", "items": [${pod('b')}]}\n]}`;
    const yaml =
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- kind: List\n  items:\n  - kind: Pod\n    apiVersion: v1\n    metadata: {name: b}\n';
    const result = await read(['l.json', json], ['l.yaml', yaml]);
    expect(summary(result)).toEqual(['l.json:2 Pod /a', 'l.json:3 Pod /b', 'l.yaml:4 Pod /a', 'l.yaml:9 Pod /b']);
    expect(result.objects.map(({ origin }) => origin.items)).toEqual([[0], [1, 0], [0], [1, 0]]);
    expect(result.lists.map(({ file: name, kind, nested }) => [name, kind, nested])).toEqual([
      ['l.json', 'List', false],
      ['l.json', 'List', true],
      ['l.yaml', 'List', false],
      ['l.yaml', 'List', true],
    ]);
  });

  it('takes the kind of items from the typed list, from the file or from a folder', async () => {
    const bare = '{"metadata": {"name": "a"}, "spec": {}}';
    const result = await read(
      ['typed.json', `{"kind": "NetworkPolicyList", "apiVersion": "networking.k8s.io/v1", "items": [${bare}]}`],
      ['dump/shop/pods.json', `{"items": [${bare}]}`],
      ['namespaces/shop/pods/a/a.json', bare],
      ['namespaces/shop.json', '{"metadata": {"name": "shop"}}'],
      ['namespaces/shop/things/a.json', '{"metadata": {"name": "a"}}'],
    );
    expect(summary(result)).toEqual([
      'dump/shop/pods.json:1 Pod /a (file)',
      'namespaces/shop.json:1 Namespace /shop (folder)',
      'namespaces/shop/pods/a/a.json:1 Pod /a (folder)',
      'typed.json:1 NetworkPolicy /a (list)',
    ]);
    expect(result.objects.map(({ object }) => object.apiVersion)).toEqual(['v1', 'v1', 'v1', 'networking.k8s.io/v1']);
    expect(result.ignored).toMatchObject([{ file: 'namespaces/shop/things/a.json', code: 'mapping-without-kind' }]);
  });

  it('passes over what is no object, and says so', async () => {
    const result = await read(
      ['kustomization.yaml', 'resources: [a.yaml]\n'],
      ['values.yaml', 'replicas: 3\nimage: {tag: x}\n'],
      ['text.yaml', 'just text\n'],
      ['empty.yaml', '\n  \n'],
      ['comments.yaml', '# nothing\n'],
      ['null.yaml', 'null\n'],
      ['list.yaml', `[${pod('a')}, 3, null]`],
      ['README', 'See: the docs\n- and: {more\n'],
    );
    expect(summary(result)).toEqual(['list.yaml:1 Pod /a']);
    expect(result.ignored.map(({ file: name, code }) => `${name} ${code}`)).toEqual([
      'README plain-text',
      'comments.yaml empty-document',
      'empty.yaml empty-file',
      'kustomization.yaml mapping-without-kind',
      'list.yaml scalar-or-null-item',
      'list.yaml scalar-or-null-item',
      'null.yaml scalar-document',
      'text.yaml scalar-document',
      'values.yaml mapping-without-kind',
    ]);
    expect(result.problems).toEqual([]);
  });

  it('reports unreadable documents with file, line and mend, and reads the rest', async () => {
    const result = await read(['broken.yaml', `${pod('a')}\n---\nkind: Pod\n spec: {\n---\n${pod('b')}\n`]);
    expect(summary(result)).toEqual(['broken.yaml:1 Pod /a', 'broken.yaml:6 Pod /b']);
    expect(result.problems).toMatchObject([{ severity: 'error', code: 'yaml-syntax', file: 'broken.yaml', line: 4 }]);
    expect(result.problems[0]?.mend).toBeDefined();
  });

  it('reports objects without apiVersion or kind, and names that are numbers', async () => {
    const result = await read(
      ['a.yaml', 'kind: Service\nmetadata: {name: api}\n'],
      ['b.yaml', '\nmetadata: {name: api}\nspec: {}\n'],
      ['c.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: 0644}\n'],
    );
    expect(result.problems.map(({ code, file: name, line, mend }) => [code, name, line, mend])).toEqual([
      ['missing-api-version', 'a.yaml', 1, 'Add apiVersion: v1'],
      ['missing-kind', 'b.yaml', 2, 'Add apiVersion and kind.'],
      ['wrong-type', 'c.yaml', 1, 'Put it in quotes: name: "420"'],
    ]);
    expect(summary(result)).toEqual(['c.yaml:1 Pod /420']);
  });

  it('reports objects that are defined more than once', async () => {
    const service = (port: number) =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{port: ${port}}]}\n`;
    const differing = await read(['a.yaml', service(80)], ['b.yaml', `---\n${service(81)}`]);
    expect(differing.problems).toMatchObject([
      { severity: 'warning', code: 'duplicate-object', file: 'b.yaml', line: 2, object: 'Service default/api' },
    ]);
    expect(differing.problems[0]?.message).toContain('a.yaml:1');
    const alike = await read(['a.yaml', service(80)], ['b.yaml', service(80)]);
    expect(alike.problems).toMatchObject([{ severity: 'info', code: 'duplicate-object' }]);
    const old = 'kind: Deployment\nmetadata: {name: web}\n';
    const moved = await read(
      ['a.yaml', `apiVersion: extensions/v1beta1\n${old}`],
      ['b.yaml', `apiVersion: apps/v1\n${old}`],
    );
    expect(moved.problems).toMatchObject([{ code: 'duplicate-object', object: 'Deployment default/web' }]);
    const other = await read(['a.yaml', service(80)], ['b.yaml', service(80).replace('v1', 'serving.knative.dev/v1')]);
    expect(other.problems).toEqual([]);
  });

  it('forgets secrets and environment values, but not those of agents in the host network', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'TOKEN', a: 'b' } },
      data: { k: 'TOKEN' },
      stringData: { k: 'TOKEN' },
      type: 'Opaque',
    };
    const spec = { containers: [{ name: 'c', env: [{ name: 'KEY', value: 'TOKEN' }] }] };
    const workload = (kind: string, more: object) => ({ apiVersion: 'v1', kind, metadata: { name: 'w' }, spec: more });
    const objects = [
      secret,
      workload('Pod', spec),
      workload('Deployment', { template: { spec } }),
      workload('CronJob', { jobTemplate: { spec: { template: { spec } } } }),
    ];
    const result = await read(
      ...objects.map((object, index): [string, string] => [`${index}.json`, JSON.stringify(object)]),
    );
    expect(JSON.stringify(result.objects.map(({ object }) => object))).not.toContain('TOKEN');
    expect(result.objects[0]?.object).toMatchObject({ type: 'Opaque', metadata: { annotations: { a: 'b' } } });
    expect(result.objects[1]?.object.spec).toEqual({ containers: [{ name: 'c', env: [{ name: 'KEY' }] }] });
    const agent = workload('DaemonSet', { template: { spec: { ...spec, hostNetwork: true } } });
    expect(JSON.stringify((await read(['a.json', JSON.stringify(agent)])).objects)).toContain('TOKEN');
  });

  it('keeps variables, and the names of secret keys, where the environment is asked for', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'T1' },
      stringData: { b: 'T2' },
    };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ env: [{ name: 'K', value: 'v' }] }] },
    };
    const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [secret, pod] }));
    const { objects } = await readSources([{ name: 'a.json', bytes }], { environment: true });
    expect(objects[0]?.object).toMatchObject({ data: { a: '', b: '' } });
    expect(JSON.stringify(objects)).not.toContain('T1');
    expect(objects[1]?.object.spec).toEqual(pod.spec);
  });

  it('reads UTF-8 with a byte order mark and UTF-16, and goes on after bytes that are neither', async () => {
    const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';
    const utf16 = new Uint8Array(text.length * 2);
    for (let index = 0; index < text.length; index++) utf16[index * 2] = text.charCodeAt(index);
    const bad = new TextEncoder().encode(`${text}# `);
    const result = await readSources([
      file('bom.yaml', `\uFEFF${text}`),
      { name: 'utf16.yaml', bytes: utf16 },
      { name: 'bad.yaml', bytes: new Uint8Array([...bad, 0xff, 0x0a]) },
      { name: 'binary', bytes: new Uint8Array([1, 2, 3, 0, 255, 7]) },
    ]);
    expect(summary(result)).toEqual(['bad.yaml:1 Pod /a', 'bom.yaml:1 Pod /a', 'utf16.yaml:1 Pod /a']);
    expect(result.problems).toContainEqual(expect.objectContaining({ code: 'not-utf8', file: 'bad.yaml', line: 4 }));
    expect(result.ignored).toEqual([{ file: 'binary', code: 'binary', why: 'binary data' }]);
  });

  it('reads nothing from nothing', async () => {
    expect(await readSources([])).toMatchObject({ objects: [], problems: [], ignored: [], files: 0, documents: 0 });
  });
});

describe('lineOf', () => {
  const yaml = `# first
apiVersion: v1
kind: Service
metadata: {name: a}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: api
    labels: &labels
      app: web
  spec:
    selector: *labels
    ports:
    - name: http
      port: 80
    - {name: https,
       port: 443}
    extra:
      <<: *labels
      own: 1
`;
  const json = `{"apiVersion": "v1", "kind": "List",
"items": [
  {
    "apiVersion": "v1", "kind": "Service",
    "metadata": {
      "name": "api",
      "labels": {"app":
        "web"}},
    "spec": {
      "ports": [
        {"name": "http", "port": 80},
        {"name": "https",
         "port": 443}
      ]}}]}
`;
  const places: [path: (string | number)[], inYaml: number, inJson: number][] = [
    [[], 9, 4],
    [['metadata', 'name'], 12, 6],
    [['metadata', 'labels', 'app'], 14, 7],
    [['spec', 'ports', 0, 'port'], 19, 11],
    [['spec', 'ports', 1], 20, 12],
    [['spec', 'ports', 1, 'port'], 21, 13],
    [['spec', 'ports', 1, 'nodePort'], 20, 12],
    [['spec', 'ports', 7, 'port'], 17, 10],
    [['spec', 'clusterIP'], 15, 9],
    [['status', 'loadBalancer'], 9, 4],
  ];

  it.each(places)('finds %j', async (path, inYaml, inJson) => {
    const result = await read(['a.json', json], ['a.yaml', yaml]);
    const [fromJson, , fromYaml] = result.objects.map(({ origin }) => origin);
    expect(fromJson && result.lineOf(fromJson, path)).toBe(inJson);
    expect(fromYaml && result.lineOf(fromYaml, path)).toBe(inYaml);
  });

  it('follows aliases and merge keys to where the value is written', async () => {
    const result = await read(['a.yaml', yaml]);
    const origin = result.objects[1]?.origin;
    expect(origin && result.lineOf(origin, ['spec', 'selector', 'app'])).toBe(14);
    expect(origin && result.lineOf(origin, ['spec', 'extra', 'app'])).toBe(14);
    expect(origin && result.lineOf(origin, ['spec', 'extra', 'own'])).toBe(24);
  });

  it('knows files by name and documents by number', async () => {
    const result = await read(['b.json', `${pod('x')}\n${pod('y')}`], ['a.yaml', yaml]);
    expect(result.objects.map(({ origin }) => `${origin.file}:${origin.line}`)).toEqual([
      'a.yaml:2',
      'a.yaml:9',
      'b.json:1',
      'b.json:2',
    ]);
    expect(result.lineOf({ file: 'nowhere', document: 0, line: 1 }, ['spec'])).toBe(1);
    expect(JSON.parse(JSON.stringify(result.objects[3]?.origin))).toEqual({ file: 'b.json', document: 1, line: 2 });
  });
});
