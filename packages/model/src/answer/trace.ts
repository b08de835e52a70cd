/** `trace`: sends the question's packets through the machine, every way they can go, and explains what happened to them. */
import type { Family, Machine, Netns } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import { EXTERNAL_ADDRESS } from '../dataplane/outside.ts';
import type { ReadResult } from '../read/source.ts';
import {
  API_VERSION,
  type Hint,
  type Note,
  type Outcome,
  type SourceEnd,
  type TraceAnswer,
  type TraceGroup,
} from './answer.ts';
import type { Destination } from './destinations.ts';
import { type Directory, directoryOf, namespaceOf } from './directory.ts';
import { type Fate, groupFates } from './group.ts';
import { type NoteBook, noteAssumptions, noteBook, notePath } from './notes.ts';
import { type OtherPolicy, otherPolicies, otherPolicyNote } from './other-policies.ts';
import { hasUnmodelled, outcomeOf } from './outcome.ts';
import { openingPacket } from './packet.ts';
import { allPaths } from './paths.ts';
import { type Places, placesOf } from './places.ts';
import { type PolicyDirection, policiesSelecting, policyNote } from './policies.ts';
import { type Provenance, provenanceOf } from './provenance.ts';
import { type Question, type ResolvedQuestion, resolveQuestion } from './question.ts';
import { reasonRow } from './reasons.ts';
import type { TransportName } from './reference.ts';
import { answerSentence, outcomeSentence } from './sentences.ts';
import { undeclaredTargetPort, whyNoEndpoints } from './service-why.ts';
import type { Source } from './sources.ts';
import { type Judged, judge, judgeAll } from './verdicts.ts';

/** Everything an answer is drawn from; make one per cluster, it remembers what it looked up. */
export interface Tracer {
  cluster: Cluster;
  dataplane: Dataplane;
  machine: Machine;
  directory: Directory;
  provenance: Provenance;
  places: Places;
  netnses: ReadonlyMap<string, Netns>;
  /** Policies of kinds that the cluster does not hold. */
  others: readonly OtherPolicy[];
}

/** The machine must hold `dataplane.network` already. */
export function tracerOf(
  cluster: Cluster,
  dataplane: Dataplane,
  machine: Machine,
  read: Pick<ReadResult, 'lineOf' | 'objects'>,
): Tracer {
  return {
    cluster,
    dataplane,
    machine,
    directory: directoryOf(cluster),
    provenance: provenanceOf(cluster, read),
    places: placesOf(dataplane),
    netnses: new Map(dataplane.network.netnses.map((n) => [n.name, n])),
    others: otherPolicies(read.objects),
  };
}

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** Families in which a network namespace has an address that others can answer to. */
function familiesOf(netns: Netns | undefined): Set<Family> {
  const others = (netns?.addresses ?? []).filter(
    ({ address, scope }) => scope !== 'link' && scope !== 'host' && !/^(127\.|::1\/|fe80:)/i.test(address),
  );
  return new Set(others.map(({ address }) => familyOf(address)));
}

interface Asking {
  tracer: Tracer;
  question: ResolvedQuestion;
  notes: NoteBook;
  hints: Hint[];
  /** Destinations outside without an address, and the ones that stand for them. */
  outside: { from: Destination; to: Destination }[];
}

function nowhere(source: SourceEnd, destination: Destination, reason: string, summary: string): Fate {
  return { source, destination, outcomes: [], verdict: 'unreachable', reason, summary };
}

function undecided(source: SourceEnd, destination: Destination, reason: string): Fate {
  return {
    source,
    destination,
    outcomes: [],
    verdict: 'unknown',
    reason,
    summary: reasonRow(reason)?.meaning ?? reason,
  };
}

/** Service addresses mean what kube-proxy makes of them; only one of its modes is modelled. */
function needsProxy({ end }: Destination): boolean {
  return ['clusterIP', 'externalIP', 'loadBalancerIP', 'nodePort'].includes(end.addressKind);
}

/** Any outside address becomes a real one of a family the source has; sources of one family get the same one. */
function outsideOf(asking: Asking, destination: Destination, families: ReadonlySet<Family>): Destination | undefined {
  const family = ([4, 6] as const).find((f) => families.has(f));
  if (family === undefined) return undefined;
  const known = asking.outside.find((o) => o.from === destination && o.to.family === family);
  if (known) return known.to;
  const to = { ...destination, end: { ...destination.end, address: EXTERNAL_ADDRESS[family] }, family };
  asking.outside.push({ from: destination, to });
  return to;
}

