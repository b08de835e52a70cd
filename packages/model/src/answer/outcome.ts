/** One path as an answer tells it: the verdict with its reason, who received, and what decided. */
import {
  type Choice,
  ChoiceKind,
  type Conversation,
  Disposition,
  type Endpoint,
  endsWrapped,
  Protocol,
  Reason,
  type Step,
  type Walk,
} from '@podwire/engine';
import { isDataplaneCause } from '../dataplane/cause.ts';
import { ipvsServerText, ipvsServiceText } from '../linux/ipvs/index.ts';
import type { ProxyCause } from '../proxy/proxy.ts';
import type { Condition, Decisive, Outcome, Place, Receiver, VerdictWord } from './answer.ts';
import { causeObject, endCause } from './cause.ts';
import { sourceLost } from './client-address.ts';
import type { Destination } from './destinations.ts';
import type { Before } from './history.ts';
import { conntrackText, policyText, routeText, ruleText } from './linux-text.ts';
import type { Path } from './paths.ts';
import { isStandIn, type Places } from './places.ts';
import { codeOf } from './reasons.ts';
import { symptomOf } from './symptom.ts';
import { choiceText, dispositionWord, frontendText, type Teller, walkView } from './walk-view.ts';

function receiverOf(path: Pick<Path, 'conversation' | 'opening'>, ping: boolean, teller: Teller): Receiver | undefined {
  const { endpoint, saw, client, there } = path.conversation;
  if (!endpoint || !saw) return undefined;
  // What stands for the port of an echo is its identifier.
  const port = (end: Endpoint): number => (ping ? 0 : end.port);
  const lost = saw.address === client.address ? undefined : sourceLost(there, path.opening, teller);
  const place = teller.places.of(endpoint.netns);
  const beyond = place.kind === 'external' && !isStandIn(place) ? teller.beyond(saw.address) : undefined;
  return {
    place,
    address: endpoint.address,
    port: port(endpoint),
    sees: { address: saw.address, port: port(saw) },
    sourceKept: saw.address === client.address,
    ...(lost && { sourceLost: lost }),
    ...(beyond && { beyond }),
  };
}

function lastStep<K extends Step['kind']>(walk: Walk, kind: K): Extract<Step, { kind: K }> | undefined {
  for (let i = walk.steps.length - 1; i >= 0; i--) {
    const step = walk.steps[i] as Step;
    if (step.kind === kind) return step as Extract<Step, { kind: K }>;
  }
  return undefined;
}

/** Ends that the virtual service tells more of than the last route. */
const BY_IPVS: ReadonlySet<Reason> = new Set([Reason.NO_SERVER, Reason.SERVER_BOUNDARY, Reason.UNMODELLED_IPVS]);

/** What ended a walk that did not arrive. */
function decisiveOf(walk: Walk, teller: Teller): Decisive | undefined {
  const { disposition, rule, netns } = walk.end;
  if (disposition === Disposition.DELIVERED) return undefined;
  const place = teller.places.of(netns);
  if (rule) {
    const written = rule.chain.rules[rule.index];
    const object = written && causeObject(teller.provenance, endCause(walk));
    const text = written ? ruleText(rule.chain, rule.index, rule.table) : policyText(rule.chain, rule.table);
    return { place, text, ...(object && { object }) };
  }
  const balance = refusingBalance(walk);
  if (balance) {
    const { frontend } = balance;
    const why = frontend.unmodelled ?? (walk.end.reason === Reason.UNMODELLED_BALANCER ? frontend.away : undefined);
    const object = causeObject(teller.provenance, frontend.cause);
    return {
      place,
      text: `${frontendText(frontend)}${why === undefined ? '' : `: ${why}`}`,
      ...(object && { object }),
    };
  }
  if (disposition === Disposition.UNKNOWN && walk.end.reason === Reason.UNMODELLED_LINK) {
    const link = lastStep(walk, 'transmit')?.link;
    const says = link?.tunnel?.unmodelled;
    return { place, ...(link && { text: `${link.name} (${link.kind}${says === undefined ? '' : ` ${says}`})` }) };
  }
  const ipvs = BY_IPVS.has(walk.end.reason) ? lastStep(walk, 'ipvs') : undefined;
  if (ipvs) {
    const { service, server } = ipvs;
    const object = causeObject(teller.provenance, service.cause);
    const text = server ? ipvsServerText(service, server) : ipvsServiceText(service);
    return { place, text, ...(object && { object }) };
  }
  const byRoute = disposition === Disposition.UNREACHABLE || disposition === Disposition.DROPPED;
  if (byRoute || walk.end.reason === Reason.UNMODELLED_ROUTE) {
    const route = lastStep(walk, 'route');
    const object = route?.route && causeObject(teller.provenance, route.route.cause);
    return { place, ...(route?.route && { text: routeText(route.route, route.nexthop) }), ...(object && { object }) };
  }
  return { place };
}

