/** Rules below IP, and neighbours that are found through them: both machines and this kernel are asked who gets what. */
import {
  type Conversation,
  converse,
  createEngine,
  type Machine,
  type Network,
  type Packet,
  Protocol,
  plainPacket,
  type Table,
} from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { frameTable, nftTables, parseArptablesSave, parseEbtablesSave, parseNftRuleset } from '@podwire/model';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import type { AttemptResult } from '../lab/lab.ts';
import { withListeners } from '../lab/listeners.ts';
import { planOf } from '../lab/plan.ts';
import type { Listening } from '../lab/terms.ts';
import { type Rules, type Scene, scenes, type Tool } from './scenes.ts';

const labOf = useLab();

const TCP_PORT = 8080;
const UDP_PORT = 9090;
/** A neighbour is asked for once, which takes a second to fail. */
const TIMEOUT_MS = 1800;

const listening = ({ netnses }: Network): Listening[] =>
  netnses.flatMap(({ name }) => [
    { netns: name, protocol: 'tcp' as const, port: TCP_PORT },
    { netns: name, protocol: 'udp' as const, port: UDP_PORT },
  ]);

const READERS: Readonly<Record<Tool, (text: string) => { tables: Table[]; problems: readonly unknown[] }>> = {
  nft(text) {
    const { objects, problems } = parseNftRuleset(text);
    return { tables: nftTables(objects), problems };
  },
  ebtables(text) {
    const { tables, problems } = parseEbtablesSave(text);
    return { tables: tables.map((table) => frameTable(table)), problems };
  },
  arptables(text) {
    const { tables, problems } = parseArptablesSave(text);
    return { tables: tables.map((table) => frameTable(table)), problems };
  },
};

function tablesOf({ tool, text }: Rules): Table[] {
  const { tables, problems } = READERS[tool](text);
  expect(problems).toEqual([]);
  return tables;
}

const networkOf = ({ netnses, rules }: Scene): Network => ({
  netnses: netnses.map((netns) => ({
    ...netns,
    netfilter: rules.filter((one) => one.netns === netns.name).flatMap(tablesOf),
  })),
});

const RESTORE: Readonly<Record<Tool, string[]>> = {
  nft: ['nft', '-f', '-'],
  ebtables: ['ebtables-restore'],
  arptables: ['arptables-restore'],
};

function packetOf(daddr: string, tcp: boolean): Packet {
  return plainPacket({
    protocol: tcp ? Protocol.TCP : Protocol.UDP,
    saddr: '',
    daddr,
    sport: 40000,
    dport: tcp ? TCP_PORT : UDP_PORT,
    dontFragment: tcp,
  });
}

const told = (at: string, error: string | undefined, reply: boolean): string =>
  `${reply ? 'reply' : (error ?? 'silence')}${at === '' ? '' : ` at ${at}`}`;

/** What the client and the server could tell of it. */
function ofMachine(machine: Machine, from: string, packet: Packet): string {
  const { outcome, error, endpoint, there }: Conversation = converse(machine, from, packet);
  expect(machine.choices()).toEqual([]);
  // A server hears of a connection once it is complete.
  const arrived = there.end.disposition === 0 && (outcome === 'reply' || packet.protocol !== Protocol.TCP);
  return told(arrived ? (endpoint?.netns ?? '') : '', error, outcome === 'reply');
}

const ofKernel = ({ reply, error, endpoint }: AttemptResult): string =>
  told(endpoint?.netns ?? '', error ?? undefined, reply === true);

const titles = ({ asks }: Scene) =>
  asks.flatMap(({ from, to }) =>
    [true, false].map((tcp) => ({ from, to, tcp, title: `${from} to ${to} ${tcp ? 'tcp' : 'udp'}` })),
  );

test.each(scenes)('$name: one answer of both machines', async (scene) => {
  const network = networkOf(scene);
  const machines = [await createEngine(), createReference()];
  const [one, two] = machines.map((machine) => {
    machine.load(withListeners(network, listening(network)));
    return titles(scene).map(({ from, to, tcp }) => {
      const there = machine.send(from, packetOf(to, tcp));
      return [there, machine.answer()];
    });
  });
  expect(one).toEqual(two);
});

test.for(scenes)('$name', async (scene: Scene, context) => {
  const lab = labOf(context);
  const network = networkOf(scene);
  const machine = createReference();
  const expected: string[] = [];
  const seen: string[] = [];
  const bare = { netnses: scene.netnses };
  const plan = planOf(bare, listening(bare), 'nft');
  const programs = scene.rules.map(({ netns, tool, text }) => ({ netns, argv: RESTORE[tool], input: text }));
  await lab.build({ ...plan, tries: 1, programs: [...plan.programs, programs] });
  for (const [i, { from, to, tcp, title }] of titles(scene).entries()) {
    machine.load(withListeners(network, listening(network)));
    const said = ofMachine(machine, from, packetOf(to, tcp));
    expected.push(`${title}: ${said}`);
    const protocol = tcp ? ('tcp' as const) : ('udp' as const);
    const dport = tcp ? TCP_PORT : UDP_PORT;
    const attempt = { id: '0', from, protocol, sport: 40000 + i, daddr: to, dport, awaited: !said.includes('silence') };
    await lab.unlearn(scene.netnses.map(({ name }) => name));
    const { results } = await lab.probe([attempt], TIMEOUT_MS, []);
    seen.push(`${title}: ${results.map(ofKernel).join()}`);
  }
  expect(expected, 'the machine, and what the kernel did').toEqual(seen);
});
