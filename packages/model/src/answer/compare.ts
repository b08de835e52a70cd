/** `podwire compare MODE MODE`: the flows that two proxy modes treat differently, and why. */
import type { Machine } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { isDataplaneCause } from '../dataplane/cause.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import { API_VERSION, type Note } from './answer.ts';
import { endCause } from './cause.ts';
import { withoutOwnListener } from './closed-port.ts';
import type { Aspect, CompareAnswer, DifferenceReason, DifferenceSide, FlowDifference } from './compare-answer.ts';
import { type Flow, FlowMaker } from './compare-flows.ts';
import { type Ending, endingOf, hasUnmodelled } from './outcome.ts';
import { openingPacket } from './packet.ts';
import { allPaths, type Path } from './paths.ts';
import { provenanceOf } from './provenance.ts';
import { QuestionError } from './question-error.ts';
import type { Session } from './session.ts';
import { type Tracer, tracerOf } from './tracer.ts';
import { judge } from './verdicts.ts';

/** The source port of every flow. */
const SPORT = 40000;

interface Fared extends DifferenceSide {
  /** A rule of others than kube-proxy ended it. */
  endedByOthers: boolean;
}

/** One flow with what is said of it, whether it differs or not. */
export interface ComparedFlow {
  service: string;
  from: FlowDifference['from'];
  /** Network namespace of the sender. */
  netns: string;
  to: FlowDifference['to'] & { address: string };
  sides: FlowDifference['sides'];
  differs: Aspect[];
}

const unique = <T>(values: readonly T[], key: (value: T) => string): T[] => [
  ...new Map(values.map((value) => [key(value), value])).values(),
];

function isOthers({ conversation: { there } }: Path): boolean {
  const { rule } = there.end;
  if (!rule) return false;
  const cause = endCause(there);
  return rule.table.name !== 'kube-proxy' && !(isDataplaneCause(cause) && cause.kind === 'proxy');
}

