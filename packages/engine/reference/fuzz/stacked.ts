/** Links that stand on others: bonds and VLANs under the nodes' addresses, a switch between them, VLANs of bridges, ipvlan, VRFs. */
import type { BridgeVlan, Link } from '../../src/index.ts';
import { address, type Draft, draft, way } from './draft.ts';
import type { Random } from './random.ts';

const LAN = 5;
const OTHER = 6;
const PODS = 7;
/** Table of the one VRF a namespace may have. */
export const VRF_TABLE = 10;

const access = (id: number): BridgeVlan[] => [{ id, pvid: true, untagged: true }];

const someVlans = (r: Random, ids: readonly number[]): BridgeVlan[] =>
  ids.flatMap((id) =>
    r.chance(2, 3)
      ? [{ id, ...(r.chance(1, 2) ? { untagged: true } : {}), ...(r.chance(1, 3) ? { pvid: true } : {}) }]
      : [],
  );

/** Makes a link by which a host is on the common segment, or on a port of a switch. */
type Attach = (host: Draft, name: string, tagged: boolean) => Link;

const toSegment: Attach = (_host, name) => ({ name, kind: 'device', segment: 'lan' });

function toSwitch(r: Random, to: Draft): Attach {
  return (host, name, tagged) => {
    const port = `sw${to.links.length}`;
    const vlans = r.chance(1, 10) ? someVlans(r, [1, LAN, OTHER]) : tagged ? [{ id: LAN }, { id: OTHER }] : access(LAN);
    to.links.push({
      name: port,
      kind: 'device',
      peer: { netns: host.name, link: name },
      master: 'sw',
      vlans,
      ...(r.chance(1, 20) ? { isolated: true } : {}),
    });
    return { name, kind: 'device', peer: { netns: to.name, link: port } };
  };
}

const BOND_MODES = ['active-backup', 'active-backup', 'active-backup', '802.3ad', 'balance-xor', undefined];

/** The links of a host that end in one named `name`, over a bond where that is drawn. */
function uplink(r: Random, host: Draft, name: string, tagged: boolean, attach: Attach): Link[] {
  if (!r.chance(1, 3)) return [attach(host, name, tagged)];
  const mode = r.pick(BOND_MODES);
  const ports = ['p0', 'p1'].map((port) => ({ ...attach(host, port, tagged), master: name }));
  return [
    ...(ports as Link[]),
    {
      name,
      kind: 'bond',
      ...(mode === undefined ? {} : { mode }),
      ...(r.chance(1, 3) ? { active: r.pick(['p0', 'p1']) } : {}),
    },
  ];
}

/** How the hosts with a link `eth0` on the segment are there: as drawn, over bonds, in a VLAN, or on the ports of a switch. */
export function joinLan(r: Random, hosts: readonly Draft[]): Draft[] {
  const style = r.pick(['plain', 'plain', 'bonds', 'tagged', 'switch']);
  if (style === 'plain') return [];
  const middle = draft('switch');
  middle.links.push({ name: 'sw', kind: 'bridge', ...(r.chance(5, 6) ? { vlanFiltering: true } : {}) });
  const attach = style === 'switch' ? toSwitch(r, middle) : toSegment;
  for (const host of hosts) {
    const at = host.links.findIndex(({ name, segment }) => name === 'eth0' && segment === 'lan');
    const plain = host.links[at];
    if (!plain) continue;
    const tagged = style === 'tagged' || (style === 'switch' && r.chance(1, 2));
    const below = tagged ? 'trunk' : 'eth0';
    const made = uplink(r, host, below, tagged, attach);
    const { segment: _segment, ...rest } = plain;
    if (tagged) {
      const id = r.chance(1, 12) ? OTHER : LAN;
      const lower = { netns: host.name, link: below };
      made.push({ ...rest, kind: 'vlan', vlanId: id, lower });
      // A tag within a tag.
      if (r.chance(1, 12)) {
        made.push({ name: 'qinq', kind: 'vlan', vlanId: 3, lower: { netns: host.name, link: 'eth0' } });
        address(host, 'qinq', `10.6.0.${r.below(9) + 1}/24`);
      }
    }
    host.links.splice(at, 1, ...made);
  }
  return style === 'switch' ? [middle] : [];
}

