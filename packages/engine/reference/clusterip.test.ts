/** A pod asks a ClusterIP whose endpoints are a pod of its own node and one of another: what kube-proxy's iptables rules do to the packet. */
import { expect, test } from 'vitest';
import { Disposition, Hook, type Network, Protocol, Reason, type Statement, type Walk } from '../src/index.ts';
import { createReference } from './index.ts';
import { base, chain, netns, network, packet, rule, table, veth } from './testing/network.ts';

const to = (prefix: string): Statement => ({ kind: 'daddr', prefix });
const tcp80: Statement[] = [
  { kind: 'protocol', protocol: Protocol.TCP },
  { kind: 'tcp', dport: { from: 80, to: 80 } },
];
const jump = (name: string): Statement => ({ kind: 'jump', chain: name });
const markMasq = jump('KUBE-MARK-MASQ');
const endpoint = (name: string, address: string) =>
  chain(name, [
    rule({ kind: 'saddr', prefix: `${address}/32` }, markMasq),
    rule(
      { kind: 'protocol', protocol: 6 },
      { kind: 'dnat', range: { addresses: { from: address, to: address }, ports: { from: 8080, to: 8080 } } },
    ),
  ]);

const kubeProxyNat = table('nat', [
  base('nat', Hook.PREROUTING, [rule(jump('KUBE-SERVICES'))]),
  base('nat', Hook.OUTPUT, [rule(jump('KUBE-SERVICES'))]),
  base('nat', Hook.POSTROUTING, [rule(jump('KUBE-POSTROUTING'))]),
  chain('KUBE-SERVICES', [rule(to('10.96.0.1/32'), ...tcp80, jump('KUBE-SVC-A'))]),
  chain('KUBE-SVC-A', [
    rule({ kind: 'saddr', prefix: '10.244.0.0/16', not: true }, to('10.96.0.1/32'), ...tcp80, markMasq),
    rule({ kind: 'statistic', mode: 'random', probability: 0x40000000 }, jump('KUBE-SEP-A')),
    rule(jump('KUBE-SEP-B')),
  ]),
  endpoint('KUBE-SEP-A', '10.244.1.3'),
  endpoint('KUBE-SEP-B', '10.244.2.3'),
  chain('KUBE-MARK-MASQ', [rule({ kind: 'set-mark', value: 0x4000, mask: 0x4000 })]),
  chain('KUBE-POSTROUTING', [
    rule({ kind: 'mark', value: 0x4000, mask: 0x4000, not: true }, { kind: 'return' }),
    rule({ kind: 'set-mark', value: 0x4000, mask: 0 }),
    rule({ kind: 'masquerade', range: { randomFully: true } }),
  ]),
]);

function cluster(bridgeNf: 0 | 1, hairpin = true): Network {
  const [a, aHost] = veth(['client', 'eth0'], ['n1', 'veth-client', { master: 'cni0', hairpin }]);
  const [b, bHost] = veth(['local', 'eth0'], ['n1', 'veth-local', { master: 'cni0', hairpin }]);
  const [c, cHost] = veth(['remote', 'eth0'], ['n2', 'veth-remote', { master: 'cni0', hairpin }]);
  const pod = (name: string, link: typeof a, address: string, gateway: string) =>
    netns(name, { links: [link], addresses: [`eth0 ${address}/24`], routes: [`default via ${gateway} dev eth0`] });
  const node = (name: string, n: number, ports: (typeof a)[], routes: string[]) =>
    netns(name, {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }, { name: 'cni0', kind: 'bridge' }, ...ports],
      addresses: [`eth0 192.168.0.${n}/24`, `cni0 10.244.${n}.1/24`],
      routes: [...routes, 'default via 192.168.0.254 dev eth0'],
      sysctls: { 'net.ipv4.ip_forward': 1, 'net.bridge.bridge-nf-call-iptables': bridgeNf },
      netfilter: [kubeProxyNat],
    });
  return network(
    node('n1', 1, [aHost, bHost], ['10.244.2.0/24 via 192.168.0.2 dev eth0']),
    node('n2', 2, [cHost], ['10.244.1.0/24 via 192.168.0.1 dev eth0']),
    pod('client', a, '10.244.1.2', '10.244.1.1'),
    pod('local', b, '10.244.1.3', '10.244.1.1'),
    pod('remote', c, '10.244.2.3', '10.244.2.1'),
  );
}

const sees = ({ end }: Walk) =>
  `${end.netns} ${end.packet.saddr}:${end.packet.sport} > ${end.packet.daddr}:${end.packet.dport}`;

/** Sends and answers; what each end saw. */
function ask(net: Network, from: string, choice: number, daddr = '10.96.0.1') {
  const machine = createReference();
  machine.load(net);
  machine.script([choice]);
  const there = machine.send(from, packet('', daddr));
  const back = machine.answer();
  return { machine, there, back, text: [sees(there), back && sees(back)] };
}

test.each([
  ['client', 0, ['local 10.244.1.2:40000 > 10.244.1.3:8080', 'client 10.96.0.1:80 > 10.244.1.2:40000']],
  ['client', 1, ['remote 10.244.1.2:40000 > 10.244.2.3:8080', 'client 10.96.0.1:80 > 10.244.1.2:40000']],
  // The endpoint asks itself: masqueraded as the bridge.
  ['local', 0, ['local 10.244.1.1:1024 > 10.244.1.3:8080', 'local 10.96.0.1:80 > 10.244.1.3:40000']],
  ['local', 1, ['remote 10.244.1.3:40000 > 10.244.2.3:8080', 'local 10.96.0.1:80 > 10.244.1.3:40000']],
  // A process of the node: masqueraded as the bridge or the node.
  ['n1', 0, ['local 10.244.1.1:1024 > 10.244.1.3:8080', 'n1 10.96.0.1:80 > 192.168.0.1:40000']],
  ['n1', 1, ['remote 192.168.0.1:1024 > 10.244.2.3:8080', 'n1 10.96.0.1:80 > 192.168.0.1:40000']],
])('%s asks the ClusterIP, endpoint %i', (from, choice, expected) => {
  const { there, back, text, machine } = ask(cluster(1), from, choice);
  expect(text).toEqual(expected);
  expect(there.end.disposition).toBe(Disposition.DELIVERED);
  expect(back?.end.reason).toBe(Reason.SOCKET);
  expect(machine.choices()).toMatchObject([{ weights: [0x40000000, 0x40000000], taken: choice }]);
});

test('without bridge netfilter the same-node answer comes from the wrong address', () => {
  const { there, back } = ask(cluster(0), 'client', 0);
  expect(there.end.reason).toBe(Reason.LISTENER_ASSUMED);
  expect(back?.end).toMatchObject({ netns: 'client', reason: Reason.NO_SOCKET, packet: { saddr: '10.244.1.3' } });
  expect(ask(cluster(0), 'client', 1).back?.end.reason).toBe(Reason.SOCKET);
});

test('hairpin mode matters only with bridge netfilter', () => {
  expect(ask(cluster(1, false), 'local', 0).there.end.reason).toBe(Reason.BRIDGE_HAIRPIN_OFF);
  expect(ask(cluster(0, false), 'local', 0).back?.end.reason).toBe(Reason.SOCKET);
});
