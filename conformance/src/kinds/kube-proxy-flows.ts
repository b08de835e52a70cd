/** Connections that were made through the rules of a real kube-proxy in a real kernel. */
import {
  type Conversation,
  converse,
  createEngine,
  type Exploration,
  explore,
  fractionToNumber,
  type Machine,
  Protocol,
  plainPacket,
  tally,
} from '@podwire/engine';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../runner/contract.ts';
import type { Suite } from '../runner/suite.ts';
import { networkAround, PLACES, type Topology } from './kube-proxy-flows-network.ts';
import {
  compilerNamed,
  configOf,
  nodeOf,
  objectsOf,
  type RecordedConfig,
  type RecordedState,
} from './kube-proxy-recording.ts';

type Verdict = 'reply' | 'rejected' | 'refused' | 'timeout' | 'EPERM' | 'EHOSTUNREACH';

interface Probe {
  service: string;
  kind: string;
  from: keyof typeof PLACES;
  /** `node`: the kernel chooses. */
  src: string;
  dst: string;
  port: number;
  protocol: 'TCP' | 'UDP';
  /** A list where connections to one destination ended differently. */
  verdict: Verdict | Verdict[];
  /** `address:port` of those that answered -> sources they saw. */
  backends?: Record<string, string[]>;
  /** One backend answers all tries. */
  affinity?: boolean;
  /** Which backends there are changes from run to run. */
  undetermined?: boolean;
}

interface Run {
  id: string;
  state: string;
  node: string;
  mode: string;
  config: RecordedConfig;
  topology: Topology;
  probes: Probe[];
}

const SPORT = 40_000;

function ask(machine: Machine, { from, src, dst, port, protocol }: Probe): Conversation {
  const tcp = protocol === 'TCP';
  return converse(
    machine,
    PLACES[from],
    plainPacket({
      protocol: tcp ? Protocol.TCP : Protocol.UDP,
      saddr: src === 'node' ? '' : src,
      daddr: dst,
      sport: SPORT,
      dport: port,
    }),
  );
}

/** What the client's program is told. A packet that goes round until its TTL ends is as little served as one that is dropped. */
function verdictOf({ outcome, error, icmp }: Conversation, protocol: Probe['protocol']): Verdict {
  if (outcome === 'reply' || outcome === 'timeout') return error === 'EPERM' ? 'EPERM' : outcome;
  if (error === 'EPERM') return 'EPERM';
  if (error === 'EHOSTUNREACH') return 'timeout';
  return icmp && protocol === 'TCP' ? 'rejected' : 'refused';
}

function backendOf({ endpoint, saw }: Conversation): [string, string] {
  const { address = '', port = 0 } = endpoint ?? {};
  return [`${address.includes(':') ? `[${address}]` : address}:${port}`, saw?.address ?? ''];
}

/** An outcome this probable must have been seen in `tries` independent connections; 1 in 10,000 such outcomes would be missed. */
const SURELY = 1e-4;
const TRIES: Partial<Record<Verdict, number>> = { reply: 24, timeout: 21 };

function missing<T>(
  exploration: Exploration<T>,
  keyOf: (result: T) => string,
  seen: ReadonlySet<string>,
  tries: number,
) {
  return [...tally(exploration, keyOf)].find(
    ([key, { least }]) => key !== '' && !seen.has(key) && (1 - fractionToNumber(least)) ** tries < SURELY,
  )?.[0];
}

function difference(machine: Machine, probe: Probe): string | undefined {
  const exploration = explore(machine, () => ask(machine, probe));
  const found = exploration.branches.map(({ result }) => result);
  const verdicts = new Set(found.map((result) => verdictOf(result, probe.protocol)));
  const expected = [probe.verdict].flat().map((verdict) => (verdict === 'EHOSTUNREACH' ? 'timeout' : verdict));
  const strange = expected.find((verdict) => !verdicts.has(verdict));
  if (strange !== undefined) return `expected ${expected.join(', ')}, found ${[...verdicts].join(', ')}`;
  const backends = probe.backends ?? {};
  const possible = new Set(found.filter(({ outcome }) => outcome === 'reply').map((r) => backendOf(r).join(' saw ')));
  const wanted = Object.entries(backends).flatMap(([to, sources]) => sources.map((source) => `${to} saw ${source}`));
  const unknown = wanted.find((backend) => !possible.has(backend));
  if (unknown !== undefined) return `${unknown}: found only ${[...possible].join(', ')}`;
  if (probe.affinity) return undefined;
  const tries = Math.max(...expected.map((verdict) => TRIES[verdict] ?? 1));
  const unseen =
    missing(exploration, (result) => verdictOf(result, probe.protocol), new Set(expected), tries) ??
    missing(
      exploration,
      (result) => (result.outcome === 'reply' ? backendOf(result).join(' saw ') : ''),
      new Set(wanted),
      tries,
    );
  return unseen === undefined ? undefined : `found ${unseen}, which never happened`;
}

async function judge(suite: Suite, file: string): Promise<Outcome> {
  const run = suite.json<Run>(file);
  const compiler = compilerNamed(run.mode);
  if (!compiler) return skip(`${run.mode} mode`);
  const recordings = suite.siblings('kube-proxy-real').find((other) => other.has(`states/${run.state}.json`));
  if (!recordings) return skip('the recording of its state is not beside it');
  const state = recordings.json<RecordedState>(`states/${run.state}.json`);
  const { topology, probes } = run;
  const interfaceAddresses = [
    '127.0.0.1/8',
    '::1/128',
    ...topology.node.map((address) => `${address}/${address.includes(':') ? 64 : 16}`),
    ...Object.values(topology.gateway).map((address) => `${address}/${address?.includes(':') ? 64 : 24}`),
  ];
  const compile = compiler.prepare(objectsOf(state), configOf(run));
  const { tables, sysctls } = compile(nodeOf(run.node, state, interfaceAddresses));
  const asked = [...new Set(probes.map(({ dst }) => dst))].filter((dst) => dst !== '::1' && !dst.startsWith('127.'));
  const machine = await createEngine();
  machine.load(networkAround({ topology, slices: state.endpointslices, asked, tables, sysctls }));
  const wrong: string[] = [];
  for (const probe of probes) {
    if (probe.undetermined) continue;
    const why = difference(machine, probe);
    const { service, from, kind, dst, port, protocol } = probe;
    if (why !== undefined) wrong.push(`${from} to ${service} ${kind} ${dst} ${protocol}/${port}: ${why}`);
  }
  return wrong.length ? fail(`${wrong.length} of ${probes.length} probes differ; ${wrong[0]}`) : pass;
}

export const kubeProxyFlows: Kind = {
  kind: 'kube-proxy-flows',
  timeLimitMs: 120_000,
  *cases(suite): Generator<SuiteCase> {
    for (const file of suite.list()) {
      if (file === 'suite.json' || !file.endsWith('.json')) continue;
      yield { id: file.slice(0, -'.json'.length), run: () => judge(suite, file) };
    }
  },
};
