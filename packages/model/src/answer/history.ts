/**
 * What was before the packet that is asked about: a connection made in the cluster as it was, then changes. Conntrack goes on from one state to
 * the next, less what kube-proxy makes it forget; so does who a client sticks to.
 */
import {
  type ConntrackEntry,
  type Conversation,
  converse,
  type Endpoint,
  explore,
  type Fraction,
  type Machine,
  multiplyFractions,
  type Netns,
  type Network,
  Protocol,
  resumeConversation,
  TcpFlag,
  type Walk,
} from '@podwire/engine';
import type { ProxyObjects } from '../proxy/proxy.ts';
import { cleanedEntries } from '../proxy/stale-entries.ts';
import { type FullNodes, pathsWhenFull } from './full.ts';
import { allPaths, connectionsOf, type Path, type Send } from './paths.ts';

/** One state of the cluster after another. */
export interface Stage {
  network: Network;
  /** Network namespaces with a kube-proxy in them. */
  nodes: ReadonlySet<string>;
  objects: ProxyObjects;
}

export interface History {
  /** The first is where the connection was made; the last where the packet is sent. */
  stages: readonly Stage[];
  /** Between the connection's last packet and the one asked about, in milliseconds. */
  waited: number;
  /** Nodes whose connections somebody emptied. */
  flushed: ReadonlySet<string>;
  /** Whether the process that had a connection there still has it. */
  knows(netns: string, port: number): boolean;
}

/** What a path had behind it. */
export interface Before {
  conversation: Conversation;
  conntrack: Path['conntrack'];
  /** What kube-proxies made their nodes forget. */
  forgotten: Path['conntrack'];
  choices: Path['choices'];
  /** The client is still in the endpoint's list of clients, for as long as that keeps it. */
  remembered: boolean;
}

/** Ways of the first connection that are followed: each needs the changed network with its own connections in it. */
const LIMIT = 64;

type Entries = Map<string, readonly ConntrackEntry[]>;

/** All connections of the network: those that the machine has where the packet came by, and those that the input shows elsewhere. */
function entriesOf({ netnses }: Network, met: Path['conntrack']): Entries {
  const entries: Entries = new Map(met.map(({ netns, entries: list }) => [netns, list]));
  for (const { name, conntrack = [] } of netnses)
    if (conntrack.length > 0 && !entries.has(name)) entries.set(name, conntrack);
  return entries;
}

const listOf = (entries: Entries): Path['conntrack'] =>
  [...entries].map(([netns, list]) => ({ netns, entries: [...list] }));

function withEntries({ netnses }: Network, entries: Entries): Network {
  return {
    netnses: netnses.map((netns): Netns => {
      const own = entries.get(netns.name) ?? [];
      if (own.length > 0) return { ...netns, conntrack: [...own] };
      const { conntrack, ...rest } = netns;
      return conntrack ? rest : netns;
    }),
  };
}

/** What is left of connections once every kube-proxy has cleaned up after every stage, and what went. */
function cleaned(before: Entries, { stages, flushed }: History): { left: Entries; forgotten: Entries } {
  const left: Entries = new Map(before);
  const forgotten: Entries = new Map();
  let slices = stages[0]?.objects.endpointSlices ?? [];
  for (const { nodes, objects } of stages.slice(1)) {
    for (const [netns, list] of left) {
      const stale = new Set(nodes.has(netns) ? cleanedEntries(list, slices, objects) : []);
      if (stale.size === 0) continue;
      forgotten.set(netns, [...(forgotten.get(netns) ?? []), ...stale]);
      left.set(
        netns,
        list.filter((entry) => !stale.has(entry)),
      );
    }
    slices = objects.endpointSlices;
  }
  for (const netns of flushed) left.delete(netns);
  return { left, forgotten };
}

/** A port that nobody asks about: from it comes the connection that reminds nodes of whom the client sticks to. */
const REMINDING_PORT = 39_999;

const sameEnd = (a: Endpoint & { netns: string }, b: Endpoint & { netns: string }): boolean =>
  a.netns === b.netns && a.address === b.address && a.port === b.port;

/** Answers by which a connection comes to an endpoint by the rules that are loaded; undefined where it cannot. */
function scriptTo(machine: Machine, { netns, packet }: Send, wanted: Conversation['endpoint']): number[] | undefined {
  if (!wanted) return undefined;
  const run = () => converse(machine, netns, { ...packet, sport: REMINDING_PORT }).endpoint;
  const { branches } = explore(machine, run, { prepare: () => machine.nth('choice') });
  return branches.find(({ result }) => result && sameEnd(result, wanted))?.script;
}

/** Runs it for what nodes and processes remember of it beside conntrack: the connections that it makes are forgotten again. */
function withoutTrace(machine: Machine, { netnses }: Network, run: () => readonly Walk[]): void {
  const names = new Set(
    run().flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'choice' ? [] : step.netns.name))),
  );
  const tuple = ({ original }: ConntrackEntry) => JSON.stringify(original);
  for (const { name, conntrack = [] } of netnses) {
    if (!names.has(name)) continue;
    const known = new Set(conntrack.map(tuple));
    for (const entry of machine.conntrack(name)) {
      const { family, protocol, original } = entry;
      if (!known.has(tuple(entry))) machine.flush(name, { family, protocol, original });
    }
  }
}

