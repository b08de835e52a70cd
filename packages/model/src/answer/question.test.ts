import { beforeAll, describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { readSources } from '../read/read.ts';
import { type Directory, directoryOf } from './directory.ts';
import { type Provenance, provenanceOf } from './provenance.ts';
import { type Question, resolveQuestion } from './question.ts';
import type { QuestionError } from './question-error.ts';
import { SHOP, source } from './shop.ts';

let cluster: Cluster;
let directory: Directory;
let provenance: Provenance;

beforeAll(async () => {
  const read = await readSources([source(SHOP)]);
  cluster = buildCluster(read);
  directory = directoryOf(cluster);
  provenance = provenanceOf(cluster, read);
});

function resolve(from: string, to: string, more: Partial<Question> = {}) {
  const { sources, destinations } = resolveQuestion(cluster, directory, provenance, { from, to, ...more });
  return {
    sources: sources.all.map((s) => s.name),
    destinations: destinations.all.map(({ end }) => `${end.name} ${end.addressKind} ${end.protocol} ${end.port}`),
    hints: destinations.hints.map((h) => h.code),
    notes: destinations.notes.map((n) => n.code),
    addresses: destinations.all.map((d) => d.end.address),
  };
}

function failure(from: string, to: string, more: Partial<Question> = {}): QuestionError {
  try {
    resolve(from, to, more);
  } catch (error) {
    return error as QuestionError;
  }
  throw new Error(`${from} to ${to} was understood`);
}

describe('sources', () => {
  test('a workload is each of its pods', () => {
    const { sources } = resolve('deploy/web', 'svc/api:http', { namespace: 'shop' });
    expect(sources.length).toBe(3);
    for (const name of sources) expect(cluster.pods.has(name)).toBe(true);
  });

  test('a bare name is found in the only namespace that has it', () => {
    expect(resolve('web', 'svc/api:http').sources.length).toBe(3);
  });

  test('a Service as a source is the pods behind it', () => {
    expect(resolve('svc/shop/api', 'external').sources.length).toBe(2);
  });

  test("a pod's and a node's address name them, another one is outside", () => {
    const [pod] = resolve('deploy/shop/web', 'external').sources;
    const address = cluster.pods.get(pod as string)?.object.status?.podIP as string;
    expect(resolve(address, 'external').sources).toEqual([pod]);
    const node = [...cluster.nodes.values()][0]?.object;
    const nodeAddress = node?.status?.addresses?.find((a) => a.type === 'InternalIP')?.address as string;
    expect(resolve(nodeAddress, 'external').sources).toEqual([node?.metadata.name]);
    expect(resolve('198.51.100.7', 'svc/shop/web').sources).toEqual(['external:198.51.100.7']);
  });
});

describe('destinations', () => {
  test.each([
    ['svc/api:http', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['svc/api:9090', ['svc/shop/api:metrics clusterIP tcp 9090'], []],
    ['svc/api', ['svc/shop/api:http clusterIP tcp 80', 'svc/shop/api:metrics clusterIP tcp 9090'], []],
    ['api:80', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['tcp:api.shop:80', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['api.shop.svc.cluster.local:80', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['http://api.shop/', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['svc/api:8080', ['svc/shop/api:8080 clusterIP tcp 8080'], ['no-such-service-port']],
    ['svc/web', ['svc/shop/web:80 clusterIP tcp 80'], []],
    ['icmp:svc/web', ['svc/shop/web clusterIP icmp 0'], []],
    ['svc/alias:80', ['svc/shop/api:http clusterIP tcp 80'], []],
    ['svc/outside:5432', ['db.example.org:5432 external tcp 5432'], []],
    ['external', ['external:443 external tcp 443'], []],
    ['udp:external:53', ['external:53 external udp 53'], []],
  ])('%s', (to, destinations, hints) => {
    expect(resolve('deploy/shop/web', to)).toMatchObject({ destinations, hints });
  });

  test('a bare name of another namespace is found, and how to dial it is said', () => {
    expect(resolve('deploy/shop/web', 'elsewhere').hints).toEqual(['name-in-other-namespace']);
    expect(resolve('deploy/shop/web', 'svc/elsewhere').hints).toEqual([]);
    expect(resolve('deploy/shop/web', 'elsewhere.other').hints).toEqual([]);
  });

  test('a headless Service is its endpoints; the port is not translated, and that is said', () => {
    const { destinations, hints, addresses } = resolve('deploy/shop/web', 'svc/api-direct');
    expect(destinations).toEqual(Array(2).fill('svc/shop/api-direct:http podIP tcp 80'));
    expect(hints).toEqual(['headless-port']);
    expect(new Set(addresses).size).toBe(2);
    expect(resolve('deploy/shop/web', 'svc/api-direct:http').destinations).toEqual(
      Array(2).fill('svc/shop/api-direct:http podIP tcp 8080'),
    );
  });

  test('pods of a workload, by the ports they declare or the one asked', () => {
    expect(resolve('deploy/shop/web', 'deploy/api').destinations.length).toBe(4);
    expect(
      resolve('deploy/shop/web', 'deploy/api:metrics').destinations.map((d) => d.split(' ').slice(1).join(' ')),
    ).toEqual(Array(2).fill('podIP tcp 9090'));
    expect(resolve('deploy/shop/web', 'deploy/api:5000').notes).toEqual(['port-not-declared']);
  });

  test('from outside a Service is dialled at its node port on every node', () => {
    const { destinations, addresses } = resolve('external', 'svc/shop/web');
    expect(destinations).toEqual(Array(cluster.nodes.size).fill('svc/shop/web:80 nodePort tcp 30080'));
    expect(new Set(addresses).size).toBe(cluster.nodes.size);
  });

  test('from outside a cluster IP is what is left, and that is said', () => {
    expect(resolve('external', 'svc/shop/api:80')).toMatchObject({
      destinations: ['svc/shop/api:http clusterIP tcp 80'],
      notes: ['cluster-ip-from-outside'],
    });
  });

  test("a Service's address is the Service", () => {
    const address = cluster.services.get('shop/api')?.object.spec.clusterIP as string;
    expect(resolve('deploy/shop/web', `${address}:80`).destinations).toEqual([`${address}:80 clusterIP tcp 80`]);
  });

  test('a node port on a node is the Service behind it', () => {
    const [node] = cluster.nodes.keys();
    expect(resolve('external', `node/${node}:30080`).destinations).toEqual([`node/${node}:30080 nodePort tcp 30080`]);
    expect(resolve('external', `node/${node}:22`).destinations).toEqual([`node/${node}:22 nodeIP tcp 22`]);
  });
});

describe('questions that cannot be asked', () => {
  test.each([
    ['deploy/shop/wbe', 'svc/shop/api', 'unknown-name', 'deploy/shop/web'],
    ['deploy/shop/web', 'svc/shop/apl', 'unknown-name', 'svc/shop/api'],
    ['deploy/shop/web', 'api.shopp:80', 'unknown-name', 'svc/shop/api'],
    ['deploy/shop/web', 'svc/shop/api:htp', 'unknown-port', 'http'],
    ['pod/nope/web', 'svc/shop/api', 'unknown-name', undefined],
  ])('%s to %s is %s', (from, to, code, candidate) => {
    const error = failure(from, to);
    expect(error.code).toBe(code);
    if (candidate !== undefined) expect(error.candidates).toContain(candidate);
  });

  test.each([
    ['web', '10.0.0.1', 'port-needed'],
    ['10.96.0.77', 'svc/shop/api', 'unknown-address'],
    ['svc/shop/mistyped', 'external', 'no-pods'],
    ['web:80', 'svc/shop/api', 'bad-reference'],
  ])('%s to %s is %s', (from, to, code) => {
    expect(failure(from, to).code).toBe(code);
  });

  test('a protocol or a port cannot be given twice in two ways', () => {
    expect(failure('web', 'tcp:svc/shop/api:80', { protocol: 'udp' }).code).toBe('contradiction');
    expect(failure('web', 'svc/shop/api:80', { port: 81 }).code).toBe('contradiction');
    expect(failure('web', 'svc/shop/api:80', { protocol: 'icmp' }).code).toBe('contradiction');
    expect(resolve('web', 'svc/shop/api:80', { port: 80, protocol: 'tcp' }).destinations.length).toBe(1);
  });

  test('a family that nothing there has', () => {
    expect(failure('web', 'svc/shop/api:80', { family: 6 }).code).toBe('no-such-family');
  });
});
