import { describe, expect, test } from 'vitest';
import type { Service } from '../objects/kube.ts';
import { assumed, clusterOf, documents, problemsOf, service } from './testing.ts';

const DUAL = { ipFamilies: ['IPv4', 'IPv6'] as ('IPv4' | 'IPv6')[] };

async function specs(text: string, overrides = {}): Promise<Record<string, Service['spec']>> {
  const { services } = await clusterOf(text, overrides);
  return Object.fromEntries([...services].map(([key, { object }]) => [key.slice(5), object.spec]));
}

describe('cluster IPs', () => {
  test('inside the network, above what is kept for those who choose, and the same whoever else is there', async () => {
    const alone = await specs(service('api'));
    expect(alone.api?.clusterIP).toMatch(/^10\.(9[6-9]|10\d|11[01])\./);
    expect(alone.api).toMatchObject({
      clusterIPs: [alone.api?.clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
    });
    expect((await specs(documents(service('aaa'), service('api'), service('zzz')))).api?.clusterIP).toBe(
      alone.api?.clusterIP,
    );
  });

  test('no address twice, in a network that is just large enough', async () => {
    const many = Array.from({ length: 13 }, (_, i) => service(`s${i}`));
    const found = await specs(documents(...many), { serviceCIDRs: ['10.7.0.0/28'] });
    // Sixteen but the network's, the broadcast address and the API server's.
    expect(new Set(Object.values(found).map((s) => s.clusterIP)).size).toBe(13);
    expect(Object.values(found).map((s) => s.clusterIP)).not.toContain('10.7.0.1');
    const cluster = await clusterOf(documents(...many, service('more')), { serviceCIDRs: ['10.7.0.0/28'] });
    expect(problemsOf(cluster)).toMatchObject([['error', 'service-network-full', expect.anything(), undefined]]);
  });

  test('given ones stay and are not given out again', async () => {
    const first = (await specs(service('api'), { serviceCIDRs: ['10.7.0.0/24'] })).api?.clusterIP;
    const both = await specs(documents(service('api'), service('zzz', `clusterIP: ${first}`)), {
      serviceCIDRs: ['10.7.0.0/24'],
    });
    expect(both.zzz?.clusterIP).toBe(first);
    expect(both.api?.clusterIP).not.toBe(first);
  });

  test('the API server has the first address', async () => {
    const { services } = await clusterOf(
      'apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes, namespace: default}\nspec: {ports: [{port: 443}]}',
    );
    expect(services.get('default/kubernetes')?.object.spec.clusterIP).toBe('10.96.0.1');
  });

  test.each([
    ['', ['IPv4'], 'SingleStack'],
    ['ipFamilyPolicy: PreferDualStack', ['IPv4', 'IPv6'], 'PreferDualStack'],
    ['ipFamilies: [IPv6]', ['IPv6'], 'SingleStack'],
    ['ipFamilies: [IPv6], ipFamilyPolicy: RequireDualStack', ['IPv6', 'IPv4'], 'RequireDualStack'],
    ['clusterIP: "fd00:10:96::9"', ['IPv6'], 'SingleStack'],
  ])('in a cluster of two families: %s', async (spec, families, policy) => {
    const { api } = await specs(service('api', spec), DUAL);
    expect(api).toMatchObject({ ipFamilies: families, ipFamilyPolicy: policy });
    expect(api?.clusterIPs?.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))).toEqual(families);
  });

  test('PreferDualStack takes what there is, RequireDualStack makes the cluster have both', async () => {
    expect((await specs(service('api', 'ipFamilyPolicy: PreferDualStack'))).api?.ipFamilies).toEqual(['IPv4']);
    expect((await specs(service('api', 'ipFamilyPolicy: RequireDualStack'))).api?.ipFamilies).toEqual(['IPv4', 'IPv6']);
    const cluster = await clusterOf(service('api', 'ipFamilies: [IPv6]'), { ipFamilies: ['IPv4'] });
    expect(problemsOf(cluster)).toContainEqual(['error', 'no-such-family', expect.anything(), 'spec.ipFamilies']);
  });

  test('a headless Service has none; without selector it has both families', async () => {
    const bare = 'apiVersion: v1\nkind: Service\nmetadata: {name: bare, namespace: shop}\nspec: {clusterIP: None}';
    const found = await specs(documents(service('db', 'clusterIP: None'), bare));
    expect(found.db).toMatchObject({ clusterIPs: ['None'], ipFamilies: ['IPv4'] });
    expect(found.bare).toMatchObject({
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
  });

  test('two Services with one, one outside, one that is no address', async () => {
    const text = documents(
      service('a', 'clusterIP: 10.7.0.9'),
      service('b', 'clusterIP: 10.7.0.9'),
      service('c', 'clusterIP: 10.8.0.9'),
      service('d', 'clusterIP: 10.7.0.300'),
    );
    expect(
      problemsOf(await clusterOf(text, { serviceCIDRs: ['10.7.0.0/16'] })).filter(
        (p) => (p as string[])[1] !== 'selector-matches-nothing',
      ),
    ).toEqual([
      ['error', 'refused', 23, 'spec.clusterIP'],
      ['error', 'cluster-ip-clash', 11, 'spec.clusterIP'],
      ['warning', 'cluster-ip-outside', 17, 'spec.clusterIP'],
    ]);
  });

  test('redacted ones are made', async () => {
    const cluster = await clusterOf(service('api', 'clusterIP: REDACTED-IP4-ADDRESS'));
    expect(assumed(cluster, 'redacted-cluster-ips')).toBe(1);
    expect(cluster.services.get('shop/api')?.object.spec.clusterIP).toMatch(/^10\./);
  });
});

describe('node ports', () => {
  test('for NodePort and LoadBalancer, unless the latter declines', async () => {
    const found = await specs(
      documents(
        service('c'),
        service('open', 'type: NodePort'),
        service('l', 'type: LoadBalancer'),
        service('x', 'type: LoadBalancer, allocateLoadBalancerNodePorts: false'),
      ),
    );
    const ports = (name: string): (number | undefined)[] | undefined => found[name]?.ports?.map((p) => p.nodePort);
    expect(ports('c')).toEqual([undefined]);
    expect(ports('x')).toEqual([undefined]);
    for (const name of ['open', 'l']) {
      expect(ports(name)?.[0]).toBeGreaterThanOrEqual(30086);
      expect(ports(name)?.[0]).toBeLessThanOrEqual(32767);
    }
  });

  test('a clash and one outside the range', async () => {
    const open = (name: string, port: number): string =>
      service(name, 'type: NodePort').replace('targetPort: http', `targetPort: http, nodePort: ${port}`);
    const cluster = await clusterOf(documents(open('a', 30080), open('b', 30080), open('c', 80)));
    expect(problemsOf(cluster).filter((p) => (p as string[])[1]?.startsWith('node-port'))).toEqual([
      ['error', 'node-port-clash', 11, 'spec.ports[0].nodePort'],
      ['warning', 'node-port-outside', 17, 'spec.ports[0].nodePort'],
    ]);
  });

  test('the health check port of a Local load balancer', async () => {
    expect(
      (await specs(service('l', 'type: LoadBalancer, externalTrafficPolicy: Local'))).l?.healthCheckNodePort,
    ).toBeGreaterThan(30000);
    expect((await specs(service('l', 'type: LoadBalancer'))).l?.healthCheckNodePort).toBeUndefined();
    // Whole but for that: the policy was changed.
    const whole = service(
      'l',
      'type: LoadBalancer, externalTrafficPolicy: Local, clusterIP: 10.96.3.3, clusterIPs: [10.96.3.3], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack',
    );
    const kept = whole
      .replace('targetPort: http}', 'targetPort: http, nodePort: 30080}')
      .replace('namespace: shop}', 'namespace: shop, uid: u}');
    expect((await specs(kept)).l?.healthCheckNodePort).toBeGreaterThanOrEqual(30000);
  });
});

describe('load balancers', () => {
  test('one that was written by hand gets an address, its own wish first', async () => {
    const cluster = await clusterOf(
      documents(service('a', 'type: LoadBalancer'), service('b', 'type: LoadBalancer, loadBalancerIP: 192.0.2.7')),
    );
    const ips = [...cluster.services.values()].map((s) => s.object.status?.loadBalancer?.ingress);
    expect(ips).toEqual([
      [{ ip: expect.stringMatching(/^198\.18\./), ipMode: 'VIP' }],
      [{ ip: '192.0.2.7', ipMode: 'VIP' }],
    ]);
    expect(assumed(cluster, 'made-load-balancers')).toBe(2);
  });

  test('one that a cluster had without an address has none', async () => {
    const live = service('a', 'type: LoadBalancer, clusterIP: 10.96.0.9').replace(
      'namespace: shop',
      'namespace: shop, uid: u',
    );
    expect((await clusterOf(live)).services.get('shop/a')?.object.status?.loadBalancer?.ingress).toBeUndefined();
  });
});
