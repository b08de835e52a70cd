import { expect, test } from 'vitest';
import { base, netns, network, packet, rule, table, veth } from '../reference/testing/network.ts';
import { CtState, createEngine, Hook } from './index.ts';

/** Two namespaces on a wire; the second has `routes` more routes, and tracks connections. */
function pair(routes: number) {
  const [a, b] = veth(['a', 'eth0'], ['b', 'eth0']);
  const more = Array.from({ length: routes }, (_, i) => `10.${i >> 8}.${i & 255}.0/24 via 192.168.0.1 dev eth0`);
  const isNew = rule({ kind: 'state', states: CtState.NEW }, { kind: 'accept' });
  const tracking = table('filter', [base('filter', Hook.INPUT, [isNew])]);
  return network(
    netns('a', { links: [a], addresses: ['eth0 192.168.0.1/24'] }),
    netns('b', { links: [b], addresses: ['eth0 192.168.0.2/24'], routes: more, netfilter: [tracking] }),
  );
}

test('a network that is loaded after another finds clean memory', async () => {
  const engine = await createEngine();
  engine.load(pair(3));
  for (let sport = 1; sport < 20_000; sport++) engine.send('a', packet('', '192.168.0.2', { sport, dport: 80 }));
  // What the connections were kept in is no longer in use, but not empty either.
  engine.reset();
  const fresh = await createEngine();
  const larger = pair(5_000);
  fresh.load(larger);
  engine.load(larger);
  const asked = packet('', '192.168.0.2', { dport: 80 });
  expect(engine.send('a', asked)).toEqual(fresh.send('a', asked));
  const sent = packet('', '10.3.7.1', { dport: 80 });
  expect(engine.send('b', sent)).toEqual(fresh.send('b', sent));
});

test('after a network was refused nothing is loaded, and every call finds that', async () => {
  const engine = await createEngine();
  engine.load(pair(3));
  for (let sport = 1; sport < 200; sport++) engine.send('a', packet('', '192.168.0.2', { sport, dport: 80 }));
  // It is written over the connections before the link that is missing is looked for.
  const larger = pair(5_000);
  const last = larger.netnses.at(-1);
  if (last) last.neighbors = [{ link: 'nowhere', address: '10.0.0.1', proxy: true }];
  expect(() => engine.load(larger)).toThrow(expect.objectContaining({ code: 'UNKNOWN_LINK' }));
  expect(engine.answer()).toBeUndefined();
  engine.flush();
  engine.reset();
  expect(() => engine.conntrack('a')).toThrow(expect.objectContaining({ code: 'UNKNOWN_NETNS' }));
});

test('what is no network and no packet is refused by name', async () => {
  const engine = await createEngine();
  const bad = { netnses: [{ name: 'a' }] } as unknown as Parameters<typeof engine.load>[0];
  expect(() => engine.load(bad)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
  engine.load(pair(3));
  const none = null as unknown as ReturnType<typeof packet>;
  expect(() => engine.send('a', none)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
});
