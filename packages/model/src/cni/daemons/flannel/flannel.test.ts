/** flanneld on three nodes: tunnels, direct routes and what happens when nodes come and go. */
import { describe, expect, test } from 'vitest';
import { emptyNetns } from '../../../linux/index.ts';
import { Host } from '../../host/host.ts';
import { Unmodelled } from '../../runtime/call.ts';
import { Board, DaemonFailure } from '../daemon.ts';
import { Flannel } from './daemon.ts';
import type { NetConf } from './settings.ts';

function cluster(conf: NetConf, argv: readonly string[] = ['flanneld', '--ip-masq']) {
  const board = new Board();
  const nodes = [1, 2, 3].map((number) => {
    const node = {
      name: `n${number}`,
      podCIDRs: [`10.1.${number}.0/24`],
      annotations: {},
    };
    const host = new Host(emptyNetns(node.name));
    host.own.ip(
      `link add eth0 address 02:00:00:00:00:0${number} type dummy`,
      'link set eth0 up',
      `addr add 192.0.2.${number}/24 dev eth0`,
      'route add default via 192.0.2.254',
    );
    board.nodes.set(node.name, node);
    return { host, daemon: () => new Flannel({ host, board, node, argv }, conf) };
  });
  return { board, nodes };
}

function run(conf: NetConf) {
  const { board, nodes } = cluster(conf);
  const daemons = nodes.map(({ daemon }) => daemon());
  for (const daemon of daemons) daemon.start();
  for (const daemon of daemons) daemon.sync();
  return { board, daemons, hosts: nodes.map(({ host }) => host) };
}

const routes = (host: Host | undefined) =>
  (host?.own.netns.tables.find(({ id }) => id === 254)?.routes ?? [])
    .filter(({ destination }) => destination.startsWith('10.1.'))
    .map(({ destination, nexthops }) => `${destination} via ${nexthops[0]?.via} dev ${nexthops[0]?.dev}`);

describe('vxlan', () => {
  const conf: NetConf = { Network: '10.1.0.0/16', Backend: { Type: 'vxlan' } };

  test('each node knows the others by route, neighbour and forwarding entry', () => {
    const { hosts } = run(conf);
    expect(routes(hosts[0])).toEqual([
      '10.1.2.0/24 via 10.1.2.0 dev flannel.1',
      '10.1.3.0/24 via 10.1.3.0 dev flannel.1',
    ]);
    const macOf = (host: Host | undefined) => host?.own.link('flannel.1')?.mac;
    expect(hosts[0]?.own.netns.neighbors).toMatchObject([
      { address: '10.1.2.0', lladdr: macOf(hosts[1]) },
      { address: '10.1.3.0', lladdr: macOf(hosts[2]) },
    ]);
    expect(hosts[0]?.own.netns.fdb).toMatchObject([{ dst: '192.0.2.2' }, { dst: '192.0.2.3' }]);
    expect(hosts[0]?.own.link('flannel.1')?.mtu).toBe(1450);
    expect(hosts[0]?.files.get('/run/flannel/subnet.env')).toContain('FLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_MTU=1450');
  });

  test('a node that is deleted is forgotten', () => {
    const { board, daemons, hosts } = run(conf);
    board.nodes.delete('n3');
    daemons[0]?.sync();
    expect(routes(hosts[0])).toEqual(['10.1.2.0/24 via 10.1.2.0 dev flannel.1']);
    expect(hosts[0]?.own.netns.fdb).toMatchObject([{ dst: '192.0.2.2' }]);
    expect(hosts[0]?.own.netns.neighbors).toHaveLength(1);
  });

  test('with DirectRouting the neighbours on the link need no tunnel', () => {
    const { hosts } = run({ ...conf, Backend: { Type: 'vxlan', DirectRouting: true } });
    expect(routes(hosts[0])).toEqual(['10.1.2.0/24 via 192.0.2.2 dev eth0', '10.1.3.0/24 via 192.0.2.3 dev eth0']);
  });
});

test('host-gw routes by the nodes themselves', () => {
  const { hosts } = run({ Network: '10.1.0.0/16', Backend: { Type: 'host-gw' } });
  expect(routes(hosts[1])).toEqual(['10.1.1.0/24 via 192.0.2.1 dev eth0', '10.1.3.0/24 via 192.0.2.3 dev eth0']);
  expect(hosts[1]?.own.link('flannel.1')).toBeUndefined();
});

test.each([
  [
    'a back-end that nobody knows',
    { Network: '10.1.0.0/16', Backend: { Type: 'carrier-pigeon' } },
    /unknown backend type/,
  ],
  [
    'a network that the node is not in',
    { Network: '10.9.0.0/16', Backend: { Type: 'vxlan' } },
    /doesn't contain "10.1.1.0\/24"/,
  ],
  ['no network', { Backend: { Type: 'vxlan' } }, /please define a correct Network/],
])('%s ends it', (_what, conf, why) => {
  const { nodes } = cluster(conf);
  const start = () => nodes[0]?.daemon().start();
  expect(start).toThrow(DaemonFailure);
  expect(start).toThrow(why);
});

test('a back-end that flanneld has and nobody plays is no failure of flanneld', () => {
  const { nodes } = cluster({ Network: '10.1.0.0/16', Backend: { Type: 'wireguard' } });
  expect(() => nodes[0]?.daemon()).toThrow(new Unmodelled("flannel's back-end wireguard is not modelled"));
});
