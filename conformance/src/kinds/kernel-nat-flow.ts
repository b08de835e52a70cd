/** Clusters of network namespaces that were built on a kernel and probed packet by packet. */
import {
  type ConntrackEntry,
  type Conversation,
  continueConversation,
  converse,
  createEngine,
  type Machine,
  type Network,
  Protocol,
  plainPacket,
} from '@podwire/engine';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { differentConntrack, type ListedConnection } from './kernel-conntrack.ts';
import { buildNetwork, type NatFlowConfig, type Ruleset, withRulesets } from './kernel-nat-flow-network.ts';

interface Probe {
  op: 'probe';
  from: string;
  proto: 'tcp' | 'udp';
  dst: string;
  dport: number;
  sport: number;
  /** Conntrack of all nodes was emptied just before. */
  flush: boolean;
  about: string;
  expect: Expected;
}

interface Expected {
  outcome: 'reply' | 'refused' | 'timeout' | 'unreachable';
  endpoint?: string;
  endpoint_addr?: [string, number];
  /** `*`: a port drawn at random. */
  saw?: [string, number | '*'];
  icmp?: { type: number; code: number; from: string };
  where?: 'local';
  errno?: string;
  conntrack: Record<string, ListedConnection[]>;
}

interface Apply {
  op: 'apply';
  rulesets: Record<string, Ruleset>;
}

interface ConntrackDelete {
  op: 'conntrack-delete';
  nodes: string[];
  proto: 'tcp' | 'udp';
  orig_dst: string;
}

interface NatFlowCase {
  id: string;
  config: NatFlowConfig;
  steps: (Probe | Apply | ConntrackDelete)[];
}

const PROTOCOL = { tcp: Protocol.TCP, udp: Protocol.UDP };

function outcomeOf({ outcome, error }: Conversation): Expected['outcome'] {
  if (outcome === 'reply' || outcome === 'timeout') return outcome;
  if (outcome === 'unreachable') return 'unreachable';
  return error === undefined || error === 'ECONNREFUSED' || error === 'EPERM' ? 'refused' : 'unreachable';
}

/** The first thing in which a conversation differs from what was seen. */
function difference(expected: Expected, found: Conversation): string | undefined {
  const outcome = outcomeOf(found);
  const say = (what: string, want: unknown, got: unknown) =>
    `${what}: expected ${JSON.stringify(want)}, found ${JSON.stringify(got)}`;
  if (outcome !== expected.outcome) return say('outcome', expected.outcome, outcome);
  const { icmp } = expected;
  if (outcome === 'reply') {
    const { endpoint, saw } = found;
    if (endpoint?.netns !== expected.endpoint) return say('endpoint', expected.endpoint, endpoint?.netns);
    const reached = [endpoint?.address, endpoint?.port];
    if (JSON.stringify(reached) !== JSON.stringify(expected.endpoint_addr)) {
      return say('endpoint address', expected.endpoint_addr, reached);
    }
    const port = expected.saw?.[1] === '*' ? '*' : saw?.port;
    const source = [saw?.address, port];
    if (JSON.stringify(source) !== JSON.stringify(expected.saw)) return say('source seen', expected.saw, source);
    return undefined;
  }
  const error = found.icmp && { type: found.icmp.type, code: found.icmp.code, from: found.icmp.sender };
  if (JSON.stringify(error) !== JSON.stringify(icmp)) return say('ICMP error', icmp, error);
  if (expected.errno !== undefined && found.error !== expected.errno) return say('errno', expected.errno, found.error);
  // A host that refuses itself never lets a packet out either: only errors of its own stack are told apart so.
  const local = found.local && found.error !== undefined && !icmp;
  if (outcome !== 'refused' && (expected.where === 'local') !== local) {
    return say('where', expected.where, local ? 'local' : undefined);
  }
  return undefined;
}

/** One SYN, or one datagram, and everything that follows from it. */
function ask(machine: Machine, family: 4 | 6, probe: Probe): Conversation {
  const tcp = probe.proto === 'tcp';
  const found = converse(
    machine,
    probe.from,
    plainPacket({
      family,
      protocol: PROTOCOL[probe.proto],
      saddr: '',
      daddr: probe.dst,
      sport: probe.sport,
      dport: probe.dport,
      length: tcp ? 60 : 48,
    }),
  );
  if (found.outcome === 'reply' && tcp) continueConversation(machine, found);
  else if (found.outcome === 'timeout') {
    // An answer that the client does not know is answered by a reset, and so on.
    while (machine.answer());
  }
  return found;
}

async function judge({ config, steps }: NatFlowCase): Promise<Outcome> {
  let network: Network = buildNetwork(config);
  const machine = await createEngine();
  machine.load(network);
  const nodes = Object.keys(config.rulesets);
  // Given UDP connections count as old ones, whose next packet makes them assured; those of the recording are younger than two seconds.
  let reloaded = false;
  const aged = <T extends ConntrackEntry>(entry: T): T =>
    reloaded && entry.protocol === Protocol.UDP ? { ...entry, assured: false } : entry;
  /** Everything stays but what `change` makes anew. */
  const reload = (change: (network: Network) => Network) => {
    const kept = network.netnses.map((netns) => ({ ...netns, conntrack: machine.conntrack(netns.name) }));
    network = change({ netnses: kept });
    machine.load(network);
    reloaded = true;
  };
  const tunnelPorts = new Set(network.netnses.flatMap(({ links }) => links.flatMap((link) => link.tunnel?.port ?? [])));
  // The recordings leave the outer packets of tunnels out.
  const isListed = ({ original }: ConntrackEntry): boolean => !tunnelPorts.has(original.dport);
  const wrong: string[] = [];
  let asked = 0;
  steps.forEach((step, index) => {
    if (step.op === 'apply') {
      reload((now) => withRulesets(now, config.family, step.rulesets));
      return;
    }
    if (step.op === 'conntrack-delete') {
      reload((now) => ({
        netnses: now.netnses.map((netns) => ({
          ...netns,
          conntrack: (netns.conntrack ?? []).filter(
            (entry) =>
              !step.nodes.includes(netns.name) ||
              entry.protocol !== PROTOCOL[step.proto] ||
              entry.original.daddr !== step.orig_dst,
          ),
        })),
      }));
      return;
    }
    asked++;
    if (step.flush) for (const node of nodes) machine.flush(node);
    const found = ask(machine, config.family, step);
    const why =
      difference(step.expect, found) ??
      Object.entries(step.expect.conntrack)
        .map(([node, listed]) => differentConntrack(node, listed, machine.conntrack(node).filter(isListed).map(aged)))
        .find((text) => text !== undefined);
    if (why !== undefined)
      wrong.push(`step ${index} (${step.about}, ${step.from} to ${step.dst} ${step.proto}/${step.dport}): ${why}`);
  });
  return wrong.length ? fail(`${wrong.length} of ${asked} probes differ; ${wrong[0]}`) : pass;
}

export const kernelNatFlow: Kind = {
  kind: 'kernel-nat-flow',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<NatFlowCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
