import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createEngine, Hook, Protocol, type Statement } from './index.ts';
import { createReference } from '../reference/index.ts';
import { base, chain, netns, network, packet, rule, table, veth } from '../reference/testing/network.ts';

test('smoke', async () => {
  const [a, aHost] = veth(['client', 'eth0'], ['n1', 'veth-client', { master: 'cni0', hairpin: true }]);
  const [b, bHost] = veth(['local', 'eth0'], ['n1', 'veth-local', { master: 'cni0', hairpin: true }]);
  const pod = (name: string, link: typeof a, address: string, gateway: string) =>
    netns(name, { links: [link], addresses: [`eth0 ${address}/24`], routes: [`default via ${gateway} dev eth0`] });
  const n = network(
    netns('n1', {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }, { name: 'cni0', kind: 'bridge' }, aHost, bHost],
      addresses: [`eth0 192.168.0.1/24`, `cni0 10.244.1.1/24`],
      routes: ['default via 192.168.0.254 dev eth0'],
      sysctls: { 'net.ipv4.ip_forward': 1, 'net.bridge.bridge-nf-call-iptables': 1 },
      netfilter: [],
    }),
    pod('client', a, '10.244.1.2', '10.244.1.1'),
    pod('local', b, '10.244.1.3', '10.244.1.1'),
  );
  const ref = createReference();
  ref.load(n);
  const eng = await createEngine({ wasm: readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)) });
  eng.load(n);
  const p = packet('', '10.244.1.3', { dport: 80 });
  const want = ref.send('client', p);
  const got = eng.send('client', p);
  expect(got).toEqual(want);
  expect(eng.answer()).toEqual(ref.answer());
});
