/** `trace`: sends the question's packets through the machine, every way they can go, and explains what happened to them. */

import { affinityNotes } from './affinity-note.ts';
import { API_VERSION, type Hint, type Note, type Outcome, type TraceAnswer, type TraceGroup } from './answer.ts';
import { BEYOND } from './beyond.ts';
import { type Asking, fatesOf } from './fate.ts';
import type { Full } from './full.ts';
import { type Fate, type FateGroup, groupFates } from './group.ts';
import { healthCheckNotes } from './health-check-note.ts';
import { waysOf } from './history.ts';
import { noteAssumptions, noteBook } from './notes.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { type Question, resolveQuestion } from './question.ts';
import { QuestionError } from './question-error.ts';
import { answerSentence } from './sentences.ts';
import { disputedServices, sharedAddresses } from './shared-address.ts';
import type { Sources } from './sources.ts';
import type { Past, Tracer } from './tracer.ts';
import { judgeAll } from './verdicts.ts';

/** The walks of one fate: sent once more, because the walks of all pairs together would be too much to keep. */
function outcomesOf({ send, endings }: Fate, tracer: Tracer): Outcome[] {
  if (!send) return [];
  const { paths } = waysOf(tracer.machine, send, tracer);
  return paths.map((path, i) => outcomeOf(path, endings[i] as Ending, tracer, tracer.past?.former));
}

function groupOf({ fates, sources, destinations }: FateGroup, tracer: Tracer): TraceGroup {
  const first = fates[0] as Fate;
  const { verdict, reason, summary, endings } = first;
  const symptoms = new Set(endings.map((e) => e.symptom));
  const [symptom] = symptoms;
  const decisive = endings.find((e) => e.verdict === verdict)?.decisive;
  return {
    sources,
    destinations,
    verdict,
    reason,
    summary,
    ...(symptoms.size === 1 && symptom !== undefined && verdict !== 'unknown' && { symptom }),
    ...(decisive && verdict !== 'unknown' && { decisive }),
    outcomes: outcomesOf(first, tracer),
  };
}

/** What the question assumes of the nodes. */
function fullNote(full: Full): Note {
  const text =
    full === 'table'
      ? 'Every node tracks as many connections as it may, and none of them makes room.'
      : 'Every port is taken that a node could translate the source to: other connections to the same address and port have them.';
  const settle =
    full === 'table'
      ? 'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max'
      : 'conntrack -L on the node, by destination';
  return { kind: 'assumption', code: 'nodes-full', text, settle };
}

/** A process that is gone sends nothing, and its connections ended with it. */
function checkSources({ all }: Sources, past: Past | undefined): void {
  const gone = all.find(({ pod }) => pod !== undefined && past?.ended.has(pod));
  if (!gone) return;
  throw new QuestionError('source-gone', `${gone.name} is to send, and its processes end by what happens before`, {
    mend: 'Name another source, or let something else happen.',
  });
}

/** Throws `QuestionError` where the question cannot be asked of this cluster. */
export function trace(tracer: Tracer, question: Question): TraceAnswer {
  const { cluster, provenance, past } = tracer;
  // Who sends has looked its names up before anything happened.
  const at = past?.former ?? tracer;
  const resolved = resolveQuestion(at.cluster, at.directory, at.provenance, question);
  checkSources(resolved.sources, past);
  const notes = noteBook();
  const hints: Hint[] = [...resolved.destinations.hints];
  const asking: Asking = { tracer, question: resolved, notes, hints, outside: [], policies: new Map() };
  const fates = fatesOf(asking);
  for (const note of resolved.destinations.notes) notes.add(note);
  const { sources, destinations } = resolved;
  const fromOutside = sources.all.every(({ place }) => place.kind === 'external');
  for (const note of affinityNotes(cluster, destinations.all, fromOutside, provenance)) notes.add(note);
  const health = healthCheckNotes(cluster, resolved.destinations.all, provenance);
  for (const note of health) notes.add(note);
  // kube-proxy itself listens on a health check node port.
  const isKnown = health.length > 0 && health.length === resolved.destinations.all.length;
  if (!isKnown && fates.some((f) => f.endings.some((e) => e.listenerAssumed))) {
    notes.add({
      kind: 'assumption',
      code: 'listener-assumed',
      text: 'A program listens on the port the packet arrives at.',
      settle: 'ss -tlnp inside the pod',
    });
  }
  for (const note of tracer.notes) notes.add(note);
  if (tracer.full) notes.add(fullNote(tracer.full.full));
  if (fates.some((f) => f.endings.some(({ receiver }) => receiver?.beyond))) notes.add(BEYOND);
  if (fates.some((f) => f.endings.some((e) => e.reason === 'leaves-by-link'))) {
    notes.add({
      kind: 'assumption',
      code: 'answer-assumed',
      text: 'Who is behind a link is not in the input: somebody there answers, and by the same link.',
      settle: 'dump the next host, too',
    });
  }
  noteAssumptions(cluster, new Set(resolved.destinations.all.map((d) => d.end.addressKind)), notes);
  const groups = groupFates(fates, question.ungrouped ?? false).map((group) => groupOf(group, tracer));
  const judged = judgeAll(groups);
  hints.push(...sharedAddresses(cluster, groups), ...disputedServices(cluster, resolved.destinations.all));
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
    ...(past && { changes: past.changes }),
    groups,
    hints: unique(hints),
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
