/** Stacked links and tunnels: both the machine and this kernel are asked who gets what. */
import {
  type Conversation,
  converse,
  explore,
  type Network,
  type Packet,
  Protocol,
  plainPacket,
} from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import type { AttemptResult } from '../lab/lab.ts';
import { withListeners } from '../lab/listeners.ts';
import { planOf } from '../lab/plan.ts';
import type { Listening } from '../lab/terms.ts';
import { type Scene, scenes } from './scenes.ts';

const labOf = useLab();

const TCP_PORT = 8080;
const UDP_PORT = 9090;
const TIMEOUT_MS = 600;

const listening = ({ netnses }: Network): Listening[] =>
  netnses.flatMap(({ name }) => [
    { netns: name, protocol: 'tcp' as const, port: TCP_PORT },
    { netns: name, protocol: 'udp' as const, port: UDP_PORT },
  ]);

function packetOf(daddr: string, tcp: boolean, sport: number): Packet {
  return plainPacket({
    protocol: tcp ? Protocol.TCP : Protocol.UDP,
    saddr: '',
    daddr,
    sport,
    dport: tcp ? TCP_PORT : UDP_PORT,
    dontFragment: tcp,
  });
}

const told = (at: string, sees: string, error: string | undefined, reply: boolean): string =>
  `${reply ? 'reply' : (error ?? 'silence')}${at === '' ? '' : ` at ${at} seeing ${sees}`}`;

/** What the client and the server could tell of it. */
const ofMachine = ({ outcome, error, endpoint, saw, there }: Conversation): string => {
  // A server hears of a connection once it is complete.
  const arrived = there.end.disposition === 0 && (outcome === 'reply' || there.end.packet.protocol !== Protocol.TCP);
  return told(arrived ? (endpoint?.netns ?? '') : '', saw?.address ?? '', error, outcome === 'reply');
};

const ofKernel = ({ reply, error, endpoint, saw }: AttemptResult): string =>
  told(endpoint?.netns ?? '', saw?.address ?? '', error, reply === true);

test.for(scenes)('$name', async ({ network, asks }: Scene, context) => {
  const lab = labOf(context);
  const machine = createReference();
  machine.load(withListeners(network, listening(network)));
  const wanted = asks.flatMap(({ from, to }) => [true, false].map((tcp) => ({ from, to, tcp })));
  const expected = wanted.map(({ from, to, tcp }, i) => {
    const { branches } = explore(machine, () => ofMachine(converse(machine, from, packetOf(to, tcp, 40000 + i))), {
      limit: 64,
    });
    return `${from} to ${to} ${tcp ? 'tcp' : 'udp'}: ${[...new Set(branches.map((b) => b.result))].join(' or ')}`;
  });
  await lab.build(planOf(network, listening(network), 'nft'));
  const attempts = wanted.map(({ from, to, tcp }, i) => ({
    id: `${i}`,
    from,
    protocol: tcp ? ('tcp' as const) : ('udp' as const),
    sport: 40000 + i,
    daddr: to,
    dport: tcp ? TCP_PORT : UDP_PORT,
    awaited: !expected[i]?.includes('silence'),
  }));
  const { results } = await lab.probe(attempts, TIMEOUT_MS, []);
  const seen = results.map((result, i) => {
    const { from, to, tcp } = wanted[i] as (typeof wanted)[number];
    return `${from} to ${to} ${tcp ? 'tcp' : 'udp'}: ${ofKernel(result)}`;
  });
  expect(expected).toEqual(seen);
});
