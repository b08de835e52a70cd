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
