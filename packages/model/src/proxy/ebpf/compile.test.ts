/** By documentation: docs.cilium.io, "Kubernetes Without kube-proxy"; bpf/bpf_sock.c, bpf/lib/nodeport.h. */
import type { Balancer, BalancerFrontend } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Pod, Service } from '../../objects/kube.ts';
import type { ProxyNode } from '../proxy.ts';
import { ebpfCompiler, ebpfNotModelled } from './compile.ts';
import { aPod, aService, aSlice } from './ebpf.fixture.ts';

const NODE_IPS = ['192.0.2.1', '192.0.2.2'];
const node = (name: string, ip: string, more: Partial<ProxyNode> = {}): ProxyNode => ({
  name,
  nodeIPs: { IPv4: ip },
  interfaceAddresses: [],
  topologyLabels: {},
  podCIDRs: [],
  ...more,
});
const HERE = node('here', '192.0.2.1');
const THERE = node('there', '192.0.2.2');

function compile(services: Service[], endpointSlices: EndpointSlice[], cilium: Record<string, string> = {}) {
  const config = {
    clusterCIDRs: [],
    detectLocalMode: 'ClusterCIDR',
    nodePortAddresses: [],
    masqueradeAll: false,
  } as const;
  const rest = { masqueradeBit: 14, localhostNodePorts: true, conntrackTCPLiberal: false, randomFully: true };
  const all = { ...config, ...rest, clusterCIDRs: [], nodePortAddresses: [], nfacctCounters: false, cilium };
  return ebpfCompiler.prepare({ services, endpointSlices, nodeIPs: NODE_IPS }, all);
}

const flat = (balancer: Balancer | undefined): BalancerFrontend[] =>
  balancer ? [...balancer.frontends, ...flat(balancer.base)] : [];
const texts = (balancer: Balancer | undefined) =>
  flat(balancer).map(
    ({ address, port, backends, sourceRanges }) =>
      `${address}:${port} > ${backends.map((b) => b.address).join(' ')}${sourceRanges ? ` from ${sourceRanges.join(' ')}` : ''}`,
  );

describe('what sockets and links balance', () => {
  const ports = [{ name: 'http', port: 80, nodePort: 30080 }];
  const web = aService('web', { type: 'NodePort', clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports });
  const slices = [
    aSlice('web', 'web-1', [
      { addresses: ['10.0.1.1'], nodeName: 'here' },
      { addresses: ['10.0.2.1'], nodeName: 'there' },
    ]),
  ];

  test('all nodes share what does not depend on the node; a cluster IP is for nobody outside', () => {
    const forNode = compile([web], slices);
    const [here, there] = [forNode(HERE).ebpf, forNode(THERE).ebpf];
    expect(here?.pods?.balancer).toBe(there?.pods?.balancer);
    expect(here?.device.balancer).toBe(there?.device.balancer);
    expect(texts(here?.pods?.balancer)).toEqual([
      '0.0.0.0:30080 > 10.0.1.1 10.0.2.1',
      '10.96.0.1:80 > 10.0.1.1 10.0.2.1',
    ]);
    expect(texts(here?.device.balancer)).toEqual([
      '0.0.0.0:30080 > 10.0.1.1 10.0.2.1',
      '10.96.0.1:80 > 10.0.1.1 10.0.2.1 from ',
    ]);
    expect(here?.pods?.nodes).toEqual(NODE_IPS);
    expect(here?.device).toMatchObject({ nodes: ['192.0.2.1'], sources: ['192.0.2.1'] });
  });

  test('with externalTrafficPolicy Local links know the backends of the node, sockets all', () => {
    const local = { ...web, spec: { ...web.spec, externalTrafficPolicy: 'Local' as const } };
    const { ebpf } = compile([local], slices)(HERE);
    expect(texts(ebpf?.device.balancer)[0]).toBe('0.0.0.0:30080 > 10.0.1.1');
    expect(texts(ebpf?.pods?.balancer)[0]).toBe('0.0.0.0:30080 > 10.0.1.1 10.0.2.1');
  });

  test("external addresses that are not the node's own are not for sockets", () => {
    const external = aService('ext', { clusterIP: '10.96.0.1', externalIPs: ['203.0.113.9'] });
    const { ebpf } = compile([external], [])(HERE);
    expect(texts(ebpf?.pods?.balancer)).toEqual(['10.96.0.1:80 > ']);
    expect(texts(ebpf?.device.balancer)).toContain('203.0.113.9:80 > ');
  });

  test('DSR, and TCP in hybrid mode', () => {
    for (const mode of ['dsr', 'hybrid', 'snat']) {
      const { ebpf } = compile([web], slices, { 'bpf-lb-mode': mode })(HERE);
      const [first] = flat(ebpf?.device.balancer);
      expect(first?.away).toBe(mode === 'snat' ? undefined : 'direct server return by an IP option');
    }
  });

  test("only the node's own sockets", () => {
    const { ebpf } = compile([web], slices, { 'bpf-lb-sock-hostns-only': 'true' })(HERE);
    expect(ebpf?.pods).toBeUndefined();
    expect(ebpf?.podLinks).toMatchObject({ loopback: ['169.254.42.1'], local: ['0.0.0.0/0', '::/0'] });
    expect(texts(ebpf?.host?.balancer)).toHaveLength(2);
  });

  test("host ports: at the node's address for all, on loopback for the node alone", () => {
    const pod: Pod = aPod('web', '10.0.1.1', [{ containerPort: 80, hostPort: 8080 }]);
    const { ebpf } = compile([], [])({ ...HERE, hostPortPods: [pod] });
    expect(texts(ebpf?.pods?.balancer)).toEqual(['192.0.2.1:8080 > 10.0.1.1']);
    expect(texts(ebpf?.host?.balancer)).toEqual(['127.0.0.1:8080 > 10.0.1.1', '192.0.2.1:8080 > 10.0.1.1']);
    expect(texts(ebpf?.device.balancer)).toEqual(['0.0.0.0:8080 > 10.0.1.1']);
  });
});

test('SCTP is left out, and told', () => {
  const sctp = aService('calls', { clusterIP: '10.96.0.1', ports: [{ port: 5060, protocol: 'SCTP' }] });
  const { ebpf, problems } = compile([sctp], [])(HERE);
  expect(flat(ebpf?.pods?.balancer)).toEqual([]);
  expect(problems.map(({ code }) => code)).toEqual(['sctp-not-balanced']);
});

test('options that turn on what is not modelled are named', () => {
  expect(
    ebpfNotModelled({ 'enable-egress-gateway': 'true', 'bpf-lb-acceleration': 'native', 'enable-sctp': 'false' }),
  ).toEqual([
    'egress gateways (enable-egress-gateway)',
    'acceleration by XDP (bpf-lb-acceleration: native), taken for the same programs at tc',
  ]);
});
