/** What real network plugins wrote into a real kernel, and what became of connections there: asked of the dumps. */
import {
  type ConntrackEntry,
  type Conversation,
  converse,
  createEngine,
  Disposition,
  type Machine,
  Protocol,
  plainPacket,
  Reason,
} from '@podwire/engine';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../../runner/contract.ts';
import type { Suite } from '../../runner/suite.ts';
import { compiledCase, orNotPlayed, playedNetwork } from './compiled.ts';
import { type Lab, type Rebuilt, rebuild } from './lab.ts';
import type { PlayedLab } from './player.ts';

interface Probe {
  id: string;
  from: string;
  to: string;
  addr: string;
  port: number;
  proto: 'tcp' | 'udp' | 'mtu';
  expect: { outcome: string; server?: string; src?: string; dst?: string; dport?: number; mtu?: number };
}

interface CniCase extends Lab {
  probes: Probe[];
  /** What each node's connection tracking listed after the probes. */
  conntrack: Record<string, string[]>;
}

const ECHO_PORT = 8080;
/** Ports that the clients' sockets drew; any do. */
const FIRST_PORT = 40_000;

function ask(machine: Machine, netns: string, probe: Probe, sport: number, length?: number): Conversation {
  const family = probe.addr.includes(':') ? 6 : 4;
  const tcp = probe.proto === 'tcp';
  const header = family === 4 ? 20 : 40;
  const found = converse(
    machine,
    netns,
    plainPacket({
      protocol: tcp ? Protocol.TCP : Protocol.UDP,
      saddr: '',
      daddr: probe.addr,
      sport,
      dport: probe.port,
      length: length ?? header + (tcp ? 40 : 16),
      dontFragment: length !== undefined || tcp,
    }),
  );
  // Who answered hears that the answer went nowhere.
  if (found.outcome === 'timeout' && found.back?.end.disposition === Disposition.UNREACHABLE) machine.answer();
  // An answer that nobody knows is answered by a reset, and so on.
  if (tcp && found.outcome === 'timeout') while (machine.answer());
  return found;
}

/** In the suite's words. */
function outcomeOf({ outcome, error, endpoint, there, back }: Conversation, tcp: boolean): string {
  if (outcome === 'reply') return 'ok';
  // The lab waited a second; that a neighbour does not answer shows after three.
  const silent = [there, back].some((walk) => walk?.end.reason === Reason.NO_NEIGHBOR);
  const seen =
    silent || (outcome === 'timeout' && error === undefined)
      ? 'timeout'
      : error === 'ENETUNREACH'
        ? 'net-unreachable'
        : error === 'EHOSTUNREACH'
          ? 'host-unreachable'
          : error === 'EACCES'
            ? 'prohibited'
            : error === 'EINVAL'
              ? 'einval'
              : error === 'ECONNREFUSED'
                ? 'refused'
                : (error ?? outcome);
  const arrived = endpoint !== undefined && there.end.reason !== Reason.NO_SOCKET;
  return arrived && !tcp && seen !== 'refused' ? `one-way:${seen}` : seen;
}