/** The node's bridge tells VLANs apart; the node itself may be in one of them by a link of its own. */
export function filterVlans(r: Random, node: Draft): void {
  const bridge = node.links.find(({ kind }) => kind === 'bridge');
  if (!bridge || !r.chance(1, 3)) return;
  bridge.vlanFiltering = true;
  const id = r.pick([1, PODS]);
  for (const link of node.links)
    if (link.master === bridge.name && (id !== 1 || r.chance(1, 3)))
      link.vlans = r.chance(1, 6) ? someVlans(r, [1, PODS, LAN]) : access(id);
  bridge.vlans = r.chance(1, 6) ? someVlans(r, [1, PODS]) : access(id);
  if (r.chance(1, 4)) node.fdb.push({ mac: '02:ee:00:00:00:01', link: 'veth0', vlan: r.pick([1, PODS]) });
  if (!r.chance(1, 2)) return;
  const name = `${bridge.name}.${id}`;
  bridge.vlans = r.chance(1, 8) ? someVlans(r, [id]) : [{ id }];
  node.links.push({ name, kind: 'vlan', vlanId: id, lower: { netns: node.name, link: bridge.name } });
  for (const one of node.addresses) if (one.link === bridge.name) one.link = name;
  for (const { nexthops } of node.routes) for (const hop of nexthops) if (hop.dev === bridge.name) hop.dev = name;
}

/** Pods that stand on the node's own link: by their address, or in a VLAN of their own. */
export function stackedPods(r: Random, node: Draft, n: number): Draft[] {
  const made: Draft[] = [];
  const mode = r.pick(['l2', 'l2', 'l3', 'l3s']);
  for (let p = 0; p < 1 + r.below(2); p++) {
    const pod = draft(`pod-${n}-s${p}`);
    const lower = { netns: node.name, link: 'eth0' };
    const vlan = r.chance(1, 4);
    if (vlan) pod.links.push({ name: 'eth0', kind: 'vlan', vlanId: r.pick([3, 4]), lower });
    else pod.links.push({ name: 'eth0', kind: 'ipvlan', mode, lower });
    const net = vlan ? '10.4.0' : '10.0.0';
    address(pod, 'eth0', `${net}.${n * 10 + 5 + p}/24`);
    address(pod, 'eth0', `fd00::${n * 10 + 5 + p}/64`);
    way(pod, '0.0.0.0/0', 'eth0', r.chance(1, 2) ? '10.0.0.200' : undefined);
    way(pod, '::/0', 'eth0', 'fd00::200');
    made.push(pod);
  }
  return made;
}

/** Some of a host's links belong to a VRF, with their routes. */
export function addVrf(r: Random, host: Draft): void {
  if (!r.chance(1, 5)) return;
  const free = host.links.filter(({ master }) => master === undefined);
  const ports = r.some(free, 1, 2);
  for (const port of ports) port.master = 'blue';
  host.links.splice(r.below(host.links.length + 1), 0, { name: 'blue', kind: 'vrf', table: VRF_TABLE });
  const names = new Set(ports.map(({ name }) => name));
  const moves = host.routes.filter(({ nexthops }) => names.has(nexthops[0]?.dev ?? '') && r.chance(5, 6));
  host.routes = host.routes.filter((route) => !moves.includes(route));
  host.vrfRoutes.push(...moves);
  if (r.chance(1, 2))
    host.vrfRoutes.push({ family: 4, type: 'unreachable', destination: '0.0.0.0/0', metric: 4278198272, nexthops: [] });
  if (r.chance(1, 4)) address(host, 'blue', `10.8.7.${r.below(9) + 1}/32`);
  if (r.chance(1, 3)) way(host, '10.8.0.0/16', 'blue');
  for (const name of ['net.ipv4.tcp_l3mdev_accept', 'net.ipv4.udp_l3mdev_accept'])
    if (r.chance(1, 3)) host.sysctls[name] = 1;
}
