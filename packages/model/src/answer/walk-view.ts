/** A walk of the machine as an answer tells it: hops of steps, each in its tool's words, joined to the object behind it. */
import {
  type BalancerFrontend,
  type Choice,
  ChoiceKind,
  CtDirection,
  CtState,
  Disposition,
  type Endpoint,
  Hook,
  type Packet,
  Protocol,
  type Step,
  Verdict,
  type Walk,
} from '@podwire/engine';
import { ipvsServerText, ipvsServiceText } from '../linux/ipvs/index.ts';
import { hostPort } from './addresses.ts';
import type { Hop, Receiver, StepView, VerdictWord, WalkView } from './answer.ts';
import { causeObject, stepCause } from './cause.ts';
import { routeText, ruleText, tableName } from './linux-text.ts';
import { packetView } from './packet-view.ts';
import type { Places } from './places.ts';
import type { Provenance } from './provenance.ts';
import { codeOf } from './reasons.ts';

export interface Teller {
  places: Places;
  provenance: Provenance;
  /** What becomes of an address on its way to the outside; undefined where it goes there as it is. */
  beyond(address: string): Receiver['beyond'];
}

export function dispositionWord(disposition: Disposition): VerdictWord {
  return Disposition[disposition].toLowerCase() as VerdictWord;
}

const CT_STATES: readonly [CtState, string][] = [
  [CtState.INVALID, 'INVALID'],
  [CtState.NEW, 'NEW'],
  [CtState.ESTABLISHED, 'ESTABLISHED'],
  [CtState.RELATED, 'RELATED'],
  [CtState.UNTRACKED, 'UNTRACKED'],
];

function stateName(state: number): string {
  return CT_STATES.filter(([bit]) => (state & bit) !== 0)
    .map(([, name]) => name)
    .join(',');
}

const CHOICE_NAMES: Readonly<Record<ChoiceKind, string>> = {
  [ChoiceKind.STATISTIC]: 'random endpoint',
  [ChoiceKind.MULTIPATH]: 'one of several next hops',
  [ChoiceKind.UNMODELLED]: 'not modelled',
  [ChoiceKind.LIMIT]: 'rate limit',
  [ChoiceKind.NUMBER]: 'a number drawn or hashed',
  [ChoiceKind.EARLY_DROP]: 'room in the connection table',
  [ChoiceKind.SERVER]: 'one of several servers',
  [ChoiceKind.BACKEND]: 'random backend',
};

/** `10.96.0.1:80/TCP`, as Cilium prints it. */
export function frontendText({ address, port, protocol }: BalancerFrontend): string {
  return `${hostPort(address, port)}/${protocol.toUpperCase()}`;
}

/** What branches, as its tool prints it. */
export function choiceText(choice: Choice): string {
  if (choice.text !== undefined) return choice.text;
  if (choice.rule) return ruleText(choice.rule.chain, choice.rule.index, choice.rule.table);
  if (choice.route) return routeText(choice.route);
  if (choice.service) return ipvsServiceText(choice.service);
  if (choice.frontend) return frontendText(choice.frontend);
  return CHOICE_NAMES[choice.kind];
}

function rewritten(packet: Packet, manip: 'src' | 'dst', to: Endpoint): Packet {
  if (packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6) {
    return manip === 'src' ? { ...packet, saddr: to.address } : { ...packet, daddr: to.address };
  }
  return manip === 'src'
    ? { ...packet, saddr: to.address, sport: to.port }
    : { ...packet, daddr: to.address, dport: to.port };
}

/** The number of an ICMP query is its echo id, no port. */
function endText({ address, port }: Endpoint, { protocol }: Packet): string {
  return hostPort(address, protocol === Protocol.ICMP || protocol === Protocol.ICMPV6 ? 0 : port);
}