/** The step of a program that did not send the packet on. */
function refusingBalance({ steps }: Walk): Extract<Step, { kind: 'balance' }> | undefined {
  const last = steps.at(-1);
  return last?.kind === 'balance' && !last.to ? last : undefined;
}

/** What a load balancer outside of netfilter refuses, in the words of kube-proxy's refusals. */
function balancedReason(walk: Walk): string | undefined {
  const step = refusingBalance(walk);
  const cause = step?.frontend.cause;
  if (!step || !isDataplaneCause(cause) || cause.kind !== 'proxy') return undefined;
  if (walk.end.reason === Reason.NO_BACKEND) return cause.path ? 'no-local-endpoint' : 'no-endpoints';
  if (walk.end.reason !== Reason.NOT_ADMITTED) return undefined;
  return step.frontend.sourceRanges?.length === 0 && !step.frontend.denies ? 'cluster-ip-from-outside' : 'source-range';
}

/** The Service of kube-proxy's whose virtual service had no server for the packet, with the field that made it so. */
function emptyService(walk: Walk): ProxyCause | undefined {
  if (walk.end.reason !== Reason.NO_SERVER) return undefined;
  const cause = lastStep(walk, 'ipvs')?.service.cause;
  return isDataplaneCause(cause) && cause.kind === 'proxy' && cause.service ? cause : undefined;
}

/** kube-proxy's own refusals, and the cases that work as intended, have reasons of their own. */
function refinedReason(walk: Walk, destination: Destination, fromOutside: boolean): string {
  const plain = codeOf(walk.end.reason);
  if (walk.end.disposition === Disposition.DELIVERED) return plain;
  const balanced = balancedReason(walk);
  if (balanced !== undefined) return balanced;
  const empty = emptyService(walk);
  if (empty) return empty.path?.[1] === 'internalTrafficPolicy' ? 'no-local-endpoint' : 'no-endpoints';
  const cause = endCause(walk);
  const isProxy = isDataplaneCause(cause) && cause.kind === 'proxy';
  // IPVS mode has one rule for all Services.
  if (isProxy && !cause.service && cause.path?.[1] === 'loadBalancerSourceRanges') return 'source-range';
  if (isProxy && cause.service) {
    const field = cause.path?.[1];
    // nftables mode rejects what comes to a cluster IP and to none of its ports: the Service may have endpoints.
    if (walk.end.disposition === Disposition.REJECTED && field !== 'clusterIP') return 'no-endpoints';
    if (field === 'internalTrafficPolicy' || field === 'externalTrafficPolicy') return 'no-local-endpoint';
    if (field === 'loadBalancerSourceRanges') return 'source-range';
  }
  if (destination.end.addressKind === 'nodePort' && walk.end.reason === Reason.NO_LISTENER && !rewritten(walk))
    return 'node-port-not-served';
  if (destination.end.addressKind === 'clusterIP' && !rewritten(walk)) {
    if (fromOutside) return 'cluster-ip-from-outside';
    if (destination.end.protocol === 'icmp') return 'no-ping-to-service';
    if (destination.service?.port === undefined) return 'no-such-service-port';
  }
  return plain;
}

