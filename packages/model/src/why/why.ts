/** `why`: one question, walked from name to socket and back; the first broken link, what is to blame for it, and the mend. */
import { API_VERSION, type Hint, type Outcome, type Receiver, type TraceAnswer } from '../answer/answer.ts';
import { keyOf } from '../answer/directory.ts';
import { type Provenance, provenanceOf } from '../answer/provenance.ts';
import type { Question } from '../answer/question.ts';
import type { Session } from '../answer/session.ts';
import type { Placed } from '../cluster/cluster.ts';
import type { Service } from '../objects/kube.ts';
import { declaredPorts } from '../objects/pod-facts.ts';
import { type Fault, LINKS, type Unseen, type WhyAnswer, type WhyVerdict } from './answer.ts';
import { chainOf } from './chain.ts';
import { whyDns } from './dns.ts';
import { decidingOutcome, faultOfHint, faultOfReason } from './findings.ts';
import { laterFault } from './later.ts';
import { loopbackOnly } from './loopback.ts';
import { neighbour } from './neighbour.ts';
import { overlayFault } from './overlay.ts';
import { NO_PROOF, type Proof, provedFaults } from './proof.ts';
import { type Looking, refined } from './refine.ts';
import { sourceFault } from './source.ts';
import { strangersOf } from './strangers.ts';

function serviceOf(session: Session, { groups }: TraceAnswer): Placed<Service> | undefined {
  const [destination] = groups[0]?.destinations ?? [];
  const object = destination?.object;
  if (object?.kind === 'Service')
    return session.cluster.services.get(`${object.namespace ?? 'default'}/${object.name}`);
  const named = /^svc\/(?:([^/:]+)\/)?([^/:]+)/.exec(destination?.name ?? '');
  return named ? session.cluster.services.get(`${named[1] ?? 'default'}/${named[2]}`) : undefined;
}

/** The port that was dialled is none that the pod's containers declare, while they declare others. */
function refusesProbably({ groups }: TraceAnswer, session: Session): boolean {
  const [outcome] = groups[0]?.outcomes ?? [];
  const { receiver } = outcome ?? {};
  if (receiver?.place.kind !== 'pod') return false;
  const pod = session.cluster.pods.get(receiver.place.name);
  const ports = pod ? declaredPorts(pod.object) : [];
  return ports.length > 0 && !ports.some(({ containerPort }) => containerPort === receiver.port);
}

/** Those that say what is the matter before those that only say where. */
function byWeight(faults: readonly Fault[], isPlain: (fault: Fault) => boolean): Fault[] {
  return [...faults.filter((fault) => !isPlain(fault)), ...faults.filter(isPlain)];
}

const first = (faults: readonly Fault[]): Fault[] =>
  faults.toSorted((a, b) => LINKS.indexOf(a.link) - LINKS.indexOf(b.link));

/** What hints say matters where the packet did not arrive; where it did, only what the sender cannot have wanted. */
function hintFaults(hints: readonly Hint[], arrived: boolean): Fault[] {
  const wanted = arrived ? hints.filter(({ code }) => code === 'headless-port') : hints;
  return wanted.flatMap((hint) => faultOfHint(hint) ?? []);
}

function withoutSize({ size: _, ...question }: Question): Question {
  return question;
}

interface Found {
  /** Smaller packets arrive. */
  tooLong: boolean;
  /** It arrives where, by all that is known, nobody listens. */
  refuses: boolean;
  sourceChanged: boolean;
  /** Some connections end at another program. */
  hasStrangers: boolean;
  /** The overlay that it goes by, and that is not walked, cannot work. */
  noOverlay: boolean;
}

function verdictOf(
  answer: TraceAnswer,
  { tooLong, refuses, sourceChanged, hasStrangers, noOverlay }: Found,
): WhyVerdict {
  if (noOverlay) return 'dropped';
  if (tooLong || hasStrangers) return 'depends';
  if (refuses) return 'refused';
  return sourceChanged ? 'source-changed' : answer.verdict;
}

/** What a refusal rests on for which a container declares other ports. */
function declaredPortsUnseen({ place, port }: Receiver): Unseen {
  return {
    code: 'declared-ports',
    what: `Nothing listens on port ${port} of ${place.name}: its containers declare others, and not this one. That decides nothing by itself.`,
    command: 'ss -tlnp inside the pod',
  };
}

/** `instead`: in the place of the assumption that somebody listens. */
function unseenOf(
  { notes, groups }: TraceAnswer,
  { cluster }: Session,
  { untried }: Proof,
  instead: Unseen | undefined,
): Unseen[] {
  const madeUp = new Set(cluster.assumptions.map(({ code }) => code));
  const firstRedirects = notes.find(({ code }) => code === 'redirects');
  // The same of one host after another: the first stands for all.
  const told = notes.filter((note) => note.code !== 'redirects' || note === firstRedirects);
  const found = told.flatMap(({ kind, code, text, settle }): Unseen[] =>
    kind !== 'intended' && settle !== undefined
      ? [{ code, what: text, command: settle, ...(madeUp.has(code) && { madeUp: true as const }) }]
      : [],
  );
  if (untried > 0) {
    found.push({
      code: 'not-tried',
      what: `whether one of ${untried} more settings and tables of the dumped nodes is at fault`,
      command: 'dump fewer nodes: those of the two ends',
    });
  }
  if (instead) {
    const assumed = found.findIndex(({ code }) => code === 'listener-assumed');
    found.splice(assumed < 0 ? found.length : assumed, assumed < 0 ? 0 : 1, instead);
  }
  const policies = notes.some(({ code }) => code === 'policy-not-judged');
  return policies && groups.length > 0
    ? [
        ...found,
        {
          code: 'policy-not-judged',
          what: 'whether the NetworkPolicies that select the ends let it pass',
          command: 'kubectl describe networkpolicy',
        },
      ]
    : found;
}