/** The destination as this source would dial it; undefined where they have no address family in common. */
function dialled(asking: Asking, destination: Destination, families: ReadonlySet<Family>): Destination | undefined {
  if (destination.end.address === undefined) return outsideOf(asking, destination, families);
  return destination.family === undefined || families.has(destination.family) ? destination : undefined;
}

/** The policies that select one end, one note each. */
function policyNotes({ tracer }: Asking, pod: string, direction: PolicyDirection): Note[] {
  const { cluster, provenance, others } = tracer;
  const object = cluster.pods.get(pod)?.object;
  if (!object || object.spec.hostNetwork === true) return [];
  const { metadata } = object;
  return [
    ...policiesSelecting(cluster, pod, direction).map((p) => policyNote(provenance, p, pod, direction)),
    ...others
      .filter((p) => p.maySelect(namespaceOf(object), metadata.labels ?? {}))
      .map((p) => otherPolicyNote(provenance, p, pod)),
  ];
}

/** Egress at the source, ingress at whoever receives. Only what would pass is left undecided. */
function applyPolicies(asking: Asking, source: Source, outcomes: readonly Outcome[], judged: Judged): Judged {
  const receivers = outcomes.map((o) => (o.receiver?.place.kind === 'pod' ? o.receiver.place.name : undefined));
  const selecting = [
    ...(source.pod === undefined ? [] : policyNotes(asking, source.pod, 'Egress')),
    ...[...new Set(receivers)].flatMap((pod) =>
      pod === undefined || pod === source.pod ? [] : policyNotes(asking, pod, 'Ingress'),
    ),
  ];
  for (const note of selecting) asking.notes.add(note);
  const passes = ['delivered', 'refused', 'depends'].includes(judged.verdict);
  return selecting.length > 0 && passes ? { verdict: 'unknown', reason: 'policy-not-judged' } : judged;
}

function explainService(asking: Asking, destination: Destination, reasons: ReadonlySet<string>): void {
  const { service } = destination;
  if (!service) return;
  const { cluster, provenance } = asking.tracer;
  if (reasons.has('no-endpoints')) asking.hints.push(...whyNoEndpoints(cluster, service.key, service.port, provenance));
  else if (service.port !== undefined && (reasons.has('no-listener') || reasons.has('listener-assumed'))) {
    const hint = undeclaredTargetPort(cluster, service.key, service.port, provenance);
    if (hint) asking.hints.push(hint);
  }
}

/** One source, one destination: every path of the packet. Undefined where they have no address family in common. */
function fateOf(asking: Asking, source: Source, destination: Destination): Fate | undefined {
  const { tracer, question, notes } = asking;
  const { cluster, machine, places, netnses } = tracer;
  const netns = places.netnsOf(source.place);
  const end: SourceEnd = {
    name: source.name,
    place: source.place,
    ...(source.address !== undefined && { address: source.address }),
  };
  if (destination.nowhere) {
    explainService(asking, destination, new Set([destination.nowhere.reason]));
    return nowhere(end, destination, destination.nowhere.reason, destination.nowhere.summary);
  }
  if (netns === undefined)
    return nowhere(
      end,
      destination,
      'no-pod-address',
      `${source.name} has no network: it is not running on a node of the input.`,
    );
  if (needsProxy(destination) && cluster.settings.proxyMode.value !== 'iptables') {
    return undecided(end, destination, 'proxy-mode-not-modelled');
  }
  const families = source.address === undefined ? familiesOf(netnses.get(netns)) : new Set([familyOf(source.address)]);
  const dialledAs = dialled(asking, destination, families);
  if (dialledAs?.end.address === undefined) return undefined;

  const { paths, complete } = allPaths(machine, {
    netns,
    packet: openingPacket({
      family: dialledAs.family ?? familyOf(dialledAs.end.address),
      protocol: dialledAs.end.protocol as TransportName,
      ...(source.address !== undefined && { saddr: source.address }),
      daddr: dialledAs.end.address,
      sport: question.sport,
      dport: dialledAs.end.port ?? 0,
    }),
    connection: question.asked.connection,
  });
  if (!complete) {
    notes.add({
      kind: 'caveat',
      code: 'too-many-paths',
      text: `More than ${paths.length} ways are possible; only the first are told.`,
    });
  }
  for (const path of paths) notePath(path, notes);
  const outcomes = paths.map((path) => outcomeOf(path, dialledAs, source.place.kind === 'external', tracer));
  explainService(asking, dialledAs, new Set(outcomes.map((o) => o.reason)));
  const judged = applyPolicies(asking, source, outcomes, judge(outcomes, paths.some(hasUnmodelled)));
  const first = outcomes[0]?.forward.hops[0]?.steps[0];
  const address = first?.kind === 'enter' ? first.packet.saddr : '';
  return {
    source: { ...end, ...(address !== '' && { address }) },
    destination: dialledAs,
    outcomes,
    ...judged,
    summary: outcomeSentence(outcomes, judged.verdict, judged.reason, dialledAs),
  };
}

