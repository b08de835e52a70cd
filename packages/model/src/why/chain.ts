/** The links from name to socket and back, each with a word and a mark. */
import type { Outcome, Receiver, TraceAnswer } from '../answer/answer.ts';
import { objectRef, type Provenance } from '../answer/provenance.ts';
import { selectedPods } from '../answer/selected-pods.ts';
import type { Session } from '../answer/session.ts';
import type { Placed } from '../cluster/cluster.ts';
import type { Service } from '../objects/kube.ts';
import { printLabels } from '../objects/labels.ts';
import { isHeadless, isOver, isPodReady } from '../objects/pod-facts.ts';
import { type ChainLink, type Fault, LINKS, type LinkName } from './answer.ts';

export interface ChainQuestion {
  session: Session;
  provenance: Provenance;
  answer: TraceAnswer;
  outcome: Outcome | undefined;
  service: Placed<Service> | undefined;
  fault: Fault | undefined;
}

type Seen = Pick<ChainLink, 'text' | 'object'> & { status?: ChainLink['status'] };

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** What the objects say: from the Service to its endpoints. */
function ofService(question: ChainQuestion): Partial<Record<LinkName, Seen>> {
  const { session, provenance, service, answer } = question;
  if (!service) return {};
  const { spec, metadata } = service.object;
  const key = `${metadata.namespace ?? 'default'}/${metadata.name}`;
  const pods = selectedPods(session.cluster, service.object).filter(({ object }) => !isOver(object));
  const ready = pods.filter(({ object }) => isPodReady(object) || object.status?.conditions === undefined);
  const endpoints = (session.cluster.endpointSlices.get(key) ?? []).flatMap(({ object }) => object.endpoints ?? []);
  const usable = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  const selector = spec.selector ?? {};
  const [destination] = answer.groups[0]?.destinations ?? [];
  const address = isHeadless(service.object) ? 'headless' : (spec.clusterIPs?.[0] ?? spec.clusterIP ?? 'no address');
  const port = destination?.port === undefined ? '' : `${destination.port}/${destination.protocol.toUpperCase()}`;
  return {
    service: { text: `svc/${key}, ${spec.type ?? 'ClusterIP'} ${address}`, object: objectRef(provenance, service) },
    port: { text: port },
    ...(Object.keys(selector).length > 0 && {
      selector: { text: `${printLabels(selector)} selects ${plural(pods.length, 'pod')}` },
      readiness: { text: `${ready.length} of ${plural(pods.length, 'pod')} ready` },
    }),
    endpoints: session.cluster.unknownEndpoints?.has(key)
      ? { text: 'not in the input', status: 'unseen' }
      : { text: `${plural(usable.length, 'endpoint')} to send to` },
  };
}

function natText({ hops }: Outcome['forward']): string | undefined {
  for (const { place, steps } of hops) {
    for (const step of steps)
      if ((step.kind === 'nat' || step.kind === 'balance') && step.what === 'destination' && step.to !== undefined)
        return `${place.name}: ${step.from} becomes ${step.to}`;
  }
  return undefined;
}

/** Whose address the receiver sees. */
function clientText({ place, sees, sourceKept, sourceLost }: Receiver): string {
  if (sourceKept) return `${place.name} sees the client's own address, ${sees.address}`;
  const why = sourceLost ? `: ${sourceLost.text}` : '';
  return `${place.name} sees ${sees.address}, not the client${why}`;
}

/** What the packet showed: rules, way, socket, answer. */
function ofPacket({ outcome, answer, service }: ChainQuestion): Partial<Record<LinkName, Seen>> {
  if (!outcome) return {};
  const { forward, reply, receiver, reason } = outcome;
  const nat = natText(forward);
  const places = forward.hops.map(({ place }) => place.name);
  const policies = answer.notes.filter(({ code }) => code === 'policy-not-judged');
  return {
    ...(service && nat !== undefined && { 'proxy-rule': { text: nat } }),
    ...(policies.length > 0 && {
      policy: {
        text: `${plural(policies.length, 'policy').replace('policys', 'policies')} not judged`,
        status: 'unseen' as const,
      },
    }),
    ...(receiver && { nat: { text: clientText(receiver) } }),
    route: { text: [...new Set(places)].join(' → ') },
    ...(receiver && {
      listener: {
        text: `${receiver.place.name} ${receiver.address}${receiver.port === 0 ? '' : `, port ${receiver.port}`}`,
        ...(reason === 'listener-assumed' && { status: 'unseen' as const }),
      },
    }),
    ...(reply && { reply: { text: `to ${receiver?.sees.address ?? 'the sender'}` } }),
  };
}

/** Links without anything to say are left out; behind the broken one nothing is known. */
export function chainOf(question: ChainQuestion): ChainLink[] {
  const { fault, outcome } = question;
  const seen = { ...ofService(question), ...ofPacket(question) };
  const chain: ChainLink[] = [];
  const isReply = outcome?.direction === 'reply';
  let broken = false;
  for (const link of LINKS) {
    const one = seen[link];
    if (!broken && fault?.link === link) {
      broken = !isReply;
      chain.push({
        link,
        status: 'broken',
        text: fault.setting ?? one?.text ?? fault.code,
        ...(fault.object && { object: fault.object }),
      });
      continue;
    }
    if (!one) continue;
    const { status = 'ok', text, object } = one;
    const lost = link === 'reply' && isReply && outcome?.verdict !== 'delivered';
    chain.push({
      link,
      status: broken ? 'not-reached' : lost ? 'broken' : status,
      text: broken ? '' : text,
      ...(object && !broken && { object }),
    });
  }
  return chain;
}
