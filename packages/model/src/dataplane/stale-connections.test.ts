import { expect, test } from 'vitest';
import { clusterOf, documents, node, service } from '../cluster/testing.ts';
import { readNode } from '../linux/index.ts';
import { staleConnections } from './stale-connections.ts';

const POD =
  'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: dns}}\nspec: {nodeName: a, containers: [{name: c, ports: [{name: dns, containerPort: 5353, protocol: UDP}]}]}\nstatus: {phase: Running, podIP: 10.1.0.2, conditions: [{type: Ready, status: "True"}]}';
const SERVICE = service('dns', 'clusterIP: 10.96.0.10').replace(
  '{name: http, port: 80, targetPort: http}',
  '{name: dns, port: 53, protocol: UDP, targetPort: dns}',
);

const line = (to: string, by: string, sport = 40000) =>
  `udp      17 25 src=10.1.0.9 dst=${to} sport=${sport} dport=53 src=${by} dst=10.1.0.9 sport=5353 dport=${sport} mark=0 use=1\n`;

async function problems(text: string) {
  const cluster = await clusterOf(documents(node('a', '{podCIDRs: [10.1.0.0/24]}'), POD, SERVICE));
  return staleConnections(cluster, [readNode('a', [{ name: 'conntrack.txt', bytes: new TextEncoder().encode(text) }])]);
}

test('connections of a dumped node to an endpoint that is gone are told', async () => {
  expect(await problems(line('10.96.0.10', '10.1.0.2') + line('10.1.0.7', '10.1.0.7'))).toEqual([]);
  expect(await problems(line('10.96.0.10', '10.1.0.2') + line('10.96.0.10', '10.1.0.77', 40001))).toMatchObject([
    {
      severity: 'warning',
      code: 'stale-connection',
      message:
        'Node a still leads the UDP connection from 10.1.0.9:40001 to 10.96.0.10:53 to 10.1.0.77:5353, which is no serving endpoint of that Service.',
    },
  ]);
});
