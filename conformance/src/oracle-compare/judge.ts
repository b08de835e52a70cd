/** One input: what `podwire compare` says of its flows, and both rulesets in turn on the kernel. */
import type { Machine, Network } from '@podwire/engine';
import { type CompareAnswer, type ComparedFlow, compareModes, openSession, type Session } from '@podwire/model';
import type { Attempt, AttemptResult, Lab } from '../lab/lab.ts';
import { forgettingPrograms, planOf } from '../lab/plan.ts';
import type { Random } from '../lab/random.ts';
import type { Listening, Transport, Tried } from '../lab/terms.ts';
import { endpointIndex, type Side, unfit } from './fits.ts';
import type { Input } from './inputs.ts';
import { listedOtherwise } from './loads.ts';
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
  /** Flows that the kernel's answer says nothing about: of SCTP where a raw socket hears too much, and at addresses that two pods have. */
  unfair: number;
  attempts: number;
  /** Flows of which every endpoint was seen, and no other. */
  covered: number;
  disagreements: Disagreement[];
  /** Rules that the kernel lists otherwise than they were written. */
  otherwise: string[];
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

const EXTERNAL = '@external';
const plain = (address: string) => address.split('/')[0] as string;

/** Somebody listens wherever an EndpointSlice leads, and outside where packets are said to arrive. */
function listeningOf({ cluster, dataplane }: Session, sides: readonly Side[]): Listening[] {
  const owners = new Map<string, string>();
  for (const { name, addresses } of dataplane.network.netnses)
    for (const { address, link } of addresses) if (link !== 'lo') owners.set(plain(address), name);
  const found = new Map<string, Listening>();
  for (const { place, port } of sides.flatMap(({ endpoints }) => endpoints))
    if (place.kind === 'external' && port > 0)
      for (const protocol of ['tcp', 'udp'] as const) {
        const listening = { netns: EXTERNAL, protocol, port };
        found.set(JSON.stringify(listening), listening);
      }
  for (const { object } of [...cluster.endpointSlices.values()].flat())
    for (const { addresses } of object.endpoints)
      for (const address of addresses)
        for (const { port, protocol = 'TCP' } of object.ports ?? []) {
          if (port === undefined || port === null) continue;
          const netns = owners.get(address) ?? EXTERNAL;
          // The kernel has no SCTP, and a node should say so of ports that nobody has.
          if (protocol === 'SCTP' && (netns === EXTERNAL || dataplane.nodes.has(netns))) continue;
          const listening = { netns, protocol: protocol.toLowerCase() as Transport, port };
          found.set(JSON.stringify(listening), listening);
        }
  return [...found.values()];
}

const isPing = ({ to }: ComparedFlow) => to.protocol === 'icmp';

/**
 * SCTP that raw sockets cannot stand in for. One hears what comes back to its own host, which the kernel would otherwise refuse: to an address of
 * it, or to a pod in its network. And none listens on nodes and outside, so that the kernel says there that it has no SCTP.
 */
function isDeaf({ cluster, dataplane }: Session, { netns, to, sides }: ComparedFlow): boolean {
  if (to.protocol !== 'sctp') return false;
  const own = dataplane.network.netnses.find(({ name }) => name === netns)?.addresses ?? [];
  const pods = [...cluster.pods.values()].map(({ object }) => object);
  const isHost = pods.some(({ spec }) => spec.hostNetwork === true && spec.nodeName === netns);
  const isUnheard = sides.some(
    ({ endpoints, verdict }) => verdict === 'refused' || endpoints.some(({ place }) => place.kind !== 'pod'),
  );
  return isHost || isUnheard || [...own.map(({ address }) => plain(address)), '127.0.0.1', '::1'].includes(to.address);
}

/** Addresses that two network namespaces have: who answers for one of these is a matter of who is faster. */
function sharedAddresses({ dataplane }: Session): Set<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { addresses } of dataplane.network.netnses)
    for (const text of new Set(addresses.map(({ address }) => plain(address)))) {
      if (/^(?:127\.|::1$|fe80:|169\.254\.)/.test(text)) continue;
      if (seen.has(text)) shared.add(text);
      seen.add(text);
    }
  return shared;
}

