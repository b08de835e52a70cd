/** One input: what `podwire compare` says of its flows, and both rulesets in turn on the kernel. */
import type { Machine } from '@podwire/engine';
import { type CompareAnswer, type ComparedFlow, compareModes, openSession, type Session } from '@podwire/model';
import type { Attempt, AttemptResult, Lab } from '../lab/lab.ts';
import { forgettingPrograms, planOf } from '../lab/plan.ts';
import type { Random } from '../lab/random.ts';
import type { Listening, Transport, Tried } from '../lab/terms.ts';
import { endpointIndex, type Side, unfit } from './fits.ts';
import type { Input } from './inputs.ts';
import { sampleOf } from './sample.ts';

export type Mode = 'iptables' | 'nftables';

export interface Disagreement {
  mode: Mode;
  flow: ComparedFlow;
  why: string;
}

export interface Compared {
  answer: CompareAnswer;
  asked: ComparedFlow[];
  tried: ComparedFlow[];
  attempts: number;
  /** Flows of which every endpoint was seen, and no other. */
  covered: number;
  disagreements: Disagreement[];
}

const PATIENCE_MS = 400;
const ALONE_MS = 900;
/** Side by side. */
const BATCH = 48;
const FIRST_PORT = 20000;
const LAST_PORT = 29999;
/** Attempts to see all endpoints of one flow; those with more endpoints than these can show are only seen in part. */
const MOST_TRIES = 96;
/** A wrong word for a flow is likelier than this chance of not having met an endpoint. */
const CHANCE = 1e-6;
/** For how many flows of each mode every endpoint is looked for. */
const COVERED = 24;

const plain = (address: string) => address.split('/')[0] as string;

/** Somebody listens wherever an EndpointSlice leads. */
function listeningOf({ cluster, dataplane }: Session): Listening[] {
  const owners = new Map<string, string>();
  for (const { name, addresses } of dataplane.network.netnses)
    for (const { address, link } of addresses) if (link !== 'lo') owners.set(plain(address), name);
  const found = new Map<string, Listening>();
  for (const { object } of [...cluster.endpointSlices.values()].flat())
    for (const { addresses } of object.endpoints)
      for (const address of addresses)
        for (const { port, protocol = 'TCP' } of object.ports ?? []) {
          if (port === undefined || port === null) continue;
          const netns = owners.get(address) ?? '@external';
          // The kernel has no SCTP, and a node should say so of ports that nobody has.
          if (protocol === 'SCTP' && (netns === '@external' || dataplane.nodes.has(netns))) continue;
          const listening = { netns, protocol: protocol.toLowerCase() as Transport, port };
          found.set(JSON.stringify(listening), listening);
        }
  return [...found.values()];
}

const isPing = ({ to }: ComparedFlow) => to.protocol === 'icmp';

/** A raw socket hears what comes back to its own host, which the kernel would otherwise refuse: to an address of it, or to a pod in its network. */
function isDeaf({ cluster, dataplane }: Session, { netns, to }: ComparedFlow): boolean {
  if (to.protocol !== 'sctp') return false;
  const own = dataplane.network.netnses.find(({ name }) => name === netns)?.addresses ?? [];
  const pods = [...cluster.pods.values()].map(({ object }) => object);
  const isHost = pods.some(({ spec }) => spec.hostNetwork === true && spec.nodeName === netns);
  return isHost || [...own.map(({ address }) => plain(address)), '127.0.0.1', '::1'].includes(to.address);
}

/** How many tries see each of `count` equally likely endpoints. */
const triesFor = (count: number) => Math.ceil(Math.log(count / CHANCE) / -Math.log(1 - 1 / count));

class Asker {
  readonly #lab: Lab;
  readonly #session: Session;
  readonly #tracking: string[];
  #port = FIRST_PORT;
  attempts = 0;

