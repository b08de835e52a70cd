/** Rebuilds the lab of a `cni-real` case from what was dumped there: through the reader of node dumps, as a user's files go. */
import type { Link, Listener, Netns, Network } from '@podwire/engine';
import { applyIp, emptyNetns, type Problem, readNode, type SourceFile } from '@podwire/model';

/** A value, or where in the case it stands. */
type Dumped = unknown | { same_as_step: number };

export interface Step {
  op: string;
  label?: string;
  /** By namespace, then by the name of the dump. */
  state?: Record<string, Record<string, Dumped>>;
}

export interface Lab {
  id: string;
  cni: string;
  nodes: { name: string; ips: string[] }[];
  outside: { ips: string[] };
  pods: { name: string; node: string }[];
  /** `n1:vethX` to `pod/eth0`. */
  aliases: { veth?: Record<string, string> };
  steps: Step[];
  note?: string;
}

/** The commands whose output the dumps are, as names of files. */
const FILES: Readonly<Record<string, string>> = {
  addr: 'ip_-j_-d_addr.json',
  link: 'ip_-j_-d_link.json',
  route4: 'ip_-4_-j_-d_route_show_table_all.json',
  route6: 'ip_-6_-j_-d_route_show_table_all.json',
  rule4: 'ip_-4_-j_rule.json',
  rule6: 'ip_-6_-j_rule.json',
  neigh: 'ip_-j_neigh.json',
  neigh_proxy: 'ip_-j_neigh_show_proxy.json',
  nexthop: 'ip_-j_nexthop.json',
  fdb: 'bridge_-j_fdb.json',
  bridge_link: 'bridge_-j_-d_link.json',
  iptables: 'iptables-save.txt',
  ip6tables: 'ip6tables-save.txt',
  iptables_legacy: 'iptables-legacy-save.txt',
  ip6tables_legacy: 'ip6tables-legacy-save.txt',
  nft: 'nft_list_ruleset.txt',
  ipset: 'ipset_save.txt',
  sysctl: 'sysctl_-a.txt',
};

const encoder = new TextEncoder();

function textOf(dump: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (dump !== 'sysctl') return JSON.stringify(value);
  return Object.entries(value as Record<string, string>)
    .map(([path, set]) => `${path} = ${set}\n`)
    .join('');
}

const isReference = (value: Dumped): value is { same_as_step: number } =>
  typeof value === 'object' && value !== null && 'same_as_step' in value;

/** The steps before the probes: they were sent before a step that says so, else before things were taken away. */
export function before({ steps }: Lab): Step[] {
  const said = steps.findIndex(({ label }) => label === 'after probes');
  if (said >= 0) return steps.slice(0, said + 1);
  const undone = steps.findIndex(({ op }) => op === 'delete');
  return undone < 0 ? steps : steps.slice(0, undone);
}

/** The dumps of a namespace after a step; undefined where none were taken. */
export function stateAfter(
  steps: readonly Step[],
  step: Step | undefined,
  netns: string,
): Record<string, unknown> | undefined {
  const state = step?.state?.[netns];
  if (!state) return undefined;
  const resolve = (dump: string, value: Dumped): unknown =>
    isReference(value) ? resolve(dump, steps[value.same_as_step]?.state?.[netns]?.[dump]) : value;
  return Object.fromEntries(Object.entries(state).map(([dump, value]) => [dump, resolve(dump, value)]));
}

/** What a namespace held last. */
function lastState(steps: readonly Step[], netns: string): Record<string, unknown> | undefined {
  return stateAfter(
    steps,
    steps.findLast((step) => step.state?.[netns]),
    netns,
  );
}

export function filesOf(state: Readonly<Record<string, unknown>>, folder: string): SourceFile[] {
  return Object.entries(FILES).flatMap(([dump, name]) => {
    const value = state[dump];
    const isEmpty = value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
    return isEmpty ? [] : [{ name: `${folder}${name}`, bytes: encoder.encode(textOf(dump, value)) }];
  });
}

export const ECHO: Listener[] = ['0.0.0.0', '::'].flatMap((address) =>
  [6, 17].map((protocol) => ({ protocol, address, port: 8080, ...(address === '::' && { v6only: true }) })),
);

