/** How long a packet may be that goes through a tunnel: the machine and this kernel. */
import { Disposition, type Link, type Network, type Packet, Protocol, plainPacket, Reason } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import { planOf } from '../lab/plan.ts';
import { ANY_MAC, host, plugged } from './topology.ts';

const labOf = useLab();

const PORT = 9090;
const HEADERS = 28;

/** Two ends, their links of these sizes. */
function ends(outer: number, inner: number, tunnel: Link['tunnel']): Network {
  return {
    netnses: [1, 2].map((n) =>
      host(`n${n}`, {
        links: [
          plugged('eth0', 'lan', { mtu: outer }),
          { name: 'vx0', kind: 'vxlan', mtu: inner, tunnel: { id: 42, port: 4789, local: `10.0.0.${n}`, ...tunnel } },
        ],
        addresses: [`eth0 10.0.0.${n}/24`, `vx0 10.9.0.${n}/24`],
        fdb: [{ mac: ANY_MAC, link: 'vx0', dst: `10.0.0.${3 - n}` }],
      }),
    ),
  };
}

const packetOf = (length: number, dontFragment: boolean, sport: number): Packet =>
  plainPacket({
    protocol: Protocol.UDP,
    saddr: '10.9.0.1',
    daddr: '10.9.0.2',
    sport,
    dport: PORT,
    length,
    dontFragment,
  });

test.for([
  ['room for the headers', 1500, 1450, 'unset'],
  ['no room, and the outer packet may be cut', 1400, 1450, 'unset'],
  ['no room, and the outer packet must stay whole', 1400, 1450, 'set'],
  ['no room, and the outer packet as the inner one', 1400, 1450, 'inherit'],
] as const)('VXLAN: %s', async ([, outer, inner, df], context) => {
  const lab = labOf(context);
  const network = ends(outer, inner, { df });
  const machine = createReference();
  const listening = [{ netns: 'n2', protocol: 'udp' as const, port: PORT }];
  const asked = [outer - 50, outer - 49, inner + 1].flatMap((length) =>
    [false, true].map((dontFragment) => ({ length, dontFragment })),
  );
  const expected: string[] = [];
  const seen: string[] = [];
  for (const [i, { length, dontFragment }] of asked.entries()) {
    // The kernel remembers a smaller path MTU: each packet meets a fresh one.
    await lab.build(planOf(network, listening, 'nft'));
    await lab.listen(['n1', 'n2'], []);
    machine.load(network);
    const packet = packetOf(length, dontFragment, 41000 + i);
    const { end } = machine.send('n1', packet);
    const what = `${length} bytes${dontFragment ? ' in one piece' : ''}`;
    const told = end.disposition === Disposition.UNREACHABLE && end.reason === Reason.FRAGMENTATION_NEEDED;
    const arrives = end.disposition === Disposition.DELIVERED;
    expected.push(`${what}: ${told ? 'EMSGSIZE' : arrives ? 'arrives' : 'lost'}`);
    const { saddr, daddr, sport, dport, ttl, tos, mark } = packet;
    const payload = '00'.repeat(length - HEADERS);
    const request = {
      from: 'n1',
      family: 4,
      protocol: 17,
      saddr,
      sport,
      daddr,
      dport,
      ttl,
      tos,
      mark,
      dontFragment,
      payload,
    };
    const answer = await lab.event({ send: request, patienceMs: 700, tracking: [] });
    seen.push(`${what}: ${answer.error ?? (answer.arrivals.length > 0 ? 'arrives' : 'lost')}`);
  }
  expect(expected).toEqual(seen);
});
