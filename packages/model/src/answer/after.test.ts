/**
 * Connections that were there before something happened. What must come of them: conntrack keeps a translation until its time is over or somebody
 * deletes it; kube-proxy deletes those of UDP alone, and only where another endpoint serves (pkg/proxy/conntrack/cleanup.go); a segment that no
 * socket knows is answered with a reset (RFC 9293, 3.10.7.1); established TCP lives for 432,000 s without traffic (nf_conntrack_proto_tcp.c).
 */
import { readFileSync } from 'node:fs';
import { createEngine, type Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { readNode } from '../linux/node/index.ts';
import { why } from '../why/why.ts';
import type { Outcome, TraceAnswer } from './answer.ts';
import type { Question } from './question.ts';
import { openSession, type Session } from './session.ts';
import { source } from './shop.ts';

const CLUSTER = readFileSync(new URL('../../../../examples/over-time/cluster.yaml', import.meta.url), 'utf8');

const MACHINES: Readonly<Record<string, () => Machine | Promise<Machine>>> = {
  engine: () => createEngine(),
  reference: () => createReference(),
};

async function open(name = 'engine', overrides: ClusterOverrides = {}, text = CLUSTER): Promise<Session> {
  const machine = await (MACHINES[name] as () => Machine | Promise<Machine>)();
  return openSession({ files: [source(text)], overrides, machine });
}

function ask(session: Session, to: string, after: string[], more: Partial<Question> = {}): TraceAnswer {
  return session.trace({ from: 'pod/shop/client', to: `svc/shop/${to}`, namespace: 'shop', after, ...more });
}

const outcomesOf = ({ groups }: TraceAnswer): Outcome[] => groups.flatMap(({ outcomes }) => outcomes);

/** By who had the connection: what becomes of its packets, and at whom. */
function fates(answer: TraceAnswer): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { before, verdict, receiver } of outcomesOf(answer)) {
    const had = before?.receiver?.place.name ?? 'nobody';
    const list = found[had] ?? [];
    found[had] = list;
    list.push(`${verdict} ${receiver?.address ?? ''}`.trim());
  }
  return found;
}

const cart = (session: Session): string[] => [...session.cluster.pods.keys()].filter((key) => key.includes('/cart-'));
const addressOf = (session: Session, key: string) => session.cluster.pods.get(key)?.object.status?.podIP ?? '';

