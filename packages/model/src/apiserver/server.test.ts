import { type IpPrefix, parsePrefix } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import { ApiServer } from './server.ts';

const ranges = (...texts: string[]): IpPrefix[] => texts.flatMap((text) => parsePrefix(text) ?? []);

function server(...texts: string[]): ApiServer {
  const made = new ApiServer({ clusterIPs: ranges(...texts), nodePorts: { from: 30000, to: 32767 } });
  made.declare('Namespace', '', 'shop');
  made.holdApiService();
  return made;
}

const service = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec,
});

/** The message, or `accepted`. */
function said(answer: ReturnType<ApiServer['create']>): string {
  return answer.accepted ? 'accepted' : answer.message;
}

describe('reading', () => {
  it.each<[spec: unknown, message: string]>([
    [
      { ports: [{ port: '80' }] },
      'json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      { ports: {} },
      'json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort',
    ],
    [
      { ports: [{ port: 1, targetPort: 1.5 }] },
      'json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.targetPort of type int32',
    ],
    [{ type: 5 }, 'json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType'],
    ['x', 'json: cannot unmarshal string into Go struct field Service.spec of type v1.ServiceSpec'],
    [
      { ports: [{ port: 1, foo: 1 }], bar: 1 },
      'strict decoding error: unknown field "spec.ports[0].foo", unknown field "spec.bar"',
    ],
  ])('%j: %s', (spec, message) => {
    const answer = server('10.96.0.0/16').create(service('a', spec as object));
    expect(said(answer)).toBe(`Service in version "v1" cannot be handled as a Service: ${message}`);
  });

  it('leaves unknown fields out where it shall ignore them', () => {
    const answer = server('10.96.0.0/16').create(service('a', { ports: [{ port: 1 }], bar: 1 }), {
      fieldValidation: 'Ignore',
    });
    expect(answer.accepted && Object.keys(answer.object.spec as object)).not.toContain('bar');
  });
});

describe('addresses', () => {
  it('are given once, and the first one is taken', () => {
    const api = server('10.96.0.0/24');
    expect(said(api.create(service('a', { ports: [{ port: 1 }], clusterIP: '10.96.0.9' })))).toBe('accepted');
    const message = (ip: string) =>
      `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${ip}"]: failed to allocate IP ${ip}: provided IP is already allocated`;
    for (const ip of ['10.96.0.9', '10.96.0.1'])
      expect(said(api.create(service('b', { ports: [{ port: 1 }], clusterIP: ip })))).toBe(message(ip));
    // What was refused holds nothing.
    const twice = {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 1, nodePort: 30001 },
        { name: 'a', port: 2 },
      ],
    };
    expect(said(api.create(service('c', twice)))).toContain('Duplicate value: "a"');
    expect(said(api.create(service('d', { type: 'NodePort', ports: [{ port: 1, nodePort: 30001 }] })))).toBe(
      'accepted',
    );
  });

  it('run out', () => {
    const api = server('10.96.0.0/30');
    expect(said(api.create(service('a', { ports: [{ port: 1 }] })))).toBe('accepted');
    expect(said(api.create(service('b', { ports: [{ port: 1 }] })))).toContain('range is full');
  });

  it('of a second family come with the policy, and go with it', () => {
    const api = server('10.96.0.0/16', 'fd00:96::/112');
    const made = api.create(service('a', { ports: [{ port: 1 }], ipFamilyPolicy: 'PreferDualStack' }));
    const object = made.accepted ? made.object : {};
    const spec = object.spec as { clusterIPs: string[]; ipFamilies: string[] };
    expect(spec.ipFamilies).toEqual(['IPv4', 'IPv6']);
    const single = api.update({ ...object, spec: { ...spec, ipFamilyPolicy: 'SingleStack' } });
    expect(single.accepted && (single.object.spec as typeof spec).clusterIPs).toEqual(spec.clusterIPs.slice(0, 1));
  });
});

it('knows names, namespaces and what is there', () => {
  const api = server('10.96.0.0/16');
  const plain = service('a', { ports: [{ port: 1 }] });
  expect(said(api.create(plain))).toBe('accepted');
  expect(said(api.create(plain))).toBe('services "a" already exists');
  expect(said(api.create({ ...plain, metadata: { name: 'a', namespace: 'elsewhere' } }))).toBe(
    'namespaces "elsewhere" not found',
  );
  expect(said(api.create({ ...plain, apiVersion: 'v2' }))).toBe('no matches for kind "Service" in version "v2"');
});