/** Largest packet with DF, in bytes, that makes it there and back. */
function largest(machine: Machine, netns: string, probe: Probe, sport: number): number | undefined {
  const passes = (length: number): boolean => {
    machine.reset();
    // Who answers may have to be told of a smaller link on the way first.
    const once = () => ask(machine, netns, probe, sport, length).outcome === 'reply';
    return once() || once();
  };
  let low = probe.addr.includes(':') ? 49 : 29;
  let high = 65_536;
  if (!passes(low)) return undefined;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (passes(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** `sizes`: a machine that is asked again and again, from its first state. */
function difference(
  machine: Machine,
  sizes: Machine,
  probe: Probe,
  names: ReadonlyMap<string, string>,
  sport: number,
): string | undefined {
  const netns = names.get(probe.from);
  if (netns === undefined) return `nothing was dumped of ${probe.from}`;
  const { expect } = probe;
  const say = (what: string, want: unknown, got: unknown) =>
    want === got ? undefined : `${what}: expected ${want}, found ${got}`;
  const size = probe.proto === 'mtu' && expect.outcome === 'ok' ? largest(sizes, netns, probe, sport) : expect.mtu;
  if (size !== expect.mtu) return say('mtu', expect.mtu, size);
  const found = ask(machine, netns, probe, sport, probe.proto === 'mtu' ? 600 : undefined);
  const outcome = outcomeOf(found, probe.proto === 'tcp').replace(probe.proto === 'mtu' ? 'one-way:' : '', '');
  // Who sends errors may have sent enough of them in that second (icmp_ratelimit, net.ipv6.icmp.ratelimit).
  if (expect.outcome === 'timeout' && found.icmp && !found.local) return undefined;
  const wrong = say('outcome', expect.outcome, outcome);
  if (wrong !== undefined || expect.server === undefined) return wrong;
  const { endpoint, saw } = found;
  return (
    say('server', names.get(expect.server ?? ''), endpoint?.netns) ??
    say('source seen', expect.src, saw?.address) ??
    say('destination seen', expect.dst, endpoint?.address) ??
    say('port seen', expect.dport, endpoint?.port)
  );
}

/** As the suite lists connections: without state, time-outs and counters; `E` for each port but that of the servers. */
function listed({ protocol, original, reply, mark, seenReply }: ConntrackEntry): string {
  const port = (number: number) => (number === ECHO_PORT ? number : 'E');
  const tuple = ({ saddr, daddr, sport, dport }: typeof original) =>
    `src=${saddr} dst=${daddr} sport=${port(sport)} dport=${port(dport)}`;
  const name = protocol === Protocol.TCP ? 'tcp' : 'udp';
  return `${name} ${tuple(original)} ${tuple(reply)} mark=${mark}${seenReply ? '' : ' [UNREPLIED]'}`;
}

/** The first connection that only one side has. */
function differentConnections(machine: Machine, { conntrack }: CniCase): string[] {
  // Not every case lists connections that none of the servers took.
  const served = (lines: readonly string[]) => new Set(lines.filter((line) => line.includes(`port=${ECHO_PORT} `)));
  return Object.entries(conntrack).flatMap(([node, lines]) => {
    const own = served(machine.conntrack(node).map(listed));
    const theirs = served(lines.map((line) => line.replaceAll(/port=(?!8080\b)\d+/g, 'port=E')));
    const missing = [...theirs].find((line) => !own.has(line));
    if (missing !== undefined) return [`conntrack of ${node}: there is no ${missing}`];
    const added = [...own].find((line) => !theirs.has(line));
    return added === undefined ? [] : [`conntrack of ${node}: nobody else has ${added}`];
  });
}

/** A case that begins where another one's set-up ends says so in its note. */
function setUpOf(suite: Suite, { note }: Lab): Lab | undefined {
  const named = /is that of case (\S+?);/.exec(note ?? '')?.[1];
  const path = `cases/${named}.json`;
  return named !== undefined && suite.has(path) ? suite.json<Lab>(path) : undefined;
}

async function askAll(row: CniCase, { network, names }: Pick<Rebuilt, 'network' | 'names'>): Promise<Outcome> {
  const [machine, sizes] = [await createEngine(), await createEngine()];
  machine.load(network);
  sizes.load(network);
  const wrong = row.probes.flatMap((probe, i) => {
    const why = difference(machine, sizes, probe, names, FIRST_PORT + i);
    return why === undefined
      ? []
      : [`${probe.id} (${probe.from} to ${probe.addr} ${probe.proto}/${probe.port}): ${why}`];
  });
  wrong.push(...differentConnections(machine, row));
  return wrong.length > 0 ? fail(`${wrong.length} of ${row.probes.length} probes differ; ${wrong[0]}`) : pass;
}

/** The same, asked of what our own plugins and daemons made. */
async function judgeTraced(suite: Suite, path: string): Promise<Outcome> {
  const row = suite.json<CniCase & PlayedLab>(path);
  if (row.probes.length === 0) return skip('nothing was asked over the recorded state');
  return askAll(row, playedNetwork(row));
}

async function judge(suite: Suite, path: string): Promise<Outcome> {
  const row = suite.json<CniCase>(path);
  if (row.probes.length === 0) return skip('nothing was asked over the recorded state');
  const setUp = setUpOf(suite, row);
  if (!setUp && /is that of case/.test(row.note ?? ''))
    return skip('the pods were dumped in another case, which is not here');
  return askAll(row, rebuild(row, setUp));
}

export const cniReal: Kind = {
  kind: 'cni-real',
  *cases(suite): Generator<SuiteCase> {
    for (const file of suite.list('cases')) {
      const id = file.replace(/\.json$/, '');
      yield { id, variant: 'recorded', run: () => judge(suite, `cases/${file}`) };
      yield compiledCase(suite, id, `cases/${file}`);
      yield { id, variant: 'traced', run: () => orNotPlayed(() => judgeTraced(suite, `cases/${file}`)) };
    }
  },
};
