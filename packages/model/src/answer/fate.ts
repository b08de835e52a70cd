/** What becomes of the packets of one source on their way to one destination. */
import { Disposition, type Family, type Netns } from '@podwire/engine';
import { EXTERNAL_ADDRESS } from '../dataplane/outside.ts';
import { DUMMY_LINK } from '../proxy/ipvs/names.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import type { Hint, Note, SourceEnd } from './answer.ts';
import { withoutOwnListener } from './closed-port.ts';
import type { Destination } from './destinations.ts';
import { namespaceOf } from './directory.ts';
import type { Fate } from './group.ts';
import { waysOf } from './history.ts';
import { type NoteBook, notePath } from './notes.ts';
import { otherPolicyNote } from './other-policies.ts';
import { type Ending, endingOf, hasUnmodelled } from './outcome.ts';
import { openingPacket } from './packet.ts';
import type { Path, Send } from './paths.ts';
import { type PolicyDirection, policiesSelecting, policyNote } from './policies.ts';
import type { ResolvedQuestion } from './question.ts';
import { reasonRow } from './reasons.ts';
import type { TransportName } from './reference.ts';
import { outcomeSentence } from './sentences.ts';
import { undeclaredTargetPort, whyNoEndpoints } from './service-why.ts';
import type { Source } from './sources.ts';
import { strayEndpoint } from './stray-endpoint.ts';
import type { Tracer } from './tracer.ts';
import { type Judged, judge } from './verdicts.ts';

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** Families in which a network namespace has an address that others can answer to. */
function familiesOf(netns: Netns | undefined): Set<Family> {
  const down = new Set((netns?.links ?? []).flatMap(({ name, up }) => (up === false ? [name] : [])));
  const others = (netns?.addresses ?? []).filter(
    ({ address, scope, link }) =>
      scope !== 'link' && scope !== 'host' && !down.has(link) && !/^(127\.|::1\/|fe80:)/i.test(address),
  );
  return new Set(others.map(({ address }) => familyOf(address)));
}

export interface Asking {
  tracer: Tracer;
  question: ResolvedQuestion;
  notes: NoteBook;
  hints: Hint[];
  /** Destinations outside without an address, and the ones that stand for them. */
  outside: { from: Destination; to: Destination }[];
  /** Notes on the policies that select a pod, by direction and pod. */
  policies: Map<string, Note[]>;
}

function meaningOf(reason: string): string {
  return reasonRow(reason)?.meaning ?? reason;
}

/** A fate without a packet. */
function withoutPacket(source: SourceEnd, destination: Destination, judged: Judged, summary: string): Fate {
  return { source, destination, endings: [], ...judged, summary };
}

function nowhere(source: SourceEnd, destination: Destination, reason: string, summary: string): Fate {
  return withoutPacket(source, destination, { verdict: 'unreachable', reason }, summary);
}

/** Service addresses mean what kube-proxy makes of them; some of its modes are modelled. */
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
function policyNotes({ tracer, policies }: Asking, pod: string, direction: PolicyDirection): Note[] {
  const key = `${direction} ${pod}`;
  const known = policies.get(key);
  if (known) return known;
  const { cluster, provenance, others } = tracer;
  const object = cluster.pods.get(pod)?.object;
  const selecting =
    !object || object.spec.hostNetwork === true
      ? []
      : [
          ...policiesSelecting(cluster, pod, direction).map((p) => policyNote(provenance, p, pod, direction)),
          ...others
            .filter((p) => p.maySelect(namespaceOf(object), object.metadata.labels ?? {}))
            .map((p) => otherPolicyNote(provenance, p, pod)),
        ];
  policies.set(key, selecting);
  return selecting;
}

