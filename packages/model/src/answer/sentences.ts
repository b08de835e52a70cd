/** The one sentence of a verdict. */
import { hostPort } from './addresses.ts';
import type { Place, TraceGroup, VerdictWord } from './answer.ts';
import type { Destination } from './destinations.ts';
import type { Ending } from './outcome.ts';
import { reasonRow } from './reasons.ts';

export function placeName(place: Place): string {
  if (place.kind === 'pod' || place.kind === 'node') return `${place.kind} ${place.name}`;
  if (place.kind === 'gateway') return 'the gateway';
  return place.name === 'external' ? 'the outside' : place.name;
}

function receiversOf(outcomes: readonly Ending[]): string {
  const names = [...new Set(outcomes.map((o) => (o.receiver ? placeName(o.receiver.place) : '')))].filter(
    (n) => n !== '',
  );
  if (names.length === 0) return 'nobody';
  return names.length === 1 ? (names[0] as string) : `${names.length} endpoints`;
}

function lostAt(outcome: Ending): string {
  const where = outcome.decisive?.place ? ` at ${placeName(outcome.decisive.place)}` : '';
  return `${outcome.direction === 'reply' ? 'The packet arrives, but its reply is lost' : 'The packet is lost'}${where}`;
}

function leavesSentence(outcomes: readonly Ending[], what: string): string {
  const ways = [...new Set(outcomes.map((o) => o.receiver?.place.name.replace(/^beyond /, '') ?? ''))];
  const back = outcomes.every((o) => o.answered) ? ', and an answer from there comes back' : '';
  return `The packet to ${what} leaves by ${ways.join(' or ')}${back}.`;
}

/** Of connections that were there before: which go on and which do not; undefined where that does not tell them apart. */
function formerSentence(outcomes: readonly Ending[]): string | undefined {
  const fates = new Map<string, Set<string>>();
  for (const { had, verdict } of outcomes) {
    if (!had) return undefined;
    const name = placeName(had);
    fates.set(name, (fates.get(name) ?? new Set()).add(verdict));
  }
  const those = (test: (verdicts: ReadonlySet<string>) => boolean) =>
    [...fates].filter(([, verdicts]) => test(verdicts)).map(([name]) => name);
  const good = those((verdicts) => verdicts.size === 1 && verdicts.has('delivered'));
  const bad = those((verdicts) => !verdicts.has('delivered'));
  if (good.length + bad.length < fates.size || good.length === 0 || bad.length === 0) return undefined;
  return `Connections to ${listText(good)} go on, those to ${listText(bad)} do not.`;
}

function listText(names: readonly string[]): string {
  return names.length > 2 ? `${names[0]} and ${names.length - 1} others` : names.join(' and ');
}

/** What most people want to know first. `what` is the destination as asked. */
export function outcomeSentence(
  outcomes: readonly Ending[],
  verdict: VerdictWord,
  reason: string,
  destination: Destination,
): string {
  const first = outcomes[0];
  const what = destination.end.name;
  if (!first || verdict === 'unknown') {
    // The rule that stands there for want of endpoints tells nothing.
    const met = reason === 'endpoints-not-shown' ? undefined : first?.decisive?.text;
    return `${reasonRow(reason)?.meaning ?? reason}${met === undefined ? '' : ` It is ${met}.`}`;
  }
  switch (verdict) {
    case 'delivered':
      if (reason === 'leaves-by-link') return leavesSentence(outcomes, what);
      return `${what} answers: the packet reaches ${receiversOf(outcomes)}${first.answered ? ' and its reply comes back' : ''}.`;
    case 'refused':
      if (reason === 'connection-unknown')
        return `The packet reaches ${receiversOf(outcomes)}, which has no such connection and answers with a reset.`;
      if (reason === 'node-port-not-served') return reasonRow(reason)?.meaning ?? reason;
      return `The packet reaches ${receiversOf(outcomes)}, and nothing listens on ${hostPort(first.receiver?.address ?? '', first.receiver?.port ?? 0)}.`;
    case 'depends': {
      const byFormer = formerSentence(outcomes);
      if (byFormer !== undefined) return byFormer;
      const good = outcomes.filter((o) => o.verdict === 'delivered');
      return reason === 'rate-limit'
        ? `${what}: the packet passes a rate limit, and arrives only while it is not used up.`
        : `${what}: ${good.length === 0 ? 'none' : good.length} of ${outcomes.length} ways ${good.length < 2 ? 'delivers' : 'deliver'} the packet, the others do not.`;
    }
    default: {
      const row = reasonRow(reason);
      if (row && !['rule', 'policy', 'reject-rule'].includes(reason) && first.direction === 'forward')
        return row.meaning;
      const by = first.decisive?.text ? `: ${first.decisive.text}` : '.';
      return `${lostAt(first)}${by}`;
    }
  }
}

/** The sentence of the whole answer: the first group's, and how many there are. */
export function answerSentence(groups: readonly TraceGroup[], verdict: VerdictWord): string {
  const first = groups[0] as TraceGroup;
  if (groups.length === 1) return first.summary;
  const total = groups.reduce((n, g) => n + g.sources.length * g.destinations.length, 0);
  const good = groups
    .filter((g) => g.verdict === 'delivered')
    .reduce((n, g) => n + g.sources.length * g.destinations.length, 0);
  if (verdict === 'delivered') return `All ${total} ways asked about are open.`;
  if (good === 0 && verdict !== 'unknown' && verdict !== 'depends')
    return `None of the ${total} ways asked about is open. ${first.summary}`;
  return `${good} of the ${total} ways asked about are open.`;
}