describe.each(Object.keys(MACHINES))('%s', (name) => {
  describe.each(['iptables', 'nftables'] as const)('%s', (proxyMode) => {
    test('UDP goes to another endpoint once its own is gone, because kube-proxy has its entry deleted', async () => {
      const answer = ask(await open(name, { proxyMode }), 'log', ['delete pod/log-1']);
      expect(fates(answer)).toEqual({ 'shop/log-1': ['delivered 10.244.2.8'], 'shop/log-2': ['delivered 10.244.2.8'] });
      for (const { before } of outcomesOf(answer)) {
        const gone = before?.forgotten.flatMap(({ entries }) => entries.map(({ text }) => text)) ?? [];
        expect(gone.length).toBe(before?.receiver?.place.name === 'shop/log-1' ? 1 : 0);
        for (const text of gone) expect(text).toContain('src=10.244.2.7');
      }
      expect(answer.changes).toEqual([
        {
          text: 'delete pod/log-1',
          effects: [
            'pod/shop/log-1 is gone, and its address with it',
            'EndpointSlices of svc/shop/log: 10.244.2.7 goes',
          ],
        },
      ]);
    });

    test('without another endpoint UDP keeps the old one', async () => {
      const answer = ask(await open(name, { proxyMode }), 'log', ['delete pod/log-1', 'delete pod/log-2']);
      const last = outcomesOf(answer).find(({ before }) => before?.receiver?.place.name === 'shop/log-2');
      expect(last?.before?.forgotten).toEqual([]);
      expect(last).toMatchObject({ verdict: 'unreachable', reason: 'no-neighbor' });
      const nat = last?.forward.hops.flatMap(({ steps }) => steps).find((step) => step.kind === 'nat');
      expect(nat).toMatchObject({ remembered: true, to: '10.244.2.8:514' });
    });

    test('who is not ready loses its UDP; who terminates and still serves keeps it', async () => {
      const session = await open(name, { proxyMode });
      expect(fates(ask(session, 'log', ['set pod/log-1 ready=false']))['shop/log-1']).toEqual(['delivered 10.244.2.8']);
      expect(fates(ask(session, 'log', ['terminate pod/log-1']))['shop/log-1']).toEqual(['delivered 10.244.2.7']);
    });

    test('TCP of a pod that is gone is sent on to its address; of another pod it goes on', async () => {
      const session = await open(name, { proxyMode });
      const [gone = '', other = ''] = cart(session);
      const answer = ask(session, 'cart', [`delete pod/${gone}`]);
      expect(fates(answer)).toEqual({ [gone]: ['unreachable'], [other]: [`delivered ${addressOf(session, other)}`] });
      const [lost] = outcomesOf(answer).filter(({ verdict }) => verdict === 'unreachable');
      expect(lost?.symptom).toContain('tcp_retries2');
      expect(lost?.before?.forgotten).toEqual([]);
      expect(answer.summary).toBe(`Connections to pod ${other} go on, those to pod ${gone} do not.`);
    });

    test('without its Service a TCP connection goes on, and a new one does not come about', async () => {
      const session = await open(name, { proxyMode });
      expect(ask(session, 'cart', ['delete svc/cart']).verdict).toBe('delivered');
      expect(ask(session, 'cart', ['delete svc/cart'], { connection: 'new' }).verdict).not.toBe('delivered');
    });

    test('a process that starts anew does not know its connections', async () => {
      const session = await open(name, { proxyMode });
      const answer = ask(session, 'db', ['restart pod/db-0']);
      expect(answer).toMatchObject({ verdict: 'refused', reason: 'connection-unknown' });
      expect(answer.groups[0]?.symptom).toBe('connection reset by peer');
      expect(ask(session, 'db', ['restart pod/db-0'], { connection: 'new' }).verdict).toBe('delivered');
    });

    test('a segment of which conntrack has lost the connection is sent to any endpoint', async () => {
      const plain = CLUSTER.replace(/ {2}sessionAffinity: ClientIP\n.*\n/, '');
      const session = await open(name, { proxyMode }, plain);
      const [a = '', b = ''] = cart(session);
      const lost = fates(ask(session, 'cart', ['flush conntrack']));
      const [atA, atB] = [addressOf(session, a), addressOf(session, b)];
      expect(new Set(lost[a])).toEqual(new Set([`delivered ${atA}`, `refused ${atB}`]));
      expect(new Set(lost[b])).toEqual(new Set([`delivered ${atB}`, `refused ${atA}`]));
      // What the node does not forget stays where it was; after five days it has forgotten.
      expect(ask(session, 'cart', ['flush node/node-2']).verdict).toBe('delivered');
      expect(ask(session, 'cart', ['4d', '23h']).verdict).toBe('delivered');
      expect(fates(ask(session, 'cart', ['5d1m']))).toEqual(lost);
    });

    test('a client sticks to its endpoint for as long as affinity says, and as the endpoint is there', async () => {
      const session = await open(name, { proxyMode });
      const [a = '', b = ''] = cart(session);
      const kept = { [a]: [`delivered ${addressOf(session, a)}`], [b]: [`delivered ${addressOf(session, b)}`] };
      expect(fates(ask(session, 'cart', ['599s'], { connection: 'new' }))).toEqual(kept);
      expect(fates(ask(session, 'cart', ['601s'], { connection: 'new' }))[a]?.length).toBe(2);
      expect(fates(ask(session, 'cart', ['scale deploy/cart=5'], { connection: 'new' }))).toEqual(kept);
      // The lost connection comes to the right one by affinity alone.
      expect(fates(ask(session, 'cart', ['flush conntrack']))).toEqual(kept);
      const scaled = ask(session, 'cart', ['scale deploy/cart=1'], { connection: 'new' });
      const left = new Set(outcomesOf(scaled).map(({ receiver }) => receiver?.place.name));
      expect(left.size).toBe(1);
      expect(
        outcomesOf(scaled)
          .map(({ before }) => before?.remembered)
          .sort(),
      ).toEqual([false, true]);
    });

    test('a pod that was not ready for a while has lost its clients', async () => {
      const session = await open(name, { proxyMode });
      const [a = ''] = cart(session);
      const answer = ask(session, 'cart', [`restart pod/${a}`], { connection: 'new' });
      expect(fates(answer)[a]?.length).toBe(2);
    });
  });
});