/** Fates of every pair; destinations of a family the source lacks are left out where it can reach the name by another. */
function fatesOf(asking: Asking): Fate[] {
  const { sources, destinations } = asking.question;
  const fates: Fate[] = [];
  const skipped: { source: Source; destination: Destination }[] = [];
  const asked = new Set<string>();
  for (const destination of destinations.all) {
    for (const source of sources.all) {
      const fate = fateOf(asking, source, destination);
      if (fate) {
        fates.push(fate);
        asked.add(`${source.name} ${destination.end.name}`);
      } else skipped.push({ source, destination });
    }
  }
  for (const { source, destination } of skipped) {
    const family = destination.family === undefined ? '' : ` IPv${destination.family}`;
    if (asked.has(`${source.name} ${destination.end.name}`)) {
      asking.notes.add({
        kind: 'intended',
        code: 'other-family',
        text: `${destination.end.address} was not asked: ${source.name} has no${family} address.`,
      });
    } else {
      const end: SourceEnd = { name: source.name, place: source.place };
      fates.push(
        nowhere(
          end,
          destination,
          'no-common-family',
          `${source.name} has no${family} address to reach ${destination.end.name} from.`,
        ),
      );
    }
  }
  return fates;
}

function groupsOf(fates: readonly Fate[], ungrouped: boolean): TraceGroup[] {
  return groupFates(fates, ungrouped).map(({ fates: alike, sources, destinations }) => {
    const first = alike[0] as Fate;
    const symptoms = new Set(first.outcomes.map((o) => o.symptom));
    const [symptom] = symptoms;
    const decisive = first.outcomes.find((o) => o.verdict === first.verdict)?.decisive;
    return {
      sources,
      destinations,
      verdict: first.verdict,
      reason: first.reason,
      summary: first.summary,
      ...(symptoms.size === 1 && symptom !== undefined && first.verdict !== 'unknown' && { symptom }),
      ...(decisive && first.verdict !== 'unknown' && { decisive }),
      outcomes: first.outcomes,
    };
  });
}

const ASSUMED_LISTENER = 'listener-assumed';

/** Throws `QuestionError` where the question cannot be asked of this cluster. */
export function trace(tracer: Tracer, question: Question): TraceAnswer {
  const { cluster, directory, provenance } = tracer;
  const resolved = resolveQuestion(cluster, directory, provenance, question);
  const notes = noteBook();
  const asking: Asking = { tracer, question: resolved, notes, hints: [...resolved.destinations.hints], outside: [] };
  const fates = fatesOf(asking);
  for (const note of resolved.destinations.notes) notes.add(note);
  if (
    fates.some((f) => f.outcomes.some((o) => o.reason === ASSUMED_LISTENER || o.forward.reason === ASSUMED_LISTENER))
  ) {
    notes.add({
      kind: 'assumption',
      code: ASSUMED_LISTENER,
      text: 'A program listens on the port the packet arrives at.',
      settle: 'ss -tlnp inside the pod',
    });
  }
  noteAssumptions(cluster, new Set(resolved.destinations.all.map((d) => d.end.addressKind)), notes);
  const groups = groupsOf(fates, question.ungrouped ?? false);
  const judged = judgeAll(groups);
  return {
    apiVersion: API_VERSION,
    kind: 'Trace',
    question: resolved.asked,
    ...judged,
    summary: answerSentence(groups, judged.verdict),
    cluster: {
      mode: cluster.mode,
      proxyMode: cluster.settings.proxyMode.value,
      cni: cluster.settings.cni.value,
      nodes: cluster.nodes.size,
      pods: cluster.pods.size,
      services: cluster.services.size,
    },
    groups,
    hints: unique(asking.hints),
    notes: notes.all(),
  };
}

function unique(hints: readonly Hint[]): Hint[] {
  const seen = new Set<string>();
  return hints.filter(({ code, text }) => {
    const key = `${code} ${text}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
