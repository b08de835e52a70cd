/** One path as an answer tells it: the verdict with its reason, who received, and what decided. */
import { type Choice, ChoiceKind, Disposition, type Step, type Walk } from '@podwire/engine';
import { isDataplaneCause } from '../dataplane/cause.ts';
import type { Condition, Decisive, Outcome, Receiver, VerdictWord } from './answer.ts';
import { causeObject } from './cause.ts';
import type { Destination } from './destinations.ts';
import { conntrackText, routeText, ruleText } from './linux-text.ts';
import { oddsOf, type Path } from './paths.ts';
import { codeOf } from './reasons.ts';
import { symptomOf } from './symptom.ts';
import { choiceText, chosenSource, dispositionWord, type Teller, walkView } from './walk-view.ts';

/** The source address as the sender's own stack chose it. */
function sentFrom(walk: Walk): string | undefined {
  const first = walk.steps[0];
  return first?.kind === 'enter' && first.packet.saddr !== '' ? first.packet.saddr : chosenSource(walk);
}

function receiverOf(walk: Walk, teller: Teller): Receiver | undefined {
  const { disposition, netns, packet } = walk.end;
  if (disposition !== Disposition.DELIVERED && disposition !== Disposition.REFUSED) return undefined;
  const sent = sentFrom(walk);
  return {
    place: teller.places.of(netns),
    address: packet.daddr,
    port: packet.dport,
    sees: { address: packet.saddr, port: packet.sport },
    sourceKept: sent === undefined || sent === packet.saddr,
  };
}

function lastStep<K extends Step['kind']>(walk: Walk, kind: K): Extract<Step, { kind: K }> | undefined {
  for (let i = walk.steps.length - 1; i >= 0; i--) {
    const step = walk.steps[i] as Step;
    if (step.kind === kind) return step as Extract<Step, { kind: K }>;
  }
  return undefined;
}

/** What ended a walk that did not arrive. */
function decisiveOf(walk: Walk, teller: Teller): Decisive | undefined {
  const { disposition, rule, netns } = walk.end;
  if (disposition === Disposition.DELIVERED) return undefined;
  const place = teller.places.of(netns);
  if (rule) {
    const written = rule.chain.rules[rule.index];
    const object = written && causeObject(teller.provenance, written.cause);
    const text = written
      ? ruleText(rule.chain, rule.index, rule.table.family)
      : `:${rule.chain.name} ${rule.chain.hook?.policy.toUpperCase() ?? ''}`;
    return { place, text, ...(object && { object }) };
  }
  if (disposition === Disposition.UNREACHABLE || disposition === Disposition.DROPPED) {
    const route = lastStep(walk, 'route');
    const object = route?.route && causeObject(teller.provenance, route.route.cause);
    return { place, ...(route?.route && { text: routeText(route.route, route.nexthop) }), ...(object && { object }) };
  }
  return { place };
}

/** kube-proxy's own refusals, and the cases that work as intended, have reasons of their own. */
function refinedReason(walk: Walk, destination: Destination, fromOutside: boolean): string {
  const plain = codeOf(walk.end.reason);
  if (walk.end.disposition === Disposition.DELIVERED) return plain;
  const { rule } = walk.end;
  const cause = rule?.chain.rules[rule.index]?.cause;
  if (isDataplaneCause(cause) && cause.kind === 'proxy' && cause.service) {
    if (walk.end.disposition === Disposition.REJECTED) return 'no-endpoints';
    const field = cause.path?.[1];
    if (field === 'internalTrafficPolicy' || field === 'externalTrafficPolicy') return 'no-local-endpoint';
    if (field === 'loadBalancerSourceRanges') return 'source-range';
  }
  if (destination.end.addressKind === 'clusterIP' && !rewritten(walk)) {
    if (fromOutside) return 'cluster-ip-from-outside';
    if (destination.end.protocol === 'icmp') return 'no-ping-to-service';
    if (destination.service?.port === undefined) return 'no-such-service-port';
  }
  return plain;
}

function rewritten(walk: Walk): boolean {
  return walk.steps.some((s) => s.kind === 'nat' && s.manip === 'dst');
}

/** Choices without odds; their two ways are `holds` and not. */
function conditionsOf(choices: readonly Choice[], teller: Teller): Condition[] {
  return choices
    .filter((c) => c.weights === undefined)
    .map((c) => ({ place: teller.places.of(c.netns), construct: choiceText(c), holds: c.taken === 0 }));
}

/** A path met something that podwire does not model, beyond a mere limit. */
export function hasUnmodelled(path: Path): boolean {
  return path.choices.some((c) => c.kind === ChoiceKind.UNMODELLED);
}

function leftSource(walk: Walk): boolean {
  return walk.steps.some((s) => s.kind === 'transmit');
}

export function outcomeOf(path: Path, destination: Destination, fromOutside: boolean, teller: Teller): Outcome {
  const { forward, reply, choices } = path;
  const arrived = forward.end.disposition === Disposition.DELIVERED;
  const replyLost = arrived && reply !== undefined && reply.end.disposition !== Disposition.DELIVERED;
  const deciding = replyLost ? reply : forward;
  const verdict: VerdictWord = dispositionWord(deciding.end.disposition);
  const reason = replyLost ? codeOf(deciding.end.reason) : refinedReason(forward, destination, fromOutside);
  const cameBack = reply?.end.disposition === Disposition.DELIVERED ? reply.end.packet : undefined;
  const symptom = symptomOf({
    verdict,
    reason,
    leftSource: leftSource(forward),
    ping: destination.end.protocol === 'icmp',
    ...(cameBack && { answer: cameBack }),
  });
  const odds = oddsOf(choices);
  const receiver = receiverOf(forward, teller);
  const decisive = decisiveOf(deciding, teller);
  return {
    ...(odds && { odds: { numerator: String(odds.numerator), denominator: String(odds.denominator) } }),
    conditions: conditionsOf(choices, teller),
    verdict,
    reason,
    direction: replyLost ? 'reply' : 'forward',
    ...(symptom !== undefined && { symptom }),
    ...(receiver && { receiver }),
    ...(decisive && { decisive }),
    forward: walkView(forward, choices, teller),
    ...(reply && { reply: walkView(reply, choices, teller) }),
    conntrack: path.conntrack.map(({ netns, entries }) => ({
      place: teller.places.of(netns),
      entries: entries.map((entry) => ({ text: conntrackText(entry) })),
    })),
  };
}