function intendedOf(answer: TraceAnswer, fault: Fault | undefined): WhyAnswer['intended'] {
  const note = answer.notes.find(({ kind, settle }) => kind === 'intended' && settle !== undefined);
  if (fault?.code === 'no-local-endpoint')
    return { text: `Works as intended: ${fault.text}`, setting: fault.mend ?? '' };
  return note && note.settle !== undefined
    ? { text: `Works as intended: ${note.text}`, setting: note.settle }
    : undefined;
}

/** A question of which nobody needs to say who asks. */
export interface WhyQuestion extends Omit<Question, 'from'> {
  /** Absent: a pod beside the destination. */
  from?: string;
}

/** Whether pods of two nodes talk: by the overlay, where there is one. */
function crossesNodes(outcome: Outcome | undefined): boolean {
  const nodes = new Set(outcome?.forward.hops.flatMap(({ place }) => (place.kind === 'node' ? [place.name] : [])));
  return nodes.size > 1 && outcome?.receiver?.place.kind === 'pod';
}

function isName(to: string): boolean {
  return to.startsWith('dns:');
}

/** Throws `QuestionError` where the question cannot be asked of this cluster. */
export function why(opened: Session, asked: WhyQuestion): WhyAnswer {
  if (isName(asked.to)) {
    const from =
      asked.from ??
      neighbour(opened, { to: 'external', ...(asked.namespace !== undefined && { namespace: asked.namespace }) });
    const { namespace } = asked;
    const name = asked.to.slice('dns:'.length);
    return whyDns(opened, { from, name, ...(namespace !== undefined && { namespace }) }, (one, to) =>
      why(opened, { from: one, to }),
    );
  }
  const session = { ...opened, cluster: opened.clusterOf(asked) };
  const question: Question = { ...asked, from: asked.from ?? neighbour(opened, asked) };
  const answer = session.trace(question);
  const provenance: Provenance = provenanceOf(session.cluster, session.read);
  const service = serviceOf(session, answer);
  const arrived = answer.verdict === 'delivered';
  const outcome = arrived ? answer.groups[0]?.outcomes[0] : decidingOutcome(answer);
  const looking: Looking = { cluster: session.cluster, provenance, answer, outcome, ...(service && { service }) };
  const ofHints = hintFaults(answer.hints, arrived);
  const hasDumps = session.dumps.nodes.length + session.dumps.pods.length > 0;
  const outcomes = answer.groups.flatMap((group) => group.outcomes);
  const proved = !arrived && ofHints.length === 0 && hasDumps ? provedFaults(session, question, outcomes) : NO_PROOF;
  const ofLater = laterFault(answer, outcome);
  const ofReason = arrived || ofLater || ofHints.length > 0 ? undefined : faultOfReason(answer);
  const ofSource = arrived ? sourceFault(session.cluster, outcome) : undefined;
  const closer = (fault: Fault): Fault => refined(looking, fault);
  const reason = ofReason ? [closer(ofReason)] : [];
  // That other routes would help says less than what is the matter with these.
  const isPlain = ({ code }: Fault) => code === answer.reason || code === 'routes' || code === 'nat-rules';
  const all = [...first(ofHints).map(closer), ...byWeight([...proved.faults.map(closer), ...reason], isPlain)];
  if (ofLater) all.push(ofLater);
  if (ofSource) all.push(ofSource);
  const overlay = crossesNodes(outcome) ? overlayFault(session.cluster, provenance) : undefined;
  if (overlay && arrived) all.unshift(overlay);
  const strangers = service && strangersOf(session.cluster, keyOf(service.object), provenance);
  if (strangers && (arrived || answer.verdict === 'depends')) all.unshift({ link: 'selector', ...strangers });
  const declared = arrived && all.some(({ code }) => code === 'headless-port') && refusesProbably(answer, session);
  const loopback = arrived && !declared ? loopbackOnly(session.cluster, outcome, provenance) : undefined;
  if (loopback) all.unshift(loopback.fault);
  const refuses = declared || loopback !== undefined;
  const byDeclared = declared && outcome?.receiver ? declaredPortsUnseen(outcome.receiver) : undefined;
  const tooLong =
    all.some(({ code }) => code === 'mtu') && session.trace(withoutSize(question)).verdict === 'delivered';
  const verdict = verdictOf(answer, {
    tooLong,
    refuses,
    sourceChanged: ofSource !== undefined && all[0]?.link === 'nat',
    noOverlay: overlay !== undefined && arrived,
    hasStrangers: all[0]?.code === 'selector-too-broad',
  });
  const faults = arrived && !declared ? all.filter(({ code }) => code !== 'headless-port') : all;
  const [fault, ...also] = faults;
  const intended = intendedOf(answer, fault);
  return {
    apiVersion: API_VERSION,
    kind: 'Why',
    question: answer.question,
    ...(answer.changes && { changes: answer.changes }),
    verdict,
    reason: refuses ? 'no-listener' : answer.reason,
    summary: fault?.text ?? answer.summary,
    ...(outcome?.symptom !== undefined && answer.verdict !== 'unknown' && { symptom: outcome.symptom }),
    ...(refuses && { symptom: 'connection refused' }),
    ...(outcome?.receiver && { receiver: outcome.receiver }),
    chain: chainOf({ session, provenance, answer, outcome, service, fault }),
    ...(fault && { fault }),
    also: also.filter((one) => one.text !== fault?.text),
    ...(intended && { intended }),
    unseen: unseenOf(answer, session, proved, loopback?.unseen ?? byDeclared),
  };
}
