import { Hook, type Netns, Protocol, plainPacket, type Rule } from '@podwire/engine';
import { expect, test } from 'vitest';
import { createMachine } from '../lab/machine.ts';
import { Predictor } from './predict.ts';
import type { Scenario } from './scenario.ts';
import type { Seen } from './seen.ts';
import { Past, withoutDraws } from './ways.ts';

const port = String;

function scenarioOf(rules: Rule[], events: number, backend: Scenario['backend']): Scenario {
  const host: Netns = {
    name: 'host',
    links: [],
    addresses: [{ link: 'lo', address: '10.0.0.1/32' }],
    tables: [],
    netfilter: [
      {
        family: 'ip',
        name: 'filter',
        chains: [{ name: 'OUTPUT', hook: { hook: Hook.OUTPUT, priority: 0, type: 'filter', policy: 'accept' }, rules }],
      },
    ],
    sysctls: {},
  };
  const packet = plainPacket({
    protocol: Protocol.UDP,
    saddr: '10.0.0.1',
    daddr: '10.0.0.1',
    sport: 40000,
    dport: 53,
    length: 40,
    dontFragment: false,
  });
  return {
    network: { netnses: [host] },
    listening: [{ netns: 'host', protocol: 'udp', port: 53 }],
    backend,
    events: Array.from({ length: events }, () => ({ netns: 'host', packet })),
  };
}

/** What a kernel that takes these ways would show. */
async function seenBy(scenario: Scenario, ways: number[][]): Promise<Seen[]> {
  const machine = await createMachine('reference');
  machine.load(scenario.network);
  const predictor = new Predictor(machine, scenario, port);
  return ways.map((way, i) => {
    machine.script(way);
    const seen = predictor.play(scenario.events[i] as Scenario['events'][number]);
    return scenario.backend === 'nft' ? seen : { ...seen, rules: [] };
  });
}

async function pastOf(scenario: Scenario, hasRules: boolean): Promise<Past> {
  const machine = await createMachine('reference');
  machine.load(scenario.network);
  return new Past(machine, scenario, port, hasRules);
}

const chance: Rule = { body: [{ kind: 'statistic', mode: 'random', probability: 0x40000000 }] };

test('many choices: the one way among thousands', async () => {
  const scenario = scenarioOf(Array(14).fill(chance), 1, 'nft');
  const way = [1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0];
  const [seen] = await seenBy(scenario, [[...way, ...way]]);
  expect((await pastOf(scenario, true)).find(seen as Seen)).toBeUndefined();
});

test('a choice that only a later packet shows', async () => {
  const note: Rule['body'][number] = {
    kind: 'recent',
    name: 'seen',
    action: 'set',
    side: 'source',
    mask: '255.255.255.255',
  };
  const scenario = scenarioOf(
    [
      { body: [{ kind: 'recent', name: 'seen', action: 'rcheck', side: 'source', mask: note.mask }, { kind: 'drop' }] },
      { body: [...chance.body, note] },
    ],
    3,
    'legacy',
  );
  for (const [first, second] of [
    [
      [1, 1],
      [1, 1],
    ],
    [[0, 1], []],
    [[1, 0], []],
    [
      [1, 1],
      [1, 0],
    ],
  ] as const) {
    const [one, two, three] = await seenBy(scenario, [[...first], [...second], []]);
    const past = await pastOf(scenario, false);
    expect(past.find(one as Seen)).toBeUndefined();
    expect(past.find(two as Seen)).toBeUndefined();
    expect(past.find(three as Seen)).toBeUndefined();
  }
});

test('what no way explains is told as the first way differs', async () => {
  const scenario = scenarioOf([chance, chance], 3, 'nft');
  const [seen] = await seenBy(scenario, [[0, 0, 0, 0]]);
  const past = await pastOf(scenario, true);
  expect(past.find(seen as Seen)).toBeUndefined();
  past.skip();
  const strange = { ...(seen as Seen), arrivals: ['somewhere else'] };
  expect(past.find(strange)).toMatchObject({ kernel: { arrivals: ['somewhere else'] } });
});

test('a port that the kernel drew may be one that somebody wrote down', () => {
  const none: Seen = { frames: [], rules: [], arrivals: [], conntrack: [] };
  const frame = (port: string) => `a eth0: udp 10.0.0.1:${port} > 10.0.0.2:53 ttl 64`;
  const found = { machine: { ...none, frames: [frame('*')] }, kernel: { ...none, frames: [frame('443')] } };
  const nothing = { machine: none, kernel: none };
  expect(withoutDraws(found, [{ from: 1, to: 511 }])).toEqual(nothing);
  expect(withoutDraws(found, [{ from: 1024, to: 65535 }])).toEqual(found);
  expect(withoutDraws(found, [])).toEqual(found);
  const other = { ...found, kernel: { ...none, frames: [frame('443').replace('ttl 64', 'ttl 63')] } };
  expect(withoutDraws(other, [{ from: 1, to: 511 }])).toEqual(other);
});

test('pieces behind a lost one are not looked for', async () => {
  const drop: Rule = { body: [{ kind: 'protocol', protocol: Protocol.UDP }, { kind: 'drop' }] };
  const scenario = scenarioOf([], 1, 'nft');
  const [host] = scenario.network.netnses as [Netns];
  host.netfilter = [
    {
      family: 'ip',
      name: 'filter',
      chains: [
        {
          name: 'PREROUTING',
          hook: { hook: Hook.PREROUTING, priority: -450, type: 'filter', policy: 'accept' },
          rules: [drop],
        },
      ],
    },
  ];
  host.addresses.push({ link: 'eth0', address: '10.1.0.1/24' });
  host.links.push({
    name: 'eth0',
    kind: 'veth',
    mtu: 1400,
    peer: { netns: 'far', link: 'eth0' },
    mac: '02:00:00:00:00:01',
  });
  host.tables = [
    { id: 254, routes: [{ family: 4, type: 'unicast', destination: '10.1.0.0/24', nexthops: [{ dev: 'eth0' }] }] },
  ];
  const far: Netns = {
    ...host,
    name: 'far',
    links: [{ name: 'eth0', kind: 'veth', mtu: 1400, peer: { netns: 'host', link: 'eth0' }, mac: '02:00:00:00:00:02' }],
    addresses: [{ link: 'eth0', address: '10.1.0.2/24' }],
  };
  scenario.network.netnses = [{ ...host, netfilter: [] }, far];
  const event = scenario.events[0] as Scenario['events'][number];
  scenario.events[0] = { ...event, packet: { ...event.packet, saddr: '10.1.0.1', daddr: '10.1.0.2', length: 2000 } };
  const [seen] = await seenBy(scenario, [[]]);
  expect(seen).toMatchObject({ lostPiece: true, frames: [expect.stringContaining('@ 0+ of udp')] });
  const behind = 'far eth0: piece 10.1.0.1 > 10.1.0.2 @ 1376 udp ttl 64 length 624';
  const { lostPiece: _lost, ...kernel } = seen as Seen;
  const more = { ...kernel, frames: [...kernel.frames, behind] };
  expect((await pastOf(scenario, true)).find(more)).toBeUndefined();
  const strange = { ...kernel, frames: [...kernel.frames, 'far eth0: udp 10.1.0.1:1 > 10.1.0.2:2 ttl 64 length 624'] };
  expect((await pastOf(scenario, true)).find(strange)).toBeDefined();
});
