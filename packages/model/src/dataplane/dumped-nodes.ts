/** Nodes of a cluster whose Linux was dumped: the dump takes the place of what was compiled, and the pods' wires are joined to its links. */
import type { Link, Netns } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeDump } from '../linux/node/index.ts';
import { hostPart } from '../net/cidr.ts';
import { podAddresses } from '../objects/pod-facts.ts';
import type { Problem } from '../problem.ts';
import { openEnds, routeTo } from './beyond.ts';
import { dumpedIpvs } from './dumped-ipvs.ts';
import { isPart, patchNode, patchPod } from './dumped-parts.ts';
import type { Dataplane, NodeState } from './node-state.ts';
import { staleConnections } from './stale-connections.ts';
import { farEnds } from './tunnel-ends.ts';

function warning(code: string, message: string, mend?: string): Problem {
  return { severity: 'warning', code, message, ...(mend !== undefined && { mend }) };
}

/** The bridge port that the link-layer address was learnt behind. */
function portOf(dump: NodeDump, bridge: string, lladdr: string): string | undefined {
  const [host] = dump.netnses;
  return host?.learnt.find((entry) => entry.mac === lladdr && entry.master === bridge && entry.self !== true)?.link;
}

class Replacement {
  readonly problems: Problem[] = [];
  readonly #dump: NodeDump;
  readonly #host: Netns;
  #links: Link[];
  readonly #claimed = new Set<string>();
  readonly #compiled: Netns;
  readonly #settings: Record<string, string | number> = {};
  readonly #ipvs: Pick<Netns, 'ipvs' | 'sets'>;

  constructor(dump: NodeDump, host: Netns, compiled: Netns) {
    this.#dump = dump;
    this.#compiled = compiled;
    this.#host = host;
    this.#links = [...host.links];
    const [dumped] = dump.netnses;
    const { parts, problems } = dumped ? dumpedIpvs(dumped, compiled, false) : { parts: {}, problems: [] };
    this.#ipvs = parts;
    this.problems.push(...problems);
  }

  get host(): Netns {
    // Who was met before has another link-layer address in the model; what is set by hand stays.
    const neighbors = this.#host.neighbors?.filter(
      ({ lladdr, state }) => lladdr === undefined || state === 'permanent' || state === 'noarp' || state === 'failed',
    );
    const { ipvs: _ipvs, sets: _sets, ...host } = this.#host;
    return { ...host, ...this.#ipvs, links: this.#links, ...this.#sysctls(), ...(neighbors && { neighbors }) };
  }

  /** Settings that nobody dumped are as podwire makes them, also those of the pods' wires. */
  #sysctls(): Pick<Netns, 'sysctls'> | undefined {
    const [dumped] = this.#dump.netnses;
    return dumped?.shown.has('sysctl') ? undefined : { sysctls: { ...this.#host.sysctls, ...this.#settings } };
  }

  #change(name: string, change: Partial<Link>): void {
    const at = this.#links.findIndex((link) => link.name === name);
    const link = this.#links[at];
    if (link) this.#links[at] = { ...link, ...change };
  }

