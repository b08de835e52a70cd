import { describe, expect, it } from 'vitest';
import { categorizeEndpoints } from './categorize-endpoints.ts';
import { type EndpointSketch, slice } from './cluster.fixture.ts';
import { endpointsByServicePort } from './endpoints.ts';

const HERE = { nodeName: 'here', zone: 'z1' };

function choose(sketches: EndpointSketch[], uses: { cluster?: boolean; local?: boolean } = {}) {
  const endpoints = endpointsByServicePort([slice('a/b', sketches)], 'IPv4').get('a/b:http/TCP') ?? [];
  const port = { usesClusterEndpoints: uses.cluster ?? true, usesLocalEndpoints: uses.local ?? false };
  const { cluster, local, all, hasAny } = categorizeEndpoints(endpoints, port, HERE);
  const ips = (list: typeof all | undefined) => list?.map(({ ip }) => ip.slice(-1)).join('');
  return { cluster: ips(cluster), local: ips(local), all: ips(all), hasAny };
}

const ending = { ready: false, serving: true, terminating: true };

describe('endpoints of a node', () => {
  it('are the ready ones', () => {
    expect(choose([{ ip: '10.0.0.1' }, { ip: '10.0.0.2', ready: false }])).toMatchObject({ cluster: '1', all: '1' });
  });

  it('are the terminating ones that serve, where nothing is ready', () => {
    const gone = { ready: false, serving: false, terminating: true };
    expect(
      choose([
        { ip: '10.0.0.1', ...ending },
        { ip: '10.0.0.2', ...gone },
      ]),
    ).toMatchObject({ cluster: '1', hasAny: true });
    expect(choose([{ ip: '10.0.0.2', ...gone }])).toEqual({ cluster: '', local: undefined, all: '', hasAny: false });
  });

  it('fall back under policy Local by the node alone', () => {
    const sketches = [
      { ip: '10.0.0.1', node: 'there' },
      { ip: '10.0.0.2', node: 'here', ...ending },
    ];
    expect(choose(sketches, { local: true })).toEqual({ cluster: '1', local: '2', all: '12', hasAny: true });
    expect(choose(sketches.slice(0, 1), { cluster: false, local: true })).toEqual({
      cluster: undefined,
      local: undefined,
      all: '',
      hasAny: true,
    });
  });

  it('follow zone hints if every ready endpoint has one and one names the zone', () => {
    const hinted = [
      { ip: '10.0.0.1', zones: ['z1'] },
      { ip: '10.0.0.2', zones: ['z2'] },
    ];
    expect(choose(hinted).cluster).toBe('1');
    expect(choose([...hinted, { ip: '10.0.0.3' }]).cluster).toBe('123');
    expect(choose([...hinted, { ip: '10.0.0.3', ready: false }]).cluster).toBe('1');
    expect(choose(hinted.slice(1)).cluster).toBe('2');
  });

  it('follow node hints before zone hints', () => {
    const hinted = [
      { ip: '10.0.0.1', zones: ['z1'], nodes: ['there'] },
      { ip: '10.0.0.2', zones: ['z2'], nodes: ['here'] },
    ];
    expect(choose(hinted).cluster).toBe('2');
    expect(choose([...hinted, { ip: '10.0.0.3', zones: ['z2'] }]).cluster).toBe('1');
  });
});