/** Egress at the source, ingress at whoever receives. Only what would pass is left undecided. */
function applyPolicies(asking: Asking, source: Source, endings: readonly Ending[], judged: Judged): Judged {
  const receivers = endings.map((o) => (o.receiver?.place.kind === 'pod' ? o.receiver.place.name : undefined));
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

/** A Service whose endpoints the input cannot show may have some: "none" is then no answer. */
function doubtEndpoints({ tracer }: Asking, destination: Destination, judged: Judged): Judged {
  const key = destination.service?.key;
  const hidden = key !== undefined && (tracer.cluster.unknownEndpoints?.has(key) ?? false);
  return hidden && judged.reason === 'no-endpoints' ? { verdict: 'unknown', reason: 'endpoints-not-shown' } : judged;
}

function explainService(asking: Asking, destination: Destination, reasons: ReadonlySet<string>): void {
  const { service } = destination;
  if (!service) return;
  const { cluster, provenance } = asking.tracer;
  if (cluster.unknownEndpoints?.has(service.key)) return;
  if (reasons.has('no-endpoints')) asking.hints.push(...whyNoEndpoints(cluster, service.key, service.port, provenance));
  else if (service.port !== undefined && (reasons.has('no-listener') || reasons.has('listener-assumed'))) {
    const hint = undeclaredTargetPort(cluster, service.key, service.port, provenance);
    if (hint) asking.hints.push(hint);
  }
}

/**
 * In IPVS mode every node has the addresses of Services, and before v1.27, where no KUBE-IPVS-FILTER says no, each answers a ping to them
 * itself. (kubernetes/kubernetes#72236)
 */
function explainPing({ notes, tracer }: Asking, { end, service }: Destination, endings: readonly Ending[]): void {
  if (end.protocol !== 'icmp' || !service || tracer.cluster.settings.proxyMode.value !== 'ipvs') return;
  const node = endings.find(({ verdict, receiver }) => verdict === 'delivered' && receiver?.place.kind === 'node');
  if (!node || !['clusterIP', 'externalIP', 'loadBalancerIP'].includes(end.addressKind)) return;
  notes.add({
    kind: 'intended',
    code: 'ping-answered-by-node',
    text: `${end.address} stands on ${DUMMY_LINK} of every node, and ${node.receiver?.place.name} answers the ping itself: that says nothing of svc/${service.key} and its endpoints.`,
    settle: 'ask a port of the Service',
  });
}

/** Endpoints that the packet was sent to in vain. */
function explainStrays({ tracer, hints }: Asking, { service }: Destination, paths: readonly Path[]): void {
  if (!service) return;
  for (const { conversation } of paths) {
    const { disposition, packet } = conversation.there.end;
    if (disposition === Disposition.DELIVERED) continue;
    const hint = strayEndpoint(tracer.cluster, service.key, packet.daddr, tracer.provenance);
    if (hint) hints.push(hint);
  }
}

/** A TCP sender makes its segments fit its own link. */
function sizeOf(size: number, protocol: string | undefined, netns: Netns | undefined): number {
  const mtus = (netns?.links ?? []).flatMap(({ kind, mtu }) => (kind === 'loopback' ? [] : [mtu ?? 1500]));
  return protocol === 'tcp' && mtus.length > 0 ? Math.min(size, Math.max(...mtus)) : size;
}

/** The packet that asks; undefined where the ends have no address family in common. */
function sendOf(asking: Asking, source: Source, netns: string, to: Destination | undefined): Send | undefined {
  const { address: daddr, protocol, port } = to?.end ?? {};
  if (daddr === undefined) return undefined;
  const { question, tracer } = asking;
  const packet = openingPacket({
    family: to?.family ?? familyOf(daddr),
    protocol: protocol as TransportName,
    ...(source.address !== undefined && { saddr: source.address }),
    daddr,
    sport: question.sport,
    ...(question.size !== undefined && { size: sizeOf(question.size, protocol, tracer.netnses.get(netns)) }),
    dport: port ?? 0,
    ...(question.owner && { owner: question.owner }),
  });
  const service = to?.service && (tracer.past?.former ?? tracer).cluster.services.get(to.service.key)?.object;
  const sticky = service?.spec.sessionAffinity === 'ClientIP';
  return { netns, packet, connection: question.asked.connection, ...(sticky && { sticky }) };
}

/** Sends, and judges every way the packet can take. */
function sent(asking: Asking, source: Source, end: SourceEnd, destination: Destination, send: Send): Fate {
  const { tracer, notes } = asking;
  const { paths: all, complete } = waysOf(tracer.machine, send, tracer);
  // Where a node port is asked, everybody knows that only a proxy would answer.
  const isNodePort = destination.end.addressKind === 'nodePort';
  const paths = isNodePort
    ? all.map((path) => withoutOwnListener(path, destination, tracer.cluster, tracer.places))
    : all;
  if (!complete) {
    notes.add({
      kind: 'caveat',
      code: 'too-many-paths',
      text: `More than ${paths.length} ways are possible; only the first are told.`,
    });
  }
  for (const path of paths) notePath(path, notes);
  const endings = paths.map((path) =>
    endingOf(path, destination, source.place.kind === 'external', tracer, tracer.past?.former),
  );
  explainService(asking, destination, new Set(endings.map((e) => e.reason)));
  explainPing(asking, destination, endings);
  explainStrays(asking, destination, paths);
  const plain = doubtEndpoints(asking, destination, judge(endings, paths.some(hasUnmodelled)));
  const judged = applyPolicies(asking, source, endings, plain);
  const address = paths[0]?.conversation.client.address;
  return {
    source: { ...end, ...(address !== undefined && address !== '' && { address }) },
    destination,
    endings,
    send,
    ...judged,
    summary: outcomeSentence(endings, judged.verdict, judged.reason, destination),
  };
}

/** One source, one destination. Undefined where they have no address family in common. */
function fateOf(asking: Asking, source: Source, destination: Destination): Fate | undefined {
  const { cluster, places, netnses } = asking.tracer;
  const { name, place, address } = source;
  const end: SourceEnd = { name, place, ...(address !== undefined && { address }) };
  if (destination.nowhere) {
    const { reason, summary } = destination.nowhere;
    explainService(asking, destination, new Set([reason]));
    const judged = doubtEndpoints(asking, destination, { verdict: 'unreachable', reason });
    return withoutPacket(end, destination, judged, judged.reason === reason ? summary : meaningOf(judged.reason));
  }
  const netns = places.netnsOf(place, address);
  if (netns === undefined) {
    return nowhere(end, destination, 'no-pod-address', `${name} has no network: it runs on no node of the input.`);
  }
  if (needsProxy(destination) && !proxyCompiler(cluster.settings.proxyMode.value)) {
    const reason = 'proxy-mode-not-modelled';
    return withoutPacket(end, destination, { verdict: 'unknown', reason }, meaningOf(reason));
  }
  const families = address === undefined ? familiesOf(netnses.get(netns)) : new Set([familyOf(address)]);
  const to = dialled(asking, destination, families);
  const send = sendOf(asking, source, netns, to);
  return to && send && sent(asking, source, end, to, send);
}

/** Fates of every pair; destinations of a family the source lacks are left out where it can reach the name by another. */
export function fatesOf(asking: Asking): Fate[] {
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
