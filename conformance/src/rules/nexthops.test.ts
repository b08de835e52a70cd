/** Groups of nexthop objects on this kernel: which ways flows take, and with which odds. */

import { spawnSync } from 'node:child_process';
import { createEngine, type Machine, type Netns, type Packet, Protocol, plainPacket } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { applyIp, emptyNetns } from '@podwire/model';
import { describe, expect, test } from 'vitest';
import { skipWithoutKernel } from '../lab/lab.fixture.ts';
import { kernelMissing } from '../lab/lab.ts';

const links = ['d0', 'd1'].flatMap((name, i) => [
  `link add ${name} type veth peer name ${name}p`,
  `link set ${name}p up`,
  `link set ${name} up`,
  `addr add 10.${i}.0.1/24 dev ${name}`,
]);

const objects = [
  'nexthop add id 1 via 10.0.0.9 dev d0',
  'nexthop add id 2 via 10.1.0.9 dev d1',
  'nexthop add id 10 group 1,3/2',
  'nexthop add id 11 group 1,3/2 type resilient buckets 17',
  'nexthop add id 12 group 1,255/2 type resilient buckets 8',
  'route add 192.0.10.0/24 nhid 10',
  'route add 192.0.11.0/24 nhid 11',
  'route add 192.0.12.0/24 nhid 12',
  'route add 192.0.13.0/24 nexthop via 10.0.0.9 nexthop via 10.1.0.9',
];

const NETS = [10, 11, 12, 13];
const FLOWS = 60;

/** For each network the links by which flows from 10.1.0.1 leave; how many buckets each nexthop of the two resilient groups has. */
function askKernel(): { ways: Record<number, string[]>; buckets: number[][] } {
  const asks = NETS.flatMap((net) =>
    Array.from({ length: FLOWS }, (_, i) => `echo ${net} $(ip route get 192.0.${net}.${i + 1} from 10.1.0.1)`),
  );
  const lists = [11, 12].map((id) => `echo buckets $(ip nexthop bucket show id ${id} | grep -o 'nhid .*')`);
  const input = [...[...links, ...objects].map((line) => `ip ${line} || exit 1`), ...asks, ...lists].join('\n');
  const { status, stdout, stderr } = spawnSync('unshare', ['-n', 'sh'], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const ways: Record<number, string[]> = {};
  const buckets: number[][] = [];
  for (const line of stdout.trim().split('\n')) {
    const m = /^(\d+) .* dev (\S+)/.exec(line);
    if (m) ways[Number(m[1])] = [...new Set([...(ways[Number(m[1])] ?? []), m[2] as string])].sort();
    else buckets.push([1, 2].map((id) => line.split(' ').filter((word) => word === String(id)).length));
  }
  return { ways, buckets };
}

function host(): Netns {
  const netns = emptyNetns('host');
  const refused = [...links, ...objects].flatMap((line) => applyIp(netns, line, [netns]));
  if (refused.length > 0) throw new Error(refused.map(({ message }) => message).join('; '));
  // What iproute2 makes of the other ends says nothing here.
  netns.sysctls = { 'net.ipv4.conf.all.rp_filter': 0 };
  return netns;
}

const packet = (net: number): Packet =>
  plainPacket({
    protocol: Protocol.UDP,
    saddr: '10.1.0.1',
    daddr: `192.0.${net}.1`,
    sport: 4000,
    dport: 53,
    dontFragment: false,
  });

/** The links that it may leave by, and the weights of the choice, if it is one. */
function askMachine(machine: Machine, net: number): { ways: string[]; weights: number[] | undefined } {
  machine.load({ netnses: [host()] });
  machine.script([]);
  const way = () => {
    const { steps } = machine.send('host', packet(net));
    return steps.flatMap((step) => (step.kind === 'route' && step.nexthop ? [step.nexthop.dev] : []))[0] as string;
  };
  const first = way();
  const [choice] = machine.choices();
  if (!choice) return { ways: [first], weights: undefined };
  machine.script([1]);
  return { ways: [first, way()].sort(), weights: choice.weights };
}

describe('nexthop objects', async () => {
  const told = kernelMissing() === undefined ? askKernel() : { ways: {}, buckets: [] };
  const machines: [string, Machine][] = [
    ['engine', await createEngine()],
    ['reference', createReference()],
  ];
  test.for(machines)('%s: groups do not look at the source, the nexthops of a route do', ([, machine], context) => {
    skipWithoutKernel(context);
    for (const net of NETS) expect([net, askMachine(machine, net).ways]).toEqual([net, told.ways[net]]);
  });

  test.for(machines)('%s: resilient groups have buckets, which nexthops share', ([, machine], context) => {
    skipWithoutKernel(context);
    const [large = [], small = []] = told.buckets;
    expect(askMachine(machine, 11).weights).toEqual(large);
    expect(small.filter((count) => count > 0)).toHaveLength(1);
    expect(askMachine(machine, 12).weights).toBeUndefined();
    expect(askMachine(machine, 10).weights).toEqual([3, 1]);
  });
});