function isDisputed({ dataplane }: Session, shared: ReadonlySet<string>, { netns, to, sides }: ComparedFlow): boolean {
  const own = dataplane.network.netnses.find(({ name }) => name === netns)?.addresses ?? [];
  const met = [
    ...own.map(({ address }) => plain(address)),
    to.address,
    ...sides.flatMap((side) => side.endpoints.map((e) => e.address)),
  ];
  return met.some((address) => shared.has(address));
}

/** Addresses with port, and node ports, of Services with affinity: another Service may claim the same. */
function affineClaims({ cluster }: Session): Set<string> {
  const claims = new Set<string>();
  for (const { object } of cluster.services.values()) {
    const { sessionAffinity, clusterIPs = [], externalIPs = [], ports = [] } = object.spec;
    if (sessionAffinity !== 'ClientIP') continue;
    const balancers = (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
    for (const { port, nodePort } of ports) {
      for (const address of [...clusterIPs, ...externalIPs, ...balancers]) claims.add(`${address} ${port}`);
      if (nodePort !== undefined) claims.add(`${nodePort}`);
    }
  }
  return claims;
}

/** How many tries see each of `count` equally likely endpoints. */
const triesFor = (count: number) => Math.ceil(Math.log(count / CHANCE) / -Math.log(1 - 1 / count));

/** Routers that choose among nodes by ports, too: by addresses alone one client would always go the same way. */
const BY_PORTS = { 'net.ipv4.fib_multipath_hash_policy': 1, 'net.ipv6.fib_multipath_hash_policy': 1 };

const spreading = ({ netnses }: Network): Network => ({
  netnses: netnses.map((netns) =>
    netns.netfilter.length > 0 ? netns : { ...netns, sysctls: { ...netns.sysctls, ...BY_PORTS } },
  ),
});

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

  async build(sides: readonly Side[]): Promise<void> {
    const network = spreading(this.#session.dataplane.network);
    await this.#lab.build(planOf(network, listeningOf(this.#session, sides), 'nft'));
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

const metText = ({ reply, error, endpoint, saw }: AttemptResult): string =>
  reply ? `${endpoint?.address} ${endpoint?.port} as ${saw?.address}` : (error ?? 'nobody');

/** Are these all the endpoints? Those of Services with affinity are drawn once for a client, and left out. */
async function cover(asker: Asker, mode: Mode, index: 0 | 1, flows: readonly ComparedFlow[]): Promise<Disagreement[]> {
  const found: Disagreement[] = [];
  for (const flow of flows) {
    const side = flow.sides[index];
    const results = await asker.ask(Array<ComparedFlow>(triesFor(side.endpoints.length)).fill(flow), ALONE_MS);
    const seen = new Set(results.map((result) => endpointIndex(result, side)));
    const missing = side.endpoints.filter((_, i) => !seen.has(i));
    if (missing.length === 0) continue;
    const never = missing.map(({ address, port, sees }) => `${address} ${port} as ${sees}`).join(', ');
    const rather = new Map<string, number>();
    for (const result of results) rather.set(metText(result), (rather.get(metText(result)) ?? 0) + 1);
    const met = [...rather].map(([text, times]) => `${times} times ${text}`).join(', ');
    found.push({ mode, flow, why: `never reached ${never}; but ${met}` });
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
  const shared = sharedAddresses(sessions[0]);
  const fair = asked.filter((flow) => !isDeaf(sessions[0], flow) && !isDisputed(sessions[0], shared, flow));
  const tried = sampleOf(random, fair, count);
  const affine = affineClaims(sessions[0]);
  const isPlain = ({ to }: ComparedFlow) => !affine.has(`${to.address} ${to.port}`) && !affine.has(`${to.port}`);
  const otherwise: string[] = [];
  for (const { dataplane, cluster } of sessions) {
    otherwise.push(...(await listedOtherwise(lab, dataplane, 'nft')));
    if (cluster.settings.proxyMode.value === 'iptables')
      otherwise.push(...(await listedOtherwise(lab, dataplane, 'legacy')));
  }
  const disagreements: Disagreement[] = [];
  let attempts = 0;
  let covered = 0;
  for (const index of tried.length === 0 ? [] : ([0, 1] as const)) {
    const mode = modes[index];
    const asker = new Asker(lab, sessions[index]);
    await asker.build(tried.map(({ sides }) => sides[index]));
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
  return { answer, asked, tried, unfair: asked.length - fair.length, attempts, covered, disagreements, otherwise };
}
