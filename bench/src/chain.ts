/**
 * Rules as kube-proxy writes them, one for each Service: looked up in a list of their own, and as the chain that every packet of a node
 * has to pass, in the machine and in the reference interpreter, which walks it rule by rule.
 */
import {
  type Chain,
  createEngine,
  createRuleList,
  type HeaderMatch,
  Hook,
  type Machine,
  type Network,
  type Packet,
  Protocol,
  plainPacket,
  type Rule,
} from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { measureBatch } from './batches.ts';
import { Random } from './random.ts';
import { measureRepeated } from './repeated.ts';
import type { Row, Settings, Subject } from './row.ts';
import { wasm } from './wasm.ts';

const SIZES = [1000, 10_000, 30_000];
const ENDPOINTS = 2;
const BATCH = 1024;

const clusterIP = (service: number) => `10.96.${service >>> 8}.${service & 255}`;
const endpointIP = (service: number, i: number) =>
  `10.${128 + (service >>> 12)}.${(service >>> 4) & 255}.${(service & 15) * 16 + i}`;

const toService = (service: number): HeaderMatch[] => [
  { kind: 'daddr', prefix: `${clusterIP(service)}/32` },
  { kind: 'tcp', dport: { from: 80, to: 80 } },
];

function packetTo(daddr: string, random: Random): Packet {
  return plainPacket({
    protocol: Protocol.TCP,
    saddr: '10.0.0.1',
    daddr,
    sport: 32_768 + random.below(28_232),
    dport: 80,
  });
}

async function* measureList(services: number, { seed, quick }: Settings): AsyncIterable<Row> {
  const random = new Random(seed);
  const rules = Array.from({ length: services }, (_, i) => toService(i));
  const list = await createRuleList({ family: 4, rules, wasm: await wasm() });
  const count = BATCH * (quick ? 16 : 256);
  const positions = new Int32Array(BATCH);
  const kinds = {
    hit: () => clusterIP(random.below(services)),
    miss: () => clusterIP(40_000 + random.below(20_000)),
  };
  for (const [kind, address] of Object.entries(kinds)) {
    const packets = new Uint8Array(count * list.packetBytes);
    for (let i = 0; i < count; i++) list.encode(packetTo(address(), random), packets, i);
    const bytes = BATCH * list.packetBytes;
    yield measureBatch(`chain ${services} ${kind}`, quick ? 3 : 25, {
      operations: count,
      parts: count / BATCH,
      run: (part) => list.firstMany(packets.subarray(part * bytes, (part + 1) * bytes), positions),
    });
  }
}

/** Rules whose tests are not hashed, so that every one is tested: how long one takes. */
async function* measureWalk(quick: boolean): AsyncIterable<Row> {
  const size = 10_000;
  const rules = Array.from({ length: size }, (_, i): HeaderMatch[] => [
    { kind: 'iprange', dst: { from: clusterIP(i), to: clusterIP(i) } },
  ]);
  const list = await createRuleList({ family: 4, rules, wasm: await wasm() });
  const packet = packetTo('10.0.0.2', new Random(1));
  yield await measureRepeated(`chain ${size} tested-per-rule`, quick ? 30 : 3000, size, () => {
    list.first(packet);
  });
}

const chain = (name: string, rules: Rule[]): Chain => ({ name, rules });

/** A node that is the client itself, with a nat table for so many Services. */
function node(services: number): Network {
  const chains: Chain[] = [];
  const kubeServices: Rule[] = [];
  for (let service = 0; service < services; service++) {
    const name = `KUBE-SVC-${service}`;
    kubeServices.push({ body: [...toService(service), { kind: 'jump', chain: name }] });
    const endpoints = Array.from({ length: ENDPOINTS }, (_, i) => `KUBE-SEP-${service}-${i}`);
    const choose = endpoints.map((endpoint, i): Rule => {
      const probability = Math.floor(2 ** 31 / (ENDPOINTS - i));
      const jump = { kind: 'jump', chain: endpoint } as const;
      return { body: i + 1 < ENDPOINTS ? [{ kind: 'statistic', mode: 'random', probability }, jump] : [jump] };
    });
    chains.push(chain(name, choose));
    for (const [i, endpoint] of endpoints.entries()) {
      const address = endpointIP(service, i);
      const range = { addresses: { from: address, to: address }, ports: { from: 8080, to: 8080 } };
      chains.push(chain(endpoint, [{ body: [{ kind: 'tcp' }, { kind: 'dnat', range }] }]));
    }
  }
  chains.push(chain('KUBE-SERVICES', kubeServices));
  const hook = { hook: Hook.OUTPUT, priority: -100, type: 'nat', policy: 'accept' } as const;
  chains.push({ name: 'OUTPUT', hook, rules: [{ body: [{ kind: 'jump', chain: 'KUBE-SERVICES' }] }] });
  const eth0 = { name: 'eth0', kind: 'device' } as const;
  const route = {
    family: 4,
    type: 'unicast',
    destination: '0.0.0.0/0',
    nexthops: [{ dev: 'eth0', via: '10.0.0.254' }],
  };
  return {
    netnses: [
      {
        name: 'node',
        links: [eth0],
        addresses: [{ link: 'eth0', address: '10.0.0.1/24' }],
        tables: [{ id: 254, routes: [{ ...route, family: 4, type: 'unicast' }] }],
        sysctls: {},
        netfilter: [{ family: 'ip', name: 'nat', chains }],
      },
    ],
  };
}

function measureSend(name: string, machine: Machine, services: number, settings: Settings, count: number): Row {
  const random = new Random(settings.seed);
  machine.load(node(services));
  const packets = Array.from({ length: count }, () => packetTo(clusterIP(random.below(services)), random));
  const row = measureBatch(`chain ${services} ${name}`, settings.quick ? 2 : 7, {
    operations: count,
    parts: count,
    before: () => machine.reset(),
    run: (part) => machine.send('node', packets[part] as Packet),
  });
  return { ...row, note: 'a whole walk: conntrack, nat chains, DNAT, routes, trace and all' };
}

export const chains: Subject = {
  name: 'chain',
  what: 'rules of 1,000 to 30,000 Services: ns per packet',
  async *run(settings, wants) {
    const { quick } = settings;
    for (const services of quick ? SIZES.slice(0, 2) : SIZES) {
      if (!wants(`chain ${services}`)) continue;
      yield* measureList(services, settings);
      yield measureSend('send', await createEngine({ wasm: await wasm() }), services, settings, quick ? 500 : 5000);
      yield measureSend('send-walked', createReference(), services, settings, quick ? 5 : 50);
    }
    if (wants('chain 10000 tested-per-rule')) yield* measureWalk(quick);
  },
};
