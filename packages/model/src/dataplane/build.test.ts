import type { Netns, Route, RouteTable } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { clusterOf, deployment, documents, node, service } from '../cluster/testing.ts';
import { buildDataplane } from './build.ts';
import { isDataplaneCause } from './cause.ts';
import { EXTERNAL, GATEWAY } from './outside.ts';

const at = (name: string, cidr: string, ip: string): string =>
  `${node(name, `{podCIDRs: [${cidr}]}`)}\nstatus: {addresses: [{type: InternalIP, address: ${ip}}]}`;
const pod = (name: string, nodeName: string, ip: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop}\nspec: {nodeName: ${nodeName}}\nstatus: {phase: Running, podIP: ${ip}}`;

function all(table: RouteTable | undefined): Route[] {
  return table ? [...table.routes, ...all(table.base)] : [];
}

/** `DESTINATION via X dev Y` of a namespace, sorted. */
function routes(netns: Netns | undefined): string[] {
  return (netns?.tables ?? [])
    .flatMap(all)
    .map(
      (r) =>
        `${r.type === 'unicast' ? '' : `${r.type} `}${r.destination}${r.nexthops.map((n) => `${n.via ? ` via ${n.via}` : ''} dev ${n.dev}`).join('')}`,
    )
    .sort();
}

describe('sharing', () => {
  test('many nodes hold few tables: what is the same is one object', async () => {
    const cluster = await clusterOf(documents(deployment('web', 300), service('web', 'type: NodePort'), service('x')), {
      nodes: 60,
      cni: 'kindnet',
    });
    const { nodes, network } = buildDataplane(cluster);
    const hosts = [...nodes.values()].map((n) => n.host);
    expect(new Set(hosts.map((h) => h.tables[0]?.base)).size).toBe(1);
    expect(new Set(hosts.map((h) => h.sysctls)).size).toBe(1);
    const tables = new Set(hosts.flatMap((h) => h.netfilter));
    expect(tables.size).toBeLessThanOrEqual(hosts[0]?.netfilter.length ?? 0);
    // The pods of one node share their routes.
    const perNode = [...nodes.values()].map((n) => new Set(n.pods.flatMap((p) => p.tables)).size);
    expect(Math.max(...perNode)).toBe(1);
    expect(network.netnses).toHaveLength(60 + 300 + 2);
  });
});

describe('routes', () => {
  const NODES = documents(at('a', '10.1.0.0/24', '10.0.0.1'), at('b', '10.1.1.0/24', '10.0.0.2'));

  test('behind a bridge: the connected range, the other node, the router', async () => {
    const { nodes } = buildDataplane(await clusterOf(NODES));
    expect(routes(nodes.get('a')?.host)).toEqual([
      '0.0.0.0/0 via 10.0.0.3 dev eth0',
      '10.0.0.0/24 dev eth0',
      '10.1.0.0/24 dev cni0',
      '10.1.0.0/24 via 10.0.0.1 dev eth0',
      '10.1.1.0/24 via 10.0.0.2 dev eth0',
    ]);
  });

  test('what lies over the shared table hides the way to itself', async () => {
    for (const cni of ['unknown', 'kindnet', 'calico']) {
      const { nodes } = buildDataplane(await clusterOf(NODES, { cni }));
      const table = nodes.get('a')?.host.tables[0];
      const own = table?.routes.filter((r) => r.destination === '10.1.0.0/24');
      expect(own).toMatchObject([
        cni === 'calico'
          ? { type: 'blackhole' }
          : { type: 'unicast', nexthops: [{ dev: cni === 'unknown' ? 'cni0' : 'eth0' }] },
      ]);
    }
  });

  test('a pod outside the range of its node has a route of its own everywhere', async () => {
    const { nodes } = buildDataplane(await clusterOf(documents(NODES, pod('p', 'a', '10.9.9.9')), { cni: 'calico' }));
    expect(routes(nodes.get('b')?.host)).toContain('10.9.9.9/32 via 10.0.0.1 dev eth0');
    expect(nodes.get('a')?.host.tables[0]?.routes.map((r) => `${r.destination} ${r.nexthops[0]?.dev}`)).toContainEqual(
      expect.stringMatching(/^10\.9\.9\.9\/32 cali[0-9a-f]{11}$/),
    );
    const [p] = nodes.get('a')?.pods ?? [];
    expect(p?.addresses).toMatchObject([{ address: '10.9.9.9/32' }]);
    expect(routes(p)).toEqual(['0.0.0.0/0 via 169.254.1.1 dev eth0', '169.254.1.1/32 dev eth0']);
  });

  test('nodes in two subnets: the router knows the pods', async () => {
    const { nodes, gateway } = buildDataplane(
      await clusterOf(documents(at('a', '10.1.0.0/24', '10.0.0.1'), at('b', '10.1.1.0/24', '192.168.5.2'))),
    );
    expect(routes(nodes.get('a')?.host)).not.toContain('10.1.1.0/24 via 192.168.5.2 dev eth0');
    expect(routes(gateway)).toEqual(
      expect.arrayContaining([
        '10.1.0.0/24 via 10.0.0.1 dev eth0',
        '10.1.1.0/24 via 192.168.5.2 dev eth1',
        '192.168.5.0/24 dev eth1',
      ]),
    );
  });

  test('a tunnel is named where it would be', async () => {
    const cluster = await clusterOf(NODES, { cni: 'flannel' });
    const way = all(buildDataplane(cluster).nodes.get('a')?.host.tables[0]).find(
      (r) => r.destination === '10.1.1.0/24',
    );
    expect(way?.cause).toMatchObject({ kind: 'cni', cni: 'flannel', notModelled: 'VXLAN tunnel' });
    const plain = all(buildDataplane(await clusterOf(NODES)).nodes.get('a')?.host.tables[0]).find(
      (r) => r.destination === '10.1.1.0/24',
    );
    expect(plain?.cause).toMatchObject({ kind: 'node', path: ['spec', 'podCIDRs'] });
  });
});

describe('load balancers', () => {
  const NODES = documents(
    at('a', '10.1.0.0/24', '10.0.0.1'),
    at('b', '10.1.1.0/24', '10.0.0.2'),
    at('c', '10.1.2.0/24', '10.0.0.3').replace(
      'labels: {',
      'labels: {node.kubernetes.io/exclude-from-external-load-balancers: "", ',
    ),
  );
  const web = deployment('web', 1, 'nodeName: b');
  const hops = async (spec: string): Promise<unknown> => {
    const { gateway } = buildDataplane(
      await clusterOf(documents(NODES, web, service('web', `type: LoadBalancer, loadBalancerIP: 192.0.2.9, ${spec}`))),
    );
    return gateway.tables
      .flatMap(all)
      .find((r) => r.destination === '192.0.2.9/32')
      ?.nexthops.map((n) => n.via);
  };

  test('send to every node but those that are kept out', async () => {
    expect(await hops('sessionAffinity: None')).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('with a Local policy only to nodes with a ready endpoint', async () => {
    expect(await hops('externalTrafficPolicy: Local')).toEqual(['10.0.0.2']);
    // Nobody is healthy: everybody is tried.
    const waiting = web.replace('nodeName: b', 'nodeName: b, readinessGates: [{conditionType: x}]');
    const { gateway } = buildDataplane(
      await clusterOf(
        documents(
          NODES,
          waiting,
          service('web', 'type: LoadBalancer, loadBalancerIP: 192.0.2.9, externalTrafficPolicy: Local'),
        ),
      ),
    );
    expect(gateway.tables.flatMap(all).find((r) => r.destination === '192.0.2.9/32')?.nexthops).toHaveLength(2);
  });

  test('that open connections of their own are said not to be modelled', async () => {
    const proxied = `${service('web', 'type: LoadBalancer')}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.9, ipMode: Proxy}]}}`;
    const { gateway } = buildDataplane(await clusterOf(documents(NODES, web, proxied)));
    expect(gateway.tables.flatMap(all).find((r) => r.destination === '192.0.2.9/32')?.cause).toMatchObject({
      kind: 'outside',
      notModelled: expect.stringContaining('Proxy'),
    });
  });

  test('external IPs lead to the nodes, unless a node has the address', async () => {
    const { gateway } = buildDataplane(
      await clusterOf(documents(NODES, web, service('web', 'externalIPs: [192.0.2.5, 10.0.0.1]'))),
    );
    const found = gateway.tables.flatMap(all).filter((r) => r.nexthops.length === 2);
    expect(found.map((r) => r.destination)).toEqual(['192.0.2.5/32']);
  });
});

test('everything says what made it', async () => {
  const cluster = await clusterOf(documents(deployment('web', 3), service('web', 'type: LoadBalancer')), { nodes: 2 });
  const { network } = buildDataplane(cluster);
  for (const netns of network.netnses) {
    const things = [
      ...netns.links,
      ...netns.addresses,
      ...netns.tables.flatMap(all),
      ...netns.netfilter.flatMap((t) => t.chains.flatMap((c) => c.rules)),
    ];
    for (const thing of things)
      expect(isDataplaneCause(thing.cause), `${netns.name}: ${JSON.stringify(thing)}`).toBe(true);
  }
});

test('network namespaces are told apart', async () => {
  const { describe: whose, netnsOfPod } = buildDataplane(
    await clusterOf(
      documents(
        at('a', '10.1.0.0/24', '10.0.0.1'),
        pod('p', 'a', '10.1.0.5'),
        pod('over', 'a', '10.1.0.6').replace('Running', 'Succeeded'),
      ),
    ),
  );
  expect(whose('a')).toMatchObject({ kind: 'node', node: { object: { metadata: { name: 'a' } } } });
  expect(whose('shop/p')).toMatchObject({ kind: 'pod', node: 'a' });
  expect([whose(GATEWAY).kind, whose(EXTERNAL).kind]).toEqual(['gateway', 'external']);
  expect([...netnsOfPod]).toEqual([['shop/p', 'shop/p']]);
  expect(() => whose('nobody')).toThrow();
});

test('without a proxy that podwire compiles there are no Service rules', async () => {
  const cluster = await clusterOf(documents(deployment('web', 1), service('web')), { proxyMode: 'none' });
  const rules = [...buildDataplane(cluster).nodes.values()].flatMap((n) =>
    n.host.netfilter.flatMap((t) => t.chains.map((c) => c.name)),
  );
  expect(rules.filter((name) => name.startsWith('KUBE-'))).toEqual([]);
});