function rewritten(walk: Walk): boolean {
  return walk.steps.some((s) => (s.kind === 'nat' || (s.kind === 'balance' && s.to)) && s.manip === 'dst');
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

/** The walk that settled the fate, and whether it was the reply's. An answer that the client's socket does not take is lost, too. */
function decidingWalk(conversation: Conversation): { walk: Walk; isReply: boolean } {
  const { outcome, there, back } = conversation;
  const arrived = there.end.disposition === Disposition.DELIVERED;
  return back && arrived && outcome !== 'reply' && !isReset(conversation)
    ? { walk: back, isReply: true }
    : { walk: there, isReply: false };
}

/** Who got the packet has no such connection: its kernel answered with a reset, which came home. */
function isReset({ outcome, there }: Conversation): boolean {
  return outcome === 'refused' && there.end.reason === Reason.NO_SOCKET;
}

function fateOf(conversation: Conversation, destination: Destination, fromOutside: boolean, places: Places): Fate {
  const { walk, isReply } = decidingWalk(conversation);
  const { disposition, reason, netns } = walk.end;
  if (isReset(conversation)) return { verdict: 'refused', reason: 'connection-unknown' };
  // What stands in for the world behind a link answers for everything: that the packet left is all that is known.
  const arrived = disposition === Disposition.DELIVERED || (disposition === Disposition.REFUSED && endsWrapped(walk));
  if (!isReply && arrived && isStandIn(places.of(netns))) {
    return { verdict: 'delivered', reason: 'leaves-by-link' };
  }
  if (!isReply) {
    // What the kernel says for want of a server is kube-proxy's refusal, as a REJECT is in its other modes.
    const verdict = emptyService(walk) ? 'rejected' : dispositionWord(disposition);
    return { verdict, reason: refinedReason(walk, destination, fromOutside) };
  }
  if (disposition === Disposition.DELIVERED || reason === Reason.NO_SOCKET) {
    // The answer left by another link than the question came in by.
    const strayed =
      isStandIn(places.of(netns)) && netns !== conversation.there.steps.find((s) => s.kind === 'enter')?.netns.name;
    if (strayed) return { verdict: 'unknown', reason: 'leaves-by-other-link' };
  }
  if (disposition === Disposition.DELIVERED) return { verdict: 'dropped', reason: codeOf(Reason.NO_SOCKET) };
  return { verdict: dispositionWord(disposition), reason: codeOf(reason) };
}

interface Fate {
  verdict: VerdictWord;
  reason: string;
}

/** An outcome without its walks: enough to judge and to group thousands of pairs by. */
export interface Ending extends Omit<Outcome, 'forward' | 'reply' | 'conntrack' | 'before'> {
  /** Something came back. */
  answered: boolean;
  /** A program was assumed to listen where the packet arrived. */
  listenerAssumed: boolean;
  /** Of a packet after changes: who had its connection until then. */
  had?: Place;
}

/** A segment of a TCP connection that was there before. */
function isSegmentOf(before: Conversation, { client, there }: Conversation): boolean {
  const isTcp = there.end.packet.protocol === Protocol.TCP || there.end.packet.inner?.protocol === Protocol.TCP;
  return isTcp && before.outcome === 'reply' && before.client.port === client.port;
}

export function endingOf(
  path: Path,
  destination: Destination,
  fromOutside: boolean,
  teller: Teller,
  former?: Teller,
): Ending {
  const { conversation, choices, odds, before } = path;
  const { walk, isReply } = decidingWalk(conversation);
  const ping = destination.end.protocol === 'icmp';
  const symptom = symptomOf({
    conversation,
    goesOn: before !== undefined && isSegmentOf(before.conversation, conversation),
    endedOutside: ['gateway', 'external'].includes(teller.places.of(walk.end.netns).kind),
    ping,
  });
  const receiver = receiverOf(path, ping, teller);
  const decisive = decisiveOf(walk, teller);
  const hadAt = before?.conversation.outcome === 'reply' ? before.conversation.endpoint?.netns : undefined;
  const had = former && hadAt !== undefined && former.places.of(hadAt);
  return {
    ...(odds && { odds: { numerator: String(odds.numerator), denominator: String(odds.denominator) } }),
    conditions: [...(before && former ? conditionsOf(before.choices, former) : []), ...conditionsOf(choices, teller)],
    ...fateOf(conversation, destination, fromOutside, teller.places),
    direction: isReply ? 'reply' : 'forward',
    ...(symptom !== undefined && { symptom }),
    ...(receiver && { receiver }),
    ...(decisive && { decisive }),
    ...(had && { had }),
    answered: conversation.back !== undefined,
    listenerAssumed:
      conversation.there.end.reason === Reason.LISTENER_ASSUMED &&
      !isStandIn(teller.places.of(conversation.there.end.netns)),
  };
}

function entriesText(conntrack: Path['conntrack'], teller: Teller): Outcome['conntrack'] {
  return conntrack.map(({ netns, entries }) => ({
    place: teller.places.of(netns),
    entries: entries.map((entry) => ({ text: conntrackText(entry) })),
  }));
}

/** What the connection was, as it is told: in the cluster as that was. */
function beforeOf({ conversation, conntrack, forgotten, remembered }: Before, former: Teller): Outcome['before'] {
  const receiver = conversation.outcome === 'reply' ? receiverOf({ conversation }, false, former) : undefined;
  return {
    ...(receiver && { receiver }),
    conntrack: entriesText(conntrack, former),
    forgotten: entriesText(forgotten, former),
    remembered,
  };
}

/** The outcome with every step told. `former`: of the cluster in which the connection was made, where that was another. */
export function outcomeOf(path: Path, ending: Ending, teller: Teller, former?: Teller): Outcome {
  const { there, back } = path.conversation;
  const before = path.before && former && beforeOf(path.before, former);
  const { answered: _, listenerAssumed: __, had: ___, ...rest } = ending;
  return {
    ...rest,
    forward: walkView(there, path.choices, teller),
    ...(back && { reply: walkView(back, path.choices, teller) }),
    conntrack: entriesText(path.conntrack, teller),
    ...(before && { before }),
  };
}
