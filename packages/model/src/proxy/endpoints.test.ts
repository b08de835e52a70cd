import { describe, expect, it } from 'vitest';
import type { Problem } from '../problem.ts';
import { slice } from './cluster.fixture.ts';
import { endpointsByServicePort } from './endpoints.ts';

const texts = (slices: Parameters<typeof endpointsByServicePort>[0]) =>
  [...endpointsByServicePort(slices, 'IPv4')].map(([key, list]) => [key, ...list.map(({ endpoint }) => endpoint)]);

describe('endpoints', () => {
  it('come in byte order of address and port, over all slices', () => {
    const slices = [
      slice('a/b', [{ ip: '10.0.0.2' }, { ip: '10.0.0.10' }], { name: 'b-2' }),
      slice('a/b', [{ ip: '10.0.0.1' }], { name: 'b-1', port: 9 }),
    ];
    expect(texts(slices)).toEqual([['a/b:http/TCP', '10.0.0.10:8080', '10.0.0.1:9', '10.0.0.2:8080']]);
  });

  it('are none for slices and ports that kube-proxy passes over', () => {
    const headless = slice('a/b', [{ ip: '10.0.0.1' }]);
    headless.metadata.labels = { ...headless.metadata.labels, 'service.kubernetes.io/headless': '' };
    const allPorts = slice('a/b', [{ ip: '10.0.0.1' }]);
    allPorts.ports = [{ name: 'http', protocol: 'TCP' }];
    const orphan = slice('a/b', [{ ip: '10.0.0.1' }]);
    orphan.metadata.labels = {};
    expect(texts([headless, allPorts, orphan, slice('a/b', [{ ip: 'fd00::1' }], { family: 'IPv6' })])).toEqual([]);
  });

  it('are ready and serving where nothing is said', () => {
    const bare = slice('a/b', []);
    bare.endpoints = [{ addresses: ['10.0.0.1'] }];
    const [endpoint] = endpointsByServicePort([bare], 'IPv4').get('a/b:http/TCP') ?? [];
    expect(endpoint).toMatchObject({ ready: true, serving: true, terminating: false, nodeName: '' });
  });

  it('prefer a new pod to the terminating one whose address it got', () => {
    const old = { ip: '10.0.0.1', ready: false, serving: true, terminating: true };
    for (const names of [
      ['b-1', 'b-2'],
      ['b-2', 'b-1'],
    ]) {
      const slices = [
        slice('a/b', [old], { name: names[0] ?? '' }),
        slice('a/b', [{ ip: '10.0.0.1' }], { name: names[1] ?? '' }),
      ];
      const [endpoint] = endpointsByServicePort(slices, 'IPv4').get('a/b:http/TCP') ?? [];
      expect(endpoint?.ready).toBe(true);
    }
  });

  it('tell where the real kube-proxy might take either', () => {
    const problems: Problem[] = [];
    const slices = [
      slice('a/b', [{ ip: '10.0.0.1', ready: false }, { ip: '10.0.0.1' }, { ip: '10.0.0.2' }, { ip: '10.0.0.2' }]),
    ];
    endpointsByServicePort(slices, 'IPv4', (problem) => problems.push(problem));
    expect(problems.map(({ code, object }) => [code, object])).toEqual([['endpoint-twice', 'Service a/b']]);
  });
});
