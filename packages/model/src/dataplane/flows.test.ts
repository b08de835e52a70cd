/**
 * Packets through whole clusters on the reference machine. What each end sees is what real kernels and plugins were seen to do with
 * kube-proxy's rules, kindnet, flannel and Calico.
 */
import { Disposition, Protocol, plainPacket, Reason, type Walk } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterOf, documents } from '../cluster/testing.ts';
import { podAddresses } from '../objects/pod-facts.ts';
import { buildDataplane } from './build.ts';
import { EXTERNAL, EXTERNAL_ADDRESS, GATEWAY } from './outside.ts';

const daemon = (name: string, ports = ''): string =>
  `apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: ${name}, namespace: shop}\nspec: {selector: {matchLabels: {app: ${name}}}, template: {metadata: {labels: {app: ${name}}}, spec: {containers: [{name: c${ports}}]}}}`;
const service = (name: string, spec: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {ipFamilyPolicy: PreferDualStack, ${spec}, ports: [{port: 80, targetPort: 8080, nodePort: NODEPORT}]}`;
const withPort = (text: string, port: number | undefined): string =>
  text.replace(/, nodePort: NODEPORT/, port === undefined ? '' : `, nodePort: ${port}`);

const INPUT = documents(
  daemon('web', ', ports: [{name: http, containerPort: 8080, hostPort: 9090}]'),
  daemon('client'),
  withPort(service('web', 'type: LoadBalancer, selector: {app: web}'), 30080),
  withPort(service('local', 'type: NodePort, externalTrafficPolicy: Local, selector: {app: web}'), 30081),
  withPort(service('none', 'selector: {app: nobody}'), undefined),
  'apiVersion: v1\nkind: Pod\nmetadata: {name: agent, namespace: shop}\nspec: {hostNetwork: true, nodeName: node-1, containers: [{name: c}]}',
);

interface Lab {
  cluster: Cluster;
  /** Address of the `i`-th pod (node i + 1) of an app. */
  pod(app: 'web' | 'client', i: number): string;
  name(app: 'web' | 'client', i: number): string;
  node(i: number): string;
  clusterIP(service: string): string;
  gateway(i: number): string;
  /** Sends a SYN; `choices` answers random endpoints and nodes. Source that the receiver sees, or how else it ended; and whether the answer came back. */
  ask(
    from: string,
    to: string,
    port: number,
    choices?: number[],
    saddr?: string,
  ): { saw: string; at: string; back: boolean };
}

async function lab(cni: string, family: 4 | 6): Promise<Lab> {
  const cluster = await clusterOf(INPUT, { cni, ipFamilies: ['IPv4', 'IPv6'], nodes: 2 });
  const dataplane = buildDataplane(cluster);
  const machine = createReference();
  machine.load(dataplane.network);
  const ofFamily = (a: string): boolean => a.includes(':') === (family === 6);
  const pods = (app: string): [string, string][] =>
    ['node-1', 'node-2'].map((node) => {
      const [key, placed] =
        [...cluster.pods].find(([k, p]) => k.startsWith(`shop/${app}-`) && p.object.spec.nodeName === node) ?? [];
      return [key as string, (placed ? podAddresses(placed.object) : []).find(ofFamily) as string];
    });
  const lists = { web: pods('web'), client: pods('client') };
  return {
    cluster,
    pod: (app, i) => lists[app][i]?.[1] as string,
    name: (app, i) => lists[app][i]?.[0] as string,
    node: (i) => (family === 4 ? `172.18.0.${i + 2}` : `fc00:f853:ccd:e793::${i + 2}`),
    gateway: (i) => (family === 4 ? `10.244.${i}.1` : i === 0 ? 'fd00:10:244::1' : `fd00:10:244:${i}::1`),
    clusterIP: (name) => cluster.services.get(`shop/${name}`)?.object.spec.clusterIPs?.find(ofFamily) as string,
    ask(from, to, port, choices = [], saddr = '') {
      machine.reset();
      machine.script(choices);
      const packet = plainPacket({
        protocol: Protocol.TCP,
        saddr,
        daddr: to,
        sport: 40000,
        dport: port,
        dontFragment: false,
      });
      const walk: Walk = machine.send(from, packet);
      const { disposition, reason, netns } = walk.end;
      const answer = walk.end.answers ? machine.answer() : undefined;
      const back = answer?.end.disposition === Disposition.DELIVERED && answer.end.netns === from;
      const saw =
        disposition === Disposition.DELIVERED ? walk.end.packet.saddr : `${Disposition[disposition]} ${Reason[reason]}`;
      return { saw, at: netns, back };
    },
  };
}

const PLUGINS = ['unknown', 'flannel', 'kindnet', 'calico'].flatMap((cni) =>
  [4, 6].map((family) => [cni, family as 4 | 6] as const),
);

describe.each(PLUGINS)('%s, IPv%i', (cni, family) => {
  /** What a pod sees of its own node: the gateway address of its range, or the node's where pods have no subnet. */
  const own = (l: Lab): string => (cni === 'calico' ? l.node(0) : l.gateway(0));

  test('pods keep their address towards each other, on one node and on two', async () => {
    const l = await lab(cni, family);
    for (const i of [0, 1])
      expect(l.ask(l.name('client', 0), l.pod('web', i), 8080)).toEqual({
        saw: l.pod('client', 0),
        at: l.name('web', i),
        back: true,
      });
  });

  test('a cluster IP leads to each endpoint with the address of the client', async () => {
    const l = await lab(cni, family);
    const seen = [[0], [1]].map((choice) => l.ask(l.name('client', 0), l.clusterIP('web'), 80, choice));
    expect(seen.map((s) => [s.saw, s.back])).toEqual([
      [l.pod('client', 0), true],
      [l.pod('client', 0), true],
    ]);
    expect(new Set(seen.map((s) => s.at))).toEqual(new Set([l.name('web', 0), l.name('web', 1)]));
  });

  test('a pod that reaches itself by its Service sees its node', async () => {
    const l = await lab(cni, family);
    const seen = [[0], [1]]
      .map((choice) => l.ask(l.name('web', 0), l.clusterIP('web'), 80, choice))
      .find((s) => s.at === l.name('web', 0));
    expect(seen).toEqual({ saw: own(l), at: l.name('web', 0), back: true });
  });

  test('a process of the node, and a pod in its network', async () => {
    const l = await lab(cni, family);
    expect(buildDataplane(l.cluster).netnsOfPod.get('shop/agent')).toBe('node-1');
    const seen = [[0], [1]].map((choice) => l.ask('node-1', l.clusterIP('web'), 80, choice));
    expect(seen.every((s) => s.back)).toBe(true);
    expect(seen.find((s) => s.at === l.name('web', 1))?.saw).toBe(l.node(0));
    // The address is chosen before the Service is looked at, so that of the node's way out is masqueraded to that of the pods' link.
    expect(seen.find((s) => s.at === l.name('web', 0))?.saw).toBe(own(l));
  });

  test('no endpoints: refused', async () => {
    const l = await lab(cni, family);
    expect(l.ask(l.name('client', 0), l.clusterIP('none'), 80)).toEqual({
      saw: 'REJECTED REJECT_RULE',
      at: 'node-1',
      back: true,
    });
  });

  test('from outside: the node port hides the client, unless the policy is Local', async () => {
    const l = await lab(cni, family);
    const seen = [[0], [1]].map((choice) => l.ask(EXTERNAL, l.node(0), 30080, choice));
    expect(seen.map((s) => s.back)).toEqual([true, true]);
    expect(seen.find((s) => s.at === l.name('web', 1))?.saw).toBe(l.node(0));
    expect(seen.find((s) => s.at === l.name('web', 0))?.saw).toBe(own(l));
    expect(l.ask(EXTERNAL, l.node(0), 30081)).toEqual({
      saw: EXTERNAL_ADDRESS[family],
      at: l.name('web', 0),
      back: true,
    });
  });

  test('from outside by the load balancer, through either node', async () => {
    const l = await lab(cni, family);
    const address = (l.cluster.services.get('shop/web')?.object.status?.loadBalancer?.ingress ?? [])
      .map((i) => i.ip as string)
      .find((a) => a.includes(':') === (family === 6)) as string;
    const other = family === 4 ? '8.8.8.8' : '2600::8';
    for (const node of [0, 1]) {
      // The first choice is the gateway's.
      const { saw, back } = l.ask(EXTERNAL, address, 80, [node, node], other);
      expect(back).toBe(true);
      expect([l.node(node), l.gateway(node)]).toContain(saw);
    }
  });

  test('out of the cluster with the address of the node, and back', async () => {
    const l = await lab(cni, family);
    const there = family === 4 ? '1.1.1.1' : '2606:4700::1111';
    expect(l.ask(l.name('client', 1), there, 443)).toEqual({ saw: l.node(1), at: EXTERNAL, back: true });
    expect(l.ask('node-2', there, 443)).toEqual({ saw: l.node(1), at: EXTERNAL, back: true });
    // Recorded of kindnet, flannel and Calico alike.
    expect(l.ask(l.name('client', 0), l.node(1), 22)).toEqual({ saw: l.node(0), at: 'node-2', back: true });
    expect(l.ask(l.name('client', 0), l.node(0), 22)).toEqual({ saw: l.pod('client', 0), at: 'node-1', back: true });
  });

  test('pods and Services mean nothing outside', async () => {
    const l = await lab(cni, family);
    expect(l.ask(EXTERNAL, l.pod('web', 0), 8080).saw).toBe('UNREACHABLE ROUTE_UNREACHABLE');
    // iptables mode says nothing about a port that the Service does not have.
    expect(l.ask(l.name('client', 0), l.clusterIP('web'), 81)).toEqual({
      saw: 'DROPPED ROUTE_BLACKHOLE',
      at: GATEWAY,
      back: false,
    });
  });

  test('host ports', async () => {
    const l = await lab(cni, family);
    expect(l.ask(EXTERNAL, l.node(1), 9090)).toEqual({
      saw: EXTERNAL_ADDRESS[family],
      at: l.name('web', 1),
      back: true,
    });
    expect(l.ask('node-2', l.node(0), 9090)).toEqual({ saw: l.node(1), at: l.name('web', 0), back: true });
    // portmap marks every source in the pod's own subnet; with Calico that is the pod alone.
    expect(l.ask(l.name('client', 0), l.node(0), 9090).saw).toBe(cni === 'calico' ? l.pod('client', 0) : l.gateway(0));
    expect(l.ask(l.name('web', 0), l.node(0), 9090)).toEqual({ saw: own(l), at: l.name('web', 0), back: true });
    expect(l.ask('node-1', family === 4 ? '127.0.0.1' : '::1', 9090).back).toBe(family === 4);
  });
});