function endpointsOf(endings: readonly Ending[]): DifferenceSide['endpoints'] {
  const found = endings.flatMap(({ receiver, verdict }) =>
    receiver && verdict !== 'rejected'
      ? [
          {
            place: receiver.place,
            address: receiver.address,
            port: receiver.port,
            sees: receiver.sees.address,
            sourceKept: receiver.sourceKept,
          },
        ]
      : [],
  );
  const key = ({ address, port, sees }: (typeof found)[number]) => `${address} ${port} ${sees}`;
  return unique(found, key).sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** Undefined where the source has no network, or no address of the family. */
function fare(tracer: Tracer, { from, to }: Flow): (Fared & { netns: string }) | undefined {
  const netns = tracer.places.netnsOf(from.place, from.address);
  if (netns === undefined || to.family === undefined) return undefined;
  const packet = openingPacket({
    family: to.family,
    protocol: to.end.protocol,
    ...(from.address !== undefined && { saddr: from.address }),
    daddr: to.end.address,
    sport: SPORT,
    dport: to.end.port ?? 0,
  });
  const { paths: all } = allPaths(tracer.machine, { netns, packet, connection: 'new' });
  const paths = all.map((path) => withoutOwnListener(path, to, tracer.cluster, tracer.places));
  const endings = paths.map((path, i) => {
    const ending = endingOf(path, to, from.place.kind === 'external', tracer);
    // A socket that is not there serves nobody.
    const { receiver, ...rest } = ending;
    return receiver && path !== all[i] ? rest : ending;
  });
  const judged = judge(endings, paths.some(hasUnmodelled));
  const typical = endings.find(({ verdict }) => verdict === judged.verdict) ?? endings[0];
  return {
    ...judged,
    ...(typical?.symptom !== undefined && { symptom: typical.symptom }),
    endpoints: endpointsOf(endings),
    ...(typical?.decisive && { decisive: typical.decisive }),
    endedByOthers: paths.some(isOthers),
    netns,
  };
}

function aspectsOf(left: Fared, right: Fared): Aspect[] {
  const names = ({ endpoints }: Fared) =>
    [...new Set(endpoints.map(({ address, port }) => `${address} ${port}`))].sort().join();
  const sources = ({ endpoints }: Fared) =>
    endpoints.map(({ address, port, sees }) => `${address} ${port} ${sees}`).join();
  const outcome = left.verdict !== right.verdict;
  const endpoints = names(left) !== names(right);
  return [
    ...(outcome ? (['outcome'] as const) : []),
    ...(left.symptom !== right.symptom ? (['error'] as const) : []),
    ...(endpoints ? (['endpoints'] as const) : []),
    ...(!endpoints && sources(left) !== sources(right) ? (['source'] as const) : []),
  ];
}

/** Whether another Service claims the address and port. */
function isShared(cluster: Cluster, { service, to }: Flow): boolean {
  const { address, port, protocol } = to.end;
  for (const [key, { object }] of cluster.services) {
    if (key === service) continue;
    const { clusterIPs = [], externalIPs = [], ports = [] } = object.spec;
    const fronts = [...clusterIPs, ...externalIPs, ...(object.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip)];
    if (to.end.addressKind === 'nodePort') {
      if (ports.some((one) => one.nodePort === port && (one.protocol ?? 'TCP').toLowerCase() === protocol)) return true;
      continue;
    }
    if (!fronts.includes(address)) continue;
    if (ports.some((one) => one.port === port && (one.protocol ?? 'TCP').toLowerCase() === protocol)) return true;
  }
  return false;
}

/** The traffic policy that counts for the flow is Local. */
function isLocalPolicy(cluster: Cluster, { service, to }: Flow): boolean {
  const { internalTrafficPolicy, externalTrafficPolicy } = cluster.services.get(service)?.object.spec ?? {};
  return (to.end.addressKind === 'clusterIP' ? internalTrafficPolicy : externalTrafficPolicy) === 'Local';
}

function reasonOf(
  cluster: Cluster,
  flow: Flow,
  aspects: readonly Aspect[],
  sides: readonly [Fared, Fared],
  modes: CompareAnswer['modes'],
): DifferenceReason {
  const { addressKind, address, protocol } = flow.to.end;
  const { port } = flow.to.service ?? {};
  const isOutcome = aspects.includes('outcome') || aspects.includes('endpoints');
  if (modes.includes('ebpf'))
    return isOutcome ? 'ebpf-addresses' : aspects.includes('error') ? 'ebpf-errors' : 'ebpf-source';
  if (addressKind === 'nodePort' && /^(?:127\.|::1$)/.test(address)) return 'localhost-node-ports';
  if (addressKind === 'clusterIP' && port === undefined) {
    return protocol === 'icmp' ? 'ping-to-cluster-ip' : 'closed-cluster-ip-port';
  }
  if (sides.some(({ reason }) => reason === 'source-range') && sides.some(({ reason }) => reason === 'no-endpoints')) {
    return 'firewall-first';
  }
  if (modes.includes('ipvs') && isLocalPolicy(cluster, flow)) return 'local-policy';
  if (isOutcome && isShared(cluster, flow)) return 'shared-address';
  if (isOutcome && sides.some(({ endedByOthers }) => endedByOthers)) return 'forwarding-accepted';
  const served = ({ verdict, reason }: Fared) =>
    !(verdict === 'refused' && (reason === 'no-listener' || reason === 'node-port-not-served'));
  if (addressKind === 'nodePort' && served(sides[0]) !== served(sides[1])) return 'node-port-addresses';
  if (isOutcome) return 'other-rules';
  return aspects.includes('source') ? 'masquerade' : 'other-error';
}

/** What no single flow shows. */
function notesOf(cluster: Cluster, [left, right]: readonly [Session, Session]): Note[] {
  const affine = [...cluster.services].filter(([, { object }]) => object.spec.sessionAffinity === 'ClientIP');
  const notes: Note[] = [
    {
      kind: 'assumption',
      code: 'no-own-listeners',
      text: 'No process of a node is taken to listen on the port of a Service: what is not translated there is refused.',
    },
  ];
  if (affine.length > 0) {
    const names = affine.map(([key]) => `svc/${key}`);
    const some = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
    notes.push({
      kind: 'caveat',
      code: 'affinity-starts-anew',
      text: `${some}: each mode keeps its own lists of clients, so the first connection after the change may go to another endpoint than before.`,
    });
  }
  const [a, b] = [left.cluster.settings.proxy.value, right.cluster.settings.proxy.value];
  const fields = (['masqueradeAll', 'masqueradeBit'] as const).filter((field) => a[field] !== b[field]);
  for (const field of fields) {
    notes.push({
      kind: 'caveat',
      code: 'own-section',
      text: `${field} is ${a[field]} in one mode and ${b[field]} in the other: each mode reads its own section of the configuration.`,
      settle: `set ${field} in both sections`,
    });
  }
  return notes;
}

function checkModelled({ cluster }: Session): void {
  const mode = cluster.settings.proxyMode.value;
  if (proxyCompiler(mode)) return;
  throw new QuestionError('proxy-mode-not-modelled', `proxy mode ${mode} is not modelled yet`, {
    mend: 'Compare modes that trace answers for.',
  });
}

/**
 * @param sides The same input, opened with one mode and with the other.
 * @param machine Holds the right one's network afterwards.
 * @param each Hears of every flow that was asked, in order.
 * Throws `QuestionError` for a mode that is not modelled.
 */
export function compareModes(
  machine: Machine,
  sides: readonly [left: Session, right: Session],
  each: (flow: ComparedFlow) => void = () => {},
): CompareAnswer {
  for (const side of sides) checkModelled(side);
  const [left] = sides;
  const { cluster } = left;
  const flows = [...new FlowMaker(cluster, left.dataplane, provenanceOf(cluster, left.read)).all()];
  const [first = [], second = []] = sides.map((side) => {
    machine.load(side.dataplane.network);
    const tracer = tracerOf(side.cluster, side.dataplane, machine, side.read);
    return flows.map((flow) => fare(tracer, flow));
  });
  const mode = ({ cluster: { settings } }: Session) => settings.proxyMode.value;
  const modes: CompareAnswer['modes'] = [mode(sides[0]), mode(sides[1])];
  const differences: FlowDifference[] = [];
  let asked = 0;
  flows.forEach((flow, i) => {
    const [a, b] = [first[i], second[i]];
    if (!a || !b) return;
    asked++;
    const differs = aspectsOf(a, b);
    const { endedByOthers: _, netns, ...one } = a;
    const { endedByOthers: __, netns: ___, ...other } = b;
    const { service, from, to } = flow;
    each({ service, from, netns, to: to.end, sides: [one, other], differs });
    if (differs.length === 0) return;
    const reason = reasonOf(cluster, flow, differs, [a, b], modes);
    differences.push({ service, from, to: to.end, differs, reason, sides: [one, other] });
  });
  return {
    apiVersion: API_VERSION,
    kind: 'Comparison',
    modes,
    cluster: { nodes: cluster.nodes.size, pods: cluster.pods.size, services: cluster.services.size },
    flows: asked,
    differences,
    notes: notesOf(cluster, sides),
  };
}
