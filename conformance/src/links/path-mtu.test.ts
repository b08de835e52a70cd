/** What hosts learn of the paths that their packets take: both machines and this kernel, packet after packet. */
import { createEngine, Disposition, Hook, type Machine, type Network, Protocol, Reason } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import type { Lab } from '../lab/lab.ts';
import { planOf } from '../lab/plan.ts';
import { PORT, packetOf, path, requestOf, type Sent, table } from './paths.ts';
import { ANY_MAC, host, plugged } from './topology.ts';

const labOf = useLab();
const engine = await createEngine();
const reference = createReference();

/** An underlay of 1400 bytes, and a VXLAN of 1450 that leads through it. */
const overlay = (): Network => ({
  netnses: [1, 2].map((n) =>
    host(`n${n}`, {
      links: [
        plugged('eth0', 'lan', { mtu: 1400 }),
        { name: 'vx0', kind: 'vxlan', mtu: 1450, tunnel: { id: 42, port: 4789, local: `10.0.0.${n}` } },
      ],
      addresses: [`eth0 10.0.0.${n}/24`, `vx0 10.9.0.${n}/24`],
      fdb: [{ mac: ANY_MAC, link: 'vx0', dst: `10.0.0.${3 - n}` }],
    }),
  ),
});

type Event = Sent | { sleep: number };

const told = ({ to = '10.2.0.2', length, df }: Sent, outcome: string) =>
  `${to} ${length}${df === false ? ' may be cut' : ''}: ${outcome}`;

/** What became of each packet, and when it was sent, in milliseconds since the first. */
interface Told {
  seen: string[];
  times: number[];
}

/** `times`: when the kernel sent each packet. A busy machine takes longer for each; the clock is the same for both. */
function askMachine(machine: Machine, network: Network, from: string, events: readonly Event[], times: number[]) {
  machine.load(network);
  let now = 0;
  return events
    .filter((event): event is Sent => !('sleep' in event))
    .map((event, i) => {
      const at = Math.round(times[i] ?? now);
      machine.advance(at - now);
      now = at;
      const { end } = machine.send(from, packetOf(event));
      const arrives = end.disposition === Disposition.DELIVERED;
      // What an error teaches who sent it.
      if (!arrives && end.answers) machine.answer();
      const isRefused = end.reason === Reason.FRAGMENTATION_NEEDED && end.netns === from;
      return told(event, isRefused ? 'EMSGSIZE' : arrives ? 'arrives' : 'lost');
    });
}

async function askKernel(lab: Lab, network: Network, from: string, events: readonly Event[]): Promise<Told> {
  const names = network.netnses.map(({ name }) => name);
  const servers = names.filter((name) => name !== from);
  await lab.build(
    planOf(
      network,
      servers.map((netns) => ({ netns, protocol: 'udp', port: PORT })),
      'nft',
    ),
  );
  await lab.listen(names, []);
  const seen: string[] = [];
  const times: number[] = [];
  const started = performance.now();
  for (const event of events) {
    if ('sleep' in event) {
      await new Promise((resolve) => setTimeout(resolve, event.sleep));
      continue;
    }
    times.push(performance.now() - started);
    const answer = await lab.event({
      send: requestOf(from, packetOf(event)),
      patienceMs: 700,
      tracking: [],
    });
    seen.push(told(event, answer.error ?? (answer.arrivals.length > 0 ? 'arrives' : 'lost')));
  }
  return { seen, times };
}

/** Drops every ICMP error that the host would send. */
const silent = table('filter', 'OUTPUT', Hook.OUTPUT, 'filter', [
  { kind: 'protocol', protocol: Protocol.ICMP },
  { kind: 'drop' },
]);

/** 10.96.0.1 stands for the server. */
const service = table('nat', 'OUTPUT', Hook.OUTPUT, 'nat', [
  { kind: 'daddr', prefix: '10.96.0.1/32' },
  { kind: 'dnat', range: { addresses: { from: '10.2.0.2', to: '10.2.0.2' } } },
]);

/** The service's destination has a narrower way than the service itself. */
function narrow(network: Network): Network {
  network.netnses[0]?.tables[0]?.routes.push({
    family: 4,
    type: 'unicast',
    destination: '10.2.0.0/24',
    nexthops: [{ dev: 'eth0', via: '10.1.0.1' }],
    mtu: 1350,
  });
  return network;
}

const three: Sent[] = [{ length: 1301 }, { length: 1301 }, { length: 1300 }];
const to = (daddr: string, lengths: number[]): Sent[] => lengths.map((length) => ({ length, to: daddr }));
const server6 = 'fd02::2';
const DISCOVERY = 'net.ipv4.ip_no_pmtu_disc';
const SOON = { 'net.ipv4.route.mtu_expires': 2, 'net.ipv6.route.mtu_expires': 2 };

test.for<[string, Network, string, Event[]]>([
  ['a router says what fits', path({}), 'client', [...three, ...to(server6, [1301, 1301, 1300])]],
  ['its errors are dropped: a black hole', path({ rules: { router: [silent] } }), 'client', three],
  ['ip_no_pmtu_disc 1', path({ client: { [DISCOVERY]: 1 } }), 'client', [...three, ...to('10.2.0.2', [553, 552])]],
  ['ip_no_pmtu_disc 2', path({ client: { [DISCOVERY]: 2 } }), 'client', three],
  ['ip_no_pmtu_disc 3', path({ client: { [DISCOVERY]: 3 } }), 'client', three],
  [
    'less than is believed',
    path({ client: { 'net.ipv4.route.min_pmtu': 1350 } }),
    'client',
    to('10.2.0.2', [1400, 1351, 1350, 1300]),
  ],
  [
    'a locked route',
    path({ route: { mtu: 1400, mtuLocked: true } }),
    'client',
    to('10.2.0.2', [1401, 1400, 1400, 1300]),
  ],
  [
    'IPv6 has an MTU of its own',
    path({ far: 1500, router: { 'net.ipv6.conf.far.mtu': 1400 } }),
    'client',
    [...to(server6, [1401, 1401, 1400]), ...three],
  ],
  [
    'it is forgotten',
    path({ client: SOON }),
    'client',
    [...three, ...to(server6, [1301, 1301]), { sleep: 2500 }, ...three, ...to(server6, [1301, 1301])],
  ],
  [
    'rewritten by the sender itself to a destination with less room',
    narrow(path({ rules: { client: [service] }, far: 1500 })),
    'client',
    to('10.96.0.1', [1351, 1351, 1350]),
  ],
  ['through a tunnel whose outer packets are cut', overlay(), 'n1', to('10.9.0.2', [1350, 1351, 1351, 1350])],
])('%s', async ([, network, from, events], context) => {
  const lab = labOf(context);
  const { seen, times } = await askKernel(lab, network, from, events);
  expect(askMachine(reference, network, from, events, times), 'reference').toEqual(seen);
  expect(askMachine(engine, network, from, events, times), 'engine').toEqual(seen);
});
