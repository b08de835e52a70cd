/** Whom IPVS chooses, on both machines: what net/netfilter/ipvs says; nothing here was tried. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, network, packet, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { IpvsService } from './ipvs.ts';
import type { Machine } from './machine.ts';
import type { Packet } from './packet.ts';
import { ChoiceKind, Hook, Protocol, TcpFlag } from './terms.ts';
import {
  CONNTRACK,
  cluster,
  ends,
  how,
  ipvsSteps,
  NAT,
  POD1,
  POD2,
  type Setup,
  server,
  service,
  told,
} from './testing/ipvs.ts';
import type { Walk } from './walk.ts';

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

  test.each([
    ['no servers', []],
    ['weight 0', [server('10.244.0.1', { weight: 0 })]],
  ])('%s: port unreachable, also for TCP', (_what, servers) => {
    load({ services: [service(servers)] });
    const there = send('client');
    expect(told(there)).toBe('UNREACHABLE NO_SERVER node');
    expect(how(there)).toEqual(['INPUT none']);
    const { packet: error } = answer().end;
    expect([error.protocol, error.icmpType, error.icmpCode, error.saddr]).toEqual([1, 3, 3, '10.96.0.10']);
  });

  test('rr and wrr have odds, lc has none', () => {
    const servers = [
      server('10.244.0.1', { weight: 3 }),
      server('10.244.0.2', { weight: 0 }),
      server('192.168.0.3', { weight: 1 }),
    ];
    const asked = (scheduler: string) => {
      const one = service(servers, { scheduler });
      load({ services: [one] });
      machine.script([1]);
      expect(how(send('client'))).toEqual(['INPUT scheduled 192.168.0.3']);
      const [choice] = machine.choices();
      expect(choice).toMatchObject({ kind: ChoiceKind.SERVER, alternatives: 2, taken: 1, netns: 'node' });
      expect(choice?.service).toBe(one);
      return choice?.weights;
    };
    expect(asked('rr')).toEqual([1, 1]);
    expect(asked('wrr')).toEqual([3, 1]);
    expect(asked('lc')).toBeUndefined();
    expect(asked('wlc')).toBeUndefined();
  });

  test('fo takes the heaviest', () => {
    load({ services: [service([POD1, server('10.244.0.2', { weight: 5 })], { scheduler: 'fo' })] });
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
    expect(machine.choices()).toEqual([]);
  });

  test('sh has one server for a client, and a quiesced one is none unless it falls back', () => {
    const servers = [POD1, server('10.244.0.2', { weight: 0 })];
    load({ services: [service(servers, { scheduler: 'sh' })] });
    machine.script([1]);
    expect(told(send('client'))).toBe('UNREACHABLE NO_SERVER node');
    expect(told(send('client', { sport: 40001 }))).toBe('UNREACHABLE NO_SERVER node');
    expect(machine.choices()).toHaveLength(1);
    load({ services: [service(servers, { scheduler: 'sh', flags: 'sh-fallback' })] });
    expect(told(send('client'))).toBe('DELIVERED LISTENER_ASSUMED p1');
    expect(machine.choices()).toEqual([]);
  });

  test('sh-port asks for each port', () => {
    load({ services: [service([POD1, POD2], { scheduler: 'sh', flags: 'sh-port' })] });
    machine.script([0, 1]);
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.1']);
    expect(how(send('client', { sport: 40001 }))).toEqual(['INPUT scheduled 10.244.0.2']);
  });

  test('nobody knows whether an upper threshold is reached', () => {
    load({ services: [service([server('10.244.0.1', { upper: 100 }), POD2])] });
    machine.script([1]);
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
    expect(machine.choices()).toMatchObject([
      { kind: ChoiceKind.UNMODELLED, text: 'upper threshold 100 of 10.244.0.1' },
    ]);
  });

  test('persistence: the client keeps its server, others are asked for', () => {
    load({ services: [service([POD1, POD2], { persistent: 100, netmask: '255.255.255.254' })] });
    machine.script([1]);
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
    expect(how(send('client', { sport: 40001 }))).toEqual(['INPUT persistent 10.244.0.2']);
    expect(machine.choices()).toHaveLength(1);
    // 192.168.0.8 counts as the same client.
    machine.send('node', packet('192.168.0.8', '10.96.0.10', { sport: 7 }), { link: 'eth0' });
    expect(machine.choices()).toHaveLength(1);
    machine.send('node', packet('192.168.0.7', '10.96.0.10'), { link: 'eth0' });
    expect(machine.choices()).toHaveLength(2);
  });

  test('persistence ends with its time, not before the connections that follow it', () => {
    load({ services: [service([POD1, POD2], { protocol: 'udp', persistent: 100 })] });
    machine.script([1, 0]);
    const udp = { protocol: Protocol.UDP };
    send('client', udp);
    // The connection lasts 300 seconds; the template is looked at each minute behind its own 100.
    machine.advance(250_000);
    expect(how(send('client', { ...udp, sport: 40001 }))).toEqual(['INPUT persistent 10.244.0.2']);
    machine.advance(700_000);
    expect(how(send('client', udp))).toEqual(['INPUT scheduled 10.244.0.1']);
  });

  test('expire_quiescent_template: a client leaves a quiesced server', () => {
    const quiesced = service([server('10.244.0.1', { weight: 0 }), POD2], { persistent: 100 });
    load({ services: [quiesced], sysctls: { 'net.ipv4.vs.expire_quiescent_template': 1 } });
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
  });

  test('a service of every port', () => {
    load({ services: [service([server('10.244.0.1', { port: 0 })], { port: 0, persistent: 100 })] });
    expect(ends(send('client', { dport: 4711 }).end.packet)).toBe('192.168.0.9:40000 > 10.244.0.1:4711');
  });

  test('a service by mark', () => {
    const mark = { kind: 'set-mark', value: 5, mask: 0xffffffff } as const;
    const mangle = table('mangle', [base('mangle', Hook.PREROUTING, [rule(mark)])]);
    const marked: IpvsService = { fwmark: 5, scheduler: 'rr', servers: [server('10.244.0.2', { port: 0 })] };
    load({ services: [marked, service([POD1])], netfilter: [mangle] });
    expect(ends(send('client', { dport: 80 }).end.packet)).toBe('192.168.0.9:40000 > 10.244.0.2:80');
  });

  test('TCP is scheduled by its SYN alone, unless sloppy', () => {
    load({ services: [service([POD1])] });
    expect(told(send('client', { tcpFlags: TcpFlag.ACK }))).toBe('DROPPED NO_SOCKET node');
    load({ services: [service([POD1])], sysctls: { 'net.ipv4.vs.sloppy_tcp': 1 } });
    expect(told(send('client', { tcpFlags: TcpFlag.ACK }))).toBe('DROPPED NO_SOCKET p1');
    expect(told(send('client', { tcpFlags: TcpFlag.RST, sport: 1 }))).toBe('DROPPED NO_SOCKET node');
  });

  test('one packet: each datagram is scheduled, and its answer stays as it is', () => {
    load({ services: [service([POD1, POD2], { protocol: 'udp', onePacket: true })] });
    machine.script([0, 1]);
    expect(how(send('client', { protocol: Protocol.UDP }))).toEqual(['INPUT scheduled 10.244.0.1']);
    const back = answer();
    expect(ipvsSteps(back)).toEqual([]);
    expect(told(back)).toBe('REFUSED NO_LISTENER client'.replace('REFUSED NO_LISTENER', 'DELIVERED LISTENER_ASSUMED'));
    expect(ends(back.end.packet)).toBe('10.244.0.1:8080 > 192.168.0.9:40000');
    expect(how(send('client', { protocol: Protocol.UDP }))).toEqual(['INPUT scheduled 10.244.0.2']);
  });

  test('ports used again once the connection is over', () => {
    const reset = { tcpFlags: TcpFlag.RST };
    load({ services: [service([POD1, POD2])] });
    machine.script([0, 1]);
    send('client');
    send('client', reset);
    // RST brings SYN_RECV to itself: the connection is not over.
    expect(how(send('client'))).toEqual(['INPUT known 10.244.0.1']);
    answer();
    send('client', { tcpFlags: TcpFlag.ACK });
    send('client', reset);
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
  });

  test('expire_nodest_conn: a new connection leaves a quiesced server', () => {
    const moved = service([server('10.244.0.1', { weight: 0 }), POD2]);
    load({ services: [moved], sysctls: { 'net.ipv4.vs.expire_nodest_conn': 1 } });
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
  });

  test('conn_reuse_mode 2: with direct routing a FIN of the client is enough', () => {
    const methods = ['route', 'masquerade'] as const;
    const after = methods.map((method) => {
      const servers = [server('192.168.0.3', { port: 80, method }), server('10.244.0.2', { port: 80, method })];
      load({ services: [service(servers)], sysctls: { 'net.ipv4.vs.conn_reuse_mode': 2 } });
      machine.script([0, 1]);
      for (const tcpFlags of [TcpFlag.SYN, TcpFlag.ACK, TcpFlag.FIN | TcpFlag.ACK]) send('client', { tcpFlags });
      return how(send('client'));
    });
    // Nothing comes back through the node: it takes the client's FIN for both. Masquerading waits in CLOSE_WAIT.
    expect(after).toEqual([['INPUT scheduled 10.244.0.2'], ['INPUT known 192.168.0.3']]);
  });

  test('ports used again while conntrack has the old connection: the first SYN is lost', () => {
    load({ services: [service([POD1, POD2])], sysctls: CONNTRACK, netfilter: NAT });
    machine.script([0, 1]);
    send('client');
    answer();
    // IPVS takes a FIN in SYN_RECV for the end, conntrack for the beginning of one.
    send('client', { tcpFlags: TcpFlag.FIN | TcpFlag.ACK });
    expect(told(send('client'))).toBe('DROPPED PORTS_IN_USE node');
    expect(machine.conntrack('node')).toEqual([]);
    expect(how(send('client'))).toEqual(['INPUT scheduled 10.244.0.2']);
  });
});