  /** It stands on nothing any more. */
  #makeDevice(name: string): void {
    this.#links = this.#links.map((link) => {
      if (link.name !== name) return link;
      const { lower: _lower, vlanId: _id, mode: _mode, ...rest } = link;
      return { ...rest, kind: 'device' };
    });
  }

  /** Plugs the link that has the node's address into the segment of the nodes. */
  attach(addresses: readonly string[], segment: string): void {
    const owner = this.#host.addresses.find(({ address }) => addresses.includes(hostPart(address)));
    if (!owner) {
      const has = this.#host.addresses.map(({ address }) => address).join(', ');
      this.problems.push(
        warning(
          'dump-address',
          `The dump of ${this.#host.name} has none of the node's addresses ${addresses.join(', ')}: it has ${has}.`,
          'Check that the dump is of this node, and of the same time as the objects.',
        ),
      );
      return;
    }
    const enslaved = this.#dump.netnses[0]?.enslaved ?? new Set<string>();
    const end = openEnds({ hosts: [this.#host], enslaved: () => enslaved }).find(
      ({ face }) => face.name === owner.link,
    );
    if (!end) {
      this.problems.push(
        warning(
          'dump-link',
          `${owner.link} of ${this.#host.name}, which has the node's address, is down or leads nowhere.`,
        ),
      );
      return;
    }
    // The nodes' segment has no VLANs: whatever the link stands on, the other nodes are behind it.
    const isTagged = end.grounds.some(({ tag }) => tag !== 0);
    for (const { port } of isTagged ? [{ port: end.face }] : end.grounds) {
      if (isTagged) this.#makeDevice(port.name);
      this.#change(port.name, { segment });
      this.#claimed.add(port.name);
    }
  }

  /** The link of the host behind which an address is: by a route to it, or by what its bridge learnt. */
  #wayTo(address: string): { link: string; lladdr?: string } | undefined {
    const lladdr = this.#host.neighbors?.find((n) => n.address === address)?.lladdr;
    const route = routeTo(this.#host, address);
    const hop = route?.nexthops[0];
    if (!hop || hop.via !== undefined) return undefined;
    const dev = this.#links.find((link) => link.name === hop.dev);
    const more = lladdr === undefined ? {} : { lladdr };
    if (dev?.kind === 'veth') return { link: dev.name, ...more };
    if (dev?.kind !== 'bridge') return undefined;
    const learnt = lladdr === undefined ? undefined : portOf(this.#dump, dev.name, lladdr);
    const free = this.#links.find(
      (l) => l.master === dev.name && l.kind === 'veth' && !l.peer && !this.#claimed.has(l.name),
    );
    const link = learnt ?? free?.name;
    return link === undefined ? undefined : { link, ...more };
  }

  /** Joins the pod's wire to a link of the dump; the pod keeps a link that leads nowhere where there is none. */
  joinPod(pod: Netns, addresses: readonly string[]): Netns {
    const eth0 = pod.links.find((link) => link.name === 'eth0');
    if (!eth0) return pod;
    const { peer: _, ...loose } = eth0;
    const withLink = (link: Link): Netns => ({ ...pod, links: pod.links.map((l) => (l === eth0 ? link : l)) });
    const way = addresses.map((address) => this.#wayTo(address)).find((found) => found !== undefined);
    if (!way || this.#claimed.has(way.link)) {
      this.problems.push(
        warning(
          'dump-pod',
          `The dump of ${this.#host.name} shows no link that leads to pod ${pod.name} (${addresses.join(', ')}).`,
          'Dump the node while the pod runs: ip -d addr, ip route show table all, ip neigh, bridge fdb.',
        ),
      );
      return withLink(loose);
    }
    this.#claimed.add(way.link);
    const wire = this.#compiled.links.find((link) => link.peer?.netns === pod.name)?.name;
    for (const [key, value] of Object.entries(this.#compiled.sysctls))
      if (wire !== undefined && key.includes(`.${wire}.`))
        this.#settings[key.replace(`.${wire}.`, `.${way.link}.`)] = value;
    this.#change(way.link, { kind: 'veth', peer: { netns: pod.name, link: 'eth0' } });
    const mac = way.lladdr === undefined ? {} : { mac: way.lladdr };
    return withLink({ ...loose, ...mac, peer: { netns: this.#host.name, link: way.link } });
  }
}

/** Pods that were dumped themselves are known by their address; their compiled namespace keeps its name. */
function dumpedPod(dump: NodeDump, addresses: readonly string[]): Netns | undefined {
  return dump.netnses
    .slice(1)
    .map(({ netns }) => netns)
    .find((netns) => netns.addresses.some(({ address }) => addresses.includes(hostPart(address))));
}

/** What was dumped inside a pod. */
export interface PodDump {
  /** `namespace/name` */
  pod: string;
  dump: NodeDump;
}

export interface Replaced {
  dataplane: Dataplane;
  problems: Problem[];
  /** Nodes of which only parts were dumped. */
  parts: ReadonlySet<string>;
}

function takePods(podDumps: readonly PodDump[], nodes: Map<string, NodeState>, changed: Map<string, Netns>): Problem[] {
  return podDumps.flatMap(({ pod: key, dump }): Problem[] => {
    const [dumped] = dump.netnses;
    const state = [...nodes.values()].find(({ pods }) => pods.some(({ name }) => name === key));
    if (!state)
      return [warning('dump-pod-name', `No pod with a network of its own is called ${key}: its dump is not used.`)];
    if (!dumped) return [];
    const pods = state.pods.map((pod) => (pod.name === key ? patchPod(pod, dumped) : pod));
    nodes.set(state.name, { ...state, pods });
    for (const pod of pods) if (pod.name === key) changed.set(key, pod);
    return [];
  });
}

export function replaceNodes(
  dataplane: Dataplane,
  cluster: Cluster,
  dumps: readonly NodeDump[],
  podDumps: readonly PodDump[] = [],
): Replaced {
  const problems: Problem[] = [];
  const parts = new Set<string>();
  const changed = new Map<string, Netns>();
  const nodes = new Map(dataplane.nodes);
  for (const dump of dumps) {
    const state = nodes.get(dump.name);
    const [host] = dump.netnses;
    if (!state || !host) {
      const known = [...nodes.keys()].slice(0, 5).join(', ');
      problems.push(
        warning('dump-node', `No node is called ${dump.name}: its dump is not used.`, `Nodes are: ${known}.`),
      );
      continue;
    }
    const uplink = state.host.links.find((link) => link.segment !== undefined);
    const own = state.host.addresses
      .filter(({ link }) => link === uplink?.name)
      .map(({ address }) => hostPart(address));
    if (isPart(host, own)) {
      parts.add(dump.name);
      const patched = patchNode(state, host);
      problems.push(...patched.problems);
      nodes.set(state.name, patched.state);
      for (const netns of [patched.state.host, ...patched.state.pods]) changed.set(netns.name, netns);
      continue;
    }
    const replacement = new Replacement(dump, host.netns, state.host);
    if (uplink?.segment !== undefined) replacement.attach(own, uplink.segment);
    const pods = state.pods.map((pod) => {
      const object = cluster.pods.get(pod.name)?.object;
      const addresses = object ? podAddresses(object) : [];
      const dumped = dumpedPod(dump, addresses);
      const eth0 = pod.links.find((link) => link.name === 'eth0');
      const start = dumped && eth0 ? { ...dumped, name: pod.name } : pod;
      return replacement.joinPod(start, addresses);
    });
    problems.push(...replacement.problems);
    const replaced: NodeState = { name: state.name, host: replacement.host, pods };
    nodes.set(state.name, replaced);
    for (const netns of [replaced.host, ...pods]) changed.set(netns.name, netns);
  }
  problems.push(...takePods(podDumps, nodes, changed), ...staleConnections(cluster, dumps));
  const dumped = new Set(dumps.map((dump) => dump.name).filter((name) => !parts.has(name)));
  for (const host of farEnds(
    dumps.filter(({ name }) => !parts.has(name)),
    nodes,
    dumped,
    problems,
  )) {
    nodes.set(host.name, { ...(nodes.get(host.name) as NodeState), host });
    changed.set(host.name, host);
  }
  const netnses = dataplane.network.netnses.map((netns) => changed.get(netns.name) ?? netns);
  return { dataplane: { ...dataplane, nodes, network: { netnses } }, problems, parts };
}
