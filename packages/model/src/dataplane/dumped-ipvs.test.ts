/** Virtual services and sets of nodes that were dumped. */
import type { IpvsService, Netns } from '@podwire/engine';
import { expect, test } from 'vitest';
import { readNode } from '../linux/node/index.ts';
import { dumpedIpvs } from './dumped-ipvs.ts';

const encoder = new TextEncoder();

const server = (address: string) => ({ address, port: 80, method: 'masquerade', weight: 1, cause: address }) as const;

const service = (address: string, port: number, ...servers: string[]): IpvsService => ({
  protocol: 'tcp',
  address,
  port,
  scheduler: 'rr',
  servers: servers.map(server),
  cause: `Service of ${address}`,
});

const COMPILED: Netns = {
  name: 'n',
  links: [],
  addresses: [],
  tables: [],
  sysctls: {},
  netfilter: [],
  ipvs: [service('10.96.0.10', 80, '10.244.0.2'), service('192.0.2.1', 30080, '10.244.0.2')],
  sets: [
    { name: 'KUBE-CLUSTER-IP', type: 'hash:ip,port', entries: [{ value: '10.96.0.10,tcp:80' }] },
    { name: 'KUBE-IPVS-IPS', type: 'hash:ip', entries: [] },
  ],
};

function dumped(text: string, isPart = true) {
  const [host] = readNode('n', [{ name: 'dump', bytes: encoder.encode(text) }]).netnses;
  if (!host) throw new Error('nothing was read');
  const { parts, problems } = dumpedIpvs(host, COMPILED, isPart);
  return {
    services: (parts.ipvs ?? []).map(({ address, port, servers, cause }) => {
      return `${address}:${port} ${servers.map((s) => `${s.address} ${s.cause}`).join()} (${cause})`;
    }),
    sets: (parts.sets ?? []).map(({ name, entries }) => `${name} ${entries.length}`),
    problems: problems.map(({ code }) => code),
  };
}

const COMPILED_SERVICES = [
  '10.96.0.10:80 10.244.0.2 10.244.0.2 (Service of 10.96.0.10)',
  '192.0.2.1:30080 10.244.0.2 10.244.0.2 (Service of 192.0.2.1)',
];

test('a listing takes the place of what was compiled, and knows whose the services are', () => {
  const text = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:80 rr
  -> 10.244.0.2:80                Masq    1      0          0
  -> 10.244.0.9:80                Masq    0      2          0
`;
  expect(dumped(text).services).toEqual([
    '10.96.0.10:80 10.244.0.2 10.244.0.2,10.244.0.9 undefined (Service of 10.96.0.10)',
  ]);
});

test('an empty listing leaves none', () => {
  const text = 'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n';
  expect(dumped(text).services).toEqual([]);
});

test('lines picked out of a listing add services, with the servers of those of the same port', () => {
  const found = dumped(
    'TCP  192.0.2.1:30080 rr\nTCP  127.0.0.1:30080 rr\nTCP  [::1]:30080 rr\nTCP  10.96.0.99:443 rr\n',
  );
  expect(found.services).toEqual([
    ...COMPILED_SERVICES,
    '127.0.0.1:30080 10.244.0.2 10.244.0.2 (Service of 192.0.2.1)',
  ]);
  expect(found.problems).toEqual(['dump-ipvs-servers']);
});

test('sets that were not dumped stay', () => {
  const found = dumped('create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n');
  expect(found).toEqual({
    services: COMPILED_SERVICES,
    sets: ['KUBE-IPVS-IPS 0', 'KUBE-CLUSTER-IP 0'],
    problems: [],
  });
});

test('a whole node without the dummy link does not run IPVS', () => {
  const link = (name: string) =>
    `2: ${name}: <BROADCAST,MULTICAST> mtu 1500\n    inet 192.0.2.1/24 scope global ${name}\n`;
  expect(dumped(link('eth0'), false)).toEqual({ services: [], sets: [], problems: ['dump-no-ipvs'] });
  expect(dumped(link('kube-ipvs0'), false).services).toEqual(COMPILED_SERVICES);
});