  constructor(lab: Lab, session: Session) {
    this.#lab = lab;
    this.#session = session;
    this.#tracking = session.dataplane.network.netnses.flatMap(({ name, netfilter }) =>
      netfilter.length > 0 ? [name] : [],
    );
  }

  async build(): Promise<void> {
    const { network } = this.#session.dataplane;
    await this.#lab.build(planOf(network, listeningOf(this.#session), 'nft'));
  }

  #attemptOf({ netns, from, to }: ComparedFlow): Attempt {
    const sport = this.#port;
    this.#port = sport === LAST_PORT ? FIRST_PORT : sport + 1;
    const { protocol, address: daddr, port = 0 } = to;
    const saddr = from.address === undefined ? {} : { saddr: from.address };
    return { id: `${sport}`, from: netns, protocol: protocol as Tried, ...saddr, sport, daddr, dport: port };
  }

  async ask(flows: readonly ComparedFlow[], patienceMs: number): Promise<AttemptResult[]> {
    const results: AttemptResult[] = [];
    for (let at = 0; at < flows.length; at += BATCH) {
      await this.#lab.flush(this.#tracking, forgettingPrograms(this.#session.dataplane.network));
      const batch = flows.slice(at, at + BATCH).map((flow) => this.#attemptOf(flow));
      results.push(...(await this.#lab.probe(batch, patienceMs, [])).results);
      this.attempts += batch.length;
    }
    return results;
  }
}

/** The flows in one mode, against what is said of it. */
async function tryMode(
  asker: Asker,
  mode: Mode,
  index: 0 | 1,
  tried: readonly ComparedFlow[],
): Promise<Disagreement[]> {
  const sideOf = (flow: ComparedFlow): Side => flow.sides[index];
  const found: Disagreement[] = [];
  const results = await asker.ask(tried, PATIENCE_MS);
  for (const [i, flow] of tried.entries()) {
    let why = unfit(results[i] as AttemptResult, sideOf(flow), isPing(flow));
    // Others were in its way, or time.
    for (let again = 0; why !== undefined && again < 2; again++) {
      const [alone] = (await asker.ask([flow], ALONE_MS)) as [AttemptResult];
      why = unfit(alone, sideOf(flow), isPing(flow));
    }
    if (why !== undefined) found.push({ mode, flow, why });
  }
  return found;
}

/** Are these all the endpoints? Those of Services with affinity are drawn once for a client, and left out. */
async function cover(asker: Asker, mode: Mode, index: 0 | 1, flows: readonly ComparedFlow[]): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (const flow of flows) {
    const side = flow.sides[index];
    const results = await asker.ask(Array<ComparedFlow>(triesFor(side.endpoints.length)).fill(flow), ALONE_MS);
    const seen = new Set(results.map((result) => endpointIndex(result, side)));
    const missing = side.endpoints.filter((_, i) => !seen.has(i));
    const why = missing.map(({ address, port, sees }) => `never reached ${address} ${port} as ${sees}`);
    if (why.length > 0) found.push({ mode, flow, why: why.join(', ') });
  }
  return found;
}

export async function judgeInput(
  { machine, lab }: { machine: Machine; lab: Lab },
  { files, overrides }: Input,
  modes: readonly [Mode, Mode],
  random: Random,
  count: number,
): Promise<Compared> {
  const open = (proxyMode: Mode) => openSession({ files, overrides: { ...overrides, proxyMode } });
  const sessions: [Session, Session] = [await open(modes[0]), await open(modes[1])];
  const asked: ComparedFlow[] = [];
  const answer = compareModes(machine, sessions, (flow) => asked.push(flow));
  const tried = sampleOf(
    random,
    asked.filter((flow) => !isDeaf(sessions[0], flow)),
    count,
  );
  const { services } = sessions[0].cluster;
  const isPlain = ({ service }: ComparedFlow) => services.get(service)?.object.spec.sessionAffinity !== 'ClientIP';
  const disagreements: Disagreement[] = [];
  let attempts = 0;
  let covered = 0;
  for (const index of [0, 1] as const) {
    const mode = modes[index];
    const asker = new Asker(lab, sessions[index]);
    await asker.build();
    disagreements.push(...(await tryMode(asker, mode, index, tried)));
    const several = tried.filter((flow) => {
      const { endpoints, verdict } = flow.sides[index];
      return (
        verdict === 'delivered' && endpoints.length > 1 && triesFor(endpoints.length) <= MOST_TRIES && isPlain(flow)
      );
    });
    // Those that are said to differ in their endpoints stand first.
    const chosen = several.slice(0, COVERED);
    disagreements.push(...(await cover(asker, mode, index, chosen)));
    covered += chosen.length;
    attempts += asker.attempts;
  }
  return { answer, asked, tried, attempts, covered, disagreements };
}