test('the name of a StatefulSet is kept, its address is not; a Deployment makes another pod', async () => {
  const session = await open();
  const before = addressOf(session, 'shop/db-0');
  const cluster = session.clusterOf({ to: 'external', namespace: 'shop', after: ['delete pod/db-0'] });
  expect(cluster.pods.get('shop/db-0')?.object.status?.podIP).not.toBe(before);
  expect(cluster.pods.size).toBe(session.cluster.pods.size);
  const [gone = ''] = cart(session);
  const later = session.clusterOf({ to: 'external', namespace: 'shop', after: [`delete pod/${gone}`] });
  expect(later.pods.has(gone)).toBe(false);
  expect(later.pods.size).toBe(session.cluster.pods.size);
  // Nobody replaces a bare pod, and the session itself stays as it is.
  expect(session.clusterOf({ to: 'external', namespace: 'shop', after: ['delete pod/log-1'] }).pods.size).toBe(
    session.cluster.pods.size - 1,
  );
  expect(session.cluster.pods.has(gone)).toBe(true);
  expect(
    session
      .clusterOf({ to: 'external', namespace: 'shop', after: ['scale sts/db=3', 'scale sts/db=2'] })
      .pods.has('shop/db-2'),
  ).toBe(false);
  expect(session.clusterOf({ to: 'external', namespace: 'shop', after: ['delete deploy/cart'] }).pods.size).toBe(
    session.cluster.pods.size - 2,
  );
});

test('why blames the entry of conntrack, or the process that is gone', async () => {
  const session = await open();
  const stale = why(session, {
    from: 'pod/shop/client',
    to: 'svc/shop/db',
    namespace: 'shop',
    after: ['delete pod/db-0'],
  });
  expect(stale.fault).toMatchObject({ link: 'conntrack', code: 'stale-connection' });
  expect(stale.changes?.length).toBe(1);
  const reset = why(session, {
    from: 'pod/shop/client',
    to: 'svc/shop/db',
    namespace: 'shop',
    after: ['restart pod/db-0'],
  });
  expect(reset).toMatchObject({ verdict: 'refused', fault: { link: 'conntrack', code: 'connection-unknown' } });
  const none = why(session, {
    from: 'pod/shop/client',
    to: 'svc/shop/db',
    namespace: 'shop',
    after: ['scale sts/db=0'],
    connection: 'new',
  });
  expect(none.fault?.link).toBe('selector');
});

test('where nodes take up no connection in the middle, a lost one is INVALID', async () => {
  const bytes = new TextEncoder().encode('net.netfilter.nf_conntrack_tcp_loose = 0\n');
  const dump = readNode('node-1', [{ name: 'sysctl.txt', bytes }]);
  const session = await openSession({ files: [source(CLUSTER)], machine: createReference(), dumps: [dump] });
  const question = { from: 'pod/shop/client', to: 'svc/shop/cart', namespace: 'shop', after: ['flush conntrack'] };
  expect(session.trace(question)).toMatchObject({ verdict: 'dropped', reason: 'rule' });
  expect(why(session, question).fault).toMatchObject({ link: 'conntrack', code: 'invalid-segment' });
  // With rules from the node nobody knows what they would be afterwards.
  const rules = new TextEncoder().encode('*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n');
  const fixed = readNode('node-1', [{ name: 'iptables-save', bytes: rules }]);
  const dumped = await openSession({ files: [source(CLUSTER)], machine: createReference(), dumps: [fixed] });
  expect(() => dumped.trace(question)).toThrowError(expect.objectContaining({ code: 'after-dump' }));
});

test('asking again after a question with changes gives the answer of before', async () => {
  const session = await open();
  const question: Question = { from: 'pod/shop/client', to: 'svc/shop/cart', namespace: 'shop' };
  const first = JSON.stringify(session.trace(question));
  session.trace({ ...question, after: ['delete deploy/cart'] });
  expect(JSON.stringify(session.trace(question))).toBe(first);
});

test.each([
  ['delete pod/lgo-1', 'unknown-name'],
  ['delete pod/log-1 now', 'bad-change'],
  ['delete node/node-1', 'bad-change'],
  ['reboot node/node-1', 'bad-change'],
  ['restart svc/cart', 'bad-change'],
  ['set pod/log-1 ready=maybe', 'bad-change'],
  ['scale deploy/cart', 'bad-change'],
  ['scale deploy/cart=99999999', 'bad-change'],
  ['scale svc/cart=2', 'bad-change'],
  ['35', 'bad-change'],
  ['99999d', 'bad-change'],
  ['delete pod/client', 'source-gone'],
  ['', 'bad-change'],
])('"%s" is refused as %s', async (change, code) => {
  const session = await open();
  expect(() => ask(session, 'cart', [change])).toThrowError(expect.objectContaining({ code }));
});

test('a name that nothing has comes with the nearest one', async () => {
  const session = await open();
  expect(() => ask(session, 'cart', ['delete pod/lgo-1'])).toThrowError(
    expect.objectContaining({ candidates: expect.arrayContaining(['pod/shop/log-1']) }),
  );
});

test('what eBPF programs keep is not known', async () => {
  const session = await open('engine', { proxyMode: 'ebpf' });
  expect(() => ask(session, 'cart', ['delete svc/cart'])).toThrowError(
    expect.objectContaining({ code: 'after-not-modelled' }),
  );
});
