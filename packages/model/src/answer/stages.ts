/** A walk in short: one line for each thing that moved or changed the packet, for readers who do not want every rule. */
import { hostPort } from './addresses.ts';
import type { Hop, ObjectRef, Outcome, PacketView, Place, StepView, WalkView } from './answer.ts';
import { isStandIn } from './places.ts';

export interface Stage {
  place: Place;
  /** `route`, `service`, `masquerade`, `conntrack`, `filter`, `bridge`, `socket` ... */
  stage: string;
  text: string;
  /** The header after a rewrite. */
  packet?: PacketView;
  object?: ObjectRef;
}

type RuleStep = Extract<StepView, { kind: 'rule' }>;
type NatStep = Extract<StepView, { kind: 'nat' }>;
type IpvsStep = Extract<StepView, { kind: 'ipvs' }>;

/** The rules of the base chain that led to a rewrite, the last first. */
function rulesBefore(steps: readonly StepView[], at: number, hook: string): RuleStep[] {
  const rules: RuleStep[] = [];
  for (let i = at - 1; i >= 0; i--) {
    const step = steps[i] as StepView;
    if (step.kind === 'rule' && step.hook === hook) rules.push(step);
    else if (step.kind === 'nat' || step.kind === 'enter') break;
    // The chain's own end stands before the rewrite, those of others before its rules.
    else if (step.kind === 'chain' && rules.length > 0) break;
  }
  return rules;
}

function balanceStage(place: Place, step: Extract<StepView, { kind: 'balance' }>): Stage {
  const { from, to, frontend, link, object } = step;
  const by = link === undefined ? 'eBPF at the socket' : `eBPF at ${link}`;
  const change = to === undefined ? `${frontend} goes no further` : `${from} > ${to}`;
  return {
    place,
    stage: 'service',
    text: `${by}: ${change}`,
    packet: step.packet,
    ...(object && { object }),
  };
}

const IPVS_HOW: Readonly<Record<IpvsStep['how'], string>> = {
  scheduled: 'a server for a new connection',
  persistent: 'the server that the client had before',
  known: 'the server of its connection',
  reply: 'from the server',
  none: 'no server may take it',
};

/** The decision of IPVS and what it rewrites for it are one stage. */
function ipvsStage(place: Place, step: IpvsStep, nat: NatStep | undefined): Stage {
  const { how, service, server, object } = step;
  const change = nat ? `${nat.from} > ${nat.to}: ` : '';
  return {
    place,
    stage: 'ipvs',
    text: `${change}${IPVS_HOW[how]}  ${server ?? service}`,
    ...(nat && { packet: nat.packet }),
    ...(object && { object }),
  };
}

