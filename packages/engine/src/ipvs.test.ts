/** IPVS on both machines: what net/netfilter/ipvs says. No kernel at hand has it, so that nothing here was tried. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, table, veth } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Machine } from './machine.ts';
import type { Netns } from './network.ts';
import type { Packet } from './packet.ts';
import { CtState, Hook, Protocol, TcpFlag } from './terms.ts';
import {
  CONNTRACK,
  cluster,
  ends,
  hooksOf,
  how,
  ipvsSteps,
  MASQUERADE,
  NAT,
  POD1,
  type Setup,
  server,
  service,
  told,
} from './testing/ipvs.ts';
import type { Step, Walk } from './walk.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

describe.each(machines)('%s', (_name, make) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await make();
  });

  const load = (setup: Setup) => machine.load(network(...cluster(setup)));
  const send = (from: string, more: Partial<Packet> = {}) => machine.send(from, packet('', '10.96.0.10', more));
  const answer = () => machine.answer() as Walk;

  test('masquerades there and back, with one hop less', () => {
    load({ services: [service([POD1])] });
    const there = send('client');
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED p1');
    expect(how(there)).toEqual(['INPUT scheduled 10.244.0.1']);
    expect(ends(there.end.packet)).toBe('192.168.0.9:40000 > 10.244.0.1:8080');
    expect(there.end.packet.ttl).toBe(63);
    expect(machine.choices()).toEqual([]);
    const back = answer();
    expect(told(back)).toBe('DELIVERED SOCKET client');
    expect(how(back)).toEqual(['FORWARD reply 10.244.0.1']);
    expect(ends(back.end.packet)).toBe('10.96.0.10:80 > 192.168.0.9:40000');
    const more = send('client', { tcpFlags: TcpFlag.ACK });
    expect(how(more)).toEqual(['INPUT known 10.244.0.1']);
    expect(told(more)).toBe('DELIVERED SOCKET p1');
  });

  test('its steps: a route to the server, then what changes', () => {
    const one = service([POD1]);
    load({ services: [one] });
    const steps = send('client').steps.filter(
      ({ kind, netns }: Step & { netns?: Netns }) => kind !== 'enter' && netns?.name === 'node',
    );
    expect(steps).toMatchObject([
      { kind: 'route', purpose: 'input', local: true },
      { kind: 'ipvs', hook: Hook.INPUT, how: 'scheduled', service: one, server: POD1 },
      { kind: 'route', purpose: 'output', local: false, nexthop: { dev: 'v1' } },
      {
        kind: 'nat',
        manip: 'dst',
        ipvs: true,
        binding: true,
        from: { address: '10.96.0.10', port: 80 },
        to: { address: '10.244.0.1', port: 8080 },
      },
      { kind: 'transmit', link: { name: 'v1' } },
    ]);
    expect(ipvsSteps(send('client'))[0]?.service).toBe(one);
  });

  test('a client on the node: OUTPUT runs again for the rewritten packet', () => {
    const filter = table('filter', [base('filter', Hook.OUTPUT, [])]);
    const mangle = table('mangle', [base('mangle', Hook.OUTPUT, [])]);
    load({ services: [service([POD1])], netfilter: [mangle, filter] });
    const there = send('node');
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED p1');
    // mangle stands before IPVS and sees both, filter behind it the second alone.
    expect(hooksOf(there)).toEqual(['node OUTPUT mangle', 'node OUTPUT mangle', 'node OUTPUT filter']);
    // The source was chosen for the virtual address, which is this host's own (ip_route_output_key_hash_rcu).
    expect(ends(there.end.packet)).toBe('10.96.0.10:40000 > 10.244.0.1:8080');
    expect(there.end.packet.ttl).toBe(63);
    const back = answer();
    expect(how(back)).toEqual(['INPUT reply 10.244.0.1']);
    expect(told(back)).toBe('DELIVERED SOCKET node');
  });

  test('a server on the node itself', () => {
    load({ services: [service([server('192.168.0.1')])] });
    const there = send('client');
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED node');
    expect(ends(there.end.packet)).toBe('192.168.0.9:40000 > 192.168.0.1:8080');
    expect(there.end.packet.ttl).toBe(64);
    const back = answer();
    expect(how(back)).toEqual(['OUTPUT reply 192.168.0.1']);
    expect(told(back)).toBe('DELIVERED SOCKET client');
  });

  test('server and client both on the node', () => {
    load({ services: [service([server('192.168.0.1')])] });
    const there = send('node');
    expect(how(there)).toEqual(['OUTPUT scheduled 192.168.0.1']);
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED node');
    expect(told(answer())).toBe('DELIVERED SOCKET node');
  });

  test('from elsewhere not to a loopback address', () => {
    load({ services: [service([server('127.0.0.1')])] });
    expect(told(send('client'))).toBe('DROPPED SERVER_BOUNDARY node');
    expect(told(send('node'))).toBe('DELIVERED LISTENER_ASSUMED node');
  });

  test('from a loopback address not to elsewhere', () => {
    load({ services: [service([POD1])] });
    expect(told(machine.send('node', packet('127.0.0.1', '10.96.0.10')))).toBe('DROPPED SERVER_BOUNDARY node');
  });

  test('without conntrack=1 packets are untracked, so that nothing is masqueraded', () => {
    load({ services: [service([POD1])], netfilter: MASQUERADE() });
    const there = send('client');
    expect(ends(there.end.packet)).toBe('192.168.0.9:40000 > 10.244.0.1:8080');
    expect(machine.conntrack('node')).toEqual([]);
  });

  test('with conntrack=1 the connection says who answers, and masquerading works', () => {
    load({ services: [service([POD1])], sysctls: CONNTRACK, netfilter: MASQUERADE() });
    const there = send('client');
    expect(ends(there.end.packet)).toBe('169.254.1.1:40000 > 10.244.0.1:8080');
    expect(machine.conntrack('node')).toMatchObject([
      {
        original: { saddr: '192.168.0.9', daddr: '10.96.0.10', sport: 40000, dport: 80 },
        reply: { saddr: '10.244.0.1', daddr: '169.254.1.1', sport: 8080, dport: 40000 },
        // It is no DNAT of conntrack's own (nf_conntrack_alter_reply sets no status).
        snat: true,
        dnat: false,
      },
    ]);
    const back = answer();
    expect(how(back)).toEqual(['FORWARD reply 10.244.0.1']);
    expect(told(back)).toBe('DELIVERED SOCKET client');
    expect(ends(back.end.packet)).toBe('10.96.0.10:80 > 192.168.0.9:40000');
  });

  test('with conntrack=1 the reply is of its connection', () => {
    load({ services: [service([POD1])], sysctls: CONNTRACK, netfilter: NAT });
    expect(told(send('client'))).toBe('DELIVERED LISTENER_ASSUMED p1');
    const back = answer();
    expect(told(back)).toBe('DELIVERED SOCKET client');
    expect(back.steps.find((s) => s.kind === 'conntrack')).toMatchObject({ state: CtState.ESTABLISHED });
  });

  test('a virtual service hears its own port alone', () => {
    load({ services: [service([POD1])], rest: { listeners: [] } });
    const there = send('client', { dport: 81 });
    expect(told(there)).toBe('REFUSED NO_LISTENER node');
    expect(ipvsSteps(there)).toEqual([]);
    expect(answer().end.packet.tcpFlags & TcpFlag.RST).toBe(TcpFlag.RST);
  });

  test('direct routing: as it is, to the server as the next hop', () => {
    load({ services: [service([server('192.168.0.3', { port: 80, method: 'route' })])] });
    const there = send('client');
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED p3');
    expect(ends(there.end.packet)).toBe('192.168.0.9:40000 > 10.96.0.10:80');
    expect(there.steps.find((s) => s.kind === 'transmit' && s.netns.name === 'node')).toMatchObject({
      nexthop: '192.168.0.3',
    });
    const back = answer();
    expect(ends(back.end.packet)).toBe('10.96.0.10:80 > 192.168.0.9:40000');
    expect(back.steps.every((s) => !('netns' in s) || s.netns.name !== 'node')).toBe(true);
  });

  test('direct routing to this host is local delivery', () => {
    load({ services: [service([server('192.168.0.1', { port: 80, method: 'route' })])] });
    expect(told(send('client'))).toBe('DELIVERED LISTENER_ASSUMED node');
  });

  test('tunnelling is not modelled, but to this host', () => {
    load({ services: [service([server('192.168.0.3', { method: 'tunnel' })])] });
    expect(told(send('client'))).toBe('UNKNOWN UNMODELLED_IPVS node');
    load({ services: [service([server('192.168.0.1', { method: 'tunnel' })])] });
    expect(told(send('client'))).toBe('DELIVERED LISTENER_ASSUMED node');
  });

  test('the last hop, and what does not fit', () => {
    load({ services: [service([POD1])] });
    const late = send('client', { ttl: 1 });
    expect(told(late)).toBe('UNREACHABLE TTL_EXCEEDED node');
    expect(answer().end.packet.icmpType).toBe(11);
    const nodes = cluster({ services: [service([POD1])] });
    const link = nodes[1]?.links.find(({ name }) => name === 'v1');
    if (link) link.mtu = 1400;
    machine.load(network(...nodes));
    const long = send('client', { length: 1450 });
    expect(told(long)).toBe('UNREACHABLE FRAGMENTATION_NEEDED node');
    expect(answer().end.packet).toMatchObject({ icmpType: 3, icmpCode: 4, mtu: 1400 });
  });

  test('no way to the server: host unreachable', () => {
    load({ services: [service([server('172.16.0.1')])] });
    expect(told(send('client'))).toBe('UNREACHABLE NO_ROUTE node');
    expect(answer().end.packet).toMatchObject({ icmpType: 3, icmpCode: 1 });
  });

  test('an error from the server, and one to it', () => {
    const nodes = cluster({ services: [service([POD1], { protocol: 'udp' })] });
    Object.assign(nodes[2] as Netns, { listeners: [] });
    machine.load(network(...nodes));
    expect(told(send('client', { protocol: Protocol.UDP }))).toBe('REFUSED NO_LISTENER p1');
    const back = answer();
    expect(told(back)).toBe('DELIVERED SOCKET client');
    expect(how(back)).toEqual(['FORWARD reply 10.244.0.1']);
    expect(back.end.packet).toMatchObject({
      saddr: '10.96.0.10',
      inner: { saddr: '192.168.0.9', daddr: '10.96.0.10', sport: 40000, dport: 80 },
    });
    // The client's complaint about an answer.
    const inner = packet('10.96.0.10', '192.168.0.9', { protocol: Protocol.UDP, sport: 80, dport: 40000 });
    const complaint = packet('192.168.0.9', '10.96.0.10', {
      protocol: Protocol.ICMP,
      sport: 0,
      dport: 0,
      icmpType: 3,
      icmpCode: 3,
      inner,
    });
    const there = machine.send('client', complaint);
    expect(there.end.netns).toBe('p1');
    expect(there.end.packet).toMatchObject({
      daddr: '10.244.0.1',
      inner: { saddr: '10.244.0.1', daddr: '192.168.0.9', sport: 8080, dport: 40000 },
    });
  });

  test('nat_icmp_send tells servers of packets without a connection', () => {
    const setup = { services: [service([POD1])] };
    const stray = () =>
      machine.send('p1', packet('', '192.168.0.9', { sport: 8080, dport: 40000, tcpFlags: TcpFlag.ACK }));
    load(setup);
    expect(stray().end.netns).toBe('client');
    load({ ...setup, sysctls: { 'net.ipv4.vs.nat_icmp_send': 1 } });
    expect(told(stray())).toBe('UNREACHABLE NO_IPVS_CONNECTION node');
    expect(told(answer())).toBe('DELIVERED SOCKET p1');
  });

  test('snat_reroute: answers go as if the node had made them', () => {
    const services = [service([POD1])];
    const rules = [
      { family: 4 as const, priority: 10, iif: 'v1', action: { kind: 'lookup' as const, table: 7 } },
      ...[255, 254].map((id, i) => ({
        family: 4 as const,
        priority: 100 + i,
        action: { kind: 'lookup' as const, table: id },
      })),
    ];
    const seven = {
      id: 7,
      routes: [{ family: 4 as const, type: 'unicast' as const, destination: '0.0.0.0/0', nexthops: [{ dev: 'v2' }] }],
    };
    const nodes = (sysctls: Record<string, number>) => {
      const made = cluster({ services, sysctls, rest: { rules } });
      made[1]?.tables.push(seven);
      return network(...made);
    };
    machine.load(nodes({}));
    send('client');
    expect(told(answer())).toBe('DELIVERED SOCKET client');
    machine.load(nodes({ 'net.ipv4.vs.snat_reroute': 0 }));
    send('client');
    expect(answer().end.netns).not.toBe('client');
  });

  test('ESP goes where the keys were exchanged', () => {
    const udp = { protocol: Protocol.UDP, sport: 500, dport: 500 };
    load({ services: [service([server('10.244.0.1', { port: 500 })], { protocol: 'udp', port: 500 })] });
    const esp = () => send('client', { protocol: 50, sport: 0, dport: 0 });
    expect(esp().end.netns).toBe('node');
    send('client', udp);
    const there = esp();
    expect(there.end.netns).toBe('p1');
    expect(there.end.packet).toMatchObject({ protocol: 50, daddr: '10.244.0.1', dport: 0 });
  });

  test('IPv6', () => {
    load({ services: [service([server('fd00:244::1')], { address: 'fd00:96::10' })] });
    const there = machine.send('client', packet('', 'fd00:96::10'));
    expect(told(there)).toBe('DELIVERED LISTENER_ASSUMED p1');
    expect(ends(there.end.packet)).toBe('fd00:168::9:40000 > fd00:244::1:8080');
    const back = answer();
    expect(told(back)).toBe('DELIVERED SOCKET client');
    expect(ends(back.end.packet)).toBe('fd00:96::10:80 > fd00:168::9:40000');
    load({ services: [service([], { address: 'fd00:96::10' })] });
    machine.send('client', packet('', 'fd00:96::10'));
    expect(answer().end.packet).toMatchObject({ protocol: 58, icmpType: 1, icmpCode: 4 });
  });

  test('in a bridge with bridge-nf the answer between two pods is rewritten', () => {
    const [a1, b1] = veth(['node', 'v1', { master: 'cni0', hairpin: true }], ['p1', 'eth0']);
    const [a2, b2] = veth(['node', 'v2', { master: 'cni0', hairpin: true }], ['p2', 'eth0']);
    const pod = (name: string, link: typeof b1, address: string) =>
      netns(name, { links: [link], addresses: [`eth0 ${address}/24`], routes: ['default via 10.244.0.254 dev eth0'] });
    const nodes = (calls: number) =>
      network(
        netns('node', {
          links: [{ name: 'cni0', kind: 'bridge' }, { name: 'kube-ipvs0', kind: 'dummy', up: false }, a1, a2],
          addresses: ['cni0 10.244.0.254/24', 'kube-ipvs0 10.96.0.10/32'],
          sysctls: { 'net.ipv4.ip_forward': 1, 'net.bridge.bridge-nf-call-iptables': calls },
          rest: { ipvs: [service([POD1])] },
        }),
        pod('p1', b1, '10.244.0.1'),
        pod('p2', b2, '10.244.0.2'),
      );
    machine.load(nodes(1));
    expect(told(send('p2'))).toBe('DELIVERED LISTENER_ASSUMED p1');
    const back = answer();
    expect(how(back)).toEqual(['FORWARD reply 10.244.0.1']);
    expect(told(back)).toBe('DELIVERED SOCKET p2');
    machine.load(nodes(0));
    send('p2');
    const plain = answer();
    expect(ipvsSteps(plain)).toEqual([]);
    expect(told(plain)).toBe('DROPPED NO_SOCKET p2');
  });
});