/**
 * Lists of clients (`recent`, sets with time-outs) are no part of a network: the client comes into them by a connection to the endpoint that it
 * had.
 */
function remind(machine: Machine, { netns, packet }: Send, script: readonly number[], network: Network): void {
  withoutTrace(machine, network, () => {
    machine.script(script);
    const { there, back } = converse(machine, netns, { ...packet, sport: REMINDING_PORT });
    return back ? [there, back] : [there];
  });
}

/** Sockets are no part of a network either: the receiver has its end of the connection by the SYN that came in where it came in. */
function reopen(machine: Machine, { there, endpoint, saw }: Conversation, network: Network): void {
  if (!endpoint || !saw) return;
  const entered = there.steps.findLast((step) => step.kind === 'enter');
  const link = entered?.netns.name === endpoint.netns ? entered.link?.name : undefined;
  const syn = {
    ...there.end.packet,
    saddr: saw.address,
    sport: saw.port,
    daddr: endpoint.address,
    dport: endpoint.port,
    tcpFlags: TcpFlag.SYN,
  };
  withoutTrace(machine, network, () => [machine.send(endpoint.netns, syn, link === undefined ? {} : { link })]);
}

/** The script of the last stage by which the client is known there for the endpoint's; undefined where some stage forgot it. */
function remindingScript(machine: Machine, send: Send, history: History, endpoint: Conversation['endpoint']) {
  let script: number[] | undefined;
  const { stages } = history;
  for (const { network } of stages.length > 1 ? stages.slice(1) : stages) {
    machine.load(network);
    script = scriptTo(machine, send, endpoint);
    if (!script) return undefined;
  }
  return script;
}

function product(a: Fraction | undefined, b: Fraction | undefined): { odds?: Fraction } {
  return a && b ? { odds: multiplyFractions(a, b) } : {};
}

/** The packet that is asked about: of the old connection, or the first of a new one by the same client. */
function ask(machine: Machine, { netns, packet, connection }: Send, { conversation }: Path): Conversation {
  if (connection === 'new')
    return converse(machine, netns, { ...packet, sport: packet.sport === 0 ? 0 : packet.sport + 1 });
  if (conversation.outcome !== 'reply') return converse(machine, netns, packet);
  return resumeConversation(machine, conversation);
}

/** The process that had a TCP connection has it still. */
function isAlive({ outcome, endpoint, there }: Conversation, { knows }: History): boolean {
  const isTcp = there.end.packet.protocol === Protocol.TCP;
  return isTcp && outcome === 'reply' && endpoint !== undefined && knows(endpoint.netns, endpoint.port);
}

function pathsFrom(machine: Machine, send: Send, history: History, first: Path): { paths: Path[]; complete: boolean } {
  const { stages, waited } = history;
  const { network } = stages.at(-1) as Stage;
  const { left, forgotten } = cleaned(entriesOf((stages[0] as Stage).network, first.conntrack), history);
  const reminding = send.sticky ? remindingScript(machine, send, history, first.conversation.endpoint) : undefined;
  const now = withEntries(network, left);
  machine.load(now);
  const isLater = send.connection === 'established';
  const opening = first.opening ?? first.conversation.there;
  const run = () => {
    const conversation = ask(machine, send, first);
    return { conversation, conntrack: connectionsOf(machine, conversation), ...(isLater && { opening }) };
  };
  const prepare = () => {
    machine.nth('choice');
    if (reminding) remind(machine, send, reminding, now);
    if (isAlive(first.conversation, history)) reopen(machine, first.conversation, now);
    if (waited > 0) machine.advance(waited);
  };
  const { branches, truncated } = explore(machine, run, { prepare });
  const before: Before = {
    conversation: first.conversation,
    conntrack: first.conntrack,
    forgotten: listOf(forgotten),
    choices: first.choices,
    remembered: reminding !== undefined,
  };
  const paths = branches.map(({ choices, odds, open, result }) => ({
    ...result,
    choices,
    ...product(first.odds, open.length === 0 ? odds : undefined),
    before,
  }));
  return { paths, complete: !truncated };
}

/** What the packet meets beside the cluster as it is. */
interface Around {
  full?: FullNodes;
  past?: { history: History };
}

/** As `allPaths`, with what was before. The machine holds other networks than it did. */
export function waysOf(machine: Machine, send: Send, { full, past }: Around): { paths: Path[]; complete: boolean } {
  if (full) return pathsWhenFull(machine, send, full);
  if (!past) return allPaths(machine, send);
  const { history } = past;
  machine.load((history.stages[0] as Stage).network);
  const first = allPaths(machine, { ...send, connection: 'established' });
  const ways = first.paths.slice(0, LIMIT).map((path) => pathsFrom(machine, send, history, path));
  return {
    paths: ways.flatMap(({ paths }) => paths),
    complete: first.complete && first.paths.length <= LIMIT && ways.every(({ complete }) => complete),
  };
}
