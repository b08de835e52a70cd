/**
 * Rules as sets of packets: what a node's Service rules decide about every packet, as one function, and which rules of a firewall can never
 * match. kube-proxy's chains with three endpoints a Service are eleven rules for each Service; those of the firewall test random networks, ports and states.
 */
import { type Chain, Hook, type Match, type Rule, type Table } from '@podwire/engine';
import { decideChain, findShadows, PacketSpace } from '@podwire/model';
import { rowOf } from './batches.ts';
import { Random } from './random.ts';
import type { Row, Settings, Subject } from './row.ts';

const ENDPOINTS = 3;
const WHOLE = 2 ** 31;

const octets = (first: number, second: number, index: number) => `${first}.${second}.${index >> 8}.${index & 255}`;
const only = (port: number) => ({ from: port, to: port });

function serviceRules(index: number): { service: Rule; chains: Chain[] } {
  const address: Match[] = [
    { kind: 'daddr', prefix: `${octets(10, 96, index)}/32` },
    { kind: 'protocol', protocol: 6 },
    { kind: 'tcp', dport: only(index % 3 === 0 ? 443 : 80) },
  ];
  const masquerade: Rule = {
    body: [
      { kind: 'saddr', prefix: '10.240.0.0/12', not: true },
      ...address,
      { kind: 'jump', chain: 'KUBE-MARK-MASQ' },
    ],
  };
  const endpoints = Array.from({ length: ENDPOINTS }, (_, at): { rule: Rule; chain: Chain } => {
    const name = `KUBE-SEP-${index}-${at}`;
    const pod = octets(10, 244, index * ENDPOINTS + at);
    const draw: Match[] =
      at === ENDPOINTS - 1
        ? []
        : [{ kind: 'statistic', mode: 'random', probability: Math.floor(WHOLE / (ENDPOINTS - at)) }];
    const to = { addresses: { from: pod, to: pod }, ports: only(8080) };
    const rules: Rule[] = [
      {
        body: [
          { kind: 'saddr', prefix: `${pod}/32` },
          { kind: 'jump', chain: 'KUBE-MARK-MASQ' },
        ],
      },
      { body: [{ kind: 'protocol', protocol: 6 }, { kind: 'tcp' }, { kind: 'dnat', range: to }] },
    ];
    return { rule: { body: [...draw, { kind: 'jump', chain: name }] }, chain: { name, rules } };
  });
  const chain = `KUBE-SVC-${index}`;
  return {
    service: { body: [...address, { kind: 'jump', chain }] },
    chains: [
      { name: chain, rules: [masquerade, ...endpoints.map(({ rule }) => rule)] },
      ...endpoints.map((endpoint) => endpoint.chain),
    ],
  };
}

function natTable(services: number): Table {
  const made = Array.from({ length: services }, (_, index) => serviceRules(index));
  return {
    family: 'ip',
    name: 'nat',
    chains: [
      {
        name: 'PREROUTING',
        hook: { hook: Hook.PREROUTING, priority: -100, type: 'nat', policy: 'accept' },
        rules: [{ body: [{ kind: 'jump', chain: 'KUBE-SERVICES' }] }],
      },
      { name: 'KUBE-SERVICES', rules: made.map(({ service }) => service) },
      { name: 'KUBE-MARK-MASQ', rules: [{ body: [{ kind: 'set-mark', value: 0x4000, mask: 0x4000 }] }] },
      ...made.flatMap(({ chains }) => chains),
    ],
  };
}

function firewall(rules: number, random: Random): Table {
  const prefix = () => {
    const length = 24 + random.below(9);
    return `10.${random.below(256)}.${random.below(256)}.${random.below(256)}/${length}`;
  };
  const rule = (): Rule => {
    const port = random.below(1000);
    const tests: Match[] = [{ kind: 'saddr', prefix: prefix() }];
    if (random.below(2) === 0) tests.push({ kind: 'daddr', prefix: prefix() });
    if (random.below(3) > 0)
      tests.push(
        { kind: 'protocol', protocol: 6 },
        { kind: 'tcp', dport: { from: port, to: port + 100 * random.below(4) } },
      );
    if (random.below(4) === 0) tests.push({ kind: 'state', states: 2 });
    return { body: [...tests, { kind: random.below(2) === 0 ? 'accept' : 'drop' }] };
  };
  const hook = { hook: Hook.FORWARD, priority: 0, type: 'filter', policy: 'drop' } as const;
  return {
    family: 'ip',
    name: 'filter',
    chains: [{ name: 'FORWARD', hook, rules: Array.from({ length: rules }, rule) }],
  };
}

function timed(name: string, runs: number, work: (space: PacketSpace) => void): Row {
  const times = Array.from({ length: runs }, () => {
    const space = new PacketSpace();
    const started = performance.now();
    work(space);
    return performance.now() - started;
  });
  return rowOf(name, 'ms', times);
}

async function* run({ quick, seed }: Settings, wants: (name: string) => boolean): AsyncIterable<Row> {
  const runs = quick ? 1 : 3;
  for (const services of quick ? [100] : [1000, 10_000]) {
    const name = `algebra decide-${services}`;
    const table = natTable(services);
    if (wants(name)) yield timed(name, runs, (space) => decideChain(space, table, 'PREROUTING'));
  }
  for (const rules of quick ? [100] : [1000]) {
    const name = `algebra shadows-${rules}`;
    const table = firewall(rules, new Random(seed));
    if (wants(name)) yield timed(name, runs, (space) => findShadows(space, table));
  }
}

export const algebra: Subject = {
  name: 'algebra',
  what: 'rules as sets of packets: 1,000 and 10,000 Services decided, 1,000 firewall rules checked: ms',
  run,
};
