/** `pod`: the network that a pod's containers share, and what clashes in it. `schema/pod.schema.json` is the published shape. */

import type { Listener } from '@podwire/engine';
import type { Placed } from '../cluster/cluster.ts';
import type { KubeObject, Pod, TransportProtocol } from '../objects/kube.ts';
import { isOver, nodeIPs, podAddresses } from '../objects/pod-facts.ts';
import { type ContainerRole, containersOf } from '../pod/containers.ts';
import { type Listening, type PodFinding, podFindings } from '../pod/findings.ts';
import { listenFlags } from '../pod/listen.ts';
import { API_VERSION, type Note, type ObjectRef } from './answer.ts';
import { podOf } from './pod-of.ts';
import { objectRef, type Provenance, provenanceOf } from './provenance.ts';
import type { Session } from './session.ts';

export interface PodNetworkAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'PodNetwork';
  pod: ObjectRef;
  summary: string;
  node?: string;
  /** `node`: the pod is in its node's network. */
  network: 'own' | 'node';
  addresses: string[];
  /** `shared`: each container sees the others' processes (shareProcessNamespace), or all of the node's (hostPID). */
  processes: 'apart' | 'shared';
  /** In the order they are started. */
  containers: ContainerView[];
  /** Other pods of the node's network, where this one is in it. */
  neighbours: string[];
  findings: PodFindingView[];
  notes: Note[];
}

export interface ContainerView {
  name: string;
  role: ContainerRole;
  image?: string;
  /** As declared. */
  ports: {
    port: number;
    protocol: TransportProtocol;
    name?: string;
    hostPort?: number;
    hostIP?: string;
    object: ObjectRef;
  }[];
  /** As far as the input tells. */
  listens: { address: string; port: number; protocol: TransportProtocol; how: 'flag' | 'dump'; text: string }[];
}

export interface PodFindingView {
  severity: 'error' | 'warning';
  code: string;
  text: string;
  mend?: string;
  object?: ObjectRef;
  /** The one that it clashes with. */
  other?: ObjectRef;
}

const PROTOCOLS: Readonly<Record<number, TransportProtocol>> = { 6: 'TCP', 17: 'UDP', 132: 'SCTP' };

/** Sockets that were seen inside the pod; whose they are only the port tells. */
function dumpedListeners({ dumps }: Session, key: string): Listener[] {
  const dump = dumps.pods.find(({ pod }) => pod === key)?.dump;
  return dump?.netnses[0]?.netns.listeners ?? [];
}

function fromDump(listeners: readonly Listener[], pod: Pod): Listening[] {
  const all = containersOf(pod).filter(({ role }) => role !== 'init');
  return listeners.flatMap(({ address, port, protocol, process }): Listening[] => {
    const transport = PROTOCOLS[protocol];
    if (!transport) return [];
    const owner =
      all.find(({ container }) =>
        container.ports?.some((p) => p.containerPort === port && (p.protocol ?? 'TCP') === transport),
      ) ?? all[0];
    const isAny = address === '0.0.0.0' || address === '::';
    return [
      {
        container: owner?.container.name ?? '',
        address: isAny ? '*' : address,
        port,
        protocol: transport,
        how: 'dump',
        text: process === undefined ? 'seen inside the pod' : `seen inside the pod: ${process}`,
      },
    ];
  });
}

function fromFlags(pod: Pod): Listening[] {
  return containersOf(pod).flatMap(({ container, role }) =>
    role === 'init'
      ? []
      : listenFlags(container).flatMap(({ address, port, text }): Listening[] =>
          port === undefined ? [] : [{ container: container.name, address, port, protocol: 'TCP', how: 'flag', text }],
        ),
  );
}

function findingView(finding: PodFinding, pod: Placed<Pod>, provenance: Provenance): PodFindingView {
  const { path, other, ...rest } = finding;
  return {
    ...rest,
    ...(path && { object: objectRef(provenance, pod as Placed<KubeObject>, path) }),
    ...(other && { other: objectRef(provenance, other.placed, other.path) }),
  };
}