function natStage(place: Place, step: NatStep, rules: readonly RuleStep[], isReply: boolean): Stage {
  const change = `${step.from} > ${step.to}`;
  if (step.remembered) {
    // In the reply direction the source is put back to what the destination was, and the other way round.
    const done = step.what === (isReply ? 'source' : 'destination') ? 'DNAT' : 'SNAT';
    return { place, stage: 'conntrack', text: `${isReply ? 'un-' : ''}${done} ${change}`, packet: step.packet };
  }
  const object = rules.find((r) => r.object?.kind === 'Service')?.object ?? rules.find((r) => r.object)?.object;
  const withObject = object ? { object } : {};
  if (step.what === 'destination') {
    const stage =
      object?.kind === 'Service' || object?.kind === 'EndpointSlice'
        ? 'service'
        : object?.kind === 'Pod'
          ? 'host port'
          : 'dnat';
    return { place, stage, text: `DNAT ${change}`, packet: step.packet, ...withObject };
  }
  const masquerade = /-j MASQUERADE\b|\bmasquerade\b/.test(rules[0]?.text.replace(/"[^"]*"/g, '') ?? '');
  return {
    place,
    stage: masquerade ? 'masquerade' : 'snat',
    text: `${masquerade ? 'MASQUERADE' : 'SNAT'} ${change}`,
    packet: step.packet,
    ...withObject,
  };
}

type RouteStep = Extract<StepView, { kind: 'route' }>;
type TunnelStep = Extract<StepView, { packet: PacketView; link: string }>;

/** A later decision about the same packet replaces an earlier one; an outer packet is another one. */
function isLastRoute(steps: readonly StepView[], at: number): boolean {
  const next = steps.slice(at + 1).find((s) => ['route', 'encapsulate', 'decapsulate'].includes(s.kind));
  return next?.kind !== 'route';
}

function tunnelStage(place: Place, { kind, link, packet }: TunnelStep): Stage {
  const from = packet.saddr === '' ? '' : `${hostPort(packet.saddr, packet.sport)} > `;
  const outer = `${packet.protocol} ${from}${hostPort(packet.daddr, packet.dport)}`;
  return { place, stage: 'tunnel', text: kind === 'encapsulate' ? `into ${link}: ${outer}` : `out of ${link}` };
}

/** The route that the packet left by. */
function routeStage(hop: Hop, last: RouteStep): Stage | undefined {
  // What stands behind a link has routes of podwire's own making.
  if (last.local || isStandIn(hop.place)) return undefined;
  const table = last.table !== undefined && last.table !== 'main' ? `  table ${last.table}` : '';
  return {
    place: hop.place,
    stage: 'route',
    text: last.text === undefined ? 'no route' : `${last.text}${table}`,
    ...(last.object && { object: last.object }),
  };
}

function filterStage(place: Place, step: StepView): Stage | undefined {
  if (step.kind === 'rule' && (step.verdict === 'drop' || step.verdict === 'reject')) {
    return {
      place,
      stage: step.table,
      text: `${step.verdict.toUpperCase()} ${step.text}`,
      ...(step.object && { object: step.object }),
    };
  }
  if (step.kind === 'chain' && step.by === 'policy' && step.verdict === 'drop') {
    return { place, stage: step.table, text: `DROP by the policy of ${step.chain}` };
  }
  return undefined;
}

function hopStages(hop: Hop, walkIsReply: boolean): Stage[] {
  const stages: Stage[] = [];
  const lastRoute = hop.steps.findLastIndex((s) => s.kind === 'route');
  let isReply = walkIsReply;
  hop.steps.forEach((step, i) => {
    if (step.kind === 'conntrack') isReply = step.direction === 'reply';
    if (step.kind === 'balance') stages.push(balanceStage(hop.place, step));
    if (step.kind === 'ipvs') {
      const nat = hop.steps.slice(i + 1).find((s) => s.kind === 'nat' || s.kind === 'ipvs' || s.kind === 'enter');
      stages.push(ipvsStage(hop.place, step, nat?.kind === 'nat' && nat.by ? nat : undefined));
    }
    if (step.kind === 'nat' && !step.by)
      stages.push(natStage(hop.place, step, rulesBefore(hop.steps, i, step.hook), isReply));
    const filtered = filterStage(hop.place, step);
    if (filtered) stages.push(filtered);
    if (step.kind === 'bridge' && step.from !== undefined && step.to !== undefined && lastRoute < i) {
      stages.push({ place: hop.place, stage: 'bridge', text: `${step.bridge}: ${step.from} > ${step.to}` });
    }
    if (step.kind === 'encapsulate' || step.kind === 'decapsulate') stages.push(tunnelStage(hop.place, step));
    const route = step.kind === 'route' && isLastRoute(hop.steps, i) ? routeStage(hop, step) : undefined;
    if (route) stages.push(route);
  });
  return stages;
}

const ENDS: Readonly<Record<string, string>> = {
  delivered: 'delivered',
  refused: 'nothing listens on',
};

/** The stages of one walk. `isReply`: what it is where no conntrack says so itself, as for errors about a connection. */
export function stagesOf(walk: WalkView, isReply = false): Stage[] {
  const stages = walk.hops.flatMap((hop) => hopStages(hop, isReply));
  const last = walk.hops[walk.hops.length - 1];
  const end = ENDS[walk.verdict];
  if (last && end !== undefined) {
    const { packet } = walk;
    const seen = packet.saddr === '' ? '' : `  from ${hostPort(packet.saddr, packet.sport)}`;
    const info = packet.info === '' ? '' : `${packet.info} `;
    const what = `${info}${hostPort(packet.daddr, packet.dport)}${seen}`;
    const left = isStandIn(last.place) && walk.verdict === 'delivered';
    const text = left ? `${last.place.name.replace(/^beyond /, 'by ')}: ${what}` : `${end} ${what}`;
    stages.push({ place: last.place, stage: left ? 'leaves' : 'socket', text });
  } else if (last && !stages.some((s) => s.text.startsWith('DROP') || s.text.startsWith('REJECT'))) {
    const { daddr, dport } = walk.packet;
    const isUnknown = walk.reason === 'no-socket' && walk.packet.protocol === 'tcp';
    stages.push(
      isUnknown
        ? { place: last.place, stage: 'socket', text: `${hostPort(daddr, dport)} has no such connection` }
        : { place: last.place, stage: walk.verdict, text: walk.reason },
    );
  }
  return stages;
}

/** The outcome to show where only one is shown: the likeliest that ends as the group does. */
export function typicalOutcome(outcomes: readonly Outcome[], verdict: string): Outcome | undefined {
  return outcomes.find((o) => o.verdict === verdict) ?? outcomes[0];
}