/** Steps of one walk, in order; `packet` is carried along so that each rewrite can show the whole header. */
function stepView(step: Step, carried: { packet: Packet }, choices: readonly Choice[], teller: Teller): StepView {
  const { places, provenance } = teller;
  switch (step.kind) {
    case 'enter':
      carried.packet = step.packet;
      return { kind: 'enter', ...(step.link && { link: step.link.name }), packet: packetView(step.packet) };
    case 'conntrack':
      return {
        kind: 'conntrack',
        state: stateName(step.state),
        direction: step.direction === CtDirection.REPLY ? 'reply' : 'original',
      };
    case 'rule': {
      const object = causeObject(provenance, stepCause(step));
      return {
        kind: 'rule',
        hook: Hook[step.hook],
        table: step.table.name,
        chain: step.chain.name,
        number: step.index + 1,
        text: ruleText(step.chain, step.index, step.table),
        verdict: Verdict[step.verdict].toLowerCase(),
        ...(step.target !== undefined && { target: step.target }),
        ...(object && { object }),
      };
    }
    case 'chain':
      return {
        kind: 'chain',
        hook: Hook[step.hook],
        table: step.table.name,
        chain: step.chain.name,
        verdict: Verdict[step.verdict].toLowerCase(),
        by: step.by,
      };
    case 'nat': {
      carried.packet = rewritten(carried.packet, step.manip, step.to);
      return {
        kind: 'nat',
        hook: Hook[step.hook],
        what: step.manip === 'src' ? 'source' : 'destination',
        remembered: step.binding,
        ...(step.ipvs && { by: 'ipvs' as const }),
        from: endText(step.from, carried.packet),
        to: endText(step.to, carried.packet),
        packet: packetView(carried.packet),
      };
    }
    case 'balance': {
      const { frontend, link, manip, from, to } = step;
      if (to) carried.packet = rewritten(carried.packet, manip, to);
      const object = causeObject(provenance, frontend.cause);
      return {
        kind: 'balance',
        ...(link && { link: link.name }),
        what: manip === 'src' ? 'source' : 'destination',
        from: endText(from, carried.packet),
        ...(to && { to: endText(to, carried.packet) }),
        frontend: frontendText(frontend),
        packet: packetView(carried.packet),
        ...(object && { object }),
      };
    }
    case 'route': {
      if (step.source !== undefined) carried.packet = { ...carried.packet, saddr: step.source };
      const object = step.route && causeObject(provenance, step.route.cause);
      return {
        kind: 'route',
        purpose: step.purpose,
        ...(step.route && { text: routeText(step.route, step.nexthop) }),
        ...(step.table !== undefined && { table: tableName(step.table) }),
        local: step.local,
        ...(step.source !== undefined && { source: step.source }),
        ...(step.pathMtu !== undefined && { pathMtu: step.pathMtu }),
        ...(object && { object }),
      };
    }
    case 'ipvs': {
      const { service, server, how } = step;
      const object = causeObject(provenance, server?.cause ?? service.cause) ?? causeObject(provenance, service.cause);
      return {
        kind: 'ipvs',
        hook: Hook[step.hook],
        how,
        service: ipvsServiceText(service),
        ...(server && { server: ipvsServerText(service, server) }),
        ...(object && { object }),
      };
    }
    case 'learn':
      return { kind: 'learn', destination: step.destination, mtu: step.mtu };
    case 'fragment':
    case 'reassemble':
      carried.packet = step.packet;
      return { kind: step.kind, packet: packetView(step.packet) };
    case 'bridge':
      return {
        kind: 'bridge',
        bridge: step.bridge.name,
        ...(step.from && { from: step.from.name }),
        ...(step.to && { to: step.to.name }),
      };
    case 'encapsulate':
    case 'decapsulate':
      carried.packet = step.packet;
      return { kind: step.kind, link: step.link.name, packet: packetView(step.packet) };
    case 'unanswered': {
      const rule = step.chain.rules[step.index];
      const object = rule && causeObject(provenance, rule.cause);
      return {
        kind: 'unanswered',
        which: step.which,
        hook: Hook[step.hook],
        table: step.table.name,
        chain: step.chain.name,
        ...(rule && { number: step.index + 1, text: ruleText(step.chain, step.index, step.table) }),
        ...(object && { object }),
      };
    }
    case 'transmit':
      return {
        kind: 'transmit',
        link: step.link.name,
        nexthop: step.nexthop,
        ...(step.to && { to: { place: places.of(step.to.netns.name), link: step.to.link.name } }),
      };
    case 'choice': {
      const choice = choices[step.choice];
      if (!choice) throw new Error(`step names choice ${step.choice} of ${choices.length}`);
      return {
        kind: 'choice',
        construct: choiceText(choice),
        taken: choice.taken,
        alternatives: choice.alternatives,
        ...(choice.weights && { weights: choice.weights }),
      };
    }
  }
}

/** The source address that routing chose for a packet made without one. */
function chosenSource(walk: Walk): string | undefined {
  for (const step of walk.steps) if (step.kind === 'route' && step.source !== undefined) return step.source;
  return undefined;
}

/** One hop for each network namespace in turn; a packet that comes back to one makes another hop of it. */
export function walkView(walk: Walk, choices: readonly Choice[], teller: Teller): WalkView {
  const hops: Hop[] = [];
  let netns: string | undefined;
  const carried = { packet: walk.end.packet };
  const source = chosenSource(walk);
  for (const step of walk.steps) {
    // A choice belongs to the namespace it was met in, which the step before or after it names.
    const here = step.kind === 'choice' ? (choices[step.choice]?.netns ?? netns) : step.netns.name;
    if (here !== undefined && (here !== netns || hops.length === 0)) {
      hops.push({ place: teller.places.of(here), steps: [] });
      netns = here;
    }
    const view = stepView(step, carried, choices, teller);
    // A packet is made without a source address; it is shown with the one that routing gave it a step later.
    if (view.kind === 'enter' && view.packet.saddr === '' && source !== undefined) view.packet.saddr = source;
    hops[hops.length - 1]?.steps.push(view);
  }
  return {
    hops,
    packet: packetView(walk.end.packet),
    verdict: dispositionWord(walk.end.disposition),
    reason: codeOf(walk.end.reason),
  };
}