/** The default gateway of all nodes, who is also all the world outside. */
export function outside(lab: Lab, nodes: readonly Netns[]): Netns {
  const netns = emptyNetns('out');
  const far = lab.nodes.some(({ ips }) => ips.some((ip) => ip.startsWith('192.168.78.')));
  // What the nodes learnt of it names its own address.
  const learnt = nodes.flatMap(({ neighbors }) => neighbors);
  const mac = learnt.find((one) => one !== undefined && lab.outside.ips.includes(one.address))?.lladdr;
  const mtu = Math.max(...nodes.flatMap(({ links }) => links.flatMap((one) => (one.segment ? [one.mtu ?? 1500] : []))));
  netns.links.push({ name: 'eth0', kind: 'device', segment: 'switch', mtu, ...(mac !== undefined && { mac }) });
  // The recordings leave out what `out` holds. The suite tells by case ids alone who has which routes there (README of the suites,
  // "Recordings of real CNI code", Lab, `out`): this is its sentence.
  const inbound = /inbound|^firewall-iptables-forward-drop|^firewall-ingress-(?!.*brnf0)|bridge-masq-then-second/;
  const cluster = /^(kr-|knp-|calico-.*-noencap)/;
  const near = ['192.168.77.254/24', 'fd77::254/64', ...(far ? ['192.168.78.254/24', 'fd78::254/64'] : [])];
  const commands = [
    'link set lo up',
    'link set eth0 up',
    ...near.map((address) => `addr add ${address} dev eth0`),
    'addr add 198.51.100.10/32 dev lo',
    'addr add 2001:db8:64::10/128 dev lo',
    ...(inbound.test(lab.id) || cluster.test(lab.id) ? ['route add 10.88.1.0/24 via 192.168.77.11'] : []),
    ...(cluster.test(lab.id) ? ['route add 10.88.2.0/24 via 192.168.77.12'] : []),
  ];
  const refused = applyIp(netns, commands.join('\n'), [netns]);
  if (refused.length > 0) throw new Error(`out: ${refused[0]?.command}: ${refused[0]?.message}`);
  netns.sysctls = { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 };
  return netns;
}

/** Ends that the dumps alone leave unjoined. */
function joined(netnses: readonly Netns[], lab: Lab): Netns[] {
  const peers = new Map<string, { netns: string; link: string }>();
  for (const [near, far] of Object.entries(lab.aliases.veth ?? {})) {
    const [node = '', veth = ''] = near.split(':');
    const [pod = '', link = ''] = far.split('/');
    const netns = `${node}/${pod}`;
    peers.set(`${node} ${veth}`, { netns, link });
    peers.set(`${netns} ${link}`, { netns: node, link: veth });
  }
  const has = ({ netns, link }: { netns: string; link: string }) =>
    netnses.some(({ name, links }) => name === netns && links.some((one) => one.name === link));
  return netnses.map((netns) => ({
    ...netns,
    links: netns.links.map((link): Link => {
      const peer = peers.get(`${netns.name} ${link.name}`);
      return link.peer || !peer || !has(peer) ? link : { ...link, kind: 'veth', peer };
    }),
  }));
}

export interface Rebuilt {
  network: Network;
  /** Namespace by the name that the case gives it. */
  names: ReadonlyMap<string, string>;
  problems: Problem[];
}

/** `setUp`: the case whose steps come before this one's. */
export function rebuild(lab: Lab, setUp: Lab | undefined): Rebuilt {
  const steps = before(lab);
  const earlier = setUp ? before(setUp) : [];
  const names = new Map([['out', 'out']]);
  const problems: Problem[] = [];
  const netnses: Netns[] = [];
  for (const { name: node } of lab.nodes) {
    const state = lastState(steps, node) ?? lastState(earlier, node);
    if (!state) continue;
    names.set(node, node);
    const files = filesOf(state, '');
    for (const pod of lab.pods.filter((one) => one.node === node)) {
      const inside = lastState(steps, pod.name) ?? lastState(earlier, pod.name);
      if (!inside) continue;
      names.set(pod.name, `${node}/${pod.name}`);
      files.push(...filesOf(inside, `netns/${pod.name}/`));
    }
    const dump = readNode(node, files);
    problems.push(...dump.problems);
    for (const { netns } of dump.netnses) {
      const links = netns.links.map(
        (link): Link =>
          netns.name === node && link.name === 'eth0' ? { ...link, kind: 'device', segment: 'switch' } : link,
      );
      netnses.push({ ...netns, links, listeners: ECHO });
    }
  }
  netnses.push({ ...outside(lab, netnses), listeners: ECHO });
  return { network: { netnses: joined(netnses, lab) }, names, problems };
}