function notesOn({ spec }: Pod, hasDump: boolean): Note[] {
  const notes: Note[] = [
    {
      kind: 'intended',
      code: 'shared-network',
      text: spec.hostNetwork
        ? "The pod is in its node's network: it has the node's addresses, localhost is the node's, and every port it listens on is one of the node's."
        : 'The containers share one network, which the pause container holds: one address, one localhost by which they reach each other, and each port once.',
    },
  ];
  if (spec.shareProcessNamespace || spec.hostPID)
    notes.push({
      kind: 'intended',
      code: 'shared-processes',
      text: spec.hostPID
        ? "hostPID shows the containers the node's processes; of the network it shares nothing."
        : "shareProcessNamespace shows each container the others' processes; the network is shared with or without it.",
    });
  if (!hasDump)
    notes.push({
      kind: 'assumption',
      code: 'listeners-as-declared',
      text: 'Ports are those that are declared or that flags name; a declared port opens nothing, and others may be open.',
      settle: 'give what ss -tulnp prints in the pod with --in-pod',
    });
  return notes;
}

function summaryOf({ network, addresses, containers, findings }: PodNetworkAnswer, name: string): string {
  const running = containers.filter(({ role }) => role !== 'init').length;
  const who = running === 1 ? '1 container' : `${running} containers share`;
  const what = network === 'node' ? "its node's network" : addresses.join(' and ') || 'no address yet';
  const link = running > 1 ? '' : network === 'node' ? ' in' : ' with';
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  const found = [
    ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
  ];
  return `${name}: ${who}${link} ${what}; ${found.length === 0 ? 'nothing clashes' : found.join(', ')}.`;
}

/** Throws `QuestionError` where there is no such pod. */
export function describePod(
  session: Session,
  { from, namespace }: { from: string; namespace?: string },
): PodNetworkAnswer {
  const { cluster } = session;
  const provenance = provenanceOf(cluster, session.read);
  const { key, pod } = podOf(session, from, namespace);
  const { spec } = pod.object;
  const dumped = dumpedListeners(session, key);
  const listening = dumped.length > 0 ? fromDump(dumped, pod.object) : fromFlags(pod.object);
  const node = cluster.nodes.get(spec.nodeName ?? '')?.object;
  const inNode = spec.hostNetwork === true;
  const neighbours = inNode
    ? [...cluster.pods]
        .filter(
          ([k, { object }]) =>
            k !== key && object.spec.hostNetwork && object.spec.nodeName === spec.nodeName && !isOver(object),
        )
        .map(([k]) => k)
    : [];
  const answer: PodNetworkAnswer = {
    apiVersion: API_VERSION,
    kind: 'PodNetwork',
    pod: objectRef(provenance, pod),
    summary: '',
    ...(spec.nodeName !== undefined && { node: spec.nodeName }),
    network: inNode ? 'node' : 'own',
    addresses: inNode ? (node ? Object.values(nodeIPs(node)) : []) : [...podAddresses(pod.object)],
    processes: spec.shareProcessNamespace || spec.hostPID ? 'shared' : 'apart',
    containers: containersOf(pod.object).map(({ container, role, path }) => ({
      name: container.name,
      role,
      ...(container.image !== undefined && { image: container.image }),
      ports: (container.ports ?? []).map(({ containerPort, protocol = 'TCP', name, hostPort, hostIP }, i) => ({
        port: containerPort,
        protocol,
        ...(name && { name }),
        ...(hostPort && { hostPort }),
        ...(hostIP && { hostIP }),
        object: objectRef(provenance, pod, [...path, 'ports', i]),
      })),
      listens: listening.filter((l) => l.container === container.name).map(({ container: _, ...listens }) => listens),
    })),
    neighbours,
    findings: podFindings(pod, key, cluster, listening).map((f) => findingView(f, pod, provenance)),
    notes: notesOn(pod.object, dumped.length > 0),
  };
  return { ...answer, summary: summaryOf(answer, key) };
}
